from dataclasses import replace

import numpy as np
import pytest

from jetresim.campaign.errors import ShowerError
from jetresim.showers.hepmc import read_events
from jetresim.showers.herwig7.alignment import Alignment, HardPartons


@pytest.fixture(scope="module")
def partons(hard_events):
    return [HardPartons(event.record) for event in hard_events("higgs")]


@pytest.fixture(scope="module")
def events(recorded_text):
    """The recorded events under the numbers that Herwig would give them here, from 1."""
    return renumbered(read_events([recorded_text("higgs_nominal")]))


def renumbered(events):
    """The events under Herwig's own counter."""
    return [replace(event, number=counter) for counter, event in enumerate(events, start=1)]


def places(alignment, events):
    return [alignment.place(event) for event in events]


def test_hard_partons_are_found_in_their_own_event_alone(partons, events):
    found = np.array([[one.within(event) for event in events] for one in partons])
    assert np.array_equal(found, np.eye(12, dtype=bool))


def test_one_parton_that_differs_is_enough(hard_events, events):
    record = hard_events("higgs", 1)[0].record
    bottom = next(particle for particle in record.particles if particle.id == 5)
    bottom.px += 0.01
    assert not HardPartons(record).within(events[0])
    bottom.px -= 0.01
    assert HardPartons(record).within(events[0])
    bottom.id = 4
    assert not HardPartons(record).within(events[0])


def test_dropped_events_leave_gaps(partons, events):
    alignment = Alignment(partons)
    kept = [event for place, event in enumerate(events) if place not in (0, 5, 6)]
    assert places(alignment, kept) == [1, 2, 3, 4, 7, 8, 9, 10, 11]
    assert (alignment.events, alignment.repeats, alignment.numbered) == (9, 0, True)


def test_repeats_are_counted_and_discarded(partons, events):
    alignment = Alignment(partons)
    assert places(alignment, [*events[:6], events[5], *events[7:], *events[:2]]) == [
        *range(6), None, *range(7, 12), None, None,
    ]  # fmt: skip
    assert alignment.repeats == 3


def test_numbers_and_partons_must_agree(partons, events):
    shifted = [replace(event, number=event.number + (event.number > 3)) for event in events]
    alignment = Alignment(partons)
    with pytest.raises(ShowerError, match=r"event 5 \(place 4 of its output\) .* out of step"):
        places(alignment, shifted)


def test_a_counter_in_place_of_the_numbers_is_noticed_after_the_first_dropped_event(partons, events):
    alignment = Alignment(partons)
    kept = renumbered([event for place, event in enumerate(events) if place not in (2, 7)])
    assert places(alignment, [*kept, replace(events[0], number=11)]) == [0, 1, 3, 4, 5, 6, 8, 9, 10, 11, None]
    assert not alignment.numbered


def test_a_herwig_without_numbers_is_aligned_by_partons(partons, events):
    alignment = Alignment(partons, numbered=False)
    kept = renumbered(events[3:] + events[:1])
    assert places(alignment, kept) == [*range(3, 12), None]


def test_equal_partons_need_numbers(partons, events):
    twins = [*partons[:3], partons[1]]
    with pytest.raises(ShowerError, match="hard events 2 and 4 of a block have the same partons"):
        Alignment(twins, numbered=False)
    alignment = Alignment(twins)
    assert places(alignment, [*events[:3], replace(events[1], number=4)]) == [0, 1, 2, 3]


def test_an_event_of_another_file_is_refused(partons, recorded_text):
    foreign = next(read_events([recorded_text("qcd_fsr2")]))
    with pytest.raises(ShowerError, match="those of no hard event of its block"):
        Alignment(partons, numbered=False).place(foreign)
    with pytest.raises(ShowerError, match="out of step"):
        Alignment(partons).place(replace(foreign, number=7))
