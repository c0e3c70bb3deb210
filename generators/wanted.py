"""Some hard events of a campaign: read where they are stored, generated where they are not."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, takewhile
from pathlib import Path
from typing import Any

from jetresim.campaign.config import Campaign
from jetresim.campaign.paths import Paths, chunk_name
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_files import read_hard_events
from jetresim.generators.provenance import hard_provenance, survey_provenance
from jetresim.generators.registry import make_generator
from jetresim.generators.survey import Survey, read_survey

__all__ = ["some_hard_events", "stored_survey"]


def some_hard_events(
    campaign: Campaign, paths: Paths, process: str, events: Sequence[int], survey: Survey
) -> Iterator[HardEvent]:
    """Hard events in order, read where their chunk has them and generated where it has not.

    Raises
    ------
    DataError
        What is stored is of another campaign, process or survey.
    """
    for chunk, members in groupby(events, campaign.chunk_of):
        path, wanted = Path(paths.hard.format(process=process, chunk=chunk_name(chunk))), list(members)
        first = campaign.chunks(process)[chunk].start
        origin = hard_provenance(campaign, process, first, survey if survey.made_with else None)
        found = _read(path, first, wanted, origin) if path.exists() else {}
        for indices in _ranges([index for index in wanted if index not in found]):
            generated = make_generator(campaign, process, paths).events(indices, survey)
            found |= {event.index: event for event in generated}
        yield from (found[index] for index in wanted)


def _read(path: Path, first: int, wanted: Sequence[int], origin: Mapping[str, Any]) -> dict[int, HardEvent]:
    """Those of the wanted events that a chunk has; what comes after the last of them is not read."""
    asked = set(wanted)
    events = takewhile(lambda event: event.index <= wanted[-1], read_hard_events(path, first, origin))
    return {event.index: event for event in events if event.index in asked}


def _ranges(indices: Sequence[int]) -> Iterator[range]:
    """Runs of consecutive indices."""
    for _, members in groupby(enumerate(indices), lambda item: item[1] - item[0]):
        run = [index for _, index in members]
        yield range(run[0], run[-1] + 1)


def stored_survey(campaign: Campaign, paths: Paths, process: str) -> Survey:
    """The survey of a process as it is stored, or made again where it is not."""
    path = Path(paths.survey.format(process=process))
    if path.exists():
        return read_survey(path, survey_provenance(campaign, process))
    return make_generator(campaign, process, paths).survey()
