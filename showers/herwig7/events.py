"""Hard events in the form that Herwig 7 gets them."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import pylhe

from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_files import write_lhe

__all__ = ["PROCESS_ID", "UNIT_WEIGHT", "scanned", "write_block", "z_event"]

PROCESS_ID = 1
"""LPRUP of all events handed to Herwig, so that a run file does not depend on the hard process."""

UNIT_WEIGHT = 1.0
"""XWGTUP [pb] of all events handed to Herwig, which would skip weight 0; the hard event keeps its own."""

PROTON = 2212

_UNIT_WEIGHTS = 3  # Les Houches weighting strategy: accept every event as it comes


def write_block(path: Path, beams_energy: float, events: Iterable[pylhe.LHEEvent]) -> None:
    """Write hard events for Herwig: numbered from 1, of unit weight, and without any further weights.

    In front of them stands the one that Herwig scans, `scanned`, under the number 0.

    Parameters
    ----------
    path : Path
    beams_energy : float
        Centre-of-mass energy [GeV] of the two protons.
    events : iterable of LHEEvent
    """
    half = beams_energy / 2
    init = pylhe.LHEInit(
        initInfo=pylhe.LHEInitInfo(PROTON, PROTON, half, half, 0, 0, 0, 0, _UNIT_WEIGHTS, 1),
        procInfo=[pylhe.LHEProcInfo(UNIT_WEIGHT, 0.0, UNIT_WEIGHT, PROCESS_ID)],
        generators=[],
    )
    numbered = enumerate(chain([scanned()], events))
    write_lhe(path, init, None, (HardEvent(number, _bare(record)) for number, record in numbered))


def _bare(record: pylhe.LHEEvent) -> pylhe.LHEEvent:
    info = record.eventinfo
    return pylhe.LHEEvent(
        eventinfo=pylhe.LHEEventInfo(
            len(record.particles), PROCESS_ID, UNIT_WEIGHT, info.scale, info.aqed, info.aqcd
        ),
        particles=record.particles,
    )


def scanned() -> pylhe.LHEEvent:
    """The hard event in front of every block, of which Herwig makes nothing."""
    return z_event(91.2)


def z_event(mass: float) -> pylhe.LHEEvent:
    """The hard event u ū → Z → ν ν̄ with a Z at rest of a mass [GeV]."""
    half, spin = mass / 2, 9.0
    rows = (
        (2, -1, 0, 0, 501, 0, 0.0, half, half, 0.0),
        (-2, -1, 0, 0, 0, 501, 0.0, -half, half, 0.0),
        (23, 2, 1, 2, 0, 0, 0.0, 0.0, 2 * half, 2 * half),
        (12, 1, 3, 3, 0, 0, half, 0.0, half, 0.0),
        (-12, 1, 3, 3, 0, 0, -half, 0.0, half, 0.0),
    )
    particles = [
        pylhe.LHEParticle(*numbers, px, 0.0, pz, energy, mass, 0.0, spin)
        for *numbers, px, pz, energy, mass in rows
    ]
    info = pylhe.LHEEventInfo(len(particles), PROCESS_ID, UNIT_WEIGHT, 2 * half, 0.0078, 0.118)
    return pylhe.LHEEvent(eventinfo=info, particles=particles)
