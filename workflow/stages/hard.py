"""Survey of a process, and its hard events as LHE."""

import logging
from pathlib import Path

from jetresim.campaign.config import Campaign
from jetresim.campaign.paths import Paths
from jetresim.campaign.plugins import GENERATOR_NAMES
from jetresim.campaign.provenance import versions
from jetresim.generators.lhe_files import write_lhe
from jetresim.generators.provenance import hard_provenance, survey_provenance
from jetresim.generators.registry import make_generator
from jetresim.generators.survey import Survey, read_survey, survey_warnings, write_survey
from jetresim.workflow.progress import progress

log = logging.getLogger(__name__)


def make_survey(campaign: Campaign, process: str, output: Path) -> None:
    """Measure or read what holds for all hard events of a process."""
    survey = make_generator(campaign, process, _paths(output)).survey()
    for warning in survey_warnings(survey, campaign.process(process)):
        log.warning("%s: %s", process, warning)
    log.info("%s: cross-section %.4g ± %.2g pb", process, survey.cross_section, survey.cross_section_error)
    origin = {
        "made_with": survey_provenance(campaign, process),
        "versions": _versions(campaign, process, survey),
    }
    write_survey(survey.model_copy(update=origin), output)


def make_hard(campaign: Campaign, process: str, chunk: int, survey_file: Path, output: Path) -> None:
    """Write the hard events of a chunk as LHE."""
    generator = make_generator(campaign, process, _paths(survey_file))
    survey = read_survey(survey_file, survey_provenance(campaign, process))
    events = campaign.chunks(process)[chunk]
    made = progress(generator.events(events, survey), len(events), f"hard events of {process}")
    gridpack = {"gridpack": survey.gridpack.model_dump(mode="json")} if survey.gridpack else {}
    provenance = {
        **hard_provenance(campaign, process, events.start, survey),
        **gridpack,
        "versions": _versions(campaign, process, survey),
    }
    write_lhe(output, generator.init(survey), generator.header(), made, provenance)


def _versions(campaign: Campaign, process: str, survey: Survey) -> dict[str, str]:
    madgraph = {"madgraph": survey.gridpack.version} if survey.gridpack else {}
    return versions() | madgraph | GENERATOR_NAMES.version(campaign.process(process).generator)


def _paths(survey: Path) -> Paths:
    """Paths of the campaign that a survey is of."""
    return Paths(str(survey.parents[2]))
