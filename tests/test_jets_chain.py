"""The chain in a notebook makes the rows that the workflow stores."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from jetresim import simulate
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.errors import ConfigError
from jetresim.showers.registry import Job
from jetresim.workflow.stages.hard import make_hard, make_survey
from jetresim.workflow.stages.jets import make_jets
from tests.campaigns import BASE, campaign

RAW = {
    **BASE,
    "processes": {"qcd": {"cuts": {"pt_min": 500}}},
    "settings": {"PartonLevel:MPI": False},
    "groups": {"pt_min": 510},
    "detector": {"name": "cms_phase2"},
    "augmentations": [NOMINAL, "seed", "rehadronize"],
    "events": 16,
    "chunk": 8,
}
ASKED = campaign(**RAW)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Realization to the rows of all chunks, as the stages of the workflow write them."""
    folder = tmp_path_factory.mktemp("stored")
    make_survey(ASKED, "qcd", folder / "survey.json")
    tables = {name: [] for name in ASKED.realizations}
    for chunk, events in enumerate(ASKED.chunks("qcd")):
        hard = folder / f"{chunk}.lhe.gz"
        make_hard(ASKED, "qcd", chunk, folder / "survey.json", hard)
        for name in ASKED.realizations:
            path = folder / f"{name}{chunk}.parquet"
            followed = {each: folder / f"{each}{chunk}.parquet" for each in ASKED.followed(name)}
            make_jets(ASKED, "qcd", chunk, hard, {name: path}, Job(folder, events.start), followed)
            tables[name].append(pq.read_table(path))
    return {name: pa.concat_tables(each).replace_schema_metadata() for name, each in tables.items()}


@pytest.mark.parametrize("realization", ASKED.realizations)
def test_rows_are_those_that_the_workflow_writes(stored, realization):
    made = pa.concat_tables(simulate(RAW, "qcd", realization))
    assert made.num_rows == stored[realization].num_rows > 0
    assert made.to_pylist() == stored[realization].to_pylist()


def test_some_events_of_a_file_are_the_same_as_among_all(stored, tmp_path):
    path = tmp_path / "campaign.yaml"
    path.write_text(yaml.safe_dump(RAW), encoding="utf-8")
    made = pa.concat_tables(simulate(path, "qcd", "seed", events=range(6, 11)))
    expected = [row for row in stored["seed"].to_pylist() if row["event"] in range(6, 11)]
    assert made.to_pylist() == expected != []


@pytest.mark.parametrize("events", [range(0, 8, 2), range(-1, 3)])
def test_events_with_gaps_or_before_the_first_are_refused(events):
    with pytest.raises(ConfigError, match="events: "):
        next(simulate(ASKED, "qcd", "seed", events=events))


def test_events_that_begin_within_a_run_are_refused():
    chosen = campaign(augmentations=[NOMINAL, {"name": "herwig7", "herwig": {"block_events": 4}}])
    with pytest.raises(ConfigError, match="within a run of the shower program; expected a multiple of 4"):
        next(simulate(chosen, "qcd", "herwig7", events=range(2, 8)))
