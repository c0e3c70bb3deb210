"""CPU of a whole simulation job, from hard events to Parquet, over that of bare Pythia.

Blocks of events are done by both in turn, with the same events, seeds and hooks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from tempfile import TemporaryDirectory
from time import process_time

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, parse
from jetresim.generators.events import HardEvent
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.jets.files import jets_file
from jetresim.jets.simulation import simulate_realization
from jetresim.showers.pythia8 import BATCH_EVENTS, Pythia8Shower
from jetresim.showers.registry import Job

GOAL = 1.10
BLOCKS = 5


@dataclass(frozen=True, slots=True)
class ShowerCost:
    """CPU per event of a job and of bare Pythia.

    Attributes
    ----------
    process, detector : str
    bare, job : float
        CPU [ms], mean over the blocks.
    ratio, error : float
        Mean over the blocks of their ratio, and its standard error.
    """

    process: str
    detector: str
    bare: float
    job: float
    ratio: float
    error: float


def shower_cost(process: str, detector: str, blocks: int = BLOCKS) -> ShowerCost:
    """Measure `blocks` batches of events, after one that warms up."""
    campaign = campaign_of(process, detector, (blocks + 1) * BATCH_EVENTS)
    survey = Survey(cross_section=1.0, cross_section_error=0.0)
    hard = list(Pythia8Generator(campaign, process).events(range(campaign.process(process).events), survey))
    with TemporaryDirectory() as folder:
        times = list(_blocks(campaign, process, hard, Path(folder) / "jets.parquet"))[1:]
    ratios = [job / bare for job, bare in times]
    scale = 1e3 / BATCH_EVENTS
    return ShowerCost(
        process,
        detector,
        bare=scale * mean(bare for _, bare in times),
        job=scale * mean(job for job, _ in times),
        ratio=mean(ratios),
        error=stdev(ratios) / len(ratios) ** 0.5,
    )


def _blocks(
    campaign: Campaign, process: str, hard: list[HardEvent], output: Path
) -> Iterator[tuple[float, float]]:
    """CPU of the job and of bare Pythia for each block [s]."""
    parts = simulate_realization(campaign, process, NOMINAL, iter(hard), Job(Path(), first_event=0))
    bare = Pythia8Shower(campaign, process, NOMINAL)
    with jets_file(output, campaign, process, NOMINAL, 0) as file:
        for first in range(0, len(hard), BATCH_EVENTS):
            start = process_time()
            file.add(next(parts))
            between = process_time()
            bare._feed.load(hard[first : first + BATCH_EVENTS])
            for _ in range(BATCH_EVENTS):
                bare._pythia.next()
            yield between - start, process_time() - between


def campaign_of(process: str, detector: str, events: int) -> Campaign:
    """A campaign of one process with nothing but the anchor."""
    return parse(
        {
            "name": "bench",
            "seed": 20240307,
            "events": events,
            "processes": {process: {"cuts": {"pt_min": 500}}},
            "augmentations": [NOMINAL],
            "detector": {"name": detector},
        },
        "benchmark",
    )
