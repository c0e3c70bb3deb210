"""Each outgoing parton becomes pions along its direction."""

import awkward as ak
import numpy as np

from jetresim.campaign.errors import ShowerError
from jetresim.generators.targets import outgoing_partons
from jetresim.showers.protocol import PARTICLE_FIELDS, ParticleBatch
from jetresim.showers.registry import Program

PION, MASS = 211, 0.13957


class Pions:
    """Shares of a parton's momentum, from the seed of the event."""

    def __init__(self, campaign, process, realization):
        self._pieces = campaign.augmentation(realization).options["pieces"]
        self._seed_of = lambda event: campaign.seed_of(process, event, realization)

    def simulate(self, events):
        """One event a batch."""
        for event in events:
            seed = self._seed_of(event.index)
            yield ParticleBatch(
                np.array([event.index]),
                np.array([seed]),
                np.array([True]),
                ak.unflatten(self._pions(event, np.random.default_rng(seed)), self._pieces * 2),
            )

    def _pions(self, event, rng):
        momenta = [
            np.outer(rng.dirichlet(np.ones(self._pieces)), self._momentum(parton))
            for parton in outgoing_partons(event.record)
        ]
        px, py, pz = np.concatenate(momenta).T
        energy = np.sqrt(px**2 + py**2 + pz**2 + MASS**2)
        zero = np.zeros(len(px))
        pdgid = np.full(len(px), PION, dtype=np.int32)
        return ak.zip(dict(zip(PARTICLE_FIELDS, (pdgid, px, py, pz, energy, *[zero] * 4), strict=True)))

    def _momentum(self, parton):
        angles = np.cos(parton.phi), np.sin(parton.phi), np.sinh(parton.eta)
        return parton.pt * np.array(angles)


def make(campaign, process, realization, job):
    """What the entry point leads to."""
    return Pions(campaign, process, realization)


def check(campaign, augmentation):
    """Refuse fewer pieces than one."""
    if augmentation.options["pieces"] < 1:
        raise ShowerError("toy: expected at least one piece")


PROGRAM = Program(make, check=check, milliseconds=5)
"""The same, with more to say of it."""
