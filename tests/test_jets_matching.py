import awkward as ak
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jetresim.campaign.config import Jets, Matching
from jetresim.campaign.status import Status
from jetresim.generators.events import Parton, TruthTarget
from jetresim.jets.matching import NO_JET, RULES, Truth, delta_r, match, within_reach

RS3L = Matching()


def parton(eta, phi, pdgid=1):
    return Parton(pdgid, 500.0, eta, phi, 500.0 * np.cosh(eta) if np.isfinite(eta) else 500.0)


def single(eta, phi):
    return TruthTarget("parton", 1, parton(eta, phi), ())


def resonance(axis, *daughters, kind="resonance"):
    return TruthTarget(kind, 4, parton(*axis, pdgid=25), tuple(parton(*one, pdgid=5) for one in daughters))


def partons_of(*targets):
    return Truth(targets, tuple(target.parton for target in targets))


def jets_at(*events):
    flat = np.array([jet for event in events for jet in event], dtype=float).reshape(-1, 2)
    return ak.unflatten(
        ak.zip({"eta": flat[:, 0], "phi": flat[:, 1]}),
        np.array([len(event) for event in events], dtype=np.int64),
    )


def outcome(jets, *truth, matching=RS3L):
    found = match(jets_at(*jets), truth, matching)
    return list(
        zip(
            found.event.tolist(),
            found.target.tolist(),
            found.status.tolist(),
            found.jet.tolist(),
            strict=True,
        )
    )


@pytest.mark.parametrize("kind", ["resonance", "splitting"])
@pytest.mark.parametrize(
    ("jet", "status"),
    [
        ((0.0, 0.0), "matched"),
        ((0.49, 0.0), "matched"),
        ((0.51, 0.0), "no jet"),  # the axis is too far
        ((-0.25, 0.0), "no jet"),  # the axis is near, the first daughter is 0.85 away
        ((0.0, -0.45), "matched"),
        ((0.0, -0.49), "no jet"),  # the second daughter is 0.89 away
    ],
)
def test_a_decay_needs_its_axis_and_all_its_daughters(kind, jet, status):
    target = resonance((0.0, 0.0), (0.6, 0.0), (0.0, 0.3), kind=kind)
    if jet == (0.0, -0.49):
        target = resonance((0.0, 0.0), (0.6, 0.0), (0.0, 0.4), kind=kind)
    [(event, number, found, index)] = outcome([[jet]], Truth((target,), ()))
    assert (event, number, found) == (0, 0, status)
    assert index == (0 if status == "matched" else NO_JET)


def test_a_parton_must_be_within_the_jet():
    assert outcome([[(0.79, 0.0)]], partons_of(single(0, 0)))[0][2] == "matched"
    assert outcome([[(0.81, 0.0)]], partons_of(single(0, 0)))[0][2] == "no jet"


def test_a_parton_must_be_the_only_one_within_the_jet():
    near, far = partons_of(single(0, 0), single(0.7, 0.0)), partons_of(single(0, 0), single(0.9, 0.0))
    assert [row[2] for row in outcome([[(0.0, 0.0)]], near)] == ["no jet", "no jet"]
    assert [row[2] for row in outcome([[(0.0, 0.0)]], far)] == ["matched", "no jet"]


def test_partons_that_are_no_targets_count_too():
    assert outcome([[(0.0, 0.0)]], Truth((single(0, 0),), (parton(0, 0), parton(0.5, 0))))[0][2] == "no jet"


def test_partons_do_not_spoil_a_resonance():
    truth = Truth((resonance((0, 0), (0.1, 0), (-0.1, 0)),), (parton(0.2, 0), parton(0.3, 0)))
    assert outcome([[(0.0, 0.0)]], truth)[0][2] == "matched"


def test_several_jets_are_ambiguous():
    truth = partons_of(single(0, 0))
    assert outcome([[(0.5, 0.0), (-0.5, 0.0)]], truth) == [(0, 0, "ambiguous", NO_JET)]
    assert outcome([[(2.5, 0.0), (-0.5, 0.0)]], truth) == [(0, 0, "matched", 1)]


