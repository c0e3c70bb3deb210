import copy

import awkward as ak
import numpy as np
import pytest

import jetresim.showers.pythia8
from jetresim.campaign.augmentations import AUGMENTATIONS
from jetresim.campaign.errors import ShowerError
from jetresim.campaign.intervention import Stage
from jetresim.campaign.seeds import event_seed
from jetresim.generators.events import HardEvent
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.pythia_setup import make_pythia
from jetresim.generators.survey import Survey
from jetresim.showers.protocol import PARTICLE_FIELDS, ParticleBatch, empty_batch, placed_among
from jetresim.showers.pythia8 import Pythia8Resumed, Pythia8Shower, Streams, _Feed, _Hooks, _Records
from tests.campaigns import campaign


def hard_events(process: str, number: int) -> list[HardEvent]:
    survey = Survey(cross_section=1.0, cross_section_error=0.1)
    asked = campaign(processes={process: {"cuts": {"pt_min": 500}}})
    return list(Pythia8Generator(asked, process).events(range(number), survey))


@pytest.fixture(scope="module")
def events() -> list[HardEvent]:
    return hard_events("qcd", 24)


def shower(realization: str = "nominal", process: str = "qcd", **changes) -> Pythia8Shower:
    return Pythia8Shower(campaign(**changes), process, realization)


def particles(batches: list[ParticleBatch]) -> dict[int, list]:
    return {
        int(index): batch.particles[place].tolist()
        for batch in batches
        for place, index in enumerate(batch.events)
    }


def test_event_does_not_depend_on_batches_order_or_selection(events, monkeypatch):
    reference = particles(list(shower().simulate(events)))
    monkeypatch.setattr(jetresim.showers.pythia8, "BATCH_EVENTS", 5)
    assert particles(list(shower().simulate(events))) == reference
    assert particles(list(shower().simulate(events[::-1]))) == reference
    few = particles(list(shower().simulate(events[3::7])))
    assert few == {index: reference[index] for index in few}


def test_realizations_of_one_event_differ(events):
    nominal, other = (particles(list(shower(name).simulate(events[:5]))) for name in ("nominal", "seed"))
    assert all(nominal[index] != other[index] for index in nominal)


def test_batch_has_the_fields_and_units_of_the_protocol(events):
    (batch,) = shower().simulate(events)
    assert tuple(batch.particles.fields) == PARTICLE_FIELDS
    assert batch.particles.pdgid.type.content.content.primitive == "int32"
    assert batch.seeds.tolist() == [event_seed(20240307, "qcd", event.index, "nominal") for event in events]
    for place in range(len(events)):
        total = {name: float(ak.sum(batch.particles[place][name])) for name in ("px", "py", "pz", "energy")}
        assert total["energy"] == pytest.approx(13000, rel=1e-3)
        assert abs(total["px"]) < 5
    species = set(ak.flatten(batch.particles.pdgid).tolist())
    assert 310 in species  # c tau0 of K0S is 27 mm
    assert 111 not in species
    radius = np.hypot(ak.flatten(batch.particles.x), ak.flatten(batch.particles.y))
    assert 0 < ak.max(radius) < 200
    assert ak.mean(radius == 0) > 0.3


def test_failed_event_keeps_its_place(events):
    broken = copy.deepcopy(events)
    broken[7].record.particles[3].color1 = 999
    monkeyed = particles(list(shower().simulate(broken)))
    reference = particles(list(shower().simulate(events)))
    assert monkeyed.pop(7) == []
    del reference[7]
    assert monkeyed == reference


def test_batch_of_nothing_but_failures_is_no_error(events):
    broken = copy.deepcopy(events[:3])
    for event in broken:
        event.record.particles[3].color1 = 999
    (batch,) = shower().simulate(broken)
    assert not batch.succeeded.any()
    assert ak.num(batch.particles).tolist() == [0, 0, 0]


def raising(events, *places):
    """The events, some of them such that Pythia's interface raises an error."""
    broken = copy.deepcopy(list(events))
    for place in places:
        broken[place].record.particles[0].status = 1  # one incoming parton
    return broken


