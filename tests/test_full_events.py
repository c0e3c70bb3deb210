"""Whole events as files: what is in them, that they are those of the jets, and that faults are seen."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyhepmc
import pytest

from jetresim import simulate
from jetresim.audit.cost import collect
from jetresim.audit.estimate import estimate_campaign
from jetresim.audit.verify.full_events import check_full_events
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Groups
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.paths import Paths, chunk_names
from jetresim.campaign.status import Status
from jetresim.generators.stored import hard_events
from jetresim.jets.event_schema import SIMULATED
from jetresim.jets.full_events import write_full_events
from jetresim.showers.pythia8 import Pythia8Shower
from jetresim.showers.registry import Job
from jetresim.workflow.stages.hard import make_hard, make_survey
from tests.campaigns import campaign

EVENTS = 7


def asked(chunk=EVENTS, **changes):
    return campaign(
        events=EVENTS,
        chunk=chunk,
        processes={"qcd": {"cuts": {"pt_min": 500}}},
        settings={"PartonLevel:MPI": False},
        augmentations=[NOMINAL, "seed", "rehadronize"],
        full_events={"formats": ["hepmc3", "parquet"], **changes},
    )


def file_of(campaign, paths, realization, form, chunk=0):
    names = {"process": "qcd", "realization": realization, "chunk": chunk_names(campaign, "qcd")[chunk]}
    return Path(paths.full_events(form).format(**names))


def make(campaign, results):
    paths = Paths.of(campaign, str(results))
    survey = Path(paths.survey.format(process="qcd"))
    make_survey(campaign, "qcd", survey)
    for number, events in enumerate(campaign.chunks("qcd")):
        hard = Path(paths.hard.format(process="qcd", chunk=chunk_names(campaign, "qcd")[number]))
        make_hard(campaign, "qcd", number, survey, hard)
        for name in campaign.full_realizations:
            outputs = {form: file_of(campaign, paths, name, form, number) for form in campaign.full_formats}
            found = list(hard_events(campaign, "qcd", hard, events))
            write_full_events(outputs, campaign, "qcd", name, found, len(found), Job(results, events.start))
    return paths


def path_of_hard(campaign, paths):
    return Path(paths.hard.format(process="qcd", chunk=chunk_names(campaign, "qcd")[0]))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    chosen = asked()
    return chosen, make(chosen, tmp_path_factory.mktemp("events"))


def rows(campaign, paths, realization, chunk=0):
    return pq.read_table(file_of(campaign, paths, realization, "parquet", chunk)).to_pylist()


@pytest.mark.parametrize("realization", [NOMINAL, "seed", "rehadronize"])
def test_every_event_says_which_it_is(made, realization):
    found = rows(*made, realization)
    assert [row["event"] for row in found] == list(range(EVENTS))
    for row in found:
        assert (row["process"], row["realization"]) == ("qcd", realization)
        assert row["seed"] == made[0].seed_of("qcd", row["event"], realization)
        assert (row["status"] == SIMULATED) == bool(row["particles"])
        assert {-1, 1} <= {each["status"] for each in row["hard"]}


def test_particles_are_those_that_the_shower_hands_over(made):
    campaign, paths = made
    events = list(hard_events(campaign, "qcd", path_of_hard(campaign, paths), range(EVENTS)))
    batch = Pythia8Shower(campaign, "qcd", "seed").shower(events)
    stored = [row["particles"] for row in rows(campaign, paths, "seed")]
    assert sum(map(len, stored)) > 500
    for found, expected in zip(stored, batch.particles.to_list(), strict=True):
        assert found in ([], expected)


def test_hepmc_holds_the_same_events(made):
    with gzip.open(file_of(*made, "rehadronize", "hepmc3"), "rb") as file, pyhepmc.open(file) as source:
        read = list(source)
    found = [row for row in rows(*made, "rehadronize") if row["status"] == SIMULATED]
    assert [event.event_number for event in read] == [row["event"] for row in found]
    for event, row in zip(read, found, strict=True):
        for name in ("process", "realization", "version", "digest"):
            assert str(event.attributes[name].astype(str)) == row[name]
        energies = sorted(each.momentum.e for each in event.particles if each.status == 1)
        np.testing.assert_array_equal(energies, sorted(each["energy"] for each in row["particles"]))


def test_events_are_written_that_no_jet_survives(tmp_path):
    chosen = asked(formats=["parquet"], realizations=["seed"])
    chosen = chosen.model_copy(update={"groups": Groups(pt_min=6000)})
    paths = make(chosen, tmp_path)
    statuses = {row["status"] for row in rows(chosen, paths, "seed")}
    hard = list(hard_events(chosen, "qcd", path_of_hard(chosen, paths), range(EVENTS)))
    jets = pa.concat_tables(simulate(chosen, "qcd", "seed", hard=hard))
    assert set(jets["status"].to_pylist()) == {Status.NOT_SIMULATED}
    assert statuses == {SIMULATED}


def test_chunks_do_not_change_an_event(made, tmp_path):
    chosen = asked(chunk=4, formats=["parquet"], realizations=["seed"])
    paths = make(chosen, tmp_path)
    assert rows(chosen, paths, "seed", 0) + rows(chosen, paths, "seed", 1) == rows(*made, "seed")
    assert not file_of(chosen, paths, NOMINAL, "parquet").exists()


def test_files_are_the_same_each_time_and_nothing_is_said(made, tmp_path, capfd):
    again = make(made[0], tmp_path)
    assert "WARNING" not in "".join(capfd.readouterr())
    for form in ("parquet", "hepmc3"):
        first, second = (file_of(made[0], paths, NOMINAL, form) for paths in (made[1], again))
        assert first.read_bytes() == second.read_bytes()


def problems(campaign, paths):
    return [line for each in check_full_events(campaign, paths, "qcd", 0) for line in each.problems]


def test_good_files_have_no_problems(made):
    assert problems(*made) == []
    assert not any(each.missing for each in check_full_events(*made, "qcd", 0))


def swapped(text):
    """The listing with the numbers of the first two events swapped."""
    return text.replace(b"\nE 0 ", b"\nE x ").replace(b"\nE 1 ", b"\nE 0 ").replace(b"\nE x ", b"\nE 1 ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swapped, "comes after"),
        (lambda text: text.replace(b"realization nominal", b"realization other", 1), "realization is"),
        (lambda text: text[: len(text) // 2], "digest is"),
        (lambda text: text[: text.index(b"\nE 3 ") + 1], "cut off"),
    ],
    ids=["swapped", "foreign", "cut within an event", "cut between events"],
)
def test_a_fault_in_a_listing_is_told(made, tmp_path, change, message):
    campaign = asked(formats=["hepmc3"], realizations=[NOMINAL])
    paths = Paths.of(campaign, str(tmp_path))
    broken = file_of(campaign, paths, NOMINAL, "hepmc3")
    broken.parent.mkdir(parents=True)
    text = gzip.decompress(file_of(*made, NOMINAL, "hepmc3").read_bytes())
    broken.write_bytes(gzip.compress(change(text)))
    assert message in " ".join(problems(campaign, paths))


def test_costs_and_estimates_count_them(made):
    campaign, paths = made
    jobs = [job for job in collect(campaign, paths) if job.stage == "events"]
    assert [job.realization for job in jobs] == campaign.full_realizations
    files = [file_of(campaign, paths, NOMINAL, form) for form in campaign.full_formats]
    assert jobs[0].bytes == sum(file.stat().st_size for file in files)
    cost = estimate_campaign(campaign, EVENTS)["qcd"]
    assert cost.all_full_bytes == pytest.approx(3 * jobs[0].bytes, rel=0.1)


def test_unknown_realizations_are_refused():
    with pytest.raises(ConfigError, match=r"full_events\.realizations: .*'sead'"):
        asked(realizations=["sead"])
