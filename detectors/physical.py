"""What cannot be fails its event, and no other: particles of a shower, candidates of a detector."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import awkward as ak
import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Booleans, Integers
from jetresim.campaign.errors import ShowerError
from jetresim.detectors.columns import Columns, select, to_columns
from jetresim.detectors.particle_properties import Kind, charge_and_visibility
from jetresim.showers.protocol import ParticleBatch

__all__ = [
    "PhysicalParticles",
    "any_in_event",
    "impossible_events",
    "impossible_momenta",
    "physical_particles",
    "tell_impossible",
]

log = logging.getLogger(__name__)


RELATIVE_ROUNDING, ABSOLUTE_ROUNDING = 1e-5, 1e-6
"""How much more momentum than energy a particle may have: a fraction, and GeV. Numbers in single precision
miss by 1e-6; those of Pythia by 1e-12."""

_MOMENTUM = ("px", "py", "pz", "energy")
_FINITE = (*_MOMENTUM, "x", "y", "z", "t", "d0", "dz")


@dataclass(frozen=True, slots=True)
class PhysicalParticles:
    """The particles of those events of a batch that can be.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (P,)
        `showers.protocol.PARTICLE_FIELDS`, and `charge` and `visible`, see `detectors.particle_properties`.
    counts : ndarray of int64, shape (N,)
        Number of particles of each event; 0 for those that failed.
    failed : ndarray of bool, shape (N,)
        Events with a particle that cannot be.
    """

    columns: Columns
    counts: Integers
    failed: Booleans


def physical_particles(batch: ParticleBatch, pt_min: float = 0.0) -> PhysicalParticles:
    """Leave out the events of a batch that hold a particle that cannot be, and say which these are.

    That is a momentum or vertex that is not finite in single precision, an energy below the momentum by
    more than rounding, an id that the PDG numbering scheme does not have, or a parton.

    Parameters
    ----------
    batch : ParticleBatch
    pt_min : float
        pT [GeV] below which particles are left out, and their ids not looked at.

    Raises
    ------
    ShowerError
        All events consist of partons: their hadronization is switched off.
    """
    columns, counts = to_columns(batch.particles)
    impossible = impossible_momenta(columns)
    failed = any_in_event(impossible, counts)
    tell_impossible(columns, counts, impossible, batch.events)
    wanted = ~np.repeat(failed, counts)
    if pt_min > 0:
        wanted &= np.hypot(columns["px"], columns["py"]) >= pt_min
    columns, counts = _selected(columns, counts, wanted)
    charge, visible, kind = charge_and_visibility(columns["pdgid"])
    columns |= {"charge": charge, "visible": visible}
    foreign = kind < Kind.HADRON
    if foreign.any():
        _require_hadrons(columns["pdgid"], kind, counts)
        tell_impossible(columns, counts, foreign, batch.events)
        without = any_in_event(foreign, counts)
        columns, counts = _selected(columns, counts, ~np.repeat(without, counts))
        failed |= without
    return PhysicalParticles(columns, counts, failed)


def impossible_events(particles: ak.Array) -> Booleans:
    """Events with a particle that cannot be whatever its pT, shape (N,)."""
    columns, counts = to_columns(particles)
    _, _, kind = charge_and_visibility(columns["pdgid"])
    return any_in_event(impossible_momenta(columns) | (kind < Kind.HADRON), counts)


def impossible_momenta(columns: Mapping[str, npt.NDArray]) -> Booleans:
    """Find particles or candidates with a momentum, energy, vertex or impact parameter that cannot be.

    Parameters
    ----------
    columns : mapping of str to ndarray, shape (P,)
        With px, py, pz and energy [GeV] at least.

    Returns
    -------
    ndarray of bool, shape (P,)
        Where a number is not finite in single precision, or the momentum exceeds the energy by more than
        `RELATIVE_ROUNDING` and `ABSOLUTE_ROUNDING`; so it does where the energy is negative.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        # A sum is finite only if all its terms are.
        size = sum(np.abs(columns[name]) for name in _FINITE if name in columns)
        px, py, pz, energy = (columns[name] for name in _MOMENTUM)
        most = energy * (1 + RELATIVE_ROUNDING) + ABSOLUTE_ROUNDING
        too_fast = (most < 0) | (px * px + py * py + pz * pz > most * most)
        return too_fast | ~(size <= np.finfo(np.float32).max)


def any_in_event(marked: Booleans, counts: Integers) -> Booleans:
    """Whether an event has a particle that is marked, shape (N,)."""
    found = np.zeros(len(counts), dtype=np.bool_)
    found[_event_of(np.flatnonzero(marked), counts)] = True
    return found


def tell_impossible(
    columns: Mapping[str, npt.NDArray], counts: Integers, marked: Booleans, events: Integers
) -> None:
    """Log the first particle or candidate that is marked of each event; `events` are the indices, (N,)."""
    places = np.flatnonzero(marked)
    rows, first = np.unique(_event_of(places, counts), return_index=True)
    for event, place in zip(events[rows].tolist(), places[first].tolist(), strict=True):
        shown = ", ".join(f"{name} = {columns[name][place]:g}" for name in _MOMENTUM)
        log.warning("event %d is unphysical: it has PDG id %d, %s", event, columns["pdgid"][place], shown)


def _event_of(places: npt.NDArray[np.intp], counts: Integers) -> npt.NDArray[np.intp]:
    return np.searchsorted(np.cumsum(counts), places, side="right")


def _selected(columns: Columns, counts: Integers, wanted: Booleans) -> tuple[Columns, Integers]:
    return (dict(columns), counts) if wanted.all() else select(columns, counts, wanted)


def _require_hadrons(pdgid: npt.NDArray[np.integer], kind: npt.NDArray[np.int8], counts: Integers) -> None:
    """One event of partons is a fault of the event; when there is nothing else it is the settings'."""
    partonic = any_in_event(kind == Kind.PARTON, counts) & ~any_in_event(kind == Kind.HADRON, counts)
    if partonic[counts > 0].all():
        parton = pdgid[kind == Kind.PARTON][0]
        raise ShowerError(
            f"final-state particle with PDG id {parton}: a parton, in events without hadrons; "
            "hadronization must be on (HadronLevel:all)"
        )
