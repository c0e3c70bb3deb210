"""Two gluons back to back."""

import numpy as np
import pylhe

from jetresim.campaign.seeds import HARD_PROCESS, event_seed
from jetresim.generators.events import HardEvent
from jetresim.generators.survey import Survey

COLOURS = ((501, 502), (502, 503), (501, 504), (504, 503))


class Gluons:
    """Gluons of a pT that the configuration names, at right angles to the beam."""

    def __init__(self, campaign, process):
        self._seed, self._process, self._beams = campaign.seed, process, campaign.beams
        self._pt = campaign.process(process).options["pt"]

    def check(self):
        """Nothing can be wrong."""

    def survey(self):
        """One picobarn."""
        return Survey(cross_section=1.0, cross_section_error=0.0)

    def init(self, survey):
        """The beams and the process."""
        half = self._beams.energy / 2
        return pylhe.LHEInit(
            initInfo=pylhe.LHEInitInfo(*self._beams.particles, half, half, 0, 0, 0, 0, -4, 1),
            procInfo=[pylhe.LHEProcInfo(xSection=1.0, error=0.0, unitWeight=1.0, procId=1)],
            generators=[],
        )

    def header(self):
        """None is needed."""

    def events(self, events, survey):
        """An angle each."""
        for index in events:
            rng = np.random.default_rng(event_seed(self._seed, self._process, index, HARD_PROCESS))
            yield HardEvent(index, self._record(rng.uniform(0, 2 * np.pi)))

    def _record(self, phi):
        x, y, energy = self._pt * np.cos(phi), self._pt * np.sin(phi), self._pt
        momenta = ((0, 0, energy), (0, 0, -energy), (x, y, 0), (-x, -y, 0))
        particles = [
            pylhe.LHEParticle(21, status, *mothers, *colours, *map(float, momentum), energy, 0.0, 0.0, 9.0)
            for status, mothers, colours, momentum in zip(
                (-1, -1, 1, 1), ((0, 0), (0, 0), (1, 2), (1, 2)), COLOURS, momenta, strict=True
            )
        ]
        info = pylhe.LHEEventInfo(nparticles=4, pid=1, weight=1.0, scale=energy, aqed=0.0078, aqcd=0.1)
        return pylhe.LHEEvent(eventinfo=info, particles=particles)
