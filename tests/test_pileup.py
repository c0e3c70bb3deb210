"""Pile-up: what is overlaid, what is shared, and what is done about it."""

from dataclasses import replace

import awkward as ak
import fastjet
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jets_samples import batch_of, part, pythia_batch
from pydantic import ValidationError
from scipy.stats import chi2

import jetresim.jets.crossing
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.campaign.pileup import PileUp
from jetresim.campaign.seeds import pool_seed
from jetresim.detectors.columns import select, to_columns
from jetresim.detectors.minimum_bias import POOL_ETA_MAX, make_pool
from jetresim.detectors.mitigation import hardest_of_cells, puppi_weights, soft_cut
from jetresim.detectors.none import NoDetector
from jetresim.detectors.pileup import Overlay
from jetresim.detectors.random import EventStreams
from jetresim.jets.area import density, jet_areas
from jetresim.jets.clustering import cluster
from jetresim.jets.crossing import Crossing
from jetresim.jets.pool import open_pool, read_pool, write_pool
from tests.campaigns import campaign

MEAN = 12.0
OPTIONS = {"mean": MEAN, "pool": 150}
SETTINGS = {"Diffraction:mMinPert": 1e6}  # without the initialization that takes a quarter of a minute
SHARED = {"name": "shared", "pileup": "shared"}
REDRAWN = {"name": "redrawn", "intervene": "pileup"}
SEEN_AGAIN = {"name": "again", "intervene": "detector"}
DETECTOR = {"name": "cms_phase2", "vertex_sigma_z": 53}


def asked(*augmentations, detector=DETECTOR, **pileup):
    return campaign(
        settings=SETTINGS,
        detector=detector,
        pileup={**OPTIONS, **pileup},
        augmentations=[NOMINAL, *augmentations],
    )


@pytest.fixture(scope="module")
def pool():
    return make_pool(asked())


@pytest.fixture(scope="module")
def events():
    return pythia_batch("higgs", 12)


def crossing(pool, realization=NOMINAL, *augmentations, **options):
    return Crossing(asked(*augmentations, **options), "qcd", realization, pool)


def seen(pool, batch, realization=NOMINAL, *augmentations, **options):
    """Candidates without any mitigation, all that are above the threshold of clustering."""
    options = {"charged_subtraction": None, **options}
    return crossing(pool, realization, *augmentations, **options).candidates(batch)


def same(first, second):
    return ak.array_equal(first, second, dtype_exact=True)


def for_realization(campaign, realization, batch):
    """The batch with the seeds that the detector of a realization is given."""
    stream = campaign.detector_stream(realization)
    seeds = [campaign.seed_of("qcd", event, stream) for event in batch.events.tolist()]
    return replace(batch, seeds=np.array(seeds))


# --- the pool and the overlay -----------------------------------------------------------------------


def test_pool_holds_what_a_detector_may_see(pool):
    assert len(pool.counts) == OPTIONS["pool"]
    assert pool.counts.sum() == len(pool.columns["px"]) > 1000
    pt = np.hypot(pool.columns["px"], pool.columns["py"])
    assert np.abs(np.arcsinh(pool.columns["pz"] / pt)).max() <= POOL_ETA_MAX + 1e-5
    assert not np.isin(np.abs(pool.columns["pdgid"]), (12, 14, 16)).any()


def test_pool_is_stored_and_read_as_it_was_made(pool, tmp_path):
    path = tmp_path / "pool.parquet"
    write_pool(path, pool, asked())
    stored = read_pool(path, asked())
    assert np.array_equal(stored.counts, pool.counts)
    for name, column in pool.columns.items():
        assert np.array_equal(stored.columns[name], column)
        assert stored.columns[name].dtype == column.dtype
    with pytest.raises(DataError, match="made with events = 150"):
        read_pool(path, asked(pool=151))
    assert open_pool(path, campaign()) is None


def test_overlay_leaves_hard_particles_what_they_are(pool, events):
    overlaid = Overlay(asked(), "qcd", NOMINAL, pool).overlaid(events)
    hard = overlaid.particles[~overlaid.particles.pileup]
    assert same(hard[events.particles.fields], events.particles)
    assert ak.all(ak.num(overlaid.particles) > ak.num(events.particles))
    first = ak.local_index(overlaid.particles)[overlaid.particles.pileup][:, 0]
    assert np.array_equal(first, ak.num(events.particles))


