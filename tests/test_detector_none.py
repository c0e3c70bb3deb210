import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jets_samples import batch_of, part, pythia_batch

from jetresim.campaign.errors import ShowerError
from jetresim.detectors.helix import perigee
from jetresim.detectors.none import NoDetector
from jetresim.detectors.parametrized import ParametrizedDetector
from jetresim.detectors.particle_properties import Kind, charge_and_visibility
from jetresim.detectors.protocol import CANDIDATE_FIELDS

GEV_PER_TESLA_MM = 0.299792458e-3


def derivative(state, energy, bending):
    """Lorentz force in a field along +z; the state is x, y, z [mm], px, py, pz [GeV], per mm/c."""
    px, py, pz = state[3:] / energy
    return np.array([px, py, pz, bending * py, -bending * px, 0 * pz])


def runge_kutta(state, energy, bending, step):
    first = derivative(state, energy, bending)
    second = derivative(state + step / 2 * first, energy, bending)
    third = derivative(state + step / 2 * second, energy, bending)
    fourth = derivative(state + step * third, energy, bending)
    return state + step / 6 * (first + 2 * second + 2 * third + fourth)


def closest_by_integration(state, energy, charge, field, steps=4000):
    """Step half a turn both ways, then refine the closest point by Newton steps on x·px + y·py."""
    bending = GEV_PER_TESLA_MM * field * charge
    best, best_time, best_radius = state.copy(), np.zeros(len(energy)), np.hypot(*state[:2])
    for sign in (-1, 1):
        now, step = state.copy(), sign * np.pi * energy / np.abs(bending) / steps
        for number in range(1, steps + 1):
            now = runge_kutta(now, energy, bending, step)
            closer = np.hypot(*now[:2]) < best_radius
            best[:, closer], best_time[closer] = now[:, closer], (number * step)[closer]
            best_radius[closer] = np.hypot(*now[:2, closer])
    for _ in range(6):
        x, y, _, px, py, _ = best
        slope = (px**2 + py**2 + bending * (x * py - y * px)) / energy
        step = -(x * px + y * py) / slope
        best, best_time = runge_kutta(best, energy, bending, step), best_time + step
    return best, best_time


def random_particles(number, seed=3):
    random = np.random.default_rng(seed)
    pt, phi, eta = (
        10 ** random.uniform(-0.5, 2, number),
        random.uniform(-np.pi, np.pi, number),
        random.normal(size=number),
    )
    radius, angle = 10 ** random.uniform(-2, 2.3, number), random.uniform(-np.pi, np.pi, number)
    position = np.array([radius * np.cos(angle), radius * np.sin(angle), random.normal(0, 50, number)])
    momentum = np.array([pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)])
    energy = np.sqrt(np.sum(momentum**2, axis=0) + 0.1396**2)
    return position, momentum, energy, random.choice([-2, -1, 1, 2], number)


def test_perigee_agrees_with_step_by_step_integration():
    position, momentum, energy, charge = random_particles(80)
    found = perigee(*position, *momentum, energy, charge, field=3.8)
    state, time = closest_by_integration(np.concatenate([position, momentum]), energy, charge, 3.8)
    x, y, z, px, py, pz = state
    pt = np.hypot(px, py)
    np.testing.assert_allclose(found.d0, (x * py - y * px) / pt, rtol=0, atol=1e-6)
    np.testing.assert_allclose(found.dz, z - (x * px + y * py) / pt * pz / pt, rtol=0, atol=1e-6)
    np.testing.assert_allclose([found.x, found.y, found.z], [x, y, z], rtol=0, atol=1e-6)
    np.testing.assert_allclose([found.px, found.py, found.pz], [px, py, pz], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.time, time, rtol=0, atol=1e-5)


