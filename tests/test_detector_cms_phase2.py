"""The parts of the parametrized detector, and what it makes of single particles and of batches."""

import math

import awkward as ak
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jets_samples import batch_of, part, pythia_batch
from pydantic import ValidationError
from scipy.integrate import solve_ivp
from scipy.stats import kstest

from jetresim.campaign.detector import DetectorOptions, overridden
from jetresim.campaign.errors import ConfigError
from jetresim.detectors.calorimeter import NO_TOWER, Readout, Towers, cell_edges, find_cells
from jetresim.detectors.parameters import CMS_PHASE2, load
from jetresim.detectors.parametrized import ParametrizedDetector
from jetresim.detectors.particle_flow import Pointing, combine
from jetresim.detectors.propagation import GEV_PER_T_MM, Cylinder, propagate
from jetresim.detectors.protocol import CANDIDATE_FIELDS
from jetresim.detectors.random import EventStreams, Purpose, fine_uniform, log_normal, normal, philox, uniform
from jetresim.detectors.tracking import Tracks

VOLUME = Cylinder(1290.0, 3000.0, 3.8)
PARAMETERS = load()
ECAL, HCAL = PARAMETERS.calorimeters
OPTIONS = DetectorOptions(name="cms_phase2")


def detector(stream="nominal", seed=1, **options):
    return ParametrizedDetector(seed, stream, DetectorOptions(name="cms_phase2", **options), PARAMETERS)


def particle(pdgid, pt, eta=0.3, phi=0.7, x=0.0, y=0.0, z=0.0):
    px, py, pz = pt * math.cos(phi), pt * math.sin(phi), pt * math.sinh(eta)
    return (pdgid, px, py, pz, math.sqrt(px * px + py * py + pz * pz + 0.02), x, y, z, 0.0)


def gun(number, *particles):
    """`number` events of the same particles."""
    return batch_of(np.tile(np.array(particles, dtype=float), (number, 1)), [len(particles)] * number)


def same(first, second):
    return ak.array_equal(first, second, dtype_exact=True)


# --- random numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ([0] * 4, (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_known_answers_of_its_authors(counter, key, expected):
    words = philox(tuple(np.array([word], dtype=np.uint64) for word in counter), key)
    assert " ".join(f"{int(word[0]):08x}" for word in words) == expected


def streams(number=1, stream="nominal", seed=1, first=0):
    events = np.arange(first, first + number)
    return EventStreams(seed, stream, 100 + events, events)


def test_random_numbers_are_uniform_and_normal():
    index = np.arange(100_000)
    words = streams().words(Purpose.TRACK, np.zeros_like(index), index)
    # p-values above 1e-4 for six tests: fewer than one seed in a thousand fails.
    for word in words:
        assert kstest(uniform(word), "uniform").pvalue > 1e-4
    assert kstest(fine_uniform(words[0], words[1]), "uniform").pvalue > 1e-4
    assert kstest(normal(words[2], words[3]), "norm").pvalue > 1e-4


def test_neighbouring_counters_and_streams_are_uncorrelated():
    index, zero = np.arange(50_000), np.zeros(50_000, dtype=int)

    def draw(purpose=Purpose.TRACK, row=0, **source):
        words = streams(2, **source).words(purpose, zero + row, index)
        return [normal(words[0], words[1]), normal(words[2], words[3])]

    first, second = draw()
    others = [
        second,
        np.roll(first, 1),
        draw(purpose=Purpose.VERTEX)[0],
        draw(row=1)[0],
        draw(stream="seed")[0],
        draw(seed=2)[0],
        draw(first=1 << 32)[0],
    ]
    # 5 sigma: a correlation of independent numbers has a standard deviation of 1/sqrt(N).
    for other in others:
        assert abs(np.mean(first * other)) < 5 / math.sqrt(len(index))
        assert abs(np.mean(first**2 * other**2) - 1) < 5 * math.sqrt(8 / len(index))


def test_uniform_numbers_never_reach_0_or_1():
    ends = np.array([0, 0xFFFFFFFF], dtype=np.uint64)
    assert np.all((uniform(ends) > 0) & (uniform(ends) < 1))
    assert np.all(np.isfinite(normal(ends, ends)))