def test_interactions_have_vertices_and_numbers_as_asked(pool):
    many = batch_of([], [0] * 3000)
    overlay = Overlay(asked(mean=3.0, sigma_z=20.0, sigma_t=10.0), "qcd", NOMINAL, pool)
    found = overlay.overlaid(many).particles
    vertices = [set(np.unique(np.round(each, 3))) for each in ak.to_list(found.z)[:50]]
    assert np.mean([len(each) for each in vertices]) > 0
    prompt = ak.flatten(found)
    prompt = prompt[np.hypot(prompt.x, prompt.y) < 1e-3]
    assert np.std(prompt.z) == pytest.approx(20.0, rel=0.05)
    assert np.std(prompt.t) == pytest.approx(10.0, rel=0.05)
    numbers = overlay._numbers(many, _streams(overlay, many))
    assert numbers.mean() == pytest.approx(3.0, abs=0.1)
    assert numbers.var() == pytest.approx(3.0, rel=0.12)
    fixed = Overlay(asked(mean=3.0, number="fixed"), "qcd", NOMINAL, pool)
    assert set(fixed._numbers(many, _streams(fixed, many))) == {3}


def _streams(overlay, batch):
    return EventStreams(1, "x", batch.seeds, batch.events, "pileup")


def test_events_that_failed_get_no_pileup(pool):
    overlaid = Overlay(asked(), "qcd", NOMINAL, pool).overlaid(batch_of([], [0, 0], succeeded=[True, False]))
    assert ak.num(overlaid.particles).to_list()[1] == 0 < ak.num(overlaid.particles).to_list()[0]


# --- a function of its identity ---------------------------------------------------------------------


@pytest.mark.parametrize("mitigation", ["none", "softkiller", "puppi"])
def test_candidates_of_an_event_are_identical_in_every_batch(pool, events, mitigation, monkeypatch):
    chosen = crossing(pool, mitigation=mitigation)
    together = chosen.candidates(events)
    for rows in (slice(7, 8), slice(0, 5), slice(3, 12)):
        assert same(chosen.candidates(part(events, rows)), together[rows])
    monkeypatch.setattr(jetresim.jets.crossing, "_INTERACTIONS", 30)
    assert same(crossing(pool, mitigation=mitigation).candidates(events), together)


def far_from_hard(batch, pt=50.0):
    """Events of one particle each at positive eta, so that the other side holds pile-up alone."""
    rows = np.tile([211, pt, 0, 4 * pt, 4.2 * pt, 0, 0, 0, 0], (len(batch.events), 1))
    return replace(batch_of(rows, [1] * len(batch.events)), events=batch.events)


@pytest.mark.parametrize("detector", [{"name": "none"}, DETECTOR, {"name": "atlas"}])
def test_shared_pileup_has_identical_candidates(pool, events, detector):
    chosen = asked(SHARED, "seed", detector=detector)
    other = far_from_hard(events, 90.0)
    found = {
        name: seen(pool, for_realization(chosen, name, batch), name, SHARED, "seed", detector=detector)
        for name, batch in ((NOMINAL, far_from_hard(events, 50.0)), ("shared", other))
    }
    batch = for_realization(chosen, "seed", other)
    found["seed"] = seen(pool, batch, "seed", SHARED, "seed", detector=detector)
    away = {name: each[(each.pz < 0) & (each.pileup == 1)] for name, each in found.items()}
    assert ak.mean(ak.num(away[NOMINAL])) > 10
    assert same(away["shared"], away[NOMINAL])
    assert not same(away["seed"], away[NOMINAL])


def test_tracks_of_shared_pileup_are_identical_beside_other_showers(pool, events):
    chosen = asked(SHARED)
    hard = pythia_batch("qcd", 12)
    tracks = []
    for name, batch in ((NOMINAL, events), ("shared", hard)):
        each = seen(pool, for_realization(chosen, name, batch), name, SHARED)
        each = each[(each.charge != 0) & (each.pileup == 1)]
        tracks.append(
            [set(zip(*(np.asarray(one[field]) for field in ("d0", "dz")), strict=True)) for one in each]
        )
    common = [len(first & second) / len(first) for first, second in zip(*tracks, strict=True)]
    assert np.mean(common) > 0.97  # the others cross the threshold by what shares their towers


def test_pileup_alone_is_drawn_anew(pool, events):
    chosen = asked(REDRAWN)
    found = {
        name: seen(
            pool, for_realization(chosen, name, events), name, REDRAWN, detector={"name": "cms_phase2"}
        )
        for name in (NOMINAL, "redrawn")
    }
    hard = {name: each[(each.charge != 0) & (each.pileup == 0)] for name, each in found.items()}
    assert ak.mean(ak.num(found[NOMINAL])) > 1.5 * ak.mean(ak.num(hard[NOMINAL]))
    assert not same(found["redrawn"], found[NOMINAL])
    d0 = [ak.flatten(each.d0) for each in hard.values()]
    assert len(np.intersect1d(*d0)) > 0.97 * len(np.unique(d0[0]))


