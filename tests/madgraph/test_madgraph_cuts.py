"""Cuts of the run card, measured in events."""

import math

import pylhe
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jetresim.generators.madgraph.cuts import MEASURED, cut_warnings, misses


def particle(pdgid: int, pt: float, rapidity: float = 0.0, phi: float = 0.0, status: int = 1):
    """A massless particle."""
    px, py = pt * math.cos(phi), pt * math.sin(phi)
    energy, pz = pt * math.cosh(rapidity), pt * math.sinh(rapidity)
    return pylhe.LHEParticle(pdgid, status, 1, 2, 0, 0, px, py, pz, energy, 0.0, 0.0, 9.0)


def record(*particles) -> pylhe.LHEEvent:
    info = pylhe.LHEEventInfo(len(particles), 1, 1.0, 1.0, 1.0, 1.0)
    return pylhe.LHEEvent(info, list(particles))


PTS = st.lists(st.floats(1, 1000), min_size=1, max_size=4)


@given(PTS, st.floats(1, 1000))
def test_lower_limit_is_missed_by_the_lowest_and_upper_by_the_highest(pts, limit):
    jets = [particle(21, pt, phi=place) for place, pt in enumerate(pts)]
    assert misses(jets, "ptj", limit) == (min(pts) < limit * (1 - 1e-6))
    assert misses(jets, "ptjmax", limit) == (max(pts) > limit * (1 + 1e-6))
    assert not misses(jets, "ptjmax", -1)


@given(st.floats(-2, 2), st.floats(-3, 3), st.floats(0.1, 2))
def test_distance_is_that_of_rapidity_and_angle(rapidity, phi, limit):
    pair = [particle(1, 500.0), particle(-1, 300.0, rapidity, phi)]
    distance = math.hypot(rapidity, phi)
    assert misses(pair, "drjjmax", limit) == (distance > limit * (1 + 1e-6)) or math.isclose(distance, limit)
    assert not misses(pair, "drbbmax", limit)


@pytest.mark.parametrize(
    ("name", "limit", "missed"),
    [
        ("misset", 400, True),
        ("misset", 290, False),
        ("missetmax", 290, True),
        ("pt_min_pdg", {"25": 500}, True),
        ("pt_min_pdg", {"25": 300, "6": 900}, False),
        ("ptb", 150, True),
        ("ptj", 100, False),
        ("etaj", 1.4, True),
        ("mmbb", 1000, True),
        ("drbj", 0.1, False),
    ],
)
def test_cut_is_looked_at_in_final_and_in_decayed_particles(name, limit, missed):
    event = [
        particle(21, 50.0, status=-1),
        particle(25, 400.0, status=2),
        particle(5, 300.0, 1.5),
        particle(-5, 120.0, 0.5, 0.7),
        particle(12, 100.0, 0.0, math.pi),
        particle(-12, 200.0, 1.0, math.pi),
    ]
    assert misses(event, name, limit) is missed


def test_events_that_miss_a_cut_are_counted():
    events = [record(particle(21, pt)) for pt in (100.0, 300.0, 500.0)]
    (warning,) = cut_warnings(events, {"ptj": 400, "bwcutoff": 15, "pdlabel": "nn23lo1"})
    assert "ptj = 400, which 2 of 3 events do not fulfil" in warning
    assert "bwcutoff" not in MEASURED