def test_a_jet_belongs_to_at_most_one_target():
    first, second = (resonance((x, 0.0), (x, 0.1), (x, -0.1)) for x in (0.1, -0.1))
    assert outcome([[(0.0, 0.0), (3.0, 0.0)]], Truth((first, second), ())) == [
        (0, 0, "shared", NO_JET),
        (0, 1, "shared", NO_JET),
    ]


def test_a_jet_claimed_by_an_ambiguous_target_is_shared_too():
    wide, narrow = resonance((0.0, 0.0), (0.0, 0.0)), resonance((0.45, 0.0), (0.45, 0.0))
    jets = [(0.3, 0.0), (-0.3, 0.0)]
    assert [row[2] for row in outcome([jets], Truth((wide, narrow), ()))] == ["ambiguous", "shared"]


def test_of_an_event_the_first_jet_alone_may_be_kept():
    truth = partons_of(single(0, 0), single(2, 0), single(-2, 0))
    jets = [(2.0, 0.0), (0.0, 0.0)]
    first = Matching(first_only=True)
    assert outcome([jets, []], truth, truth, matching=first) == [
        (0, 0, "not first", NO_JET),
        (0, 1, "matched", 0),
        (0, 2, "no jet", NO_JET),
        *((1, target, "no jet", NO_JET) for target in range(3)),
    ]


def test_azimuth_wraps_around():
    assert outcome([[(0.0, 3.1)]], partons_of(single(0.0, -3.1))) == [(0, 0, "matched", 0)]
    zero, limits = np.zeros(3), np.array([3.1, -np.pi, 0.5])
    np.testing.assert_allclose(delta_r(zero, limits, zero, -limits), [2 * np.pi - 6.2, 0, 1], atol=1e-12)


def test_distances_come_from_the_config():
    truth, jets = Truth((resonance((0, 0), (0.6, 0)),), ()), [[(0.1, 0.0)]]
    assert outcome(jets, truth)[0][2] == "matched"
    assert outcome(jets, truth, matching=Matching(axis_dr=0.05))[0][2] == "no jet"
    assert outcome(jets, truth, matching=Matching(daughters_dr=0.4))[0][2] == "no jet"


def test_rows_keep_the_order_of_events_and_targets():
    truth = [partons_of(single(0, 0), single(2, 0)), Truth((), ()), partons_of(), partons_of(single(1, 1))]
    jets = [[(2.0, 0.1)], [(0.0, 0.0)], [], [(-1, 0), (1.0, 1.1)]]
    assert outcome(jets, *truth) == [(0, 0, "no jet", NO_JET), (0, 1, "matched", 0), (3, 0, "matched", 3)]


def test_partons_along_the_beam_are_within_no_jet():
    truth = Truth((single(0, 0), single(np.inf, 0)), (parton(0, 0), parton(np.inf, 0), parton(-np.inf, 0)))
    assert [row[2] for row in outcome([[(0.0, 0.0)]], truth)] == ["matched", "no jet"]


@pytest.mark.parametrize("truth", [[], [Truth((), ())], [Truth((), (parton(0, 0),))]])
def test_events_without_targets_have_no_rows(truth):
    assert outcome([[]] * len(truth), *truth) == []
    assert outcome([[(0.0, 0.0)]] * len(truth), *truth) == []


def test_every_event_needs_its_truth():
    with pytest.raises(ValueError, match="2 events with jets, 1 hard events"):
        match(jets_at([], []), [Truth((), ())], RS3L)


@pytest.mark.parametrize(
    ("target", "reach"),
    [
        (single(3.29, 0.0), True),
        (single(3.31, 0.0), False),  # no axis below 2.5 is within 0.8
        (single(np.inf, 0.0), False),
        (resonance((-2.9, 0.0), (-2.9, 0.1), (-2.9, -0.1)), True),
        (resonance((-3.1, 0.0), (-3.1, 0.1), (-3.1, -0.1)), False),  # none within 0.5
        (resonance((0.0, 3.1), (0.0, 2.4), (0.0, -2.4)), True),  # 1.48 apart, across the cut in azimuth
        (resonance((0.0, 3.1), (0.0, 2.3), (0.0, -2.3)), False),  # 1.68: farther than twice 0.8
        (resonance((0.0, 0.0), (0.1, 0.0), (1.31, 0.0)), False),  # farther from the axis than 0.5 + 0.8
    ],
)
def test_target_is_out_of_reach_where_no_axis_satisfies_its_rule(target, reach):
    assert within_reach(target, Jets()) is reach


