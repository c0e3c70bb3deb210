"""Views that are simulated while a network trains are the rows that `jetresim replay` makes."""

import time
from collections import Counter
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

import jetresim.showers.registry
from jetresim.audit.replay.realization import replay
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, parse, save
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.paths import Paths
from jetresim.campaign.views import view_name
from jetresim.dataset.reader import open_groups
from jetresim.generators.provenance import survey_provenance
from jetresim.generators.survey import UNIT_SURVEY, write_survey
from jetresim.generators.wanted import some_hard_events
from jetresim.jets.views import ViewSimulation
from tests.made import make_dataset, make_jets_of_all, path

torch = pytest.importorskip("torch", reason="the loaders need PyTorch")

from jetresim.loaders import live_source  # noqa: E402
from jetresim.loaders.live import LiveDataset, live_loader  # noqa: E402
from jetresim.showers.pythia8 import Pythia8Shower  # noqa: E402
from jetresim.showers.registry import Program  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

CAMPAIGN = parse(
    {
        "name": "live",
        "seed": 20240307,
        "settings": {"PartonLevel:MPI": False},
        "chunk": 12,
        "processes": {name: {"events": 24, "cuts": {"pt_min": 550}} for name in ("higgs", "top")},
        "augmentations": [NOMINAL, {"name": "more", "settings": {"TimeShower:renormMultFac": 0.5}}],
        "detector": {"name": "cms_phase2"},
        "dataset": {"formats": []},
    },
    "test",
)
VIEWS = ["seed", "seed", "more", "rehadronize", "redecay", "redetect", NOMINAL]
"""Views of the campaign and of the catalogue, at every point of the chain."""

FIELDS = ("pt", "eta", "phi", "energy", "mass", "sdmass", "n2")
FEATURES = ("pt_gev", "eta", "phi", "d0", "pdgid")


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> Path:
    return made(CAMPAIGN, tmp_path_factory.mktemp("results"))


def made(campaign: Campaign, folder: Path) -> Path:
    paths = Paths.of(campaign, str(folder))
    for process in campaign.processes:  # a real one takes seconds, and no jet depends on it
        origin = UNIT_SURVEY.model_copy(update={"made_with": survey_provenance(campaign, process)})
        write_survey(origin, path(paths, "survey", process=process))
    make_jets_of_all(campaign, paths)
    make_dataset(campaign, paths)
    save(campaign, Path(paths.config))
    return Path(paths.root)


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(live_source, "PIECE", 6)


def live(results, views=("seed", "redetect"), batch_size=4, **options):
    options = {"seed": 3, "jet": FIELDS, "features": FEATURES, "shuffle_buffer": 8} | options
    return LiveDataset(open_groups(results / "dataset", split="train"), views, batch_size, **options)


def identities(batches):
    return [
        tuple(each)
        for batch in batches
        for each in zip(*(batch[name].tolist() for name in ("process", "event", "target")), strict=True)
    ]


def contents(batches):
    """What each batch holds, bit by bit, whatever order the batches come in."""
    return sorted(tuple((key, each.numpy().tobytes()) for key, each in batch.items()) for batch in batches)


def test_every_view_is_the_row_that_replay_makes_bit_by_bit(results):
    data = live(results, VIEWS, keep_incomplete=True)
    data.set_epoch(2)
    batches = list(data)
    names = data.views(2)
    assert names[:3] == ["seed_s3e2v0", "seed_s3e2v1", "more_s3e2v2"]
    paths, compared = Paths(str(results)), 0
    for number, process in enumerate(CAMPAIGN.processes):
        events = sorted({event for place, event, _ in identities(batches) if place == number})
        again = replay(CAMPAIGN, paths, process, dict.fromkeys(names, events))
        rows = {(each.realization, *each.identity[1:]): each.group for each in again}
        for batch in batches:
            for row in np.flatnonzero(batch["process"] == number):
                for place, name in enumerate(names):
                    expected = rows[name, int(batch["event"][row]), int(batch["target"][row])]
                    assert bool(batch["present"][row, place]) == expected["present"]
                    compared += expected["present"]
                    if expected["present"]:
                        jet = np.array([expected["jet"][field] for field in FIELDS], np.float32)
                        assert batch["jet"][row, place].numpy().tobytes() == jet.tobytes()
                        constituents = expected["constituents"][:100]
                        assert batch["mask"][row, place].sum() == len(constituents)
                        pt = np.array([each["pt"] for each in constituents], np.float32)
                        assert batch["x"][row, place, : len(pt), 0].numpy().tobytes() == pt.tobytes()
    assert compared > 100