def test_the_detector_sees_the_same_pileup_again_with_other_numbers(pool, events):
    chosen = asked(SEEN_AGAIN)
    assert chosen.pileup_stream("again") == NOMINAL
    found = [
        seen(pool, for_realization(chosen, name, far_from_hard(events)), name, SEEN_AGAIN)
        for name in (NOMINAL, "again")
    ]
    assert not same(*found)
    d0 = [np.unique(ak.flatten(each[each.charge != 0].d0)) for each in found]
    assert len(np.intersect1d(*d0)) > 0.5 * len(d0[0])


def test_nothing_changes_without_pileup(events):
    plain = campaign(settings=SETTINGS, detector={"name": "cms_phase2"})
    assert "pileup" not in plain.model_dump()
    assert not {"pileup"} & {key for each in plain.augmentations for key in each.model_dump()}
    assert "pileup" not in Crossing(plain, "qcd", NOMINAL).candidates(events).fields


# --- truth and mitigation ---------------------------------------------------------------------------


def test_fractions_of_pileup_are_those_of_what_is_there(pool, events):
    found = ak.flatten(seen(pool, events))
    assert ak.all((found.pileup >= 0) & (found.pileup <= 1))
    assert set(np.unique(found.pileup[found.charge != 0])) == {0.0, 1.0}
    neutral = found.pileup[found.charge == 0]
    assert ak.any((neutral > 0) & (neutral < 1))
    alone = ak.flatten(seen(pool, batch_of([], [0] * 5)))
    assert ak.all(alone.pileup == 1)


def test_charged_candidates_of_other_vertices_are_left_out(pool, events):
    chosen = crossing(pool)
    found = chosen.candidates(events)
    charged = found[found.charge != 0]
    z = chosen._detector.vertex_z(events)
    assert ak.all(np.abs(charged.dz - z) <= 1)
    every = seen(pool, events)
    hard = every[(every.charge != 0) & (every.pileup == 0)]
    kept, before = (ak.sum(each.charge[each.pileup == 0] != 0) for each in (charged, hard))
    assert kept > 0.9 * before
    assert ak.sum(charged.pileup) < 0.1 * ak.sum(every.pileup[every.charge != 0])


def test_puppi_keeps_the_hard_event_and_drops_pileup(pool, events):
    found = ak.flatten(seen(pool, events, mean=40.0, puppi_weights=True))
    assert ak.all((found.puppi >= 0) & (found.puppi <= 1))
    neutral = found[(found.charge == 0) & (np.abs(found.pz) < np.hypot(found.px, found.py) * np.sinh(2.5))]
    pt = np.hypot(neutral.px, neutral.py)
    hard, pileup = neutral.pileup < 0.1, neutral.pileup > 0.9
    kept = [ak.sum((pt * neutral.puppi)[which]) / ak.sum(pt[which]) for which in (hard, pileup)]
    assert kept[0] > 0.8
    assert kept[1] < 0.35


def brute_weight(columns, other, mean, place):
    """PUPPI's weight of a central neutral candidate of one event, as the paper has it."""
    pt = np.hypot(columns["px"], columns["py"])
    eta, phi = np.arcsinh(columns["pz"] / pt), np.arctan2(columns["py"], columns["px"])
    near = (columns["charge"] != 0) & ~other

    def alpha(one):
        turn = np.abs(phi - phi[one])
        distance = np.hypot(eta - eta[one], np.minimum(turn, 2 * np.pi - turn))
        there = near & (distance > 0.02) & (distance < 0.3)
        return np.log(np.sum(pt[there] / distance[there])) if there.any() else -np.inf

    known = np.array([alpha(one) for one in np.flatnonzero(other & (np.abs(eta) < 2.5))])
    known = known[np.isfinite(known)]
    found = alpha(place)
    if not np.isfinite(found):
        return 0.0
    above = max(found - np.median(known), 0) / np.sqrt(np.mean((known - np.median(known)) ** 2))
    weight = chi2.cdf(above**2, 1)
    return 0.0 if weight < 0.1 or weight * pt[place] < 0.1 + 0.007 * mean else weight


def test_puppi_weights_are_those_of_the_paper(pool, events):
    columns, counts = to_columns(seen(pool, part(events, slice(0, 3)), mean=40.0))
    other = (columns["charge"] != 0) & (columns["pileup"] > 0)
    weights = puppi_weights(columns, counts, other, 40.0)
    stops = np.cumsum(counts)
    checked = 0
    for start, stop in zip(stops - counts, stops, strict=True):
        event = {name: column[start:stop] for name, column in columns.items()}
        pt = np.hypot(event["px"], event["py"])
        central = np.flatnonzero((event["charge"] == 0) & (np.abs(event["pz"]) < pt * np.sinh(2.49)))
        for place in central[:40]:
            expected = brute_weight(event, other[start:stop], 40.0, place)
            assert weights[start + place] == pytest.approx(expected, abs=1e-9)
            checked += expected > 0
    assert checked > 20


