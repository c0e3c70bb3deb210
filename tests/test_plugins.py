"""A generator, a shower, a detector and an export of another package make a dataset."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from jetresim.audit.verify.dataset import check_dataset
from jetresim.campaign.config import parse
from jetresim.campaign.errors import ConfigError, ShowerError
from jetresim.campaign.paths import SPLITS, Paths
from jetresim.campaign.plugins import SHOWER_NAMES
from jetresim.campaign.provenance import jets_inputs, survey_inputs
from jetresim.dataset.assemble import write_split
from jetresim.dataset.standardization import write_standardization
from jetresim.jets.parquet import read_metadata
from jetresim.showers.programs import check_programs, without_missing_programs
from jetresim.showers.registry import Job, shower_program
from jetresim.workflow.checks import check_campaign
from jetresim.workflow.stages.dataset import make_card, make_export
from jetresim.workflow.stages.groups import make_groups
from jetresim.workflow.stages.hard import make_hard, make_survey
from jetresim.workflow.stages.jets import make_jets
from tests.campaigns import campaign as small_campaign

PLUGIN = Path(__file__).parent / "data" / "plugin"
PIONS = {"name": "pions", "shower": "toy_pions", "options": {"pieces": 12}}
RAW = {
    "name": "toy",
    "seed": 5,
    "events": 12,
    "chunk": 12,
    "settings": {"PartonLevel:MPI": False},
    "processes": {
        "gluons": {"generator": "toy_gluons", "options": {"pt": 700.0}, "targets": ["parton"]},
    },
    "augmentations": ["nominal", PIONS],
    "detector": {"name": "toy_coarse", "options": {"threshold": 4.0}},
    "dataset": {"formats": ["rs3l", "toy_labels"], "options": {"toy_labels": {"format": "%d"}}},
}


@pytest.fixture(scope="module")
def installed():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PLUGIN))
        yield


@pytest.fixture
def other_package(tmp_path, monkeypatch):
    """Installs a package that is called other, with some entry points."""

    def install(entry_points):
        information = tmp_path / "other-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(entry_points)
        monkeypatch.syspath_prepend(str(tmp_path))

    return install


@pytest.fixture(scope="module")
def made(installed, tmp_path_factory):
    """The campaign and its paths, with everything made by the stages."""
    campaign = parse(RAW, "toy.yaml")
    paths = Paths.of(campaign, str(tmp_path_factory.mktemp("results")))
    names = {"process": "gluons", "chunk": "00000"}
    survey, hard, groups = (
        Path(pattern.format(**names)) for pattern in (paths.survey, paths.hard, paths.groups)
    )
    make_survey(campaign, "gluons", survey)
    make_hard(campaign, "gluons", 0, survey, hard)
    jets = [Path(paths.jets.format(realization=name, **names)) for name in campaign.realizations]
    for name, path in zip(campaign.realizations, jets, strict=True):
        make_jets(campaign, "gluons", 0, hard, {name: path}, Job(Path(paths.root), 0))
    make_groups(campaign, "gluons", 0, survey, hard, jets, groups)
    for split in SPLITS:
        folder = Path(paths.split.format(split=split))
        write_split(folder, [groups], campaign, split)
        for layout in campaign.dataset.formats:
            output = Path(paths.export(layout).format(split=split))
            make_export(campaign, layout, folder, output)
            if output.is_dir():
                (output / ".snakemake_timestamp").touch()
    write_standardization(Path(paths.dataset), campaign)
    make_card(campaign, Path(paths.dataset))
    return campaign, paths


def rows(paths):
    shards = [shard for split in SPLITS for shard in Path(paths.split.format(split=split)).iterdir()]
    return [row for shard in sorted(shards) for row in pq.read_table(shard).to_pylist()]


def test_groups_hold_what_shower_and_detector_made(made):
    _, paths = made
    members = [row["realizations"][1] for row in rows(paths)]
    assert len(members) > 5
    for member in members:
        assert 0 < len(member["constituents"]) <= PIONS["options"]["pieces"]
        pts = [each["pt"] for each in member["constituents"]]
        assert min(pts) > RAW["detector"]["options"]["threshold"]
        assert {each["pdgid"] for each in member["constituents"]} == {211}


def test_export_holds_the_label_of_every_group(made):
    _, paths = made
    for split in SPLITS:
        written = np.loadtxt(Path(paths.export("toy_labels").format(split=split)) / "labels.txt", ndmin=1)
        shards = sorted(Path(paths.split.format(split=split)).iterdir())
        assert list(written) == [
            label for shard in shards for label in pq.read_table(shard)["label"].to_pylist()
        ]


def test_files_name_the_package_that_made_them(made):
    _, paths = made
    (jets,) = Path(paths.root).glob("jets/gluons/pions/*")
    assert read_metadata(jets)["versions"]["jetresim-toy"] == "1.2"
    manifest = json.loads(Path(paths.manifest).read_text(encoding="utf-8"))
    listed = {entry["path"]: entry for entry in manifest["files"]}
    assert manifest["versions"]["jetresim-toy"] == "1.2"
    assert {f"toy_labels/{split}/labels.txt" for split in SPLITS} == {
        path for path in listed if path.startswith("toy_labels/")
    }
    assert "jetresim-toy 1.2" in Path(paths.card).read_text(encoding="utf-8")


def test_verify_notices_a_changed_export(made):
    campaign, paths = made
    checks = list(check_dataset(campaign, paths, {}))
    assert [problem for each in checks for problem in each.problems] == []
    labels = Path(paths.export("toy_labels").format(split="train")) / "labels.txt"
    content = labels.read_bytes()
    try:
        labels.write_bytes(content.replace(b"0", b"1", 1) if b"0" in content else b"0" + content[1:])
        problems = [problem for each in check_dataset(campaign, paths, {}) for problem in each.problems]
        assert any("labels.txt: sha256" in problem for problem in problems)
    finally:
        labels.write_bytes(content)


def test_programs_and_exports_are_accepted_before_anything_runs(installed):
    campaign = parse(RAW, "toy.yaml")
    check_campaign(campaign)
    check_programs(campaign)


def test_a_program_of_a_package_is_asked_what_a_built_in_one_is_asked(installed):
    own = {**PIONS, "shower": "toy_program", "options": {"pieces": 0}}
    campaign = parse({**RAW, "augmentations": ["nominal", own]}, "toy.yaml")
    assert shower_program(campaign.augmentation("pions")).milliseconds == 5
    with pytest.raises(ShowerError, match="at least one piece"):
        check_programs(campaign)


def test_options_decide_what_is_made_again(installed):
    one = parse(RAW, "toy.yaml")
    processes = {"gluons": {**RAW["processes"]["gluons"], "options": {"pt": 800.0}}}
    other = parse({**RAW, "processes": processes}, "toy.yaml")
    assert survey_inputs(one, "gluons") != survey_inputs(other, "gluons")
    more = parse({**RAW, "augmentations": ["nominal", {**PIONS, "options": {"pieces": 13}}]}, "toy.yaml")
    assert jets_inputs(one, "gluons", "pions") != jets_inputs(more, "gluons", "pions")
    assert jets_inputs(one, "gluons", "nominal") == jets_inputs(more, "gluons", "nominal")


def test_a_name_is_refused_where_no_package_adds_it(monkeypatch):
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(PLUGIN)])
    with pytest.raises(ConfigError, match=r"shower: must be 'pythia8' or 'herwig7' \(found 'toy_pions'\)"):
        parse({**RAW, "processes": {"qcd": None}, "detector": {}, "dataset": {}}, "toy.yaml")


def test_a_name_that_is_close_to_one_of_a_package_is_told_of_it(installed):
    raw = {**RAW, "augmentations": ["nominal", {**PIONS, "shower": "toy_pion"}]}
    with pytest.raises(
        ConfigError, match=r"or 'herwig7', or 'toy_broken', 'toy_pions', 'toy_program' \(found 'toy_pion'\)"
    ):
        parse(raw, "toy.yaml")


def test_a_package_that_cannot_be_loaded_is_named_and_an_optional_one_left_out(installed):
    broken = {"name": "broken", "shower": "toy_broken"}
    message = r"shower 'toy_broken' of jetresim-toy 1\.2 cannot be loaded \(ModuleNotFoundError: "
    with pytest.raises(ConfigError, match=message):
        check_programs(parse({**RAW, "augmentations": ["nominal", broken]}, "toy.yaml"))
    raw = {**RAW, "augmentations": ["nominal", {**broken, "optional": True}]}
    campaign, notes = without_missing_programs(parse(raw, "toy.yaml"))
    assert campaign.realizations == ["nominal"]
    assert "broken is left out: shower 'toy_broken'" in notes[0]


def test_an_export_cannot_have_the_folder_of_a_split(other_package):
    other_package("[jetresim.exports]\ntrain = x:y\n")
    with pytest.raises(ConfigError, match="'train' is the name of a split"):
        small_campaign(dataset={"formats": ["train"]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"augmentations": ["nominal", {"name": "own", "options": {"a": 1}}]}, "`options` are for a shower"),
        ({"augmentations": ["nominal", {**PIONS, "tune": "Monash"}]}, "`toy_pions`'s options stand under"),
        ({"augmentations": ["nominal", {**PIONS, "herwig": {"mpi": False}}]}, "`herwig` is for shower"),
        ({"augmentations": ["nominal", {**PIONS, "intervene": "decays"}]}, "can only intervene at the hard"),
        ({"detector": {"options": {"a": 1}}}, "detector `none` has no options"),
        ({"dataset": {"options": {"a": 1}}}, "`options` are for formats of other packages"),
        ({"processes": {"qcd": {"options": {"a": 1}}}}, "`options` are for a generator of another package"),
    ],
    ids=str,
)
def test_options_stand_where_they_are_read(installed, changes, message):
    with pytest.raises(ConfigError, match=message):
        parse({**RAW, **changes}, "toy.yaml")


def test_a_name_that_two_packages_add_is_refused(installed, other_package):
    other_package("[jetresim.showers]\ntoy_pions = x:y\n")
    with pytest.raises(ConfigError, match="added by other and jetresim-toy; expected one of them"):
        SHOWER_NAMES.chosen("toy_pions", {})
