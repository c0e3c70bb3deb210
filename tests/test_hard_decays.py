"""Resonances that arrive undecayed: `p p > t t~` and `p p > h z` of MadGraph."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from lhe_samples import DATA

from jetresim.campaign.config import parse
from jetresim.campaign.errors import HardEventError
from jetresim.generators.decays import ResonanceDecays
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe import LHEFiles
from jetresim.generators.lhe_files import open_lhe, read_hard_events, write_lhe
from jetresim.generators.targets import find_targets
from jetresim.jets.simulation import simulate_realization
from jetresim.showers.registry import Job

TO_QUARKS = {"24:onMode": "off", "24:onIfAny": "1 2 3 4 5"}
TO_BOTTOM = {"25:onMode": "off", "25:onIfMatch": "5 -5", "23:onMode": "off", "23:onIfAny": "12 14 16"}
BRANCHING_W_TO_QUARKS = 0.675  # of Pythia, with the alpha_S of CP5


def campaign(name="tt_undecayed", process="top", seed=1, **fields):
    brought = {"generator": "lhe", "files": str(DATA / f"{name}.lhe.gz"), "events": 15, **fields}
    return parse(
        {"name": "test", "seed": seed, "processes": {process: brought}, "augmentations": ["nominal"]}, "test"
    )


def raw_events(name="tt_undecayed"):
    with open_lhe(DATA / f"{name}.lhe.gz") as source:
        return [HardEvent(index, record) for index, record in enumerate(source.events)]


def decayed(events=None, **options):
    decays = ResonanceDecays(campaign(**options), "top")
    return [decays(event) for event in events or raw_events()]


def momentum(*particles):
    return np.sum([(one.px, one.py, one.pz, one.e) for one in particles], axis=0)


def mass(*particles):
    px, py, pz, energy = momentum(*particles)
    return math.sqrt(energy**2 - px**2 - py**2 - pz**2)


def daughters(record, place):
    return [one for one in record.particles if one.mother1 == one.mother2 == place + 1]


def colours(particles, side):
    return Counter(getattr(one, side) for one in particles if getattr(one, side))


@pytest.fixture(scope="module")
def pairs():
    decays = ResonanceDecays(campaign(), "top")
    return [(event.record, decays(event).record) for event in raw_events()]


def test_particles_of_the_file_stay_but_for_the_status_of_those_that_decay(pairs):
    for before, after in pairs:
        kept = after.particles[: len(before.particles)]
        assert [one.status for one in kept] == [-1, -1, 2, 2]
        statuses = [one.status for one in before.particles]
        assert [replace(one, status=status) for one, status in zip(kept, statuses, strict=True)] == (
            before.particles
        )


def test_number_scale_couplings_and_weight_of_the_event_stay(pairs):
    for before, after in pairs:
        assert after.eventinfo == replace(before.eventinfo, nparticles=len(after.particles))


def test_decays_conserve_momentum_and_colour_and_name_their_mothers(pairs):
    for _, after in pairs:
        for place, one in enumerate(after.particles):
            if one.status != 2:
                continue
            products = daughters(after, place)
            assert len(products) == 2
            assert momentum(*products) == pytest.approx(momentum(one), abs=1e-6 * one.e)
            outgoing = colours(products, "color1") + Counter({one.color2: 1} if one.color2 else {})
            incoming = colours(products, "color2") + Counter({one.color1: 1} if one.color1 else {})
            assert outgoing == incoming
        final = [one for one in after.particles if one.status == 1]
        assert momentum(*final) == pytest.approx(momentum(*after.particles[:2]), abs=1e-5)


def test_top_decays_in_cascade_to_w_and_bottom_with_their_masses(pairs):
    masses = []
    for _, after in pairs:
        for place in (2, 3):
            assert after.particles[place].m == 173.0
            boson, bottom = sorted(daughters(after, place), key=lambda one: -abs(one.id))
            sign = 1 if after.particles[place].id == 6 else -1
            assert (boson.id, boson.status) == (24 * sign, 2)
            assert bottom.id in (sign, 3 * sign, 5 * sign)
            products = daughters(after, after.particles.index(boson))
            assert mass(*products) == pytest.approx(boson.m, rel=1e-6)
            masses.append(boson.m)
    assert np.median(masses) == pytest.approx(80.4, abs=0.7)


def test_w_of_a_top_has_the_helicities_of_the_matrix_element():
    """F0 = 0.69, FL = 0.31: the down-type fermion has <cos> = -FL/2 = -0.155, an isotropic decay 0."""
    cosines = []
    events = raw_events()
    many = [HardEvent(event.index + 60 * copy, event.record) for copy in range(6) for event in events]
    for event in decayed(many):
        for place, boson in enumerate(event.record.particles):
            if abs(boson.id) == 24:
                top = event.record.particles[boson.mother1 - 1]
                (down,) = (one for one in daughters(event.record, place) if one.id % 2)
                cosines.append(_cosine(down, boson, top))
    assert np.mean(cosines) == pytest.approx(-0.155, abs=0.07)


def _boosted(vector, frame):
    """The four-vector in the rest frame of another."""
    beta = frame[:3] / frame[3]
    gamma = 1 / math.sqrt(1 - beta @ beta)
    along = beta @ vector[:3]
    space = vector[:3] + ((gamma - 1) * along / (beta @ beta) - gamma * vector[3]) * beta
    return np.append(space, gamma * (vector[3] - along))


def _cosine(particle, boson, top):
    """Angle of a decay product in the rest frame of the W to the flight of the W in that of the top."""
    flight = _boosted(momentum(boson), momentum(top))
    product = _boosted(_boosted(momentum(particle), momentum(top)), flight)
    return product[:3] @ flight[:3] / np.linalg.norm(product[:3]) / np.linalg.norm(flight[:3])


def test_decay_of_an_event_does_not_depend_on_those_before_it():
    events = raw_events()
    decays = ResonanceDecays(campaign(), "top")
    backwards = {event.index: decays(event) for event in reversed(events)}
    assert [backwards[event.index] for event in events] == decayed(events)
    assert decayed([events[7]]) == [backwards[7]]


def test_decays_follow_seed_and_place():
    (event, *_) = raw_events()
    places = [event, replace(event, index=1)]
    products = {
        tuple(one.px for one in result.record.particles[4:])
        for seed in (1, 2)
        for result in decayed(places, seed=seed)
    }
    assert len(products) == 4


def test_survey_counts_what_the_events_are():
    made = LHEFiles(campaign(events=60), "top")
    survey = made.survey()
    events = list(made.events(range(60), survey))
    targets = [find_targets(event.record, campaign().process("top").targets) for event in events]
    assert survey.without_target == sum(not each for each in targets) > 0
    assert survey.lowest_pt == min(one.parton.pt for each in targets for one in each)
    assert events[20:30] == list(made.events(range(20, 30), survey))
    assert any("60 of 60 events hold an undecayed particle 6" in line for line in survey.warnings)
    assert any("MadSpin" in line for line in survey.warnings)


def test_closed_channels_reduce_weights_and_cross_section():
    everything = LHEFiles(campaign(), "top").survey()
    made = LHEFiles(campaign(decay_settings=TO_QUARKS), "top")
    survey = made.survey()
    expected = BRANCHING_W_TO_QUARKS**2
    assert survey.cross_section / everything.cross_section == pytest.approx(expected, abs=1e-3)
    assert survey.cross_section_error / everything.cross_section_error == pytest.approx(expected, abs=1e-3)
    weights = [one.record.eventinfo.weight for one in made.events(range(60), survey)]
    assert np.mean(weights) == pytest.approx(survey.cross_section, rel=1e-4)
    assert survey.subprocesses[0].max_weight == max(weights)
    assert survey.without_target == 0
    assert any("leave 0.4556 of the decays open" in line for line in survey.warnings)


def test_named_weights_are_reduced_like_the_weight():
    (event, *_) = raw_events()
    named = replace(event.record, weights={"1": 4.0, "2": -2.0})
    (result,) = decayed([HardEvent(0, named)], decay_settings=TO_QUARKS)
    fraction = result.record.eventinfo.weight / event.record.eventinfo.weight
    assert fraction == pytest.approx(BRANCHING_W_TO_QUARKS**2, abs=1e-3)
    assert result.record.weights == {"1": 4.0 * fraction, "2": -2.0 * fraction}


def test_higgs_and_z_decay_in_the_channels_that_are_asked_for():
    made = LHEFiles(campaign("hz_undecayed", "higgs", decay_settings=TO_BOTTOM), "higgs")
    survey = made.survey()
    for event in made.events(range(15), survey):
        ids = [one.id for one in event.record.particles if one.status == 1]
        assert sorted(map(abs, ids))[:2] == [5, 5]
        assert set(map(abs, ids[2:])) <= {12, 14, 16}
    assert survey.without_target == 0


def test_massless_charm_beside_a_resonance_moves_nothing():
    """Pythia would give it 1.5 GeV and take the momentum from the Z."""
    for event in raw_events("z01j_mlm_scales"):
        charmed = [
            replace(one, id=4 if one.id > 0 else -4) if abs(one.id) < 6 else one
            for one in event.record.particles
        ]
        (result,) = decayed([replace(event, record=replace(event.record, particles=charmed))])
        boson = next(place for place, one in enumerate(charmed) if one.id == 23)
        kept = list(result.record.particles[: len(charmed)])
        kept[boson] = replace(kept[boson], status=1)
        assert kept == charmed
        assert momentum(*daughters(result.record, boson)) == pytest.approx(momentum(kept[boson]), abs=1e-6)


def test_no_open_channel_is_refused_in_one_line():
    with pytest.raises(HardEventError) as refused:
        LHEFiles(campaign(decay_settings={"24:onMode": "off"}), "top").survey()
    assert str(refused.value) == (
        "process top, event 0: Pythia cannot decay its particles 6 -6; check the channels in `decay_settings`"
    )


def test_particle_that_may_not_decay_is_left_to_the_shower_and_reported():
    settings = {**TO_BOTTOM, "23:mayDecay": "off"}
    survey = LHEFiles(campaign("hz_undecayed", "higgs", decay_settings=settings), "higgs").survey()
    assert any("hold a particle 23 that stays undecayed" in line for line in survey.warnings)


def test_decayed_events_survive_their_file(tmp_path):
    made = LHEFiles(campaign(), "top")
    survey = made.survey()
    path = tmp_path / "chunk.lhe.gz"
    write_lhe(path, made.init(survey), made.header(), made.events(range(5, 9), survey))
    assert list(read_hard_events(path, 5)) == list(made.events(range(5, 9), survey))


def test_events_without_a_target_are_an_error_that_says_what_they_hold():
    with pytest.raises(HardEventError) as refused:
        LHEFiles(campaign("hz_undecayed", "higgs", targets=["top"]), "higgs").survey()
    assert str(refused.value).startswith(
        "process higgs: none of 15 hard events has a target (6 decayed to 1, 2, 3, 4, 5); their most "
        "frequent final particles are "
    )
    assert str(refused.value).endswith("or choose decays in `decay_settings`")


def test_jets_of_undecayed_tops_have_the_mass_and_the_label_of_tops():
    asked = campaign(decay_settings=TO_QUARKS)
    made = LHEFiles(asked, "top")
    events = list(made.events(range(15), made.survey()))
    parts = simulate_realization(asked, "top", "nominal", events, Job(work_directory=DATA, first_event=0))
    jets = [row["jet"] for part in parts for row in part.table.to_pylist() if row["jet"] is not None]
    near = [jet["sdmass"] for jet in jets if 140 < jet["sdmass"] < 200]
    assert len(near) >= 8
    assert len(near) > 0.6 * sum(jet["pt"] > 500 for jet in jets)
    assert np.median(near) == pytest.approx(173, abs=8)
    targets = [find_targets(event.record, asked.process("top").targets) for event in events]
    assert [one.label for each in targets for one in each] == [12] * 30
