"""Jets made ahead with the anchor, alone, or all at once are the same files."""

import os

import pytest

import jetresim.workflow.stages.jets
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.detector import DetectorOptions
from jetresim.jets.ahead import ahead_path
from jetresim.showers.registry import Job
from jetresim.workflow.stages.hard import make_hard, make_survey
from jetresim.workflow.stages.jets import make_jets
from tests.campaigns import campaign

FAMILY = ["rehadronize", "redecay", "redetect", "trackEffHi"]


def asked(*augmentations, **changes):
    changes = {"groups": {"pt_min": 510}, **changes}
    return campaign(
        augmentations=[NOMINAL, *augmentations],
        settings={"PartonLevel:MPI": False},
        detector={"name": "cms_phase2"},
        events=24,
        chunk=24,
        **changes,
    )


ALL = asked(*FAMILY)


@pytest.fixture(scope="module")
def hard(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hard")
    make_survey(ALL, "qcd", folder / "survey.json")
    make_hard(ALL, "qcd", 0, folder / "survey.json", folder / "00000.lhe.gz")
    return folder / "00000.lhe.gz"


@pytest.fixture(scope="module")
def together(hard, tmp_path_factory):
    """Content of the files of the whole family, made in one job."""
    outputs = files(tmp_path_factory.mktemp("together"), ALL.anchor_family)
    make(ALL, hard, outputs)
    return {name: path.read_bytes() for name, path in outputs.items()}


def files(folder, names):
    return {name: folder / name / "00000.parquet" for name in names}


def make(chosen, hard, outputs, **options):
    make_jets(chosen, "qcd", 0, hard, outputs, Job(hard.parent, 0), **options)


def one(outputs, name):
    return {name: outputs[name]}


def everything_in(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def nothing_showered(monkeypatch):
    def fail(*_):
        raise AssertionError("showered again")

    monkeypatch.setattr(jetresim.workflow.stages.jets, "simulate_together", fail)


def ahead_of(outputs):
    return {name: path for name, path in outputs.items() if name != NOMINAL}


@pytest.fixture
def waiting(tmp_path, hard):
    """The anchor is made, and the others wait."""
    outputs = files(tmp_path, ALL.anchor_family)
    make(ALL, hard, one(outputs, NOMINAL), ahead=ahead_of(outputs))
    return outputs


def test_members_made_ahead_are_taken_without_a_shower(waiting, hard, together, tmp_path, nothing_showered):
    assert waiting[NOMINAL].read_bytes() == together[NOMINAL]
    assert not any(waiting[name].exists() for name in FAMILY)
    for name in FAMILY:
        make(ALL, hard, one(waiting, name), followed={NOMINAL: waiting[NOMINAL]})
    assert {name: path.read_bytes() for name, path in waiting.items()} == together
    assert everything_in(tmp_path) == sorted(waiting.values())
    anchor = waiting[NOMINAL].stat().st_mtime_ns
    assert all(waiting[name].stat().st_mtime_ns >= anchor for name in FAMILY), "none is outdated"


@pytest.mark.parametrize("name", FAMILY)
def test_member_added_later_is_made_alone_and_the_same(hard, together, tmp_path, name):
    before = asked(*(each for each in FAMILY if each != name))
    outputs = files(tmp_path, ALL.anchor_family)
    make(before, hard, one(outputs, NOMINAL))
    first = outputs[NOMINAL].stat().st_mtime_ns
    followed = {each: outputs[each] for each in ALL.followed(name)}
    for each in followed.keys() - {NOMINAL}:
        outputs[each].parent.mkdir()
        outputs[each].write_bytes(together[each])
    make(ALL, hard, one(outputs, name), followed=followed)
    assert everything_in(tmp_path) == sorted([*followed.values(), outputs[name]])
    assert outputs[name].read_bytes() == together[name]
    assert outputs[NOMINAL].stat().st_mtime_ns == first


def test_member_that_is_there_is_not_made_ahead_again(waiting, hard):
    make(ALL, hard, one(waiting, "redecay"), followed={NOMINAL: waiting[NOMINAL]})
    content, changed = waiting["redecay"].read_bytes(), waiting["redecay"].stat().st_mtime_ns
    waiting[NOMINAL].unlink()
    make(ALL, hard, one(waiting, NOMINAL), ahead=ahead_of(waiting))
    assert everything_in(waiting["redecay"].parent) == [waiting["redecay"]]
    assert (waiting["redecay"].read_bytes(), waiting["redecay"].stat().st_mtime_ns) == (content, changed)
    os.utime(waiting["redecay"], (0, 0))  # older than the hard events
    make(ALL, hard, one(waiting, NOMINAL), ahead=ahead_of(waiting))
    assert len(everything_in(waiting["redecay"].parent)) == 2


def test_what_waits_for_another_configuration_is_not_taken(waiting, hard):
    other = asked(*FAMILY, jets={"radius": 0.7})
    make(other, hard, one(waiting, NOMINAL))
    make(other, hard, one(waiting, "redecay"), followed={NOMINAL: waiting[NOMINAL]})
    fresh = {name: path.with_name("fresh.parquet") for name, path in waiting.items()}
    make(other, hard, {name: fresh[name] for name in (NOMINAL, "redecay")})
    assert waiting["redecay"].read_bytes() == fresh["redecay"].read_bytes()
    assert everything_in(waiting["redecay"].parent) == sorted([waiting["redecay"], fresh["redecay"]])


def test_what_waits_for_another_detector_is_not_taken(hard, tmp_path):
    parameters = tmp_path / "mine.yaml"
    chosen = asked(*FAMILY).model_copy(
        update={"detector": DetectorOptions(name="cms_phase2", parameters=parameters)}
    )
    names = []
    for content in ("first", "second"):
        parameters.write_text(content)
        names.append(ahead_path(chosen, "qcd", "trackEffHi", hard, tmp_path / "00000.parquet"))
    assert names[0] != names[1]
