"""Events of a realization as HepMC3: hard process, final state and production vertices.

The shower programs hand over final-state particles with their production vertices, not the history
between. So the graph has the beams, the hard process as the Les Houches record has it, one vertex that
stands for the shower and hadronization, and beyond it one cluster for every displaced vertex.
"""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import pyhepmc
import pylhe
from particle import Particle

from jetresim.campaign.arrays import Floats
from jetresim.campaign.config import Beams
from jetresim.campaign.version import code_version
from jetresim.detectors.columns import Columns
from jetresim.generators.events import HardEvent

__all__ = ["hepmc_event"]

_FINAL, _INTERMEDIATE, _BEAM = 1, 2, 4  # HepMC3, section status codes
_HARD_PROCESS = {-1: 21, 2: 22, 1: 23}
"""Les Houches status to that of Pythia 8 (manual, Particle Properties): incoming, intermediate, outgoing."""

_CLUSTER = 91
"""PDG id of a cluster: what decayed at a displaced vertex, with the sum of the momenta that leave it."""

_VERTEX = ("x", "y", "z", "t")
_MOMENTUM = ("px", "py", "pz", "energy")


def hepmc_event(
    hard: HardEvent,
    particles: Columns,
    beams: Beams,
    weights: Sequence[tuple[str, float]],
    identity: Mapping[str, str | int],
) -> pyhepmc.GenEvent:
    """An event as HepMC3 (GeV, mm), whose number is the index of the hard event.

    Parameters
    ----------
    hard : HardEvent
    particles : dict of str to ndarray
        Its `showers.protocol.PARTICLE_FIELDS`, before the detector.
    beams : Beams
    weights : sequence of (str, float)
        Names and values [pb], that of the event first.
    identity : mapping
        Attributes that say which event of which realization it is.
    """
    event = pyhepmc.GenEvent(pyhepmc.Units.GEV, pyhepmc.Units.MM)
    event.run_info = _run_info(tuple(name for name, _ in weights))
    event.event_number = hard.index
    event.weights = [value for _, value in weights]
    _add_final_state(event, _add_hard_process(event, hard.record, beams), particles)
    info = hard.record.eventinfo
    scales = {"event_scale": info.scale, "alphaQCD": info.aqcd, "alphaQED": info.aqed}
    for name, value in {**identity, **{name: float(value) for name, value in scales.items()}}.items():
        event.attributes[name] = value
    return event


@lru_cache(maxsize=1)  # a listing has one, and HepMC3 warns of each further object
def _run_info(weights: tuple[str, ...]) -> pyhepmc.GenRunInfo:
    info = pyhepmc.GenRunInfo()
    # A blank would end the name when it is read.
    info.weight_names = _distinct(["_".join(name.split()) for name in weights])
    info.tools = [pyhepmc.GenRunInfo.ToolInfo("jetresim", code_version(), "realization of a hard event")]
    return info


def _distinct(names: list[str]) -> list[str]:
    """The names, numbered where two are the same, which HepMC3 refuses."""
    if len(set(names)) == len(names):
        return names
    return [f"{name}_{place}" for place, name in enumerate(names)]


def _add_hard_process(
    event: pyhepmc.GenEvent, record: pylhe.LHEEvent, beams: Beams
) -> list[pyhepmc.GenParticle]:
    """Add beams and hard process; returns the particles that leave it."""
    particles = [
        _particle(
            each.id,
            _HARD_PROCESS.get(each.status, _INTERMEDIATE),
            (each.px, each.py, each.pz, each.e),
            each.m,
        )
        for each in record.particles
    ]
    vertices = {0: pyhepmc.GenVertex()}  # by the first mother, counted from 1; the beams collide at 0
    for beam in _beams(beams):
        vertices[0].add_particle_in(beam)
    ended: set[int] = set()
    for particle, each in zip(particles, record.particles, strict=True):
        first, last = int(each.mother1), int(each.mother2)
        if first not in vertices:
            vertices[first] = pyhepmc.GenVertex()
            for mother in sorted({first, last or first} - ended):
                vertices[first].add_particle_in(particles[mother - 1])
                ended.add(mother)
        vertices[first].add_particle_out(particle)
    for vertex in vertices.values():
        event.add_vertex(vertex)
    return [particle for place, particle in enumerate(particles, start=1) if place not in ended]


def _beams(beams: Beams) -> list[pyhepmc.GenParticle]:
    energy = beams.energy / 2
    made = []
    for pdgid, direction in zip(beams.particles, (1, -1), strict=True):
        mass = (Particle.from_pdgid(pdgid).mass or 0.0) / 1000  # MeV
        momentum = direction * math.sqrt(energy**2 - mass**2)
        made.append(_particle(pdgid, _BEAM, (0.0, 0.0, momentum, energy), mass))
    return made


def _add_final_state(
    event: pyhepmc.GenEvent, before: Sequence[pyhepmc.GenParticle], particles: Columns
) -> None:
    """Add the final state in its order: prompt particles at one vertex, the others beyond a cluster each.

    Detectors tell particles of an event apart by their order, which a file keeps by their numbers.
    """
    momenta = np.stack([particles[name] for name in _MOMENTUM], axis=1)
    masses = np.sqrt(np.maximum(_squared_masses(momenta), 0.0))
    positions = np.stack([particles[name] for name in _VERTEX], axis=1)
    places, place_of = np.unique(positions, axis=0, return_inverse=True)
    place_of = place_of.ravel()
    prompt = pyhepmc.GenVertex()
    for particle in before:
        prompt.add_particle_in(particle)
    event.add_vertex(prompt)
    vertices = []
    for number, place in enumerate(places):
        vertex = _displaced(prompt, place, momenta[place_of == number]) if place.any() else prompt
        event.add_vertex(vertex)
        vertices.append(vertex)
    for pdgid, number, momentum, mass in zip(
        particles["pdgid"].tolist(), place_of.tolist(), momenta.tolist(), masses.tolist(), strict=True
    ):
        vertices[number].add_particle_out(_particle(pdgid, _FINAL, tuple(momentum), mass))


def _displaced(prompt: pyhepmc.GenVertex, place: Floats, momenta: Floats) -> pyhepmc.GenVertex:
    """A displaced vertex, fed by a cluster with the momentum of what leaves it."""
    vertex = pyhepmc.GenVertex(tuple(place))
    cluster = pyhepmc.GenParticle(tuple(momenta.sum(axis=0)), _CLUSTER, _INTERMEDIATE)
    prompt.add_particle_out(cluster)
    vertex.add_particle_in(cluster)
    return vertex


def _particle(
    pdgid: int, status: int, momentum: tuple[float, float, float, float], mass: float
) -> pyhepmc.GenParticle:
    particle = pyhepmc.GenParticle(momentum, pdgid, status)
    particle.generated_mass = mass  # the squared mass of a photon may come out negative
    return particle


def _squared_masses(momenta: Floats) -> Floats:
    return momenta[:, 3] ** 2 - (momenta[:, :3] ** 2).sum(axis=1)