DIRECTION = st.tuples(st.floats(-3.5, 3.5), st.floats(-np.pi, np.pi))


@given(st.lists(DIRECTION, max_size=3), DIRECTION, st.lists(DIRECTION, max_size=4), st.booleans())
@settings(max_examples=300)
def test_target_with_a_jet_was_within_reach(daughters, axis, jets, decays):
    near = [tuple(np.add(axis, np.multiply(one, 0.3))) for one in daughters]
    target = resonance(axis, *near) if decays else single(*axis)
    central = [jet for jet in [*jets, axis] if abs(jet[0]) < Jets().eta_max]
    [(*_, status, _)] = outcome([central], partons_of(target))
    assert within_reach(target, Jets()) or status == "no jet"


def test_every_kind_of_target_has_its_rule():
    kinds = {"resonance", "splitting", "parton"}
    assert set(RULES) == kinds


def rule_by_rule(event_jets, truth, matching):
    """The rules in plain words, one event at a time."""

    def distance(jet, one):
        delta_phi = abs(jet[1] - one.phi) % (2 * np.pi)
        return np.hypot(jet[0] - one.eta, min(delta_phi, 2 * np.pi - delta_phi))

    def satisfies(jet, target):
        if target.kind == "parton":
            near = [one for one in truth.partons if distance(jet, one) < matching.daughters_dr]
            return distance(jet, target.parton) < matching.daughters_dr and len(near) == 1
        within = all(distance(jet, one) < matching.daughters_dr for one in target.daughters)
        return within and distance(jet, target.parton) < matching.axis_dr

    chosen = [
        [number for number, jet in enumerate(event_jets) if satisfies(jet, target)]
        for target in truth.targets
    ]
    for number, mine in enumerate(chosen):
        others = [jet for other, theirs in enumerate(chosen) if other != number for jet in theirs]
        if len(mine) != 1:
            yield (Status.AMBIGUOUS if mine else Status.NO_JET), NO_JET
        elif mine[0] in others:
            yield Status.SHARED, NO_JET
        else:
            yield Status.MATCHED, mine[0]


direction = st.tuples(st.floats(-1, 1), st.floats(-np.pi, np.pi))
small = st.tuples(st.floats(-0.7, 0.7), st.floats(-0.7, 0.7))


def decay(axis, offsets, kind):
    return resonance(axis, *((axis[0] + eta, axis[1] + phi) for eta, phi in offsets), kind=kind)


targets = st.one_of(
    st.builds(lambda one: single(*one), direction),
    st.builds(decay, direction, st.lists(small, max_size=3), st.sampled_from(["resonance", "splitting"])),
)
truths = st.builds(
    lambda targets, others: Truth(
        tuple(targets), tuple(one.parton for one in targets if one.kind == "parton") + tuple(others)
    ),
    st.lists(targets, max_size=3),
    st.lists(st.builds(lambda one: parton(*one), direction), max_size=2),
)


@given(st.lists(st.tuples(truths, st.lists(direction, max_size=4)), max_size=4))
@settings(max_examples=150)
def test_batches_agree_with_the_rules_event_by_event(events):
    found = match(jets_at(*(jets for _, jets in events)), [truth for truth, _ in events], RS3L)
    first_jet = np.cumsum([0] + [len(jets) for _, jets in events])
    expected = [
        (row, number, status.value, NO_JET if jet == NO_JET else jet + first_jet[row])
        for row, (truth, jets) in enumerate(events)
        for number, (status, jet) in enumerate(rule_by_rule(jets, truth, RS3L))
    ]
    columns = (found.event.tolist(), found.target.tolist(), found.status.tolist(), found.jet.tolist())
    assert list(zip(*columns, strict=True)) == expected
