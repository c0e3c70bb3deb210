"""Minimum-bias events that pile-up is drawn from, made once for a campaign."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from jetresim.campaign.arrays import Integers
from jetresim.detectors.columns import Columns

__all__ = ["Pool"]


@dataclass(frozen=True)
class Pool:
    """Visible particles of minimum-bias events.

    Attributes
    ----------
    columns : dict of str to ndarray, shape (P,)
        `showers.protocol.PARTICLE_FIELDS` of all events, one after the other, in single precision.
    counts : ndarray of int64, shape (E,)
        Particles of each event.
    """

    columns: Columns
    counts: Integers

    @cached_property
    def starts(self) -> Integers:
        """First particle of each event, shape (E,)."""
        return np.cumsum(self.counts) - self.counts
