"""Which hard event a Herwig event belongs to, by evidence.

Herwig drops an event that fails, reads on, and where it has scanned more of the file than we have it
scan begins it again to reach the number of events it was asked for. So an event is taken for a hard
event only when the number that it carries *and* the momenta of its hard partons, which Herwig keeps
unchanged, both say so.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pylhe

from jetresim.campaign.errors import ShowerError
from jetresim.showers.hepmc import GeneratorEvent
from jetresim.showers.herwig7.events import scanned

__all__ = ["MOMENTUM_TOLERANCE", "Alignment", "HardPartons"]

MOMENTUM_TOLERANCE = 1e-6
"""Largest difference of a hard parton's momentum, in units of the event's largest component.

Printing costs 1e-12; two hard events are never that close in all their partons."""

_EXTERNAL = (-1, 1)  # Les Houches status of incoming and outgoing particles


class HardPartons:
    """Incoming and outgoing partons of one hard event.

    Parameters
    ----------
    record : pylhe.LHEEvent
    """

    __slots__ = ("_momenta", "_pdgids", "_tolerance")

    def __init__(self, record: pylhe.LHEEvent) -> None:
        partons = [particle for particle in record.particles if particle.status in _EXTERNAL]
        self._pdgids = np.array([parton.id for parton in partons], dtype=np.int32)
        self._momenta = np.array([(parton.px, parton.py, parton.pz) for parton in partons]).reshape(-1, 3)
        self._tolerance = MOMENTUM_TOLERANCE * np.abs(self._momenta).max(initial=0.0)

    def within(self, event: GeneratorEvent) -> bool:
        """Whether each of the partons is among the particles of an event."""
        candidates = np.isin(event.pdgids, self._pdgids)
        pdgids = event.pdgids[candidates]
        distance = np.abs(event.momenta[candidates, None, :3] - self._momenta).max(axis=2)
        found = (distance <= self._tolerance) & (pdgids[:, None] == self._pdgids)
        return bool(found.any(axis=0).all())

    @property
    def key(self) -> bytes:
        """Equal for hard events that cannot be told apart by their partons."""
        return self._pdgids.tobytes() + self._momenta.tobytes()


class Alignment:
    """Assigns the events of one Herwig run to the hard events it was given.

    Parameters
    ----------
    partons : sequence of HardPartons
        Of the hard events, in the order of the file; the n-th carries the number n, from 1. Number 0 is the
        event that Herwig scans, see `showers.herwig7.events.scanned`; were it made, it would be a repeat.
    numbered : bool
        Whether this Herwig can pass the numbers on. If not, the partons alone decide.

    Attributes
    ----------
    events : int
        Events seen.
    repeats : int
        Events that had been seen before, or that come after a later one: Herwig began the file again.
    numbered : bool
        Turns False when the numbers prove to be Herwig's own counter.

    Raises
    ------
    ShowerError
        The partons have to decide and two hard events have the same.
    """

    def __init__(self, partons: Sequence[HardPartons], numbered: bool = True) -> None:
        self._partons = [HardPartons(scanned()), *partons]
        self._last = 0
        self._counting = True
        self.events = 0
        self.repeats = 0
        self.numbered = numbered
        if not numbered:
            self._check_unambiguous()

    def place(self, event: GeneratorEvent) -> int | None:
        """Place of an event among the hard events, from 0, or None for a repeat.

        Raises
        ------
        ShowerError
            Number and partons contradict each other, or belong to none of the hard events.
        """
        self.events += 1
        self._counting &= event.number == self.events
        number = self._by_number(event) if self.numbered else self._by_partons(event)
        if number <= self._last:
            self.repeats += 1
            return None
        self._last = number
        return number - 1

    def _by_number(self, event: GeneratorEvent) -> int:
        number = event.number
        if 0 <= number < len(self._partons) and self._partons[number].within(event):
            return number
        if not self._counting:
            raise ShowerError(
                f"Herwig's event {number} (place {self.events} of its output) does not contain the partons "
                f"of hard event {number} of its block: they are out of step"
            )
        # A counter and the numbers part where the first event was dropped.
        self.numbered = False
        self._check_unambiguous()
        return self._by_partons(event)

    def _by_partons(self, event: GeneratorEvent) -> int:
        for number in self._expected():
            if self._partons[number].within(event):
                return number
        raise ShowerError(
            f"the partons of Herwig's event {event.number} (place {self.events} of its output) "
            "are those of no hard event of its block"
        )

    def _expected(self) -> Iterator[int]:
        """Numbers in the order in which they are likely."""
        following = self._last + 1
        yield from range(following, len(self._partons))
        yield from range(following)

    def _check_unambiguous(self) -> None:
        numbers: dict[bytes, int] = {}
        for number, partons in enumerate(self._partons):
            other = numbers.setdefault(partons.key, number)
            if other != number:
                raise ShowerError(
                    f"hard events {other} and {number} of a block have the same partons, and this Herwig "
                    "does not pass on event numbers: they cannot be told apart; Herwig 7.3 or later can"
                )
