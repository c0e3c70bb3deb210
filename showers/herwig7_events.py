"""Hard events in the form that Herwig 7 gets them."""

from collections.abc import Iterable
from pathlib import Path

import pylhe

from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_files import write_lhe

PROCESS_ID = 1
"""LPRUP of all events handed to Herwig, so that a run file does not depend on the hard process."""

UNIT_WEIGHT = 1.0
"""XWGTUP [pb] of all events handed to Herwig, which would skip weight 0; the hard event keeps its own."""

PROTON = 2212

_UNIT_WEIGHTS = 3  # Les Houches weighting strategy: accept every event as it comes


def write_block(path: Path, beams_energy: float, events: Iterable[HardEvent]) -> None:
    """Write hard events for Herwig: numbered, of unit weight, and without any further weights.

    Parameters
    ----------
    path : Path
    beams_energy : float
        Centre-of-mass energy [GeV] of the two protons.
    events : iterable of HardEvent
        Their indices count from 0 within the block.
    """
    half = beams_energy / 2
    init = pylhe.LHEInit(
        initInfo=pylhe.LHEInitInfo(PROTON, PROTON, half, half, 0, 0, 0, 0, _UNIT_WEIGHTS, 1),
        procInfo=[pylhe.LHEProcInfo(UNIT_WEIGHT, 0.0, UNIT_WEIGHT, PROCESS_ID)],
        generators=[],
    )
    write_lhe(path, init, None, (HardEvent(event.index, _bare(event.record)) for event in events))


def _bare(record: pylhe.LHEEvent) -> pylhe.LHEEvent:
    info = record.eventinfo
    return pylhe.LHEEvent(
        eventinfo=pylhe.LHEEventInfo(
            len(record.particles), PROCESS_ID, UNIT_WEIGHT, info.scale, info.aqed, info.aqcd
        ),
        particles=record.particles,
    )


def example() -> HardEvent:
    """A hard event for ``Herwig read``, which opens the file but keeps nothing of it: u ū → Z → ν ν̄."""
    half, spin = 45.6, 9.0
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
    return HardEvent(0, pylhe.LHEEvent(eventinfo=info, particles=particles))
