"""Hard events as a campaign stores them."""

from collections.abc import Iterator
from pathlib import Path

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.provenance import merged_versions
from jetresim.generators.events import HardEvent
from jetresim.generators.provenance import hard_provenance
from jetresim.generators.survey import Survey

__all__ = ["hard_events", "hard_versions"]


def hard_versions(hard: Path, survey: Survey) -> dict[str, str]:
    """Software that the hard events of a chunk and their survey were made by."""
    from jetresim.generators.lhe_files import open_lhe  # needs pylhe, which readers of datasets may not have

    with open_lhe(hard) as source:
        return merged_versions([survey.versions, source.provenance.get("versions", {})])


def hard_events(
    campaign: Campaign, process: str, path: Path, events: range, survey: Survey | None = None
) -> Iterator[HardEvent]:
    """The hard events of a chunk, all of them or an error.

    Raises
    ------
    DataError
        The file is damaged, is of another campaign, process or survey, or does not hold exactly the events
        that are asked for.
    """
    from jetresim.generators.lhe_files import read_hard_events

    found = 0
    provenance = hard_provenance(campaign, process, events.start, survey)
    for event in read_hard_events(path, events.start, provenance):
        found += 1
        yield event
    if found != len(events):
        raise DataError(
            f"{path}: holds {found} hard events, expected {len(events)} (events {events.start} to "
            f"{events.stop - 1}); delete it to have it made again"
        )
