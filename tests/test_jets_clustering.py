import subprocess
import sys

import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jets_samples import candidates_of, pythia_candidates

from jetresim.campaign.config import Jets
from jetresim.detectors.columns import from_columns, segments, select, to_columns
from jetresim.detectors.protocol import CANDIDATE_FIELDS
from jetresim.jets.clustering import azimuth, cluster

LOOSE = Jets(pt_min=20.0, eta_max=5.0, constituent_pt_min=0.5)
POWER = {"antikt": -1, "cambridge": 0, "kt": 1}


def rapidity_and_azimuth(momentum):
    px, py, pz, energy = momentum
    return 0.5 * np.log((energy + pz) / (energy - pz)), np.arctan2(py, px)


def sequential_recombination(momenta, power, radius):
    """Inclusive generalized-kT clustering as its definition says; lists of indices of the particles."""
    active = [(np.array(momentum), [number]) for number, momentum in enumerate(momenta)]
    jets = []
    while active:
        pt = np.array([np.hypot(*momentum[:2]) for momentum, _ in active])
        rapidity, phi = np.array([rapidity_and_azimuth(momentum) for momentum, _ in active]).T
        delta_phi = np.abs(phi[:, None] - phi)
        delta_phi = np.minimum(delta_phi, 2 * np.pi - delta_phi)
        weight = pt ** (2 * power)
        distance = np.minimum(weight[:, None], weight) * (
            ((rapidity[:, None] - rapidity) ** 2 + delta_phi**2) / radius**2
        )
        np.fill_diagonal(distance, weight)
        first, second = np.unravel_index(np.argmin(distance), distance.shape)
        if first == second:
            jets.append(active.pop(first))
        else:
            one, other = active.pop(max(first, second)), active.pop(min(first, second))
            active.append((one[0] + other[0], one[1] + other[1]))
    return jets


def independent_jets(event, jets):
    momenta = np.array([event[name].to_numpy() for name in ("px", "py", "pz", "energy")]).T
    kept = np.flatnonzero(np.hypot(momenta[:, 0], momenta[:, 1]) > jets.constituent_pt_min)
    found = sequential_recombination(momenta[kept], POWER[jets.algorithm], jets.radius)
    found = [(np.hypot(*momentum[:2]), momentum, sorted(kept[members])) for momentum, members in found]
    found = [
        one for one in found if one[0] > jets.pt_min and abs(np.arcsinh(one[1][2] / one[0])) < jets.eta_max
    ]
    return sorted(found, key=lambda one: -one[0])


@pytest.mark.parametrize("algorithm", POWER)
@pytest.mark.parametrize("radius", [0.4, 0.8])
def test_jets_are_those_of_the_definition(algorithm, radius):
    jets = LOOSE.model_copy(update={"algorithm": algorithm, "radius": radius})
    candidates = pythia_candidates("qcd", 12)[:3]
    candidates = ak.with_field(candidates, ak.local_index(candidates, axis=1), "number")
    for event, found in zip(candidates, cluster(candidates, jets), strict=True):
        expected = independent_jets(event, jets)
        assert len(expected) > 1
        assert [sorted(members) for members in found.constituents.number.tolist()] == [
            one[2] for one in expected
        ]
        for jet, (pt, momentum, _) in zip(found, expected, strict=True):
            assert jet.pt == pytest.approx(pt)
            assert jet.energy == pytest.approx(momentum[3])
            assert jet.eta == pytest.approx(np.arcsinh(momentum[2] / pt))
            assert jet.phi == pytest.approx(np.arctan2(momentum[1], momentum[0]))
            assert jet.mass == pytest.approx(np.sqrt(momentum[3] ** 2 - np.sum(momentum[:3] ** 2)))


def test_constituents_carry_all_fields_of_the_candidates():
    candidates = pythia_candidates("qcd", 12)
    jets = cluster(candidates, Jets())
    assert ak.fields(jets.constituents) == ak.fields(candidates)
    leading = jets[3, 0].constituents
    original = candidates[3][ak.Array([pt in leading.px.tolist() for pt in candidates[3].px.tolist()])]
    assert ak.array_equal(leading, original)


