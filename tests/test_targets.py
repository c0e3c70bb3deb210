import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lhe_samples import DATA, particle, record

from jetresim.campaign.config import Cuts, Target
from jetresim.campaign.processes import TARGETS
from jetresim.generators.events import Parton, TruthTarget
from jetresim.generators.lhe_files import open_lhe
from jetresim.generators.targets import find_targets, four_vector, outgoing_partons, passes_cuts


def real(name):
    with open_lhe(DATA / f"{name}.lhe.gz") as source:
        return list(source.events)


def named(*names):
    return [Target(**TARGETS[name]) for name in names]


def labels(one, *names):
    return [target.label for target in find_targets(one, named(*names))]


@pytest.mark.parametrize(
    ("name", "targets", "expected"),
    [
        ("hz_systrwgt", ["higgs"], {(4,): 15}),
        ("hz_systrwgt", ["z", "parton", "splitting", "top"], {(): 15}),
        ("hz_cut_ignored_nolhapdf", ["higgs"], {(4,): 15}),
        ("tt_madspin", ["top"], {(12, 12): 15}),
        ("tt_madspin", ["w"], {(9, 9): 15}),
        ("tt_madspin", ["parton", "splitting"], {(): 15}),
    ],
)
def test_resonances_of_real_files(name, targets, expected):
    assert Counter(tuple(labels(one, *targets)) for one in real(name)) == expected


def test_partons_of_real_files():
    for name, number in {"zj": 1, "zjj_2proc": 2}.items():
        for one in real(name):
            outgoing = [p for p in one.particles if p.status == 1 and abs(p.id) in (1, 2, 3, 4, 5, 21)]
            found = find_targets(one, named("parton"))
            assert [target.parton.pdgid for target in found] == [p.id for p in outgoing]
            assert len(found) == number
            assert [target.parton for target in found] == outgoing_partons(one)


def test_partons_of_matched_and_nlo_files():
    multiplicities = [one.eventinfo.nparticles - 3 for one in real("z01j_mlm_scales")]
    assert [len(labels(one, "parton")) for one in real("z01j_mlm_scales")] == multiplicities
    assert set(multiplicities) == {0, 1}
    radiated = [one.particles[3].id for one in real("z_nlo_negw") if len(one.particles) == 4]
    assert [
        found.parton.pdgid for one in real("z_nlo_negw") for found in find_targets(one, named("parton"))
    ] == radiated
    assert radiated


def test_splitting_of_a_real_file_is_the_sum_of_its_two_gluons():
    for one in real("zjj_2proc"):
        first, second = (p for p in one.particles if p.status == 1 and abs(p.id) not in (12, 14, 16))
        found = find_targets(one, named("splitting"))
        assert bool(found) == (first.id == second.id == 21)
        for target in found:
            assert (target.kind, target.label, target.parton.pdgid) == ("splitting", 8, 21)
            assert target.parton.energy == first.e + second.e
            assert target.parton.pt == pytest.approx(math.hypot(first.px + second.px, first.py + second.py))
            assert [daughter.pdgid for daughter in target.daughters] == [21, 21]


@pytest.mark.parametrize(
    ("first", "second", "label"),
    [(1, -1, 5), (-2, 2, 5), (3, -3, 5), (4, -4, 6), (-5, 5, 7), (21, 21, 8)],
)
def test_splitting_is_labelled_by_flavour(first, second, label):
    assert labels(record(particle(first), particle(second)), "splitting") == [label]


@pytest.mark.parametrize(
    "flavours", [(21, 2), (1, -2), (1, 1), (5, 21), (21,), (21, 21, 21), (4, -4, 21), ()]
)
def test_other_partons_are_no_splitting(flavours):
    one = record(*(particle(pdgid) for pdgid in flavours))
    assert labels(one, "splitting") == []
    assert labels(one, "splitting", "parton") == labels(one, "parton")


@pytest.mark.parametrize("order", [("parton", "splitting"), ("splitting", "parton")])
def test_partons_of_a_splitting_are_no_targets_of_their_own(order):
    assert labels(record(particle(5), particle(-5)), *order) == [7]


def test_partons_are_labelled_by_flavour():
    flavours = [21, 1, -1, 2, -2, 3, -3, 4, -4, 5, -5]
    one = record(*(particle(pdgid) for pdgid in flavours))
    assert labels(one, "parton") == [0, 1, 1, 1, 1, 1, 1, 2, 2, 3, 3]


def test_partons_of_a_gluon_in_the_record_are_outgoing():
    assert labels(record(particle(21, 2), particle(5, 1, (3, 3)), particle(-5, 1, (3, 3))), "splitting") == [
        7
    ]


def test_leptons_photons_and_tops_are_no_partons():
    assert outgoing_partons(record(*(particle(pdgid) for pdgid in (11, -12, 22, 6, 23)))) == []


def higgs(*decays, pdgid=25, status=2):
    return record(particle(pdgid, status), *(particle(one, mothers=(3, 3)) for one in decays), particle(21))


def test_resonance_keeps_its_own_momentum_and_its_quarks():
    parent = particle(25, 2, momentum=(-500.0, 0.0, 200.0, 600.0))
    bottom = particle(5, mothers=(3, 3), momentum=(-300.0, 10.0, 100.0, 330.0))
    (found,) = find_targets(record(parent, bottom, particle(-5, mothers=(3, 0))), named("higgs"))
    assert found.parton == Parton(25, 500.0, math.asinh(0.4), math.pi, 600.0)
    assert [daughter.pdgid for daughter in found.daughters] == [5, -5]
    assert found.daughters[0].pt == math.hypot(300, 10)


