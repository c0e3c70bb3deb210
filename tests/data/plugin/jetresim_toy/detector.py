"""Visible particles above a threshold in pT."""

import numpy as np

from jetresim.detectors.none import NoDetector


class Coarse:
    """What the built-in `none` sees, above another threshold [GeV]."""

    def __init__(self, threshold):
        self._threshold = threshold

    def candidates(self, batch):
        """Reconstruct a batch."""
        seen = NoDetector().candidates(batch)
        return seen[np.hypot(seen.px, seen.py) > self._threshold]


def make(campaign, realization):
    """What the entry point leads to."""
    return Coarse(campaign.detector_options(realization).options["threshold"])