def test_a_view_can_be_stored_as_an_augmentation_of_its_name():
    stored = parse(CAMPAIGN.model_dump() | {"augmentations": [NOMINAL, "fsrRenHi_s3e2v1"]}, "test")
    settings = stored.augmentation("fsrRenHi_s3e2v1").settings
    assert settings == CAMPAIGN.augmentation("fsrRenHi_s3e2v1").settings
    assert settings.get("TimeShower:renormMultFac") == "0.707"
    assert CAMPAIGN.seed_of("top", 3, "fsrRenHi_s3e2v1") == stored.seed_of("top", 3, "fsrRenHi_s3e2v1")
    for wrong in ("fsrRenHigh_s3e2v1", "fsrRenHi_s3e2"):
        with pytest.raises(ConfigError, match=wrong):
            CAMPAIGN.augmentation(wrong)


def test_two_ranks_with_two_workers_each_see_every_group_once(results):
    everyone = open_groups(results / "dataset", split="train").to_awkward()
    found, alone = [], contents(live(results, keep_incomplete=True, rank=1, world_size=2))
    for rank in range(2):
        data = live(results, keep_incomplete=True, rank=rank, world_size=2)
        batches = list(live_loader(data, workers=2))
        found += identities(batches)
    assert contents(batches) == alone
    processes = list(CAMPAIGN.processes)
    assert sorted(found) == sorted(
        (processes.index(each["process"]), each["event"], each["target"]) for each in everyone.to_list()
    )


def test_epochs_seeds_and_views_differ_and_begin_again_where_that_is_asked_for(results):
    def first(epoch, **options):
        data = live(results, ["seed", "seed"], shuffle=False, **options)
        data.set_epoch(epoch)
        return next(iter(data))["jet"].numpy()

    one = first(0)
    assert not np.array_equal(one[:, 0], one[:, 1])
    assert not np.array_equal(one, first(1))
    assert not np.array_equal(one, first(0, seed=4))
    assert np.array_equal(one, first(2, epochs=2))


def test_groups_without_a_jet_in_a_view_are_left_out_and_counted(results, monkeypatch):
    data = live(results)
    total = sum(map(len, data._pieces))
    taken = live_source.member_column
    harder = CAMPAIGN.groups.model_copy(update={"pt_min": 600})
    monkeypatch.setattr(
        live_source, "member_column", lambda table, groups, extra: taken(table, harder, extra)
    )
    batches = list(live_loader(data, workers=1))
    assert all(bool(batch["present"].all()) for batch in batches)
    assert 0 < data.left_out == total - len(identities(batches)) < total


def test_a_number_of_batches_is_kept_with_further_views_of_the_same_groups(results):
    data = live(results, batches=16, shuffle=False)
    batches = list(data)
    assert [len(batch["event"]) for batch in batches] == [4] * 16
    assert max(Counter(identities(batches)).values()) > 1
    jets = [row.tobytes() for batch in batches for row in batch["jet"].numpy()]
    assert len(set(jets)) == len(jets)
    assert len(list(live_loader(live(results, batches=3), workers=2))) == 3
    with pytest.raises(ConfigError, match="no window with 500 groups"):
        next(iter(live(results, batch_size=500, batches=1)))


