"""Weights of Pythia's variations beside a realization: what they are worth, and where they are stored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from jetresim import open_groups
from jetresim.audit.replay.comparison import Verdict, compare_stored
from jetresim.audit.replay.realization import replay_targets
from jetresim.audit.verify.campaign import verify_campaign
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, save
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.paths import SPLITS, Paths, chunk_name
from jetresim.dataset.assemble import write_split
from jetresim.dataset.card import write_card
from jetresim.dataset.standardization import write_standardization
from jetresim.generators.events import HardEvent
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.jets.simulation import simulate_realization
from jetresim.showers.registry import Job
from jetresim.workflow.stages.groups import make_groups
from jetresim.workflow.stages.hard import make_hard, make_survey
from jetresim.workflow.stages.jets import make_jets
from tests.campaigns import campaign

JOB = Job(work_directory=Path(), first_event=0)
EVENTS = 200
SIGMAS = 3.5
"""Largest deviation in standard errors; all seeds are fixed."""
VARIATIONS: list[dict[str, float]] = [
    {"fsr:muRfac": 0.8},
    {"isr:muRfac": 1.25},
    {"fsr:muRfac": 0.8, "isr:muRfac": 1.25},
    {"fsr:muRfac": 1.0},
    {"fsr:cNS": 1.0},
    {"frag:aLund": 0.75},
]


def asked(weights: Sequence[dict[str, float]] = (), **changes: Any) -> Campaign:
    nominal = {"name": NOMINAL, "weights": list(weights)} if weights else NOMINAL
    settings = {"PartonLevel:MPI": False, **changes.pop("settings", {})}
    groups = {"pt_min": 400.0}
    processes = {"qcd": {"cuts": {"pt_min": 500}}}
    return campaign(
        **{"augmentations": [nominal], "processes": processes, "settings": settings, "groups": groups}
        | changes
    )


@pytest.fixture(scope="module")
def hard() -> list[HardEvent]:
    survey = Survey(cross_section=1.0, cross_section_error=0.1)
    return list(Pythia8Generator(asked(), "qcd").events(range(EVENTS), survey))


def jets(chosen: Campaign, events: Sequence[HardEvent]) -> pa.Table:
    return pa.concat_tables(part.table for part in simulate_realization(chosen, "qcd", NOMINAL, events, JOB))


def weights_of(table: pa.Table) -> np.ndarray:
    return np.array(table["shower_weights"].to_pylist())


@pytest.fixture(scope="module")
def weighted(hard) -> pa.Table:
    return jets(asked(VARIATIONS), hard)


def test_variations_multiply_and_no_variation_weighs_one(weighted):
    weights = weights_of(weighted)
    np.testing.assert_allclose(weights[:, 2], weights[:, 0] * weights[:, 1], rtol=1e-5)
    assert np.all(weights[:, 3] == 1)
    assert np.all(np.std(weights[:, [0, 1, 4, 5]], axis=0) > 0.01)


def test_weights_of_an_event_do_not_depend_on_others(weighted, hard):
    alone = jets(asked(VARIATIONS), hard[7:10])
    assert alone.to_pylist() == [row for row in weighted.to_pylist() if row["event"] in (7, 8, 9)]


def test_weights_keep_the_cross_section(weighted):
    weights = weights_of(weighted)
    error = np.std(weights, axis=0) / np.sqrt(len(weights))
    assert np.all(np.abs(weights.mean(axis=0) - 1) <= SIGMAS * error)


@pytest.mark.parametrize(
    ("place", "settings"), [(0, {"TimeShower:renormMultFac": 0.64}), (5, {"StringZ:aLund": 0.75})]
)
def test_reweighted_jets_are_those_of_another_shower(weighted, hard, place, settings):
    again = jets(asked(settings=settings), hard)
    for observable in ("nconstituents", "mass"):
        (there, weights), (here, ones) = (
            matched(weighted, observable, place),
            matched(again, observable, None),
        )
        (mean, error), (expected, other) = average(there, weights), average(here, ones)
        assert abs(mean - expected) <= SIGMAS * np.hypot(error, other), observable


def matched(table: pa.Table, observable: str, place: int | None) -> tuple[np.ndarray, np.ndarray]:
    rows = [row for row in table.to_pylist() if row["jet"]]
    values = np.array([row["jet"][observable] for row in rows], float)
    return values, np.array([1.0 if place is None else row["shower_weights"][place] for row in rows])


def average(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Weighted mean and its standard error."""
    mean = np.average(values, weights=weights)
    return mean, np.sqrt(np.sum((weights * (values - mean)) ** 2)) / np.sum(weights)


def test_names_are_those_of_the_convention():
    assert asked(VARIATIONS).weighted == {
        NOMINAL: [
            *("FSR.MUR=0.8", "ISR.MUR=1.25", "FSR.MUR=0.8__ISR.MUR=1.25", "FSR.MUR=1", "FSR.CNS=1"),
            "FRAG.ALUND=0.75",
        ]
    }
    assert asked([{"fsr:G2QQ:muRfac": 0.5}]).weight_names(NOMINAL) == ["FSR.G2QQ.MUR=0.5"]
    assert asked().weighted == {}