def test_softkiller_empties_half_of_the_cells(pool):
    columns, counts = to_columns(seen(pool, batch_of([], [0] * 6), mean=200.0))
    cut = soft_cut(columns, counts)
    assert np.all(cut > 1)
    row = np.repeat(np.arange(len(counts)), counts)
    left, numbers = select(columns, counts, np.hypot(columns["px"], columns["py"]) > cut[row])
    assert np.all(
        (hardest_of_cells(left, numbers) > 0).sum(axis=1) == hardest_of_cells(left, numbers).shape[1] / 2
    )


@given(st.integers(0, 10**6))
def test_density_is_that_of_fastjet(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 400, 3)
    total = int(counts.sum())
    pt, eta, phi = rng.exponential(2, total), rng.uniform(-4, 4, total), rng.uniform(-np.pi, np.pi, total)
    columns = {"px": pt * np.cos(phi), "py": pt * np.sin(phi), "pz": pt * np.sinh(eta)}
    columns["energy"] = pt * np.cosh(eta)
    table = np.column_stack(list(columns.values()))
    expected = []
    for stop, count in zip(np.cumsum(counts), counts, strict=True):
        estimator = fastjet.GridMedianBackgroundEstimator(3.0, 0.55)
        estimator.set_particles([fastjet.PseudoJet(*row) for row in table[stop - count : stop].tolist()])
        expected.append(estimator.rho())
    np.testing.assert_allclose(density(columns, counts), expected, rtol=1e-9, atol=1e-12)


def test_density_grows_linearly_with_the_number_of_interactions(pool):
    means = np.array([20.0, 40.0, 80.0, 160.0])
    found = []
    for mean in means:
        columns, counts = to_columns(seen(pool, batch_of([], [0] * 60), mean=mean, detector={"name": "none"}))
        found.append(density(columns, counts).mean())
    slope = np.array(found) / means
    assert np.all(np.diff(found) > 0)
    assert slope[3] == pytest.approx(slope[2], rel=0.15)


def test_areas_are_of_the_jets_that_are_found(pool, events):
    columns, counts = to_columns(seen(pool, events))
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, 0.8)
    areas, jets = jet_areas(columns, counts, definition, 300.0)
    assert jets.sum() >= 6
    assert np.mean(np.hypot(areas["px"], areas["py"])) == pytest.approx(np.pi * 0.64, rel=0.3)
    found = cluster(seen(pool, events), campaign().jets.model_copy(update={"pt_min": 300.0, "eta_max": 10.0}))
    assert np.array_equal(ak.num(found), jets)
    in_order = [np.sort(np.arctan2(areas["py"], areas["px"])), np.sort(ak.flatten(found.phi))]
    np.testing.assert_allclose(*in_order, atol=0.3)


def test_subtracted_jets_come_back_to_their_pt(pool, events):
    jets = campaign().jets.model_copy(update={"constituent_pt_min": 0.0, "pt_min": 300.0})
    alone = cluster(NoDetector().candidates(events), jets)
    options = {"mean": 60.0, "detector": {"name": "none"}, "charged_subtraction": None}
    chosen = Crossing(asked(**options).model_copy(update={"jets": jets}), "qcd", NOMINAL, pool)
    crowded = chosen.candidates(events)
    found = {subtract: cluster(crowded, jets, subtract) for subtract in (False, True)}
    hardest = {name: each.pt[:, 0] for name, each in (("alone", alone), *found.items())}
    off = {name: np.mean(hardest[name] / hardest["alone"] - 1) for name in found}
    assert off[False] > 0.02
    assert abs(off[True]) < 0.3 * off[False]


# --- configuration ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"augmentations": [NOMINAL, SHARED]}, "`pileup: shared` needs `pileup` of the campaign"),
        ({"augmentations": [NOMINAL, REDRAWN]}, "`intervene: pileup` needs `pileup` of the campaign"),
        (
            {"augmentations": [NOMINAL, REDRAWN | {"pileup": "shared"}], "pileup": OPTIONS},
            "draws the pile-up anew, so it cannot be `shared`",
        ),
        (
            {"detector": {"name": "delphes", "card": "x.tcl"}, "pileup": OPTIONS},
            "detector `delphes` cannot tell what comes from `pileup`",
        ),
    ],
)
def test_pileup_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ConfigError) as error:
        campaign(**changes)
    assert message in str(error.value)


@pytest.mark.parametrize("wrong", [{"mean": 0}, {"mean": 5, "pool": 0}, {"mean": 5, "mitigation": "magic"}])
def test_numbers_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValidationError):
        PileUp.model_validate(wrong)


def test_the_pool_has_a_seed_of_its_own():
    assert 1 <= pool_seed(1) <= 900_000_000
    assert pool_seed(1) != pool_seed(2)
