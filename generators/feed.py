"""Hard events into Pythia, from memory."""

import pylhe
import pythia8mc

from jetresim.campaign.config import Beams
from jetresim.generators.events import HardEvent

__all__ = ["EventFeed"]

_UNIT_WEIGHTS = 3  # Les Houches weighting strategy: accept every event as it comes
_SCALE_OF_EVENT = -1.0  # no shower starting scale of the particle's own


class EventFeed(pythia8mc.LHAup):
    """Hands over hard events one after the other.

    Parameters
    ----------
    beams : campaign.config.Beams
    """

    def __init__(self, beams: Beams) -> None:
        super().__init__()
        self._beams = beams
        self._batch: list[HardEvent] = []
        self._next = 0

    def load(self, batch: list[HardEvent]) -> None:
        """Make a batch the events to come."""
        self._batch, self._next = batch, 0

    @property
    def current(self) -> HardEvent:
        """The event handed over last."""
        return self._batch[self._next - 1]

    def setInit(self) -> bool:  # noqa: N802 (name given by Pythia)
        """Tell Pythia the beams, and to accept every event as it comes."""
        for particle, set_beam in zip(self._beams.particles, (self.setBeamA, self.setBeamB), strict=True):
            set_beam(particle, self._beams.energy / 2)
        self.setStrategy(_UNIT_WEIGHTS)
        self.addProcess(0, 1.0, 0.0, 1.0)
        return True

    def setEvent(self, process: int = 0) -> bool:  # noqa: N802
        """Hand over the next event, if the batch has one."""
        if self._next == len(self._batch):
            return False
        self._next += 1
        self._copy(self.current.record)
        return True

    def _copy(self, record: pylhe.LHEEvent) -> None:
        info = record.eventinfo
        self.setProcess(0, 1.0, info.scale, info.aqed, info.aqcd)
        for particle in record.particles:
            self.addParticle(
                particle.id, particle.status, particle.mother1, particle.mother2,
                particle.color1, particle.color2, particle.px, particle.py, particle.pz,
                particle.e, particle.m, particle.lifetime, particle.spin, _SCALE_OF_EVENT,
            )  # fmt: skip
        first, second = (particle for particle in record.particles if particle.status == -1)
        energy = self._beams.energy / 2
        self.setIdX(first.id, second.id, first.e / energy, second.e / energy)