def test_log_normal_has_the_mean_and_width_it_was_asked_for():
    index = np.arange(200_000)
    words = streams().words(Purpose.TRACK, np.zeros_like(index), index)
    for mean, sigma in ((10.0, 0.1), (3.0, 2.0)):
        values = log_normal(np.full(len(index), mean), np.full(len(index), sigma), normal(*words[:2]))
        assert values.min() > 0
        assert values.mean() == pytest.approx(mean, abs=5 * sigma / math.sqrt(len(index)))
        assert values.std() == pytest.approx(sigma, rel=0.05)
    assert log_normal(np.zeros(1), np.ones(1), np.ones(1)) == 0


# --- parameters -------------------------------------------------------------------------------------


def test_shipped_parameters_are_those_of_the_description():
    efficiency, resolution = PARAMETERS.efficiency.compiled, PARAMETERS.resolution.compiled

    def at(function, eta, pt):
        return float(function(np.array([eta]), np.array([pt]))[0])

    hadrons, electrons, muons = efficiency
    assert [at(hadrons, 0.5, pt) for pt in (0.2, 0.5, 1.0, 1.1, 1e4)] == pytest.approx(
        [0, 0.48, 0.96, 0.97, 0.97]
    )
    assert [at(hadrons, eta, 50) for eta in (0, 1.2, 1.3, 2.5, 2.6, 4, 4.1)] == pytest.approx(
        [0.97, 0.97, 0.87, 0.87, 0.82, 0.82, 0]
    )
    assert [at(electrons, 2, pt) for pt in (0.5, 5, 10, 11)] == pytest.approx([0.425, 0.87, 0.92, 0.9])
    assert [at(electrons, 3, pt) for pt in (0.5, 5, 11)] == pytest.approx([0.4, 0.85, 0.85])
    assert [at(muons, 2.7, pt) for pt in (0.1, 0.5, 5)] == pytest.approx([0, 0.5, 1])
    assert [at(muons, 3, pt) for pt in (0.5, 5)] == pytest.approx([0.475, 0.95])
    hadrons, electrons, muons = resolution
    assert [at(hadrons, 0.1, pt) for pt in (0.5, 5, 50, 500)] == pytest.approx(
        [0.00467469, 0.004675 + 4 * 0.000056, 0.005179 + 40 * 0.000064, 5 * 0.010955]
    )
    assert [at(electrons, eta, 7) for eta in (1.5, 1.7, 2, 3, 3.5)] == [0.028, 0.037, 0.038, 0.044, 0.10]
    assert [at(muons, 0.1, pt) for pt in (5, 6, 15, 30, 500)] == pytest.approx(
        [0.004675 + 4 * 0.000056, 0.00519, 0.00533, 0.00559, 0.00656]
    )
    assert at(muons, 3.5, 50) == at(hadrons, 3.5, 50)
    assert at(muons, 3.5, 0.5) == pytest.approx(2 * at(hadrons, 3.5, 0.5))


def test_towers_are_those_of_the_description():
    ecal, hcal = ECAL.grid.eta_edges, HCAL.grid.eta_edges
    for edges in (ecal, hcal):
        for edge in (1.5138, 2.958, 3.125, 4.7, 5, -5, -2.9406, 1.7052):
            assert np.abs(edges - edge).min() < 1e-9
    assert np.abs(ecal[:, None] - 0.0174 * np.arange(-85, 87)).min(axis=0).max() < 1e-9
    assert np.abs(hcal[:, None] - 0.087 * np.arange(-17, 18)).min(axis=0).max() < 1e-9

    def cells(grid, eta):
        return int(grid.cells[np.searchsorted(grid.eta_edges, eta) - 1])

    assert [cells(ECAL.grid, eta) for eta in (0, 1.49, -1.6, 2.9, 3, -3)] == [360] * 4 + [36] * 2
    assert [cells(HCAL.grid, eta) for eta in (0, 1.47, -1.48, 1.49, 1.64, 1.7, 3, -3)] == [
        72, 72, 72, 360, 72, 360, 36, 36,
    ]  # fmt: skip