def test_what_is_in_the_cache_is_not_simulated_again(results, tmp_path, monkeypatch):
    options = {"cache": tmp_path / "cache", "epochs": 1}
    first = contents(live(results, VIEWS, **options))
    kept = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.parquet")}
    monkeypatch.setattr(Pythia8Shower, "shower", lambda *_: pytest.fail("simulated again"))
    assert contents(live(results, VIEWS, **options)) == first
    assert kept == {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.parquet")}


def test_what_is_in_the_cache_is_of_the_same_hard_events(results, tmp_path):
    source = live(results, cache=tmp_path)._source
    (piece, *_) = live(results)._pieces
    names = set()
    for settings in ({}, {"SigmaProcess:alphaSorder": 2}):
        processes = {
            name: process.model_dump() | {"settings": process.settings.then(settings)}
            for name, process in CAMPAIGN.processes.items()
        }
        source.campaign = parse(CAMPAIGN.model_dump() | {"processes": processes}, "test")
        names.add(source._cache_path(piece, view_name("seed", 0, 0, 0)))
    assert len(names) == 2


def test_views_that_another_piece_has_in_the_cache_do_not_matter(results):
    process, paths = "higgs", Paths(str(results))
    hard = list(some_hard_events(CAMPAIGN, paths, process, range(12), UNIT_SURVEY))
    names = [view_name(name, 0, 0, 0) for name in ("rehadronize", "redecay")]
    together = ViewSimulation(CAMPAIGN, process).tables(names, hard, range(12))
    one_after_the_other = ViewSimulation(CAMPAIGN, process)
    for asked in (names[:1], names[1:], names):
        found = one_after_the_other.tables(asked, hard, range(12))
        assert found == {name: together[name] for name in asked}


def test_hard_events_that_are_not_there_are_generated(results, tmp_path):
    assert contents(live(results, campaign=tmp_path)) == contents(live(results))


def test_a_slow_event_does_not_hold_up_the_batches_of_other_workers(results, monkeypatch):
    slow = 0.0
    simulated = live_source.LiveSource._simulated

    def hindered(self, piece, views):
        worker = torch.utils.data.get_worker_info()
        time.sleep(slow if worker is not None and worker.id == 0 else 0)
        return simulated(self, piece, views)

    monkeypatch.setattr(live_source.LiveSource, "_simulated", hindered)
    usual = contents(live_loader(live(results), workers=2))
    slow = 3.0
    batches = list(live_loader(live(results), workers=2, ahead=1))
    assert contents(batches) == usual
    second = live(results)
    second._windows = second._windows[1::2]
    theirs = contents(second)
    assert contents(batches[: len(theirs)]) == theirs


class InBlocks(Pythia8Shower):
    """A program whose events depend on those before them in their block: every second one fails."""

    def simulate(self, events):
        for _, members in groupby(events, lambda event: event.index // 4):
            batch = self.shower(list(members))
            yield replace(batch, succeeded=np.arange(len(batch.events)) % 2 == 0)


def test_views_of_programs_that_take_a_seed_a_run_are_those_of_replay(tmp_path, monkeypatch):
    herwig = {"name": "herwig7", "herwig": {"block_events": 4}}
    changes = {"augmentations": [NOMINAL, herwig], "processes": {"higgs": CAMPAIGN.process("higgs")}}
    campaign = parse(CAMPAIGN.model_dump() | changes | {"groups": {"require": "nominal"}}, "test")
    program = Program(lambda campaign, process, realization, job: InBlocks(campaign, process, NOMINAL))
    monkeypatch.setitem(jetresim.showers.registry.SHOWERS, "herwig7", program)
    root = made(campaign, tmp_path)
    data = live(root, ["herwig7", "seed"], keep_incomplete=True)
    again = replay(campaign, Paths(str(root)), "higgs", {data.views(0)[0]: range(24)})
    rows = {each.identity[1]: each.group for each in again}
    outcomes = set()
    for batch in data:
        here = zip(batch["event"].tolist(), batch["jet"].numpy(), batch["present"].tolist(), strict=True)
        for event, jets, present in here:
            outcomes.add(present[0])
            assert present[0] == rows[event]["present"]
            assert not present[0] or jets[0, 0] == np.float32(rows[event]["jet"]["pt"])
    assert outcomes == {True, False}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"views": ["seed", "sed"]}, "unknown realization 'sed'; did you mean 'seed'"),
        ({"views": []}, "views: none are given"),
    ],
)
def test_views_that_cannot_be_made_are_refused_at_once(results, changes, message):
    with pytest.raises(ConfigError, match=message):
        live(results, **changes)