@pytest.mark.parametrize(
    ("augmentation", "message"),
    [
        ({"name": "x", "weights": [{"fsr:murfac": 0.5}]}, "unknown keyword 'fsr:murfac'; known: fsr:muRfac"),
        ({"name": "x", "weights": [{}]}, "a variation needs a keyword"),
        ({"name": "x", "weights": [{"fsr:muRfac": 1, "frag:rho": 0.3}]}, "stand apart"),
        ({"name": "x", "weights": [{"frag:rho": 0.3}] * 2}, "FRAG.RHO=0.3 is there twice"),
        ({"name": "x", "intervene": "decays", "weights": [{"frag:rho": 0.3}]}, "need a shower of their own"),
        (
            {"name": "x", "shower": "herwig7", "weights": [{"fsr:cNS": 1}]},
            "`weights` is for shower `pythia8`",
        ),
        (
            {"name": "x", "settings": {"PartonShowers:model": 2}, "weights": [{"fsr:cNS": 1}]},
            "augmentations.x: `weights` need Pythia's simple shower",
        ),
    ],
)
def test_weights_that_cannot_be_are_refused(augmentation, message):
    with pytest.raises(ConfigError, match=r"^[^\n]*$") as refused:
        asked(augmentations=[NOMINAL, augmentation])
    assert message in str(refused.value)


def test_shared_emissions_have_no_weighted_anchor():
    with pytest.raises(ConfigError, match="`shower_scale` shares emissions with 'nominal'"):
        asked(augmentations=[{"name": NOMINAL, "weights": [{"fsr:muRfac": 0.5}]}, "shower10"])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> tuple[Campaign, Paths]:
    """A campaign of which one realization has weights, with all its files."""
    seed = {"name": "seed", "weights": VARIATIONS[:2]}
    chosen = asked(augmentations=[NOMINAL, seed], events=24, chunk=12, dataset={"formats": []})
    folder = tmp_path_factory.mktemp("weights")
    paths = Paths.of(chosen, str(folder))
    survey, groups = Path(paths.survey.format(process="qcd")), []
    make_survey(chosen, "qcd", survey)
    for chunk, events in enumerate(chosen.chunks("qcd")):
        names = {"process": "qcd", "chunk": chunk_name(chunk)}
        file, job = Path(paths.hard.format(**names)), Job(folder, events.start)
        make_hard(chosen, "qcd", chunk, survey, file)
        made = {name: Path(paths.jets.format(realization=name, **names)) for name in chosen.realizations}
        for name, path in made.items():
            followed = {each: made[each] for each in chosen.followed(name)}
            make_jets(chosen, "qcd", chunk, file, {name: path}, job, followed)
        groups.append(Path(paths.groups.format(**names)))
        make_groups(chosen, "qcd", chunk, survey, file, list(made.values()), groups[-1])
    for split in SPLITS:
        write_split(Path(paths.split.format(split=split)), groups, chosen, split)
    save(chosen, Path(paths.root) / "config.yaml")
    return chosen, paths


def test_groups_give_the_weights_of_each_realization(dataset):
    chosen, paths = dataset
    groups = open_groups(paths.dataset)
    assert groups.metadata["shower_weights"] == {"seed": ["FSR.MUR=0.8", "ISR.MUR=1.25"]}
    rows = [row for table in groups for row in table.to_list()]
    assert rows
    assert all([len(each) for each in row["shower_weights"]] == [0, 2] for row in rows)
    (only,) = {
        len(row["shower_weights"])
        for table in groups.select(realizations=["seed"])
        for row in table.to_list()
    }
    assert only == 1
    assert "shower_weights" not in groups.select(["label"])[0:1].fields
    stored = {(row["event"], row["target"]): row["shower_weights"][1] for row in rows}
    (event, target), weights = next(iter(stored.items()))
    (replayed,) = replay_targets(chosen, paths, "qcd", "seed", event, target)
    assert replayed.group["shower_weights"] == weights
    assert compare_stored(chosen, paths, replayed).verdict == Verdict.EQUAL
    (plain,) = replay_targets(chosen, paths, "qcd", NOMINAL, event, target)
    assert compare_stored(chosen, paths, plain).verdict == Verdict.EQUAL


def test_card_names_the_weights(dataset):
    chosen, paths = dataset
    folder = Path(paths.dataset)
    write_standardization(folder, chosen)
    write_card(folder, chosen)
    assert "of seed: FSR.MUR=0.8, ISR.MUR=1.25 |" in (folder / "README.md").read_text()


def test_files_with_weights_are_verified(dataset):
    assert verify_campaign(Path(dataset[1].root)).problems == []
