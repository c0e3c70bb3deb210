"""The chain from hard events to jets as a library, without files: `simulate`."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, load, parse
from jetresim.campaign.config.chunks import whole
from jetresim.campaign.errors import ConfigError
from jetresim.detectors.minimum_bias import make_pool
from jetresim.detectors.pool import Pool
from jetresim.generators.brought import with_brought_files
from jetresim.generators.events import HardEvent
from jetresim.generators.registry import make_generator
from jetresim.generators.survey import UNIT_SURVEY, Survey
from jetresim.jets.simulation import detector_run, find_survivors, simulate_together
from jetresim.showers.registry import Job

__all__ = ["simulate"]

_PIECE = 500
"""Hard events that are in memory together, where no run of a program takes more."""


def simulate(
    campaign: Campaign | Mapping[str, Any] | str | Path,
    process: str,
    realization: str,
    events: range | None = None,
    survey: Survey | None = None,
    hard: Iterable[HardEvent] | None = None,
) -> Iterator[pa.Table]:
    """Jets of one realization of some hard events, which are the rows that the workflow writes.

    Parameters
    ----------
    campaign : Campaign, mapping, str or Path
        A campaign, what its YAML file holds, or the path of that file.
    process, realization : str
    events : range, optional
        Event indices; those of the process if left out. It need not end within the process's `events`.
    survey : Survey, optional
        Gives the hard events their weights [pb], which no jet depends on and no row holds. Without one, the
        events that Pythia generates have weight 1, and files that are brought are surveyed first.
    hard : iterable of HardEvent, optional
        The hard events, in order, such as `generators.stored.hard_events` reads; generated if left out.

    Yields
    ------
    pa.Table
        Of some consecutive hard events, one row a target, with `jets.schema.JETS_SCHEMA`;
        ``awkward.from_arrow`` makes arrays of it.

    Raises
    ------
    ConfigError
        The campaign is wrong or has no such process or realization; or the events have gaps, or begin within
        a block of events that share a run of the shower program or of the detector.
    """
    chosen = with_brought_files(_opened(campaign), {})
    if events is None:
        events = range(chosen.process(process).events or 0)
    _check_begin(chosen, realization, events)
    pool = make_pool(chosen) if chosen.pileup else None
    source = iter(_hard_events(chosen, process, events, survey) if hard is None else hard)
    with TemporaryDirectory() as folder:
        for piece in _pieces(events, whole(_PIECE, chosen.runs.values())):
            job = Job(Path(folder), piece.start)
            yield from _tables(chosen, process, realization, list(islice(source, len(piece))), job, pool)


def _opened(campaign: Campaign | Mapping[str, Any] | str | Path) -> Campaign:
    if isinstance(campaign, Campaign):
        return campaign
    return load(Path(campaign)) if isinstance(campaign, str | Path) else parse(campaign, "campaign")


def _check_begin(campaign: Campaign, realization: str, events: range) -> None:
    if events.step != 1:
        raise ConfigError(f"events: {events} has gaps; expected a range of consecutive indices")
    for what, length in {
        "the shower program": campaign.block_events(realization),
        "the detector": detector_run(campaign, {NOMINAL, realization}),
    }.items():
        if events.start % length or events.start < 0:
            raise ConfigError(
                f"events: {events} begins within a run of {what}; expected a multiple of {length}"
            )


def _pieces(events: range, length: int) -> Iterator[range]:
    """Cut a range at the multiples of a number of events."""
    start = events.start
    while start < events.stop:
        stop = min(start - start % length + length, events.stop)
        yield range(start, stop)
        start = stop


def _hard_events(
    campaign: Campaign, process: str, events: range, survey: Survey | None
) -> Iterator[HardEvent]:
    generator = make_generator(campaign, process)
    if survey is None:
        survey = generator.survey() if campaign.process(process).files else UNIT_SURVEY
    return generator.events(events, survey)


def _tables(
    campaign: Campaign,
    process: str,
    realization: str,
    hard: list[HardEvent],
    job: Job,
    pool: Pool | None,
) -> Iterator[pa.Table]:
    survivors = find_survivors(campaign, process, realization, hard, job, pool)
    for part in simulate_together(campaign, process, [realization], hard, job, survivors, pool):
        yield part[realization].table
