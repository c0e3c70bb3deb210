"""From the particles of a realization to its candidates: pile-up, detector, mitigation."""

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from jetresim.campaign.config import Campaign
from jetresim.campaign.status import Status
from jetresim.detectors.registry import make_detector
from jetresim.showers.protocol import ParticleBatch, selected

if TYPE_CHECKING:
    from jetresim.detectors.pool import Pool

__all__ = ["Crossing"]

_INTERACTIONS = 2000
"""Interactions that are in memory at a time: about 300 000 particles."""


class Crossing:
    """What a detector makes of hard events and of the pile-up of their crossings, if there is any.

    Parameters
    ----------
    campaign : Campaign
    process, realization : str
    pool : Pool, optional
        Minimum-bias events of the campaign; made here where it has pile-up and none are given.
    """

    def __init__(
        self, campaign: Campaign, process: str, realization: str, pool: "Pool | None" = None
    ) -> None:
        self._detector = make_detector(campaign, realization, process)
        self._options = campaign.pileup
        self._pt_min = campaign.jets.constituent_pt_min
        if campaign.pileup is None:
            return
        # What pile-up needs takes time to load, Pythia among it.
        from jetresim.detectors.pileup import Overlay

        if pool is None:
            from jetresim.detectors.minimum_bias import make_pool

            pool = make_pool(campaign)
        self._overlay = Overlay(campaign, process, realization, pool)
        self._events = max(1, round(_INTERACTIONS / campaign.pileup.mean))

    @property
    def subtracts_areas(self) -> bool:
        """Whether pile-up is to be taken from the jets by their areas."""
        return self._options is not None and self._options.mitigation == "area"

    @property
    def given_up(self) -> Status:
        """Status of an event that has particles, but no candidates."""
        return getattr(self._detector, "given_up", Status.FAILED)

    def candidates(self, batch: ParticleBatch) -> ak.Array:
        """Candidates of a batch, see `detectors.protocol.Detector`; with pile-up those to be clustered."""
        if self._options is None:
            return self._detector.candidates(batch)
        starts = range(0, max(1, len(batch.events)), self._events)
        parts = [self._seen(selected(batch, slice(start, start + self._events))) for start in starts]
        return ak.to_packed(ak.concatenate(parts))

    def _seen(self, batch: ParticleBatch) -> ak.Array:
        from jetresim.detectors.mitigation import mitigated

        overlaid = self._overlay.overlaid(batch)
        vertex_z = np.asarray(self._detector.vertex_z(batch))
        return mitigated(self._detector.candidates(overlaid), vertex_z, self._options, self._pt_min)
