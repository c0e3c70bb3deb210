"""Views per second of CPU time that are simulated while a network trains.

``python -m benchmarks.live_views results/CAMPAIGN``
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

AUGMENTATIONS = ("seed", "rehadronize", "redetect")
"""A full shower, the hadronization alone, the detector alone; the latter two share the anchor's shower."""

VIEWS = 8
"""Views of each group, which share what they have in common."""

BATCH = 4096
"""More groups than are simulated together, so that a batch is all that its CPU time was spent on."""

SECONDS = 20.0
"""CPU time to measure for each augmentation, after its programs are set up."""


@dataclass(frozen=True, slots=True)
class LiveRate:
    """Views per second of CPU time, of groups that are given to the network."""

    augmentation: str
    rate: float


def live_rates(campaign: Path) -> Iterator[LiveRate]:
    """Measure each of `AUGMENTATIONS` on the training groups of a campaign."""
    from jetresim.loaders.live import LiveDataset

    for name in AUGMENTATIONS:
        data = LiveDataset(campaign / "dataset" / "train", [name] * VIEWS, BATCH, campaign=campaign)
        next(iter(data))  # every process has its programs now
        start, views = time.process_time(), 0
        for batch in _batches(data):
            views += batch["present"].numel()
            if time.process_time() - start > SECONDS:
                break
        yield LiveRate(name, views / (time.process_time() - start))


def _batches(data: object) -> Iterator[dict]:
    for epoch in count(1):
        data.set_epoch(epoch)
        yield from data


if __name__ == "__main__":
    for each in live_rates(Path(sys.argv[1])):
        print(f"{VIEWS} views of {each.augmentation}: {each.rate:,.0f} views/s of CPU")
