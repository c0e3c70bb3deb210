"""Groups of whole events: one row an event, with all candidates, missing pT and all jets."""

from pathlib import Path
from types import SimpleNamespace

import awkward as ak
import numpy as np
import pytest

from jetresim.audit.replay.comparison import Verdict, verify_rows
from jetresim.audit.verify.campaign import verify_campaign
from jetresim.campaign.config import save
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.campaign.paths import Paths
from jetresim.dataset.card import write_card
from jetresim.dataset.reader import open_groups
from jetresim.dataset.standardization import write_standardization
from jetresim.detectors.registry import make_detector
from jetresim.generators.stored import hard_events
from jetresim.jets.clustering import cluster
from jetresim.loaders.datasets import GroupDataset
from jetresim.loaders.views import AllViews
from jetresim.report.checks import aligned
from jetresim.showers.pythia8 import Pythia8Shower
from jetresim.workflow.cli import _check_layout
from tests.campaigns import campaign
from tests.made import make_dataset, make_jets_of_all, path

EVENTS = 12
MOST = 30


def asked(chunk=EVENTS, **changes):
    return campaign(
        events=EVENTS,
        chunk=chunk,
        settings={"PartonLevel:MPI": False},
        processes={"higgs": {"cuts": {"pt_min": 100}}},
        augmentations=["nominal", "seed", {"name": "detector", "intervene": "detector"}],
        detector={"name": "cms_phase2"},
        jets={"pt_min": 25, "radius": 0.4, "constituents_max": MOST},
        groups={"of": "events", "require": "nominal", "pt_min": 80},
        dataset={"formats": []},
        **changes,
    )


def make(chosen, folder):
    paths = Paths.of(chosen, str(folder))
    make_jets_of_all(chosen, paths)
    make_dataset(chosen, paths)
    return paths


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    chosen = asked()
    return chosen, make(chosen, tmp_path_factory.mktemp("events"))


@pytest.fixture(scope="module")
def groups(made):
    return open_groups(made[1].dataset).to_awkward()


def test_every_event_is_one_row_with_all_its_realizations(made, groups):
    assert len(set(groups.event.tolist())) == len(groups) > EVENTS / 3
    assert set(groups.target.tolist()) == {0}
    assert set(ak.num(groups.realizations).tolist()) == {3}
    for row in groups.to_list():
        seeds = [made[0].seed_of(row["process"], row["event"], name) for name in made[0].realizations]
        assert [each["seed"] for each in row["realizations"]] == seeds
        assert [each["present"] for each in row["realizations"]] == [
            each["whole_event"] is not None for each in row["realizations"]
        ]
        assert row["realizations"][0]["present"]


def test_rows_hold_what_the_detector_makes_of_their_event(made, groups):
    chosen, paths = made
    hard = path(paths, "hard", process="higgs", chunk="00000")
    batch = Pythia8Shower(chosen, "higgs", "seed").shower(
        list(hard_events(chosen, "higgs", hard, range(EVENTS)))
    )
    candidates = make_detector(chosen, "seed").candidates(batch)
    found = cluster(candidates, chosen.jets)
    compared = 0
    for row in groups.to_list():
        member = row["realizations"][1]
        place = batch.events.tolist().index(row["event"])
        seen = candidates[place][np.hypot(candidates[place].px, candidates[place].py) > 1]
        if not member["present"]:
            continue
        compared += 1
        event, jets = member["whole_event"], found[place]
        assert event["missing_px"] == pytest.approx(-ak.sum(seen.px), rel=1e-5, abs=1e-4)
        assert event["missing_py"] == pytest.approx(-ak.sum(seen.py), rel=1e-5, abs=1e-4)
        np.testing.assert_allclose([each["pt"] for each in event["jets"]], jets.pt, rtol=1e-6)
        assert member["jet"]["pt"] == event["jets"][0]["pt"] > 80
        assert member["jet"]["nconstituents"] == len(seen)
        hardest = np.sort(np.hypot(seen.px, seen.py))[::-1][:MOST]
        np.testing.assert_allclose([each["pt"] for each in member["constituents"]], hardest, rtol=1e-6)
    assert compared > EVENTS / 3