@pytest.mark.parametrize(
    ("decays", "expected"),
    [
        ((5, -5), [4]),
        ((5, -5, 21), [4]),  # radiation within the decay
        ((4, -4), []),
        ((15, -15), []),
        ((22, 22), []),
        ((21, 21), []),
        ((5, -5, 11, -11), []),
        ((), []),
    ],
)
def test_only_the_decays_asked_for_count(decays, expected):
    assert labels(higgs(*decays), "higgs") == expected


def test_undecayed_resonance_is_no_target():
    assert labels(higgs(status=1), "higgs", "parton") == [0]


def test_z_is_labelled_by_its_quarks():
    assert labels(higgs(5, -5, pdgid=23), "z", "z_bb") == [11]
    assert labels(higgs(1, -1, pdgid=23), "z", "z_bb") == [10]
    assert labels(higgs(12, -12, pdgid=23), "z", "z_bb") == []


def top(*w_decay, w_status=2):
    """T → b W with a copy of the top before, MadSpin's mothers."""
    copies = [particle(6, 2), particle(6, 2, (3, 3)), particle(5, 1, (4, 4)), particle(24, w_status, (4, 4))]
    return record(*copies, *(particle(pdgid, 1, (6, 6)) for pdgid in w_decay))


def test_top_is_followed_through_copies_and_its_w():
    (found,) = find_targets(top(2, -1), named("top"))
    assert [daughter.pdgid for daughter in found.daughters] == [5, 2, -1]
    assert labels(top(-11, 12), "top") == []
    assert labels(top(w_status=1), "top") == []
    assert labels(top(), "top") == []


def test_targets_come_in_the_order_of_the_configuration_then_of_the_record():
    one = record(
        particle(21),
        particle(23, 2),
        particle(25, 2),
        particle(1, 1, (4, 4)),
        particle(-1, 1, (4, 4)),
        particle(5, 1, (5, 5)),
        particle(-5, 1, (5, 5)),
        particle(4),
    )
    assert labels(one, "higgs", "parton", "z") == [4, 0, 2, 10]
    assert labels(one, "z", "higgs", "parton") == [10, 4, 0, 2]


def test_circular_mothers_do_not_hang():
    one = record(particle(25, 2, (4, 4)), particle(25, 2, (3, 3)), particle(5, 1, (4, 4)))
    assert labels(one, "higgs", "parton") == []


def target_of(pt):
    return TruthTarget("parton", 1, Parton(1, pt, 0.0, 0.0, pt), ())


def test_every_target_must_pass_the_cuts():
    cuts = Cuts(pt_min=400, pt_max=500)
    assert passes_cuts([target_of(400.0), target_of(500.0)], cuts)
    assert not passes_cuts([target_of(450.0), target_of(399.9)], cuts)
    assert not passes_cuts([target_of(450.0), target_of(500.1)], cuts)
    assert passes_cuts([target_of(1e6)], Cuts(pt_min=400))
    assert passes_cuts([], cuts)


momenta = st.floats(-1e4, 1e4, allow_subnormal=False).filter(lambda value: value == 0 or abs(value) > 1e-9)


@given(momenta, momenta, momenta)
def test_four_vector_gives_the_momentum_back(px, py, pz):
    vector = four_vector(1, px, py, pz, 2e4)
    assert vector.pt >= 0
    assert -math.pi < vector.phi <= math.pi
    if vector.pt > 0:
        size = math.hypot(px, py, pz)
        back = (
            vector.pt * math.cos(vector.phi),
            vector.pt * math.sin(vector.phi),
            vector.pt * math.sinh(vector.eta),
        )
        assert back == pytest.approx((px, py, pz), rel=1e-9, abs=1e-12 * size)


@given(momenta, momenta, momenta)
def test_four_vector_of_the_opposite_momentum(px, py, pz):
    one, other = four_vector(1, px, py, pz, 2e4), four_vector(1, -px, -py, -pz, 2e4)
    assert other.eta == -one.eta
    assert other.pt == one.pt
    if one.pt > 0:
        assert abs(one.phi - other.phi) == pytest.approx(math.pi)


@given(momenta, momenta, st.floats(-5, 5), st.floats(-3, 3))
def test_rapidity_of_a_massless_particle_shifts_under_boosts(px, py, eta, boost):
    pt = math.hypot(px, py)
    pz, energy = pt * math.sinh(eta), pt * math.cosh(eta)
    boosted = four_vector(
        1,
        px,
        py,
        pz * math.cosh(boost) + energy * math.sinh(boost),
        energy * math.cosh(boost) + pz * math.sinh(boost),
    )
    if pt > 0:
        assert boosted.eta == pytest.approx(eta + boost, abs=1e-6)


@pytest.mark.parametrize(
    ("momentum", "eta", "phi"),
    [
        ((-1.0, -0.0, 0.0), 0.0, math.pi),
        ((-1.0, -1e-300, 0.0), 0.0, math.pi),
        ((0.0, 0.0, 5.0), math.inf, 0.0),
        ((0.0, 0.0, -5.0), -math.inf, 0.0),
        ((0.0, 0.0, 0.0), 0.0, 0.0),
        ((1e-9, 0.0, 6500.0), math.asinh(6.5e12), 0.0),
    ],
)
def test_edges_of_angles(momentum, eta, phi):
    vector = four_vector(21, *momentum, 1.0)
    assert (vector.eta, vector.phi) == (eta, phi)
