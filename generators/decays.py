"""Decays of resonances that arrive undecayed, done once for all realizations of a hard event."""

import math
from dataclasses import replace
from functools import cached_property

import pylhe
import pythia8mc

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import HardEventError
from jetresim.campaign.seeds import HARD_DECAYS, event_seed
from jetresim.generators.events import HardEvent
from jetresim.generators.feed import EventFeed
from jetresim.generators.pythia_setup import failure_reason, make_pythia

__all__ = ["ResonanceDecays"]

_FINAL, _INTERMEDIATE = 1, 2
_FIRST = 3  # entries 0-2 of Pythia's record are the system and the beams
_UNKNOWN_SPIN = 9.0
_STAGE = {
    "Beams:frameType": 5,
    "PartonLevel:all": False,
    # Pythia would give massless quarks a mass here and move the other particles for it.
    "LesHouches:setLeptonMass": 0,
    "LesHouches:setQuarkMass": 0,
    "LesHouches:mRecalculate": -1.0,
}
_STABLE = frozenset({*range(1, 6), *range(11, 17), 21, 22})
"""Absolute PDG ids that are no resonances: quarks but the top, leptons, gluon and photon."""


class ResonanceDecays:
    """Decays the final t, W, Z, H and other resonances of hard events with Pythia.

    The particles of the file stay as they are but for the status of those that decay; their decay products
    follow at the end, in cascade: t → W b, W → q q̄. Each event has a random stream of its own.

    Decays of a top and of a Higgs boson follow their matrix elements, with the decays of the W and Z in
    them; others are isotropic in the rest frame. What the spins know of the production is lost.

    Weights are multiplied with the fraction of the decays that the configuration leaves open, as those of
    the decays that Pythia's own processes make are.

    Parameters
    ----------
    campaign : Campaign
    process : str
        Name of the process, whose `decay_settings` choose the channels.
    """

    def __init__(self, campaign: Campaign, process: str) -> None:
        self._campaign = campaign
        self._name = process
        self._feed = EventFeed(campaign.beams)

    def undecayed(self, record: pylhe.LHEEvent) -> list[int]:
        """Places of the final particles that Pythia decays as resonances."""
        return [
            place
            for place, particle in enumerate(record.particles)
            if particle.status == _FINAL and abs(particle.id) not in _STABLE and self._decays(particle.id)
        ]

    def __call__(self, event: HardEvent) -> HardEvent:
        """Decay an event; one without undecayed resonances comes back as it is.

        Raises
        ------
        HardEventError
            No channel is open, or Pythia finds none that the mass of the particle allows.
        """
        places = self.undecayed(event.record)
        if not places:
            return event
        ids = [event.record.particles[place].id for place in places]
        fraction = self.open_fraction(ids)
        if not (fraction > 0 and self._decay(event)):
            raise HardEventError(
                f"process {self._name}, event {event.index}: Pythia cannot decay its particles "
                f"{' '.join(map(str, ids))}; check the channels in `decay_settings`"
            )
        return HardEvent(event.index, _with_decays(event.record, places, self._pythia.process, fraction))

    @property
    def particle_data(self) -> pythia8mc.ParticleData:
        """Pythia's particles, as the configuration leaves them."""
        return self._pythia.particleData

    def open_fraction(self, ids: list[int]) -> float:
        """Probability that all of some resonances decay in channels that are open."""
        return math.prod(self.particle_data.resOpenFrac(pdgid) for pdgid in ids)

    def _decays(self, pdgid: int) -> bool:
        data = self.particle_data
        return data.isResonance(pdgid) and data.mayDecay(pdgid)

    def _decay(self, event: HardEvent) -> bool:
        self._feed.load([event])
        seed = event_seed(self._campaign.seed, self._name, event.index, HARD_DECAYS)
        self._pythia.rndm.init(seed)
        return self._pythia.next()

    def initialize(self) -> None:
        """Set Pythia up, which is otherwise done for the first resonance that is met.

        Raises
        ------
        HardEventError
            Pythia refuses the settings; with its own reason.
        """
        _ = self._pythia

    @cached_property
    def _pythia(self) -> pythia8mc.Pythia:
        settings = self._campaign.hard_settings(self._name)
        pythia = make_pythia(settings, self._campaign, _STAGE)
        pythia.setLHAupPtr(self._feed)
        if not pythia.init():
            reason = failure_reason(settings, self._campaign, _STAGE, EventFeed(self._campaign.beams))
            raise HardEventError(f"process {self._name}: Pythia cannot be initialized: {reason}")
        return pythia


def _with_decays(
    record: pylhe.LHEEvent, places: list[int], decayed: pythia8mc.Event, fraction: float
) -> pylhe.LHEEvent:
    """The record with the decay products that Pythia found for the particles at some places."""
    entries = {_identity(decayed[entry]): entry for entry in range(_FIRST, decayed.size())}
    particles = list(record.particles)
    open_ends = []
    for place in places:
        open_ends.append((place, decayed[entries[_identity_in_file(particles[place])]]))
        particles[place] = replace(particles[place], status=_INTERMEDIATE)
    while open_ends:
        mother, entry = open_ends.pop(0)
        for daughter in (decayed[number] for number in entry.daughterList()):
            if daughter.status() < 0:
                open_ends.append((len(particles), daughter))
            particles.append(_product(daughter, mother + 1))
    info = replace(record.eventinfo, nparticles=len(particles), weight=record.eventinfo.weight * fraction)
    weights = {name: weight * fraction for name, weight in record.weights.items()}
    return replace(record, eventinfo=info, particles=particles, weights=weights)


def _identity(entry: pythia8mc.Particle) -> tuple[int, float, float, float]:
    """What tells a particle from the others of its event; Pythia puts intermediate ones in another order."""
    return entry.id(), entry.px(), entry.py(), entry.pz()


def _identity_in_file(particle: pylhe.LHEParticle) -> tuple[int, float, float, float]:
    return particle.id, particle.px, particle.py, particle.pz


def _product(entry: pythia8mc.Particle, mother: int) -> pylhe.LHEParticle:
    status = _FINAL if entry.status() > 0 else _INTERMEDIATE
    return pylhe.LHEParticle(
        entry.id(), status, mother, mother, entry.col(), entry.acol(),
        entry.px(), entry.py(), entry.pz(), entry.e(), entry.m(), 0.0, _UNKNOWN_SPIN,
    )  # fmt: skip
