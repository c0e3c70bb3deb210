"""The stages of a campaign as functions of a configuration and file names.

Each reads what the stage before it wrote, and writes under a temporary name first.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from campaign.config import Campaign, unknown
from campaign.errors import ConfigError, DataError
from dataset.assemble import write_split
from dataset.card import write_card
from dataset.groups import HardTruth, build_groups
from dataset.huggingface import write_huggingface, write_huggingface_card
from dataset.jetclass import write_jetclass
from dataset.parquet import parquet_files
from dataset.rs3l import write_rs3l, write_rs3l_pairs
from dataset.standardization import write_standardization
from dataset.toptagging import write_toptagging
from generators.events import HardEvent
from generators.lhe_files import read_hard_events, write_lhe
from generators.provenance import hard_provenance, survey_provenance
from generators.registry import make_generator
from generators.survey import Survey, read_survey, write_survey
from generators.targets import find_targets
from showers.registry import Job
from workflow.jets_file import jets_file, read_survivors
from workflow.progress import progress
from workflow.simulation import SimulatedPart, simulate, simulate_family

log = logging.getLogger(__name__)


def make_survey(campaign: Campaign, process: str, output: Path) -> None:
    """Measure or read what holds for all hard events of a process."""
    survey = make_generator(campaign, process).survey()
    for warning in survey.warnings:
        log.warning("%s: %s", process, warning)
    log.info("%s: cross-section %.4g ± %.2g pb", process, survey.cross_section, survey.cross_section_error)
    write_survey(survey.model_copy(update={"made_with": survey_provenance(campaign, process)}), output)


def make_hard(campaign: Campaign, process: str, chunk: int, survey_file: Path, output: Path) -> None:
    """Write the hard events of a chunk as LHE."""
    generator = make_generator(campaign, process)
    survey = read_survey(survey_file, survey_provenance(campaign, process))
    events = campaign.chunks(process)[chunk]
    made = progress(generator.events(events, survey), len(events), f"hard events of {process}")
    provenance = hard_provenance(campaign, process, events.start, survey)
    write_lhe(output, generator.init(survey), generator.header(), made, provenance)


def make_jets(
    campaign: Campaign,
    process: str,
    chunk: int,
    hard: Path,
    outputs: Mapping[str, Path],
    job: Job,
    anchor: Path | None = None,
) -> None:
    """Shower a chunk of hard events and write the jets that stand for their targets.

    Parameters
    ----------
    campaign : Campaign
    process : str
    chunk : int
    hard : Path
        Hard events of the chunk.
    outputs : mapping of str to Path
        Jets file to write for each realization: one realization, or several of the anchor's family.
    job : Job
        What the shower program needs to know of the job it runs in.
    anchor : Path, optional
        Jets file of the nominal realization, where only its survivors are to be simulated.
    """
    events = campaign.chunks(process)[chunk]
    hard_input = hard_events(campaign, process, hard, events)
    parts = _simulated(campaign, process, list(outputs), hard_input, job, anchor)
    what = f"{', '.join(outputs)} of {process}"
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(jets_file(path, campaign, process, name, events.start))
            for name, path in outputs.items()
        }
        for part in progress(parts, len(events), what, lambda part: next(iter(part.values())).events):
            for name, file in files.items():
                file.add(part[name])


def _simulated(
    campaign: Campaign,
    process: str,
    realizations: Sequence[str],
    events: Iterable[HardEvent],
    job: Job,
    anchor: Path | None,
) -> Iterator[dict[str, SimulatedPart]]:
    first = realizations[0]
    if len(realizations) > 1 or campaign.continues_anchor(first):
        yield from simulate_family(campaign, process, events)
        return
    survivors = None if anchor is None else read_survivors(anchor, campaign, process)
    for part in simulate(campaign, process, first, events, job, survivors):
        yield {first: part}


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
    build_groups(output, progress(truths, len(events), f"groups of {process}"), jets, campaign, process)


def hard_truths(
    campaign: Campaign, process: str, events: Iterable[HardEvent], survey: Survey
) -> Iterator[HardTruth]:
    """What the groups keep of hard events; named weights have the names of the survey."""
    asked, names = campaign.process(process), survey.weight_names
    for event in events:
        weights = {names.get(id_, id_): value for id_, value in event.record.weights.items()}
        targets = find_targets(event.record, asked.targets)
        yield HardTruth(event.index, event.record.eventinfo.weight, weights, targets)


def make_split(campaign: Campaign, split: str, groups: Sequence[Path], output: Path) -> None:
    """Write the Parquet shards of a split."""
    write_split(output, groups, campaign, split)


def make_export(campaign: Campaign, layout: str, split: Path, output: Path) -> None:
    """Write a split in another layout."""
    if layout not in EXPORTS:
        raise ConfigError(unknown("format", layout, EXPORTS))
    EXPORTS[layout](output, parquet_files(split), campaign)


def make_standardization(campaign: Campaign, dataset: Path) -> None:
    """Write mean and standard deviation of every feature in the training split."""
    write_standardization(dataset, campaign)


def make_card(campaign: Campaign, dataset: Path) -> None:
    """Write the dataset card and the manifest, and the card of the layout that has one of its own."""
    if "huggingface" in campaign.dataset.formats:
        write_huggingface_card(dataset / "huggingface", campaign)
    write_card(dataset, campaign)


EXPORTS = {
    "rs3l": write_rs3l,
    "rs3l_pairs": write_rs3l_pairs,
    "jetclass": write_jetclass,
    "toptagging": write_toptagging,
    "huggingface": write_huggingface,
}
"""Layouts beside Parquet, by the name that the configuration uses."""