def test_without_field_or_charge_the_track_is_straight():
    (x, y, z), (px, py, pz), energy, charge = random_particles(50)
    pt = np.hypot(px, py)
    d0, dz = (x * py - y * px) / pt, z - (x * px + y * py) / pt * pz / pt
    for straight in (
        perigee(x, y, z, px, py, pz, energy, charge, field=0.0),
        perigee(x, y, z, px, py, pz, energy, 0 * charge, field=3.8),
        perigee(x, y, z, px, py, pz, energy, charge, field=1e-9),
    ):
        np.testing.assert_allclose(straight.d0, d0, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(straight.dz, dz, rtol=1e-6, atol=1e-6)


def test_d0_of_a_stiff_track_keeps_its_digits():
    one = np.ones(1)
    found = perigee(1e-5 * one, -1e-6 * one, 0 * one, 5000 * one, 0 * one, 0 * one, 5000 * one, one)
    curvature = GEV_PER_TESLA_MM * 3.8 / 5000
    # To first order in the curvature k: a + k b²/2, with a = x·sin − y·cos and b = x·cos + y·sin.
    assert found.d0[0] == pytest.approx(1e-6 + curvature * 1e-10 / 2, rel=1e-12)


def test_d0_has_the_sign_of_rs3l():
    one = np.ones(1)
    found = perigee(0 * one, -one, 3 * one, 10 * one, 0 * one, 5 * one, 12 * one, 0 * one)
    assert found.d0[0] == 1
    assert found.dz[0] == 3


def test_particles_along_the_beam_and_circles_around_it_have_finite_parameters():
    radius = 1 / (GEV_PER_TESLA_MM * 3.8)  # of 1 GeV
    x, y = np.array([3.0, 0.0, 0.0]), np.array([4.0, 0.0, radius])
    px, pz = np.array([0.0, 0.0, 1.0]), np.array([7.0, -7.0, 0.0])
    found = perigee(x, y, x, px, 0 * px, pz, np.full(3, 8.0), np.ones(3, dtype=int))
    assert np.all(np.isfinite(np.array(found)))
    np.testing.assert_allclose(found.d0, [5, 0, -radius])
    np.testing.assert_allclose(found.dz[:2], x[:2])
    np.testing.assert_allclose([found.x[0], found.y[0]], [3, 4])


coordinates = st.floats(-1e3, 1e3)


@given(coordinates, coordinates, st.floats(0.1, 1e3), st.floats(-np.pi, np.pi), st.sampled_from([-1, 1]))
def test_no_point_of_the_helix_is_closer_than_the_perigee(x, y, pt, phi, charge):
    one = np.ones(1)
    momentum = pt * np.cos(phi) * one, pt * np.sin(phi) * one, 0 * one
    found = perigee(x * one, y * one, 0 * one, *momentum, pt * one, np.array([charge]))
    radius = pt / (GEV_PER_TESLA_MM * 3.8 * charge)
    angle = phi - np.linspace(-np.pi, np.pi, 301)
    track = np.hypot(x + radius * (np.sin(phi) - np.sin(angle)), y + radius * (np.cos(angle) - np.cos(phi)))
    assert abs(found.d0[0]) <= track.min() + 1e-9 * (abs(radius) + 1)
    assert np.hypot(found.px, found.py)[0] == pytest.approx(pt, rel=1e-12)
    assert np.hypot(found.x, found.y)[0] == pytest.approx(abs(found.d0[0]))
    assert abs(found.time[0]) <= np.pi * abs(radius) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("pdgid", "charge", "visible"),
    [
        (22, 0, True),
        (11, -1, True),
        (-13, 1, True),
        (211, 1, True),
        (-2212, -1, True),
        (3112, -1, True),
        (130, 0, True),
        (2112, 0, True),
        (3122, 0, True),
        (1000020040, 2, True),
        (1000000010, 0, True),
        (1009213, 1, True),
        (1000993, 0, True),
        (-12, 0, False),
        (14, 0, False),
        (16, 0, False),
        (1000022, 0, False),
        (1000039, 0, False),
        (9900012, 0, False),
        (52, 0, False),
        (-4900211, 0, False),
        (25, 0, False),
    ],
)
def test_charge_and_visibility_follow_the_pdg_id(pdgid, charge, visible):
    found = charge_and_visibility(np.array([22, pdgid]))
    assert (found[0][1], found[1][1]) == (charge, visible)
    assert (found[0].dtype, found[1].dtype) == (np.int8, np.bool_)


NO_FINAL_STATE = {
    **dict.fromkeys((1, 2, 21, -2101), Kind.PARTON),
    **dict.fromkeys((0, 9941003, 12345678, -(2**31), 2**31 - 1), Kind.UNKNOWN),
}


@pytest.mark.parametrize(("pdgid", "kind"), NO_FINAL_STATE.items())
def test_what_is_no_final_state_is_told_apart(pdgid, kind):
    charge, visible, kinds = charge_and_visibility(np.array([211, pdgid], dtype=np.int32))
    assert kinds.tolist() == [Kind.HADRON, kind]
    assert (charge.tolist(), visible.tolist()) == ([1, 0], [True, False])


def particle(pdgid=211, pt=5.0, x=0.0, y=0.0, z=0.0, pz=0.0):
    return (pdgid, pt, 0.0, pz, np.hypot(pt, pz) + 1, x, y, z, 0.0)


def test_candidates_are_the_visible_particles_in_their_order():
    batch = batch_of([particle(22), particle(12), particle(-211), particle(1000022), particle(2112)], [3, 2])
    found = NoDetector().candidates(batch)
    assert found.pdgid.tolist() == [[22, -211], [2112]]
    assert found.charge.tolist() == [[0, -1], [0]]
    assert tuple(ak.fields(found)) == CANDIDATE_FIELDS
    assert [str(found[name].type.content.content) for name in ("pdgid", "charge", "px", "d0")] == [
        "int32",
        "int8",
        "float64",
        "float64",
    ]


