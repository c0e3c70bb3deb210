from itertools import combinations

import awkward as ak
import numpy as np
import pytest
from jets_samples import candidates_of, pythia_candidates

from jetresim.campaign.config import Jets, SoftDrop
from jetresim.jets.clustering import cluster
from jetresim.jets.schema import SUBSTRUCTURE_FIELDS
from jetresim.jets.substructure import SUBSTRUCTURE, substructure

JETS = Jets(pt_min=200.0)


def sample(process="qcd", jets=JETS, events=12):
    return ak.flatten(cluster(pythia_candidates(process, events), jets), axis=1)


def cartesian(jet):
    return np.array([jet.constituents[name].to_numpy() for name in ("px", "py", "pz", "energy")]).T


def directions(momenta):
    px, py, pz, energy = momenta.T
    return np.hypot(px, py), 0.5 * np.log((energy + pz) / (energy - pz)), np.arctan2(py, px)


def distances(rapidity1, phi1, rapidity2, phi2):
    delta_phi = np.abs(phi1[:, None] - phi2)
    return np.hypot(rapidity1[:, None] - rapidity2, np.minimum(delta_phi, 2 * np.pi - delta_phi))


def invariant_mass(momentum):
    return np.sqrt(max(momentum[3] ** 2 - np.sum(momentum[:3] ** 2), 0.0))


def energy_correlators(jet):
    """e2, e3 and the three-point function with the two smaller angles, by sums over pairs and triplets."""
    pt, rapidity, phi = directions(cartesian(jet))
    z, angle = pt / pt.sum(), distances(rapidity, phi, rapidity, phi)
    e2 = sum(z[i] * z[j] * angle[i, j] for i, j in combinations(range(len(z)), 2))
    e3 = two_smaller = 0.0
    for i, j, k in combinations(range(len(z)), 3):
        angles = sorted([angle[i, j], angle[i, k], angle[j, k]])
        e3 += z[i] * z[j] * z[k] * np.prod(angles)
        two_smaller += z[i] * z[j] * z[k] * angles[0] * angles[1]
    return e2, e3, two_smaller


def cambridge_aachen(momenta):
    """Binary tree of (momentum, left, right)."""
    nodes = [(momentum, None, None) for momentum in momenta]
    while len(nodes) > 1:
        _, rapidity, phi = directions(np.array([node[0] for node in nodes]))
        distance = distances(rapidity, phi, rapidity, phi)
        np.fill_diagonal(distance, np.inf)
        i, j = sorted(np.unravel_index(np.argmin(distance), distance.shape))
        right, left = nodes.pop(j), nodes.pop(i)
        nodes.append((left[0] + right[0], left, right))
    return nodes[0]


def soft_drop(jet, soft_drop, radius):
    momentum, left, right = cambridge_aachen(cartesian(jet))
    while left is not None:
        pt, rapidity, phi = directions(np.array([left[0], right[0]]))
        angle = distances(rapidity[:1], phi[:1], rapidity[1:], phi[1:])[0, 0]
        if min(pt) / sum(pt) > soft_drop.z_cut * (angle / radius) ** soft_drop.beta:
            break
        momentum, left, right = left if pt[0] > pt[1] else right
    return invariant_mass(momentum)


def winner_take_all_axes(jet, number):
    """Exclusive kT; a pair becomes a massless object with the pT of both in the direction of the harder."""
    pt, rapidity, phi = directions(cartesian(jet))
    while len(pt) > number:
        distance = np.minimum.outer(pt, pt) * distances(rapidity, phi, rapidity, phi)
        np.fill_diagonal(distance, np.inf)
        i, j = np.unravel_index(np.argmin(distance), distance.shape)
        harder, softer = (i, j) if pt[i] >= pt[j] else (j, i)
        pt[harder] += pt[softer]
        pt, rapidity, phi = (np.delete(values, softer) for values in (pt, rapidity, phi))
    return rapidity, phi


def n_subjettiness(jet, number, radius):
    pt, rapidity, phi = directions(cartesian(jet))
    return np.sum(pt * distances(rapidity, phi, *winner_take_all_axes(jet, number)).min(axis=1)) / (
        radius * pt.sum()
    )


@pytest.mark.parametrize("process", ["qcd", "higgs"])
def test_correlators_agree_with_sums_over_pairs_and_triplets(process):
    jets = sample(process)
    found = substructure(jets, JETS)
    assert len(jets) >= 12
    e2, e3, two_smaller = np.array([energy_correlators(jet) for jet in jets]).T
    np.testing.assert_allclose(found["n2"], two_smaller / e2**2, rtol=1e-5)
    np.testing.assert_allclose(found["d2"], e3 / e2**3, rtol=1e-5)


@pytest.mark.parametrize("process", ["qcd", "higgs"])
@pytest.mark.parametrize("radius", [0.4, 0.8])
def test_n_subjettiness_agrees_with_its_definition(process, radius):
    settings = Jets(pt_min=200.0, radius=radius)
    jets = sample(process, settings)
    found = substructure(jets, settings)
    for number in (1, 2, 3, 4):
        expected = [n_subjettiness(jet, number, radius) for jet in jets]
        np.testing.assert_allclose(found[f"tau{number}"], expected, rtol=1e-5)