def test_jet_is_the_sum_of_its_constituents():
    jets = cluster(pythia_candidates("higgs", 12), LOOSE)
    total = {name: ak.sum(jets.constituents[name], axis=2) for name in ("px", "py", "energy")}
    np.testing.assert_allclose(ak.flatten(np.hypot(total["px"], total["py"])), ak.flatten(jets.pt))
    np.testing.assert_allclose(ak.flatten(total["energy"]), ak.flatten(jets.energy))


def test_cuts_are_applied_and_jets_come_in_order_of_pt():
    candidates = candidates_of(
        [
            [
                (500, 2.4, 0),
                (450, 2.6, 2),
                (450, -2.6, 2),
                (600, -1, 3),
                (399, 0, 1.5),
                (400.5, 0, -1.5),
                (0.9, -1, 3),
            ],
            [],
        ]
    )
    jets = cluster(candidates, Jets())
    assert jets.pt.tolist() == [pytest.approx([600, 500, 400.5]), []]
    assert ak.num(jets.constituents, axis=2).tolist() == [[1, 1, 1], []]


def test_the_search_may_end_at_the_first_jet_outside():
    events = [
        [(700, 0, 0), (600, 2.6, 1), (500, 1, 2), (450, 0.5, -2)],
        [(500, 0, 0), (450, 1, 2)],
        [(500, -2.6, 0), (450, 1, 2)],
        [],
    ]
    jets = cluster(candidates_of(events), Jets(stop_at_eta_max=True))
    assert jets.pt.tolist() == [pytest.approx(pt) for pt in ([700], [500, 450], [], [])]


def test_cuts_exclude_their_bounds():
    candidates = candidates_of([[(512.0, 0, 0), (1.0, 0.1, 0.1)]])
    assert ak.num(cluster(candidates, Jets(constituent_pt_min=1.0))[0, 0].constituents, axis=0) == 1
    assert ak.num(cluster(candidates, Jets(pt_min=512.0))).tolist() == [0]


@pytest.mark.parametrize("events", [[], [[]], [[], []], [[(5, 0, 0)]], [[], [(5, 0, 0), (6, 1, 1)], []]])
def test_events_without_candidates_or_jets_have_empty_lists(events):
    jets = cluster(candidates_of(events), Jets())
    assert ak.num(jets, axis=1).tolist() == [0] * len(events)
    assert ak.fields(jets) == ["pt", "eta", "phi", "energy", "mass", "constituents"]
    assert "px" in ak.fields(jets.constituents)


def test_missing_events_keep_their_place():
    candidates = candidates_of([[(500, 0, 0)], [(600, 0, 0)], [(700, 0, 0)]])
    masked = ak.mask(candidates, [True, False, True])
    assert cluster(masked, Jets()).pt.tolist() == [pytest.approx([500]), [], pytest.approx([700])]


@pytest.mark.parametrize("rows", [slice(None, None, -1), slice(3, 9), slice(1, None, 3), [7, 2, 2, 11]])
def test_sliced_and_reordered_arrays_give_the_same_jets(rows):
    candidates = pythia_candidates("qcd", 12)
    assert ak.array_equal(cluster(candidates[rows], Jets()), ak.to_packed(cluster(candidates, Jets())[rows]))


def test_jets_of_an_event_do_not_depend_on_its_batch():
    candidates = pythia_candidates("higgs", 12)
    alone = [cluster(candidates[row : row + 1], LOOSE) for row in range(12)]
    assert ak.array_equal(cluster(candidates, LOOSE), ak.concatenate(alone))


def test_candidates_without_transverse_momentum_are_left_out():
    candidates = candidates_of([[(500, 0, 1), (0.0, 0, 0, 0.5)]])
    jets = cluster(candidates, Jets(constituent_pt_min=0.0))
    assert ak.num(jets.constituents, axis=2).tolist() == [[1]]