def broken(**changes):
    """The shipped file with some keys replaced; a dot goes down, a number into a list."""
    content = yaml.safe_load(CMS_PHASE2.read_text())
    for path, value in changes.items():
        *parents, last = (int(key) if key.isdigit() else key for key in path.split("__"))
        place = content
        for key in parents:
            place = place[key]
        place[last] = value
    return content


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"raduis": 1.0}, "raduis: unknown key 'raduis'; did you mean 'radius'"),
        ({"efficiency__moons": []}, "efficiency.moons: unknown key 'moons'; did you mean 'muons'"),
        ({"radius": -1.0}, "radius: .*greater than 0"),
        ({"radius": "wide"}, "radius: expected a number .found 'wide'"),
        ({"efficiency__muons__0__slope": 1.5}, r"efficiency: muons\.0: the efficiency is above 1"),
        ({"efficiency__muons__0__pt": [1, 0.2]}, r"efficiency\.muons\.0: .*from low to high"),
        ({"efficiency__muons__0__value": -1.0}, r"efficiency\.muons\.0: .*negative"),
        ({"efficiency__electrons": ["no_such.csv"]}, r"no_such\.csv: cannot be read"),
        ({"efficiency__electrons": "no_such.csv"}, r"efficiency\.electrons: expected a list"),
        ({"energy_fractions__by_pdgid__22": [0.8, 0.3]}, "22: the fractions sum to 1.1"),
        (
            {"energy_fractions__by_pdgid__22": [1.3, 0]},
            r"energy_fractions\.by_pdgid\.22\.0: .*less than or equal",
        ),
        ({"energy_fractions__default": [1]}, "default has 1 fractions, there are 2 calorimeters"),
        (
            {"calorimeters__1__grid__rings__1__to": -3.5},
            r"calorimeters\.1\.grid: the edge in eta -?\S+ does not lie",
        ),
        ({"calorimeters__0__grid__rings__0__to": 1.0}, r"rings\.0: rings need either `to` or `edges`"),
        ({"calorimeters__0__grid__rings__0__cells": 0}, r"cells: .*greater than 0"),
        ({"calorimeters__0__resolution__1__abs_eta_max": 2.0}, "abs_eta_max must increase"),
        ({"calorimeters__0__resolution__1__abs_eta_max": 4.0}, "ends at .eta. 4, the grid only beyond"),
        ({"calorimeters__0__energy_min": float("nan")}, r"calorimeters\.0\.energy_min: .*finite"),
        ({"calorimeters": []}, "calorimeters: must not be empty"),
    ],
)
def test_wrong_parameters_are_refused_in_one_line(tmp_path, changes, reason):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(broken(resolution__charged_hadrons=[], resolution__muons=[]) | {}))
    content = broken(resolution__charged_hadrons=[], resolution__muons=[], **changes)
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=reason) as error:
        load(path)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ("eta,pt\n", "expected the columns abs_eta_min, "),
        ("abs_eta_min,abs_eta_max,pt_min,pt_max,value,slope,at\n0,1,0,,low,0,0\n", "line 2: value: .*number"),
        ("abs_eta_min,abs_eta_max,pt_min,pt_max,value,slope,at\n0,1,0\n", "line 2: value: .*"),
        (
            "abs_eta_min,abs_eta_max,pt_min,pt_max,value,slope,at\n2,1,0,,0,0,0\n",
            "line 2: .*from low to high",
        ),
    ],
)
def test_wrong_table_is_refused_in_one_line(tmp_path, table, reason):
    (tmp_path / "mine.csv").write_text(table)
    content = broken(resolution__charged_hadrons=["mine.csv"], resolution__muons=[])
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=rf"mine\.csv: {reason}") as error:
        load(tmp_path / "mine.yaml")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["- 1\n", "a: [\n", "\xff"])
def test_file_that_is_no_mapping_is_refused(tmp_path, text):
    (tmp_path / "mine.yaml").write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError, match=r"mine\.yaml: "):
        load(tmp_path / "mine.yaml")


def test_another_detector_is_another_file(tmp_path):
    perfect = [{"abs_eta": [0, 10], "pt": [0, None], "value": 1.0}]
    exact = [{"abs_eta": [0, 10], "pt": [0, None], "value": 0.0}]
    species = ("charged_hadrons", "electrons", "muons")
    content = broken(efficiency=dict.fromkeys(species, perfect), resolution=dict.fromkeys(species, exact))
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    options = DetectorOptions(name="cms_phase2", parameters=tmp_path / "mine.yaml")
    found = ParametrizedDetector(1, "nominal", options).candidates(gun(200, particle(13, 0.15)))
    assert ak.all(ak.num(found) == 1)
    np.testing.assert_allclose(ak.flatten(np.hypot(found.px, found.py)), 0.15, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"name": "none", "efficiency": 0.9}, "detector `none` has no efficiency"),
        ({"name": "cms_phase2", "card": "x.tcl"}, "detector `cms_phase2` has no card"),
        ({"name": "delphes"}, "needs its `card`"),
        (
            {"name": "delphes", "card": "x.tcl", "vertex_sigma_z": 1},
            "detector `delphes` has no vertex_sigma_z",
        ),
        ({"name": "cms_phase2", "efficiency": -1}, "efficiency"),
    ],
)
def test_options_that_do_not_fit_the_detector_are_refused(options, reason):
    with pytest.raises(ValidationError, match=reason):
        DetectorOptions.model_validate(options)


