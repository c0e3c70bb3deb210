"""Groups of a chunk, from the jets of all its realizations."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from jetresim.campaign.config import Campaign
from jetresim.dataset.groups import HardTruth, build_groups
from jetresim.generators.events import HardEvent
from jetresim.generators.provenance import survey_provenance
from jetresim.generators.survey import Survey, read_survey, survey_warnings
from jetresim.generators.targets import find_targets
from jetresim.workflow.progress import progress
from jetresim.workflow.stages.hard import hard_events


def make_groups(
    campaign: Campaign,
    process: str,
    chunk: int,
    survey_file: Path,
    hard: Path,
    jets: Sequence[Path],
    output: Path,
) -> None:
    """Write the groups of a chunk from the jets of all its realizations."""
    events = campaign.chunks(process)[chunk]
    survey = read_survey(survey_file, survey_provenance(campaign, process))
    truths = hard_truths(campaign, process, hard_events(campaign, process, hard, events, survey), survey)
    made = progress(truths, len(events), f"groups of {process}")
    build_groups(output, made, jets, campaign, process, survey_warnings(survey, campaign.process(process)))


def hard_truths(
    campaign: Campaign, process: str, events: Iterable[HardEvent], survey: Survey
) -> Iterator[HardTruth]:
    """What the groups keep of hard events; named weights have the names of the survey."""
    asked, names = campaign.process(process), survey.weight_names
    for event in events:
        weights = {names.get(id_, id_): value for id_, value in event.record.weights.items()}
        targets = find_targets(event.record, asked.targets)
        yield HardTruth(event.index, event.record.eventinfo.weight, weights, targets)
