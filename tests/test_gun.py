import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from jetresim.campaign.errors import ConfigError, HardEventError
from jetresim.generators.registry import make_generator
from jetresim.generators.survey import Survey
from jetresim.generators.targets import find_targets
from jetresim.showers.registry import Job, make_shower
from tests.campaigns import campaign

EVENTS = 1000
LEVEL = 1e-3  # of each test; seeds are fixed, so it is passed or not for good
NOTHING = Survey(cross_section=1.0, cross_section_error=0.0)


def shot(process, events=range(EVENTS), **fields):
    made = campaign(processes={process: fields})
    generator = make_generator(made, process)
    generator.check()
    return made, list(generator.events(events, NOTHING))


def targets(made, process, events):
    wanted = made.process(process).targets
    return [find_targets(event.record, wanted) for event in events]


@pytest.fixture(scope="module")
def scalars():
    return shot("x_bb")


def test_mass_and_pt_and_rapidity_are_flat(scalars):
    _, events = scalars
    x = [next(p for p in event.record.particles if p.id == 35) for event in events]
    flat = {
        (30, 300): [p.m for p in x],
        (400, 1000): [math.hypot(p.px, p.py) for p in x],
        (-2, 2): [math.atanh(p.pz / p.e) for p in x],
    }
    for (low, high), values in flat.items():
        assert stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > LEVEL


def test_a_scalar_decays_isotropically(scalars):
    made, events = scalars
    cosines = []
    for event, (target,) in zip(events, targets(made, "x_bb", events), strict=True):
        x = next(p for p in event.record.particles if p.id == 35)
        quark = next(p for p in event.record.particles if p.id == 5)
        assert [abs(each.pdgid) for each in target.daughters] == [5, 5]
        momentum, flight = np.array([quark.px, quark.py, quark.pz]), np.array([x.px, x.py, x.pz])
        along = momentum @ flight / np.linalg.norm(flight)
        gamma, beta = x.e / x.m, np.linalg.norm(flight) / x.e
        boosted = gamma * (along - beta * quark.e)
        cosines.append(boosted / math.sqrt(x.m**2 / 4 - quark.m**2))
    assert stats.kstest(cosines, stats.uniform(-1, 2).cdf).pvalue > LEVEL


@pytest.mark.parametrize("process", ["x_qq", "x_gg", "monotop"])
def test_events_balance_and_colours_are_lines(process):
    made, events = shot(process, range(50))
    for event, found in zip(events, targets(made, process, events), strict=True):
        assert len(found) == 1
        outer = [(p, 1 if p.status == 1 else -1) for p in event.record.particles if p.status in (1, -1)]
        for component in ("px", "py", "pz", "e"):
            assert sum(sign * getattr(p, component) for p, sign in outer) == pytest.approx(0, abs=1e-3)
        ends = [
            tag for p, sign in outer for tag in ((p.color1, p.color2) if sign > 0 else (p.color2, p.color1))
        ]
        colours, anticolours = (sorted(tag for tag in ends[start::2] if tag) for start in (0, 1))
        assert colours == anticolours


def test_tops_are_as_often_antitops():
    _, events = shot("monotop", range(400))
    tops = sum(any(p.id == 6 for p in event.record.particles) for event in events)
    assert stats.binomtest(tops, 400).pvalue > LEVEL


def test_an_event_does_not_depend_on_its_neighbours(scalars):
    _, events = scalars
    assert [event.record for event in shot("x_bb", range(7, 9))[1]] == [events[7].record, events[8].record]


def test_pythia_showers_what_the_gun_makes():
    for process in ("x_gg", "monotop"):
        made, events = shot(process, range(20))
        shower = make_shower(made, process, "nominal", Job(None, 0))
        assert all(batch.succeeded.all() for batch in shower.simulate(iter(events)))


def test_weights_are_the_open_fraction_of_the_decays():
    made, events = shot("monotop", range(5))
    survey = make_generator(made, "monotop").survey()
    weights = [event.record.eventinfo.weight for event in events]
    assert weights == pytest.approx([survey.cross_section] * 5)
    assert survey.cross_section == pytest.approx(0.2 * 0.676, rel=0.01)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"cuts": {"pt_min": 400}},
            "test: processes.x_bb: generator `gun` needs `gun`, and `cuts` with `pt_max`",
        ),
        (
            {"gun": {"mass": [100, 50]}},
            "test: processes.x_bb.gun: `mass`: expected 0 < lowest ≤ highest (found 100, 50)",
        ),
        (
            {"generator": "pythia8", "gun": {}, "settings": {"HardQCD:all": True}},
            "`gun` is for generator `gun`",
        ),
        (
            {"gun": {"pdgid": 24}},
            "processes.x_bb.gun.pdgid: 24 carries charge or colour; "
            "expected a neutral resonance such as 25 or 35, or 6",
        ),
        (
            {"gun": {"rapidity_max": 3}},
            "processes.x_bb.gun: pT up to 1000 GeV and rapidity up to 3 need beams of 2.197e+04 GeV, "
            "more than `beams.energy` (13000)",
        ),
    ],
)
def test_what_the_gun_cannot_do_is_told(fields, message):
    with pytest.raises(ConfigError) as error:
        shot("x_bb", **fields)
    assert message in str(error.value)


def test_a_gun_without_open_decay_is_told():
    with pytest.raises(HardEventError, match="Pythia has no open decay of 35"):
        shot("x_bb", decay_settings={"35:onMode": "off", "23:onMode": "off", "23:onIfAny": "12"})


def test_pt_rises_only_by_what_the_cuts_ask():
    for low, high in pairwise((400, 500, 600)):
        made, events = shot("x_cc", range(20), cuts={"pt_min": low, "pt_max": high})
        pts = [target.parton.pt for (target,) in targets(made, "x_cc", events)]
        assert low <= min(pts) <= max(pts) <= high