def test_augmentation_changes_options_of_the_campaign():
    campaign = DetectorOptions(name="cms_phase2", vertex_sigma_z=53.0)
    assert overridden(campaign, {"efficiency": 0.97}) == DetectorOptions(
        name="cms_phase2", vertex_sigma_z=53.0, efficiency=0.97
    )
    assert overridden(campaign, {"name": "none"}) == DetectorOptions(name="none")


# --- propagation ------------------------------------------------------------------------------------


def stepped(position, momentum, charge):
    """Exit point by stepping through the field, with events on the two surfaces."""
    size = np.linalg.norm(momentum)
    bend = GEV_PER_T_MM * VOLUME.field * charge / size

    def derivative(_, state):
        return [*state[3:], bend * state[4], -bend * state[3], 0.0]

    def side(_, state):
        return math.hypot(state[0], state[1]) - VOLUME.radius

    def end(_, state):
        return abs(state[2]) - VOLUME.half_length

    for surface in (side, end):
        surface.terminal, surface.direction = True, 1
    solution = solve_ivp(
        derivative, (0, 1e6), [*position, *momentum / size], "DOP853", events=[side, end],
        rtol=1e-12, atol=1e-9, max_step=100,
    )  # fmt: skip
    return solution.y[:3, -1]


def random_flights(number, seed=3):
    rng = np.random.default_rng(seed)
    pt, phi, eta = (
        10 ** rng.uniform(-1, 3, number),
        rng.uniform(-np.pi, np.pi, number),
        rng.uniform(-3, 3, number),
    )
    radius = 1290 * np.sqrt(rng.uniform(0, 1, number)) * rng.choice([1e-3, 0.1, 1], number)
    angle = rng.uniform(-np.pi, np.pi, number)
    position = np.array([radius * np.cos(angle), radius * np.sin(angle), rng.uniform(-2900, 2900, number)])
    position[2] *= rng.choice([0.01, 1], number)
    momentum = np.array([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
    return position, momentum, rng.choice([-2, -1, -1, 0, 1, 1], number)


def test_exit_points_agree_with_step_by_step_integration():
    position, momentum, charge = random_flights(120)
    leaves = propagate(*position, *momentum, charge, VOLUME)
    for number in range(len(charge)):
        expected = stepped(position[:, number], momentum[:, number], charge[number])
        found = [leaves.x[number], leaves.y[number], leaves.z[number]]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6 * np.linalg.norm(expected))


@given(
    st.floats(0, 1289),
    st.floats(-2999, 2999),
    st.floats(0.05, 5000),
    st.floats(-4, 4),
    st.floats(-3.1, 3.1),
    st.sampled_from([-1, 0, 1]),
)
def test_exit_point_lies_on_the_cylinder(x, z, pt, eta, phi, charge):
    start = (np.array([x]), np.zeros(1), np.array([z]))
    momentum = (np.array([pt * np.cos(phi)]), np.array([pt * np.sin(phi)]), np.array([pt * np.sinh(eta)]))
    leaves = propagate(*start, *momentum, np.array([charge]), VOLUME)
    if np.isnan(leaves.x[0]):
        assert charge != 0
        assert eta == 0
    else:
        radius = math.hypot(leaves.x[0], leaves.y[0])
        on_side = abs(radius - VOLUME.radius) < 1e-6 * VOLUME.radius
        on_end = abs(leaves.z[0]) == VOLUME.half_length
        assert on_side or on_end
        assert radius < VOLUME.radius * (1 + 1e-6)
        assert abs(leaves.z[0]) <= VOLUME.half_length * (1 + 1e-12)


def test_soft_particles_loop_to_the_endcap():
    zero, pt = (
        np.zeros(2),
        np.array([0.70, 0.78]),
    )  # a circle through the beam line touches the side at 0.735 GeV
    leaves = propagate(zero, zero, zero, pt, zero, 0.2 * pt, np.ones(2), VOLUME)
    assert leaves.z[0] == VOLUME.half_length
    assert abs(leaves.z[1]) < VOLUME.half_length


def test_flights_along_the_beam_at_rest_and_in_circles_are_defined():
    px, pz = np.array([0.0, 0.0, 0.3, 0.0]), np.array([5.0, -5.0, 0.0, 0.0])
    x, zero = np.array([10.0, 0.0, 0.0, 1.0]), np.zeros(4)
    leaves = propagate(x, zero, zero, px, zero, pz, np.array([1, 0, 1, 0]), VOLUME)
    assert leaves.z[:2].tolist() == [3000, -3000]
    assert leaves.x[:2].tolist() == [10, 0]
    assert leaves.eta[1] == -np.inf
    assert np.all(np.isnan([leaves.x[2:], leaves.y[2:], leaves.z[2:]]))


# --- calorimeters -----------------------------------------------------------------------------------


@pytest.mark.parametrize("grid", [ECAL.grid, HCAL.grid])
def test_every_direction_lies_in_its_cell_and_every_cell_is_found(grid):
    rng = np.random.default_rng(8)
    eta, phi = rng.uniform(-5, 5, 20_000), rng.uniform(-np.pi, np.pi, 20_000)
    low, high, left, right = cell_edges(find_cells(eta, phi, grid), grid)
    assert np.all((low < eta) & (eta <= high))
    assert np.all((left - 1e-9 < phi) & (phi < right + 1e-9))
    every = np.arange(grid.cells.sum())
    low, high, left, right = cell_edges(every, grid)
    assert np.array_equal(find_cells((low + high) / 2, (left + right) / 2, grid), every)


def test_directions_outside_the_grid_have_no_cell():
    eta = np.array([-5.1, 5.1, np.inf, -np.inf, np.nan])
    assert np.all(find_cells(eta, np.zeros(5), ECAL.grid) == NO_TOWER)
    ends = find_cells(np.zeros(2), np.array([-np.pi, np.pi]), ECAL.grid)
    assert ends[1] - ends[0] == 359


def test_neutral_candidates_fill_the_cell_of_their_particle_evenly():
    found = detector().candidates(gun(5000, particle(22, 50.0, eta=0.3, phi=0.7)))
    eta, phi = (
        ak.flatten(np.arcsinh(found.pz / np.hypot(found.px, found.py))),
        ak.flatten(np.arctan2(found.py, found.px)),
    )
    low, high, left, right = (
        float(edge[0])
        for edge in cell_edges(find_cells(np.array([0.3]), np.array([0.7]), ECAL.grid), ECAL.grid)
    )
    for value, start, width in ((eta, low, high - low), (phi, left, right - left)):
        assert kstest(np.asarray(value), "uniform", (start, width)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("pdgid", "ids"),
    [(22, {22}), (130, {0}), (2112, {0}), (310, {22, 0}), (-3122, {22, 0}), (14, set()), (1000022, set())],
)
def test_each_neutral_particle_is_seen_by_its_calorimeters(pdgid, ids):
    found = detector().candidates(gun(50, particle(pdgid, 100.0)))
    assert set(ak.flatten(found.pdgid).tolist()) == ids
    fraction = {22: 0.3, 0: 0.7} if len(ids) == 2 else {22: 1.0, 0: 1.0}
    for one in ids:
        energy = ak.to_numpy(ak.flatten(found.energy[found.pdgid == one]))
        assert energy.mean() == pytest.approx(fraction[one] * 100 * math.cosh(0.3), rel=0.1)


def test_particles_in_one_tower_are_one_candidate_with_their_sum():
    pair = (particle(22, 20.0, eta=0.3), particle(22, 30.0, eta=0.301))
    found = detector().candidates(gun(2000, *pair))
    assert ak.all(ak.num(found) == 1)
    assert ak.mean(found.energy) == pytest.approx(50 * math.cosh(0.3), rel=0.005)


# --- particle flow, case by case --------------------------------------------------------------------


def case(tower_energy, tower_sigma, *tracks, calorimeter=HCAL, fractions=None):
    """Particle flow in one tower; tracks are (energy, relative sigma), at eta = 0."""
    one, count = np.zeros(1), len(tracks)
    towers = Towers(
        row=np.zeros(1, dtype=int), cell=np.zeros(1, dtype=int), centre_eta=one, eta=one + 0.1, phi=one + 0.2,
        energy=one + tower_energy, sigma=one + tower_sigma, only_pileup=np.zeros(1, dtype=bool),
    )  # fmt: skip
    energy, relative = np.array(tracks, dtype=float).reshape(-1, 2).T
    zero = np.zeros(count)
    made = Tracks(np.arange(count), energy, zero, zero, relative, *([zero] * 4))
    pointing = Pointing(
        np.zeros(count, dtype=int), np.ones(count) if fractions is None else np.array(fractions)
    )
    tracks, neutrals = combine(towers, made, pointing, Readout(1, calorimeter, OPTIONS, streams()))
    return tracks.pt.tolist(), neutrals.energy.tolist()


def weighted(track, track_sigma, tower, tower_sigma):
    weights = 1 / track_sigma**2, 1 / tower_sigma**2
    return (weights[0] * track + weights[1] * tower) / sum(weights)


def test_tower_without_tracks_is_a_neutral_candidate():
    assert case(20.0, 4.5) == ([], [20.0])


def test_tower_below_threshold_gives_nothing():
    assert case(0.0, 0.9) == ([], [])


def test_significant_excess_is_a_neutral_candidate_and_the_track_stays():
    assert case(30.0, 5.5, (10.0, 0.01)) == ([10.0], [20.0])


def test_insignificant_excess_corrects_the_track():
    tracks, neutrals = case(12.0, 3.0, (10.0, 0.1))
    assert neutrals == []
    assert tracks == pytest.approx([weighted(10, 1, 12, 3)])


def test_excess_below_the_threshold_corrects_the_track_however_significant():
    tracks, neutrals = case(10.9, 0.1, (10.0, 0.01))
    assert neutrals == []
    assert tracks == pytest.approx([weighted(10, 0.1, 10.9, 0.1)])


def test_deficit_corrects_the_track():
    tracks, neutrals = case(6.0, 2.5, (10.0, 0.2))
    assert neutrals == []
    assert tracks == pytest.approx([weighted(10, 2, 6, 2.5)])


def test_tower_below_threshold_still_weighs_with_its_resolution():
    tracks, _ = case(0.0, 0.9, (1.5, 0.02))
    assert tracks == pytest.approx([weighted(1.5, 0.03, 0, 0.9)])


def test_tracks_of_one_tower_share_its_correction():
    tracks, neutrals = case(35.0, 6.0, (10.0, 0.1), (20.0, 0.05))
    scale = weighted(30, math.sqrt(2), 35, 6) / 30
    assert neutrals == []
    assert tracks == pytest.approx([10 * scale, 20 * scale])


def test_resolution_of_tracks_counts_against_an_excess():
    assert case(35.0, 4.0, (30.0, 0.01))[1] == [5.0]
    assert case(35.0, 4.0, (30.0, 0.12))[1] == []


def test_calorimeter_that_sees_nothing_of_a_track_leaves_it_alone():
    assert case(20.0, 4.5, (10.0, 0.1), fractions=[0.0]) == ([10.0], [20.0])


def test_resolution_of_a_track_refers_to_its_deposit_where_the_tower_is_better():
    # At 100 GeV the HCAL has a relative resolution of 0.11.
    for relative, sigma in ((0.2, 0.2 * 70), (0.05, 0.05 * 100)):
        tracks, _ = case(72.0, 10.0, (100.0, relative), fractions=[0.7])
        assert tracks == pytest.approx([100 * weighted(70, sigma, 72, 10) / 70])


def test_perfect_track_is_never_corrected():
    assert case(9.0, 3.0, (10.0, 0.0))[0] == [10.0]


def test_charged_hadron_gives_its_track_and_at_times_the_upward_fluctuation_of_its_tower():
    events = 20_000
    found = detector().candidates(gun(events, particle(211, 10.0)))
    tracks, neutrals = ak.num(found[found.charge == 1]), ak.num(found[found.charge == 0])
    assert not ak.any(found.pdgid == 22)
    assert ak.max(tracks) == 1
    assert ak.max(neutrals) == 1
    # 4 binomial standard deviations around the efficiency, and around the 12.3% of extra neutral hadrons
    # that a log-normal of 33% relative width has above 1 sigma of its own smeared value.
    assert ak.mean(tracks) == pytest.approx(0.97, abs=4 * math.sqrt(0.97 * 0.03 / events))
    extra = ak.mean(neutrals[tracks == 1])
    assert extra == pytest.approx(0.123, abs=0.005 + 4 * math.sqrt(0.123 * 0.877 / events))
    assert ak.all(neutrals[tracks == 0] == 1)


def test_particle_flow_conserves_energy_in_the_mean():
    pion, energy = particle(211, 20.0), math.cosh(0.3)
    straight = propagate(*np.zeros((3, 1)), *np.array(pion[1:4]).reshape(3, 1), np.ones(1), VOLUME)
    kaon = particle(130, 60.0, eta=float(straight.eta[0]), phi=float(straight.phi[0]))
    for particles, total in (((kaon,), 60), ((pion, kaon), 80), ((particle(22, 40.0),), 40)):
        found = ak.to_numpy(ak.sum(detector().candidates(gun(20_000, *particles)).energy, axis=1))
        expected = total * energy if total != 80 else pion[4] + kaon[4]
        expected = kaon[4] if total == 60 else expected
        # 4 standard errors of the mean.
        assert found.mean() == pytest.approx(expected, abs=4 * found.std() / math.sqrt(len(found)))


# --- tracks -----------------------------------------------------------------------------------------


def test_candidates_keep_the_direction_and_are_massless():
    batch = batch_of(
        [particle(pdgid, 30.0, eta=eta) for pdgid in (211, -321, 2212, 3112, -11, 13) for eta in (-2, 0, 1)]
        * 40,
        [18] * 40,
    )
    found = detector().candidates(batch)
    assert tuple(ak.fields(found)) == CANDIDATE_FIELDS
    assert [str(found[name].type.content.content) for name in CANDIDATE_FIELDS] == ["int32", "int8"] + [
        "float64"
    ] * 6
    pt = np.hypot(found.px, found.py)
    np.testing.assert_allclose(ak.flatten(found.energy), ak.flatten(np.sqrt(pt**2 + found.pz**2)), rtol=1e-12)
    tracks = found[found.charge != 0]
    assert set(ak.flatten(tracks.pdgid).tolist()) == {211, -321, 2212, 3112, -11, 13}
    eta = ak.to_numpy(ak.flatten(np.arcsinh(tracks.pz / np.hypot(tracks.px, tracks.py))))
    assert np.abs(eta[:, None] - [-2, 0, 1]).min(axis=1).max() < 1e-9
    neutral = found[found.charge == 0]
    assert set(ak.flatten(neutral.pdgid).tolist()) == {0, 22}
    assert not ak.any(neutral.d0)
    assert not ak.any(neutral.dz)


def test_vertex_spread_shifts_all_tracks_of_an_event_and_nothing_else_of_theirs():
    particles = (particle(13, 5.0), particle(-13, 8.0, x=1.0, y=-2.0, z=4.0))
    still = detector().candidates(gun(400, *particles))
    moved = detector(vertex_sigma_z=53.0).candidates(gun(400, *particles))
    both = (ak.num(still) == 2) & (ak.num(moved) == 2)
    shift = ak.to_numpy((moved.dz - still.dz)[both])
    np.testing.assert_allclose(shift[:, 0], shift[:, 1], rtol=0, atol=1e-9)
    # 4 standard errors of the width and of the mean of 400 events.
    assert shift[:, 0].std() == pytest.approx(53, rel=4 / math.sqrt(800))
    assert abs(shift[:, 0].mean()) < 4 * 53 / 20
    assert same(still.d0[both], moved.d0[both])


def test_impact_parameters_are_smeared_only_on_request():
    batch = gun(2000, particle(13, 5.0, x=0.3))
    exact = detector().candidates(batch)
    smeared = detector(d0_resolution=0.02, dz_resolution=0.05).candidates(batch)
    assert same(exact.px, smeared.px)
    assert len(set(ak.flatten(exact.d0).tolist())) == 1
    for name, width in (("d0", 0.02), ("dz", 0.05)):
        difference = ak.to_numpy(ak.flatten(smeared[name] - exact[name]))
        assert difference.std() == pytest.approx(width, rel=4 / math.sqrt(2 * len(difference)))


@pytest.mark.parametrize(
    "name", ["efficiency", "track_resolution", "calorimeter_resolution", "calorimeter_scale"]
)
def test_variation_changes_what_it_names(name):
    batch = gun(4000, particle(13, 50.0, eta=3.0), particle(22, 50.0, eta=-1.0))
    nominal, varied = detector().candidates(batch), detector(**{name: 0.9}).candidates(batch)

    def measured(found):
        muons, photons = found[found.pdgid == 13], found[found.pdgid == 22]
        return (
            ak.mean(ak.num(muons)),
            ak.std(np.hypot(muons.px, muons.py)),
            ak.std(photons.energy),
            ak.mean(photons.energy),
        )

    ratio = np.array(measured(varied)) / np.array(measured(nominal))
    expected = {
        "efficiency": [0.9, 1, 1, 1],
        "track_resolution": [1, 0.9, 1, 1],
        "calorimeter_resolution": [1, 1, 0.9, 1],
        "calorimeter_scale": [1, 1, 0.9, 0.9],
    }[name]
    # Both use the same random numbers, so that little fluctuates; photons have a further, fixed 1%.
    np.testing.assert_allclose(ratio, expected, atol=0.03)


def test_efficiency_never_exceeds_one():
    found = detector(efficiency=5.0).candidates(gun(500, particle(13, 5.0)))
    assert ak.all(ak.num(found) == 1)


# --- batches ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def events():
    return pythia_batch("higgs", 12)


def test_candidates_of_an_event_are_identical_in_every_batch(events):
    options = {"vertex_sigma_z": 53.0, "d0_resolution": 0.01}
    together = detector(**options).candidates(events)
    assert ak.min(ak.num(together)) > 20
    for chosen in ([row] for row in range(12)):
        assert same(detector(**options).candidates(part(events, np.array(chosen))), together[chosen])
    for chosen in ([11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0], [0, 1, 2, 3, 4], [7, 2, 9], [5, 5, 5]):
        assert same(detector(**options).candidates(part(events, np.array(chosen))), together[chosen])


def test_candidates_are_the_same_twice_and_differ_between_streams(events):
    assert same(detector().candidates(events), detector().candidates(events))
    nominal = detector().candidates(events)
    for other in (detector(stream="seed"), detector(seed=2)):
        assert not set(ak.flatten(nominal.px).tolist()) & set(
            ak.flatten(other.candidates(events).px).tolist()
        )


def test_replicas_of_the_detector_share_the_particles(events):
    """Muons are found for certain: the same ones in all replicas, each time measured anew."""
    replicas = [
        detector(stream=f"detector_{number}").candidates(gun(20, particle(13, 40.0))) for number in (2, 3)
    ]
    pts = [ak.to_numpy(ak.flatten(np.hypot(found.px, found.py))) for found in replicas]
    assert len(pts[0]) == len(pts[1]) == 20
    assert not np.any(pts[0] == pts[1])
    np.testing.assert_allclose(pts, 40.0, rtol=0.05)


# --- faulty input -----------------------------------------------------------------------------------


def test_failed_and_empty_events_keep_their_place():
    batch = batch_of([particle(22, 50.0)] * 2, [1, 0, 1], succeeded=[True, False, True])
    assert ak.num(detector().candidates(batch)).tolist() == [1, 0, 1]


def test_batch_without_events_or_without_particles_gives_no_candidates():
    found = detector(vertex_sigma_z=53.0).candidates(batch_of([], []))
    assert len(found) == 0
    assert tuple(ak.fields(found)) == CANDIDATE_FIELDS
    assert detector().candidates(batch_of([], [0, 0])).tolist() == [[], []]


def test_event_beside_an_impossible_one_is_unchanged():
    good, bad = particle(22, 50.0), particle(22, np.nan)
    alone = detector().candidates(part(batch_of([good, good, good], [1, 1, 1]), slice(2, 3)))
    beside = detector().candidates(batch_of([good, bad, good], [1, 1, 1]))
    assert same(alone, ak.drop_none(beside)[1:])


@pytest.mark.parametrize("pdgid", [211, 22, 130, 13])
@pytest.mark.parametrize(("x", "z"), [(1291.0, 0.0), (0.0, 3001.0), (0.0, -3001.0), (5000.0, 9000.0)])
def test_particles_produced_outside_the_volume_leave_no_trace(pdgid, x, z):
    assert ak.num(detector().candidates(gun(3, particle(pdgid, 50.0, x=x, z=z)))).tolist() == [0, 0, 0]


@pytest.mark.parametrize("pdgid", [211, 22, 130, 13])
@pytest.mark.parametrize("pz", [100.0, -100.0, 0.0])
def test_particles_without_transverse_momentum_leave_no_trace(pdgid, pz):
    row = (pdgid, 0.0, 0.0, pz, abs(pz) + 0.1, 0.0, 0.0, 0.0, 0.0)
    with np.errstate(all="raise", under="ignore"):
        assert ak.num(detector().candidates(gun(3, row))).tolist() == [0, 0, 0]


def test_charged_particle_that_circles_for_ever_leaves_no_trace():
    assert ak.num(detector().candidates(gun(3, particle(211, 0.5, eta=0.0)))).tolist() == [0, 0, 0]
