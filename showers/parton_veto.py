"""A veto before hadronization: events whose partons make no jet that could become one of a group."""

from types import MappingProxyType

import pythia8mc

from jetresim.campaign.config import Jets
from jetresim.campaign.printing import nothing_printed

__all__ = ["PartonVeto"]

POWERS = MappingProxyType({"antikt": -1, "cambridge": 0, "kt": 1})
"""Jet algorithms as the power of pT in their distance measure."""

_ANY_ETA = 25.0
_FINAL, _VISIBLE = 1, 2
_WITH_MASS = 2


class PartonVeto:
    """Clusters the partons of an event with the jet algorithm of the campaign.

    Pythia's own interface to FastJet (manual, section Jet Finders) is used, since it reads Pythia's record
    without a loop in Python: 0.15 ms an event.

    Parameters
    ----------
    jets : Jets
        Algorithm and radius of the campaign.
    pt_min : float
        pT that a jet of partons must reach [GeV].
    """

    def __init__(self, jets: Jets, pt_min: float) -> None:
        self._finder = pythia8mc.SlowJet(
            POWERS[jets.algorithm], jets.radius, pt_min, _ANY_ETA, _VISIBLE, _WITH_MASS
        )
        # FastJet has a banner at the first clustering, and Pythia's copy no switch for it
        with nothing_printed():
            pythia8mc.SlowJet(-1, jets.radius, 0.0, _ANY_ETA, _FINAL).analyze(_one_gluon())

    def __call__(self, record: pythia8mc.Event) -> bool:
        """Whether no jet of the final partons reaches the pT."""
        self._finder.analyze(record)
        return self._finder.sizeJet() == 0


def _one_gluon() -> pythia8mc.Event:
    record = pythia8mc.Event()
    record.append(21, 23, 101, 102, 10.0, 0.0, 0.0, 10.0)
    return record
