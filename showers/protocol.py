"""What every shower program offers: hard events in, batches of final-state particles out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import awkward as ak
import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.generators.events import HardEvent, Parton

__all__ = [
    "PARTICLE_FIELDS",
    "ParticleBatch",
    "Shower",
    "empty_batch",
    "joined",
    "no_particles",
    "placed_among",
    "selected",
]

PARTICLE_FIELDS = ("pdgid", "px", "py", "pz", "energy", "x", "y", "z", "t")
"""int32 PDG id; float64 momentum and energy [GeV]; float64 production vertex and time [mm]."""


@dataclass(frozen=True, slots=True)
class ParticleBatch:
    """Final-state particles of some consecutive hard events, all of which keep their place.

    Attributes
    ----------
    events : ndarray of int64, shape (N,)
        Indices of the hard events, as they were asked for.
    seeds : ndarray of int64, shape (N,)
        Seed of each realization.
    succeeded : ndarray of bool, shape (N,)
        False where the program gave up; the event then has no particles.
    particles : ak.Array, N * var * record
        Final-state particles with `PARTICLE_FIELDS`, neutrinos included, in the program's order.
    vetoed : frozenset of int
        Indices of those that have not succeeded because they were given up on purpose.
    weights : mapping of int to ndarray of float64, shape (W,)
        Weights of variations relative to that of the event, by event index, where they were asked for.
    pileup_seeds : ndarray of int64, shape (N,), optional
        Where pile-up was overlaid: seeds with which the detector sees it. Particles then have a field
        `pileup`, and those for which it is true stand behind the others of their event.
    partons : sequence of length N, optional
        Outgoing partons of each hard event, where a detector is to know them.
    """

    events: Integers
    seeds: Integers
    succeeded: Booleans
    particles: ak.Array
    vetoed: frozenset[int] = frozenset()
    weights: Mapping[int, Floats] = field(default_factory=dict)
    pileup_seeds: Integers | None = None
    partons: Sequence[Sequence[Parton]] | None = None


class Shower(Protocol):
    """A shower and hadronization program, set up for one realization of one process."""

    def simulate(self, events: Iterable[HardEvent]) -> Iterator[ParticleBatch]:
        """Shower the hard events in their order.

        Every event that goes in comes out in exactly one batch. Its particles depend on the hard
        event and its seed alone, not on which other events are asked for.

        Raises
        ------
        ShowerError
            The program cannot go on at all. A single event it fails on is no error.
        """
        ...


def no_particles() -> dict[str, npt.NDArray]:
    """Empty columns of `PARTICLE_FIELDS`."""
    return {name: np.array([], dtype=np.int32 if name == "pdgid" else np.float64) for name in PARTICLE_FIELDS}


def empty_batch() -> ParticleBatch:
    """A batch of no events."""
    none = np.array([], dtype=np.int64)
    return ParticleBatch(none, none, none.astype(bool), ak.unflatten(ak.zip(no_particles()), none))


def selected(batch: ParticleBatch, chosen: Booleans | slice) -> ParticleBatch:
    """Some events of a batch."""
    return ParticleBatch(
        batch.events[chosen],
        batch.seeds[chosen],
        batch.succeeded[chosen],
        batch.particles[chosen],
        vetoed=batch.vetoed,
        weights=batch.weights,
    )


def joined(first: ParticleBatch, second: ParticleBatch) -> ParticleBatch:
    """The events of two batches, one after the other."""
    return ParticleBatch(
        np.concatenate([first.events, second.events]),
        np.concatenate([first.seeds, second.seeds]),
        np.concatenate([first.succeeded, second.succeeded]),
        ak.concatenate([first.particles, second.particles]),
        vetoed=first.vetoed | second.vetoed,
        weights={**first.weights, **second.weights},
    )


def placed_among(batch: ParticleBatch, events: Integers, seeds: Integers) -> ParticleBatch:
    """Give a batch further events that were not simulated; they have no particles.

    Parameters
    ----------
    batch : ParticleBatch
    events, seeds : ndarray of int64, shape (M,)
        All events, in order, those of the batch among them.

    Returns
    -------
    ParticleBatch
        Of M events; what was not simulated has not succeeded.
    """
    places = np.searchsorted(events, batch.events)
    counts = np.zeros(len(events), dtype=np.int64)
    counts[places] = ak.to_numpy(ak.num(batch.particles))
    succeeded = np.zeros(len(events), dtype=bool)
    succeeded[places] = batch.succeeded
    particles = ak.unflatten(ak.flatten(batch.particles), counts)
    return ParticleBatch(events, seeds, succeeded, particles, vetoed=batch.vetoed, weights=batch.weights)
