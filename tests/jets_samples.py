"""Events and jets for the tests of detectors and jets."""

from functools import cache

import awkward as ak
import numpy as np
import pythia8mc

from jetresim.detectors.columns import from_columns
from jetresim.detectors.none import NoDetector
from jetresim.showers.protocol import ParticleBatch

_SETTINGS = (
    "Print:quiet = on",
    "Random:setSeed = on",
    "Random:seed = 11",
    "PartonLevel:MPI = off",
    "PhaseSpace:pTHatMin = 500",
    "ParticleDecays:limitTau0 = on",
    "ParticleDecays:tau0Max = 10",
    "WeakZ0:gmZmode = 2",
    "23:onMode = off",
    "23:onIfAny = 12 14 16",
    "25:onMode = off",
    "25:onIfMatch = 5 -5",
)
_PROCESSES = {
    "qcd": ("WeakBosonAndParton:qqbar2gmZg = on", "WeakBosonAndParton:qg2gmZq = on"),
    "higgs": ("HiggsSM:ffbar2HZ = on",),
}


@cache
def pythia_batch(process: str, events: int) -> ParticleBatch:
    pythia = pythia8mc.Pythia("", False)
    for setting in (*_SETTINGS, *_PROCESSES[process]):
        assert pythia.readString(setting), setting
    assert pythia.init()
    rows, counts = [], []
    for _ in range(events):
        assert pythia.next()
        final = [particle for particle in pythia.event if particle.isFinal()]
        counts.append(len(final))
        rows += [
            (p.id(), p.px(), p.py(), p.pz(), p.e(), p.xProd(), p.yProd(), p.zProd(), p.tProd()) for p in final
        ]
    return batch_of(np.array(rows), counts)


def batch_of(rows, counts, succeeded=None) -> ParticleBatch:
    """Rows are pdgid, px, py, pz, energy, x, y, z, t."""
    rows = np.asarray(rows, dtype=np.float64).reshape(-1, 9)
    columns = {"pdgid": rows[:, 0].astype(np.int32)}
    names = ("px", "py", "pz", "energy", "x", "y", "z", "t")
    columns |= {name: rows[:, number].copy() for number, name in enumerate(names, start=1)}
    events = len(counts)
    return ParticleBatch(
        events=np.arange(10, 10 + events),
        seeds=np.arange(1000, 1000 + events),
        succeeded=np.ones(events, dtype=bool) if succeeded is None else np.asarray(succeeded),
        particles=from_columns(columns, np.asarray(counts, dtype=np.int64)),
    )


def part(batch: ParticleBatch, rows: slice) -> ParticleBatch:
    return ParticleBatch(batch.events[rows], batch.seeds[rows], batch.succeeded[rows], batch.particles[rows])


@cache
def pythia_candidates(process: str, events: int) -> ak.Array:
    return NoDetector().candidates(pythia_batch(process, events))


def candidates_of(events) -> ak.Array:
    """Massive or massless candidates; each event is a sequence of (pt, eta, phi[, mass])."""
    rows = [(*one, 0.0)[:4] for event in events for one in event]
    pt, eta, phi, mass = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    columns = {
        "pdgid": np.full(len(pt), 211, dtype=np.int32),
        "charge": np.ones(len(pt), dtype=np.int8),
        "px": pt * np.cos(phi),
        "py": pt * np.sin(phi),
        "pz": pt * np.sinh(eta),
        "energy": np.hypot(pt * np.cosh(eta), mass),
        "d0": np.arange(len(pt)) / 8,
        "dz": -np.arange(len(pt)) / 4,
    }
    return from_columns(columns, np.array([len(event) for event in events], dtype=np.int64))