@pytest.mark.parametrize(
    ("field", "value"), [("px", np.nan), ("pz", np.inf), ("energy", 0.0), ("energy", np.nan), ("d0", np.nan)]
)
def test_event_with_an_impossible_candidate_has_no_list_of_jets(field, value):
    events = [[(500, 0, 1)], [], [(600, 0, 0), (4, 0, 0)], [(700, 1, 2)]]
    columns, counts = to_columns(candidates_of(events))
    columns[field] = columns[field].copy()
    columns[field][1] = value
    jets = cluster(from_columns(columns, counts), Jets())
    assert jets.pt.tolist() == [[pytest.approx(500)], [], None, [pytest.approx(700)]]


@st.composite
def views(draw):
    """Candidates in some layout: sliced, reordered, masked, one view of another."""
    array = pythia_candidates("qcd", 12)
    for _ in range(draw(st.integers(1, 3))):
        size = len(array)
        start, stop = sorted(draw(st.tuples(st.integers(0, size), st.integers(0, size))))
        kind = draw(st.sampled_from(["slice", "take", "inner", "option"]))
        if kind == "slice":
            array = array[start : stop : draw(st.integers(1, 3))]
        elif kind == "take":
            array = array[np.array(draw(st.permutations(range(size)))[start:], dtype=np.int64)]
        elif kind == "inner":
            array = array[:, draw(st.integers(0, 5)) :]
        else:
            array = ak.mask(array, np.arange(size) >= start)
    return array


def copied(array):
    """The same candidates in fresh memory, made of plain numbers."""
    events = [event or [] for event in array.to_list()]
    rows = [candidate for event in events for candidate in event]
    kinds = {"pdgid": np.int32, "charge": np.int8}
    fields = {
        name: np.array([row[name] for row in rows], kinds.get(name, np.float64)) for name in CANDIDATE_FIELDS
    }
    return from_columns(fields, np.array([len(event) for event in events], dtype=np.int64))


@given(views())
@settings(max_examples=40, deadline=None)
def test_views_that_do_not_begin_at_zero_are_clustered_like_their_copies(view):
    # scikit-hep/fastjet issue 400: such arrays were clustered with the particles of other events.
    assert cluster(view, LOOSE).to_list() == cluster(copied(view), LOOSE).to_list()


def test_azimuth_excludes_minus_pi():
    assert azimuth(np.array([-1.0, -1.0]), np.array([-0.0, 0.0])).tolist() == [np.pi, np.pi]


def test_fastjet_prints_no_banner():
    program = (
        "from jets_samples import candidates_of; from jetresim.jets.clustering import cluster; "
        "from jetresim.campaign.config import Jets; "
        "print(len(cluster(candidates_of([[(500, 0, 0)]]), Jets())[0]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}; {program}"],
        capture_output=True,
        check=True,
    )
    assert result.stdout == b"1\n"


lists_of_counts = st.lists(st.integers(0, 4), max_size=8)


@given(lists_of_counts, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_columns_are_an_inverse_of_lists(counts, random):
    columns = {"number": np.arange(sum(counts)), "half": np.arange(sum(counts)) / 2}
    array = from_columns(columns, np.array(counts, dtype=np.int64))
    back, lengths = to_columns(array)
    assert lengths.tolist() == counts
    assert back["half"].tolist() == columns["half"].tolist()
    keep = np.array([random.random() < 0.5 for _ in range(sum(counts))], dtype=bool)
    kept = from_columns(*select(columns, lengths, keep))
    mask = ak.unflatten(keep, lengths)
    assert kept.number.tolist() == array.number[mask].tolist()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5)), max_size=8))
def test_segments_lists_the_elements_of_runs(runs):
    starts, lengths = np.array(runs, dtype=np.int64).reshape(-1, 2).T
    expected = [start + step for start, length in runs for step in range(length)]
    assert segments(starts, lengths).tolist() == expected
