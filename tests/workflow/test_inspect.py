"""`jetresim inspect` says what a file or folder is, or in one line why it cannot."""

import json

import h5py
import numpy as np
import pytest
import uproot

from jetresim.audit.inspect.path import inspect
from jetresim.campaign.errors import JetresimError
from jetresim.generators.registry import make_generator
from jetresim.generators.survey import UNIT_SURVEY
from jetresim.jets.full_events import write_full_events
from jetresim.showers.registry import Job
from tests.campaigns import campaign
from tests.workflow.commands import ROOT

KINDS = {
    ".": "folder of a campaign, without its configuration",
    "dataset": "folder of a dataset",
    "../../config.yaml": "configuration of a campaign",
    "hard/qcd/survey.json": "survey of a process",
    "hard/qcd/00000.lhe.gz": "hard events of a chunk",
    "jets/qcd/seed/00000.parquet": "jets of one realization of a chunk",
    "groups/qcd/00000.parquet": "groups of a chunk",
    "dataset/train/train-00000.parquet": "shard of the split train of a dataset",
    "dataset/rs3l/train/rs3l_0.h5": "RS3L HDF5: groups",
    "dataset/rs3l_pairs/train.h5": "pairs for contrastive training (HDF5)",
    "dataset/manifest.json": "manifest of a dataset",
    "dataset/standardization.json": "mean and standard deviation of features",
    "dataset/train": "folder of: shard of the split train of a dataset",
    "jets/qcd/seed": "folder of: jets of one realization of a chunk",
}
BROUGHT = "tests/data/lhe/zj.lhe.gz"


@pytest.fixture(scope="module")
def made(small):
    return small / "results" / "small"


@pytest.mark.parametrize(("path", "kind"), KINDS.items())
def test_kind_of_everything_a_campaign_makes(made, path, kind):
    found = inspect(made / path, 1)
    assert found.kind == kind
    assert json.loads(found.as_json())["kind"] == kind


def test_jets_have_units_counts_and_seeds(made):
    found = inspect(made / "jets" / "qcd" / "seed" / "00000.parquet", 2)
    assert (found.facts["rows"], found.facts["campaign seed"]) == (10, 20240307)
    assert sum(found.facts["counts"].values()) == 10
    assert [row["event"] for row in found.rows] == [0, 1]
    assert "[GeV]" in {name: meaning for name, _, meaning in found.columns}["jet"]


def test_dataset_has_the_groups_of_its_splits(made):
    facts = inspect(made / "dataset").facts
    assert facts["groups"]["train"] == sum(
        inspect(path, 0).facts["rows"] for path in (made / "dataset" / "train").glob("*.parquet")
    )
    assert facts["content"]["train"]["files"] == 3


@pytest.mark.parametrize("name", ["rs3l/train/rs3l_0.h5", "rs3l_pairs/train.h5"])
def test_hdf5_says_what_its_metadata_say(made, name):
    facts = inspect(made / "dataset" / name, 1).facts
    assert (facts["campaign seed"], facts["split"]) == (20240307, "train")
    assert facts["processes"] == ["qcd", "higgs"]
    assert "metadata" not in facts


@pytest.mark.parametrize("text", ["by hand", "[1, 2]"])
def test_metadata_of_others_are_shown_as_they_are(tmp_path, text):
    with h5py.File(tmp_path / "some.h5", "w") as file:
        file["x"], file.attrs["metadata"] = [1, 2], text
    assert inspect(tmp_path / "some.h5", 1).facts["metadata"] == text


def test_events_that_were_brought_are_read_in_general_terms():
    found = inspect(ROOT / BROUGHT, 1)
    assert found.kind == "Les Houches events"
    assert found.facts["events"] > 0
    assert len(found.rows) == 1


def test_root_files_show_branches_and_entries(tmp_path):
    with uproot.recreate(tmp_path / "some.root") as file:
        file["tree"] = {"jet_pt": np.array([1.5, 2.5]), "event": np.array([3, 4])}
    found = inspect(tmp_path / "some.root", 1)
    assert found.facts["entries"] == {"tree": 2}
    assert found.rows == [{"jet_pt": 1.5, "event": 3}]


def test_command_prints_units_and_rows(run, made):
    outcome = run.jetresim(made, "inspect", "groups/qcd/00000.parquet", "--rows", 1).succeeded()
    assert outcome.output.startswith("groups/qcd/00000.parquet: groups of a chunk\n")
    assert "[pb]" in outcome.output
    assert "row 0" in outcome.output
    assert "row 1" not in outcome.output
    content = json.loads(run.jetresim(made, "inspect", "hard", "--format", "json").succeeded().output)
    assert content["facts"]["content"]["qcd"]["files"] == 3


@pytest.mark.parametrize(
    "name", ["a.parquet", "a.h5", "a.root", "a.lhe", "a.lhe.gz", "a.json", "a.yaml", "a.txt"]
)
def test_what_cannot_be_read_is_one_line(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"\x00nonsense\n")
    with pytest.raises(JetresimError, match=path.name) as error:
        inspect(path)
    assert "\n" not in str(error.value)


def test_what_does_not_exist_is_one_line(tmp_path):
    with pytest.raises(JetresimError, match="does not exist"):
        inspect(tmp_path / "nothing")


def test_whole_events_say_what_they_are(tmp_path):
    chosen = campaign(processes={"qcd": {"cuts": {"pt_min": 500}}}, events=3, chunk=3)
    hard = list(make_generator(chosen, "qcd").events(range(3), UNIT_SURVEY))
    path = tmp_path / "00000.hepmc3.gz"
    write_full_events({"hepmc3": path}, chosen, "qcd", "nominal", hard, 3, Job(tmp_path, 0))
    found = inspect(path, 2)
    assert found.kind == "whole events of a realization of a chunk"
    assert [found.facts[name] for name in ("process", "realization", "events")] == ["qcd", "nominal", 3]
    assert [row["event"] for row in found.rows] == [0, 1]
    assert all(row["final particles"] > 50 for row in found.rows)