@pytest.mark.parametrize("places", [(0,), (5,), (2, 3, 7)])
def test_event_that_raises_an_error_fails_alone(events, places, caplog):
    few = events[:8]
    reference = particles(list(shower().simulate(few)))
    (batch,) = shower().simulate(raising(few, *places))
    assert np.flatnonzero(~batch.succeeded).tolist() == list(places)
    assert particles([batch]) == reference | {place: [] for place in places}
    assert [batch.events.tolist(), batch.seeds.tolist()] == [
        [event.index for event in few],
        [event_seed(20240307, "qcd", event.index, "nominal") for event in few],
    ]
    assert f"Pythia fails on event {places[0]}: ValueError: not enough values" in caplog.text


def test_error_of_one_event_leaves_the_records_of_the_others(events):
    asked = campaign(augmentations=["nominal", "redecay"])
    few, batches = events[:5], []
    for given in (few, raising(few, 3)):
        anchor = Pythia8Shower(asked, "qcd", "nominal", keep=frozenset({Stage.DECAYS}))
        anchor.shower(given)
        assert sorted(anchor.records[Stage.DECAYS]) == ([0, 1, 2, 3, 4] if given is few else [0, 1, 2, 4])
        batches.append(Pythia8Resumed(asked, "qcd", "redecay").resume(few, anchor.records))
    assert batches[1].succeeded.tolist() == [True, True, True, False, True]
    assert particles(batches[1:]) == particles(batches[:1]) | {3: []}


def test_error_of_every_event_is_that_of_the_program(events):
    with pytest.raises(ShowerError, match="Pythia fails on every event: ValueError: not enough"):
        list(shower().simulate(raising(events[:3], 0, 1, 2)))
    (batch,) = shower().simulate(raising(events[:1], 0))
    assert batch.succeeded.tolist() == [False]


def test_event_skipped_inside_pythia_shifts_nothing(events, monkeypatch):
    reference = particles(list(shower().simulate(events[:6])))
    skipping = shower()
    hand_over = skipping._feed.setEvent

    def skip_third(process: int = 0) -> bool:
        accepted = hand_over(process)
        return hand_over(process) if skipping._feed._next == 3 else accepted

    skipping._feed.setEvent = skip_third
    (batch,) = skipping.simulate(events[:6])
    assert batch.succeeded.tolist() == [True, True, False, True, True, True]
    found = particles([batch])
    assert all(found[index] == reference[index] for index in (0, 1, 3, 4, 5))


PYTHIA_SHOWERS = [
    name
    for name, entry in AUGMENTATIONS.items()
    if entry.get("shower") != "herwig7" and entry.get("intervene") in (None, {"shower_scale": 10.0})
]


@pytest.mark.parametrize("name", PYTHIA_SHOWERS)
def test_every_shipped_augmentation_showers(name, events):
    chosen = ["nominal"] if name == "nominal" else ["nominal", name]
    (batch,) = shower(name, augmentations=chosen).simulate(events[:6])
    assert batch.succeeded.all()


class WatchingOnly(_Hooks):
    """The hooks without their seeds."""

    def doVetoProcessLevel(self, record):  # noqa: N802
        return False

    def _start(self, seed):
        pass


def record_of(pythia) -> list[tuple]:
    return [(particle.id(), particle.px(), particle.e()) for particle in pythia.event]


@pytest.mark.parametrize("process", ["higgs", "top", "wjet"])
def test_hooks_leave_the_physics_of_pythia_alone(process):
    events = hard_events(process, 4)
    asked = campaign(processes={process: {"cuts": {"pt_min": 500}}})
    records = []
    for hooked in (False, True):
        pythia = make_pythia(asked.shower_settings(process, "nominal"), asked, {"Beams:frameType": 5})
        feed = _Feed(asked.beams)
        feed.load(events)
        feed.calls = [-1]
        pythia.setLHAupPtr(feed)
        hooks = WatchingOnly(pythia, feed, lambda event: Streams(1, 1, Stage.SHOWER), _Records())
        if hooked:
            pythia.addUserHooksPtr(hooks)
        assert pythia.init()
        assert all(pythia.next() and records.append(record_of(pythia)) is None for _ in events)
    assert records[: len(events)] == records[len(events) :]


def test_events_that_were_not_simulated_keep_their_place(events):
    (batch,) = shower().simulate(events[2:4])
    placed = placed_among(batch, np.arange(6), np.arange(6))
    assert ak.num(placed.particles).tolist()[:2] == [0, 0]
    assert placed.succeeded.tolist() == [False, False, True, True, False, False]
    assert placed.particles[2].tolist() == batch.particles[0].tolist()
    nothing = placed_among(empty_batch(), np.arange(2), np.arange(2))
    assert ak.num(nothing.particles).tolist() == [0, 0]
