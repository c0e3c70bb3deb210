"""Groups of a chunk, from the jets of all its realizations."""

from collections.abc import Sequence
from pathlib import Path

from jetresim.campaign.config import Campaign
from jetresim.dataset.groups import build_groups, hard_truths
from jetresim.generators.provenance import survey_provenance
from jetresim.generators.stored import hard_events, hard_versions
from jetresim.generators.survey import read_survey, survey_warnings
from jetresim.workflow.progress import progress


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
    warnings = survey_warnings(survey, campaign.process(process))
    build_groups(output, made, jets, campaign, process, warnings, hard_versions(hard, survey))