@pytest.mark.parametrize("process", ["qcd", "higgs"])
@pytest.mark.parametrize(("z_cut", "beta"), [(0.1, 0.0), (0.3, 0.0), (0.1, 1.0), (0.05, 2.0), (0.1, -1.0)])
def test_soft_drop_mass_agrees_with_declustering_step_by_step(process, z_cut, beta):
    settings = Jets(pt_min=200.0, soft_drop=SoftDrop(z_cut=z_cut, beta=beta))
    jets = sample(process, settings)
    found = substructure(jets, settings)["sdmass"]
    expected = [soft_drop(jet, settings.soft_drop, settings.radius) for jet in jets]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    assert np.any(found < 0.5 * substructure(jets, settings)["mass"])


def test_mass_agrees_with_the_sum_of_constituents():
    jets = sample("higgs")
    expected = [invariant_mass(cartesian(jet).sum(axis=0)) for jet in jets]
    np.testing.assert_allclose(substructure(jets, JETS)["mass"], expected, rtol=1e-5)


def few(constituents):
    return ak.flatten(cluster(candidates_of([constituents]), JETS), axis=1)


FEW = [(300, 0.0, 3.1), (200, 0.2, -3.1), (100, -0.1, 3.0), (50, 0.3, 3.05)]


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_quantities_without_meaning_are_zero(number):
    found = {name: values[0] for name, values in substructure(few(FEW[:number]), JETS).items()}
    assert all(np.isfinite(value) for value in found.values())
    nonzero = {name for name, value in found.items() if value > 1e-12}
    expected = {f"tau{axes}" for axes in range(1, number)}
    expected |= {"mass", "sdmass"} if number > 1 else set()
    expected |= {"n2", "d2"} if number > 2 else set()
    assert nonzero == expected


def test_massless_jets_have_no_negative_mass():
    random = np.random.default_rng(5)
    events = [[(random.uniform(300, 900), random.uniform(-2, 2), random.uniform(-3, 3))] for _ in range(50)]
    found = substructure(ak.flatten(cluster(candidates_of(events), JETS), axis=1), JETS)
    for name in ("mass", "sdmass"):
        assert len(found[name]) == 50
        assert np.all((found[name] >= 0) & (found[name] < 1e-3))


def test_collinear_constituents_give_finite_values():
    jets = few([(300, 0.5, 1.0), (200, 0.5, 1.0), (100, 0.5, 1.0), (50, 0.5, 1.0), (20, 0.5, 1.0)])
    found = substructure(jets, JETS)
    assert all(np.isfinite(values).all() for values in found.values())
    assert found["mass"][0] < 1e-4
    assert found["sdmass"][0] < 1e-4


def test_known_jets_of_two_and_three_prongs():
    two, three = (
        few([(300, 0.0, 0.0), (300, 0.4, 0.0)]),
        few([(200, 0.0, 0.0), (200, 0.3, 0.0), (200, 0.0, 0.3)]),
    )
    found = substructure(two, JETS)
    # The axis is one of two equal constituents, the other lies 0.4 from it.
    assert found["tau1"][0] == pytest.approx(0.5 * 0.4 / 0.8)
    assert found["mass"][0] == pytest.approx(300 * np.sqrt(2 * (np.cosh(0.4) - 1)))
    third, side, diagonal = 1 / 3, 0.3, 0.3 * np.sqrt(2)
    e2, product = third**2 * (2 * side + diagonal), third**3 * side**2
    assert substructure(three, JETS)["n2"][0] == pytest.approx(product / e2**2)
    assert substructure(three, JETS)["d2"][0] == pytest.approx(product * diagonal / e2**3)


@pytest.mark.parametrize("rows", [slice(None, None, -1), slice(2, 9), [5, 1, 1, 8]])
def test_sliced_and_reordered_jets_give_the_same_values(rows):
    jets = sample()
    everything, some = substructure(jets, JETS), substructure(jets[rows], JETS)
    for name, values in everything.items():
        assert some[name].tolist() == values[rows].tolist(), name


def test_order_of_constituents_does_not_matter():
    jets = sample()
    backwards = ak.with_field(jets, jets.constituents[:, ::-1], "constituents")
    for name, values in substructure(backwards, JETS).items():
        np.testing.assert_allclose(values, substructure(jets, JETS)[name], rtol=1e-9, atol=1e-9, err_msg=name)


def test_no_jets_give_no_values():
    assert {name: len(values) for name, values in substructure(sample()[:0], JETS).items()} == dict.fromkeys(
        SUBSTRUCTURE, 0
    )


def test_every_column_of_the_jets_table_has_its_function():
    assert tuple(SUBSTRUCTURE) == SUBSTRUCTURE_FIELDS