def test_only_charged_candidates_have_impact_parameters():
    batch = batch_of([particle(211, x=1.0, y=-2.0, z=3.0), particle(22, x=1.0, y=-2.0, z=3.0)], [2])
    found = NoDetector(field=0.0).candidates(batch)
    assert found.d0.tolist() == [[2.0, 0.0]]
    assert found.dz.tolist() == [[3.0, 0.0]]


def test_the_field_bends_the_track_of_a_displaced_particle():
    batch = batch_of([particle(211, pt=1.0, x=500.0)], [1])
    assert NoDetector(field=0.0).candidates(batch).d0[0, 0] == 0
    bent = NoDetector().candidates(batch).d0[0, 0]
    assert bent == pytest.approx(np.hypot(500, 1 / (GEV_PER_TESLA_MM * 3.8)) - 1 / (GEV_PER_TESLA_MM * 3.8))
    assert NoDetector(field=-3.8).candidates(batch).d0[0, 0] == pytest.approx(-bent)


def test_pt_min_only_leaves_out():
    batch = pythia_batch("qcd", 12)
    everything, hard = NoDetector().candidates(batch), NoDetector(pt_min=1.0).candidates(batch)
    expected = everything[np.hypot(everything.px, everything.py) >= 1.0]
    assert ak.array_equal(hard, expected)
    assert ak.num(hard).tolist() != ak.num(everything).tolist()


def test_failed_event_keeps_its_place():
    batch = batch_of([particle(), particle(22)], [1, 0, 1], succeeded=[True, False, True])
    assert NoDetector().candidates(batch).pdgid.tolist() == [[211], [], [22]]


def test_batch_without_events_gives_no_candidates():
    found = NoDetector().candidates(batch_of([], []))
    assert len(found) == 0
    assert tuple(ak.fields(found)) == CANDIDATE_FIELDS


IMPOSSIBLE = {
    "momentum": (1, np.nan),
    "momentum beyond single precision": (3, 1e200),
    "infinite energy": (4, np.inf),
    "negative energy": (4, -1.0),
    "energy below momentum": (4, 4.999),
    "vertex": (7, np.nan),
    "time": (8, np.inf),
    "gluon": (0, 21),
    "quark": (0, -2),
    "diquark": (0, 2101),
    "unknown id": (0, 12345678),
    "no id": (0, 0),
    "highest id": (0, 2**31 - 1),
    "lowest id": (0, -(2**31)),
}
DETECTORS = {"none": NoDetector(pt_min=1.0), "cms_phase2": ParametrizedDetector(1, "nominal")}


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS.keys())
@pytest.mark.parametrize(("column", "value"), IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_event_with_an_impossible_particle_is_absent_and_named_and_the_others_unchanged(
    detector, column, value, caplog
):
    broken = list(particle())
    broken[column] = value
    good = [particle(22, 50.0), particle(130, 50.0), particle(2112, 90.0)]
    with np.errstate(all="raise"):
        found = detector.candidates(batch_of([good[0], broken, good[1], good[2]], [1, 0, 2, 1]))
        whole = detector.candidates(batch_of([good[0], particle(), good[1], good[2]], [1, 0, 2, 1]))
    assert found[2] is None
    assert [found[row].tolist() for row in (0, 1, 3)] == [whole[row].tolist() for row in (0, 1, 3)]
    assert ak.num(whole[[0, 3]]).tolist() == [1, 1]
    (record,) = caplog.records
    assert record.message.startswith(f"event 12 is unphysical: it has PDG id {int(broken[0])}, px = ")


@pytest.mark.parametrize("energy", [np.hypot(3e3, 4e3), np.float64(np.float32(5000.00049)), 4999.996])
def test_energy_below_momentum_by_rounding_is_no_fault(energy):
    one = (22, 3e3, 4e3, 0.0, energy, 0.0, 0.0, 0.0, 0.0)
    assert NoDetector().candidates(batch_of([one], [1])).energy.tolist() == [[energy]]


def test_soft_photon_that_lost_its_digits_in_a_boost_is_no_fault():
    one = (22, 3e-9, 4e-9, 0.0, 1e-9, 0.0, 0.0, 0.0, 0.0)
    assert ak.num(NoDetector().candidates(batch_of([one], [1]))).tolist() == [1]


@pytest.mark.parametrize("detector", DETECTORS.values(), ids=DETECTORS.keys())
def test_batch_of_partons_alone_is_a_fault_of_the_settings(detector):
    partons = [particle(21), particle(2), particle(-11), particle(2101)]
    with pytest.raises(ShowerError, match=r"PDG id 21: a parton.*HadronLevel:all") as error:
        detector.candidates(batch_of(partons, [1, 0, 3]))
    assert "\n" not in str(error.value)


def test_candidates_of_an_event_do_not_depend_on_its_batch():
    batch = pythia_batch("qcd", 12)
    together = NoDetector().candidates(batch)
    alone = [NoDetector().candidates(part(batch, slice(row, row + 1))) for row in reversed(range(12))]
    assert ak.array_equal(together, ak.concatenate(alone[::-1]))