def test_neutrinos_of_the_other_boson_are_missing(groups):
    # the catalogue's higgs recoils against Z → νν
    events = groups.realizations[:, 0].whole_event
    missing = ak.to_numpy(np.hypot(events.missing_px, events.missing_py), allow_missing=False)
    assert np.median(missing) > 80


def test_truth_is_that_of_the_first_target(groups):
    assert set(groups.label.tolist()) == {4}
    assert set(groups.truth.pdgid.tolist()) == {25}
    assert groups.truth.daughters.pdgid.tolist() == [[25]] * len(groups)


def test_chunks_do_not_change_a_byte_of_the_dataset(made, tmp_path):
    chosen = asked(chunk=5)
    again = make(chosen, tmp_path)
    files = sorted(Path(made[1].dataset).rglob("*.parquet"))
    assert files
    for file in files:
        assert file.read_bytes() == (Path(again.dataset) / file.relative_to(made[1].dataset)).read_bytes()


def test_verify_finds_nothing_wrong(made):
    chosen, paths = made
    save(chosen, Path(paths.config))
    assert verify_campaign(Path(paths.root)).problems == []


def test_every_row_is_made_again_alone(made):
    verified = verify_rows(*made, 6)
    assert [each.comparison.verdict for each in verified] == [Verdict.EQUAL] * 6


def test_fields_and_features_are_read(made):
    paths = made[1]
    read = open_groups(paths.dataset, ["event", "realizations.whole_event.missing_px"]).to_awkward()
    assert read.realizations.fields == ["whole_event"]
    values, mask = open_groups(paths.dataset).padded(constituents=40, features="rs3l")
    assert values.shape[:3] == mask.shape == (len(read), 3, 40)
    data = GroupDataset(paths.dataset, views=AllViews(), jet=["pt", "missing_px", "missing_py"])
    stored = open_groups(paths.dataset).to_awkward().realizations
    for row in range(3):
        group = data[row]
        assert group["x"].shape[:2] == (3, 100)
        there = stored[row].present
        found = group["jet"].numpy()
        assert found[there, 1].tolist() == stored[row].whole_event.missing_px[there].tolist()
        assert not found[~ak.to_numpy(there)].any()


def test_the_hardest_jet_of_an_event_need_not_be_near_its_target(made):
    source, scan = (
        SimpleNamespace(campaign=made[0]),
        SimpleNamespace(unaligned={"nominal": 3}, worst_alignment=7.0),
    )
    assert list(aligned(source, scan)) == []


def test_files_of_jets_have_no_such_column(made, tmp_path):
    chosen = campaign(
        events=2, chunk=2, processes={"qcd": {"cuts": {"pt_min": 500}}}, augmentations=["nominal"],
        settings={"PartonLevel:MPI": False},
    )  # fmt: skip
    paths = make(chosen, tmp_path)
    with pytest.raises(DataError, match=r"whole_event.*did not ask for it"):
        open_groups(paths.dataset, ["realizations.whole_event"]).to_arrow()


def test_layouts_of_jets_are_refused_by_hand_too(made):
    with pytest.raises(ConfigError, match=r"mine.yaml: .*'huggingface' is a layout of jets"):
        _check_layout(made[0], "huggingface", Path("mine.yaml"))


def test_layouts_of_jets_are_refused():
    with pytest.raises(ConfigError, match="'rs3l' is a layout of jets"):
        campaign(groups={"of": "events", "pt_min": 450})


def test_card_says_what_a_row_and_a_jet_is(made):
    chosen, paths = made
    write_standardization(Path(paths.dataset), chosen)
    write_card(Path(paths.dataset), chosen)
    said = " ".join(Path(paths.card).read_text(encoding="utf-8").split())
    assert "One row is one group: a hard event that has a target with all its realizations." in said
    assert "kept if the nominal realization has a jet, the hardest of its event, with pT > 80 GeV" in said
