"""The stages of a campaign as functions of a configuration and file names.

Each reads what the stage before it wrote, and writes under a temporary name first.
"""

import logging
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from campaign.config import Campaign, Process, unknown
from campaign.errors import ConfigError, DataError
from campaign.files import atomic_path
from campaign.provenance import SCHEMA_VERSION, encode, jets_inputs, versions
from campaign.seeds import event_seed
from dataset.assemble import write_split
from dataset.card import write_card
from dataset.groups import HardTruth, build_groups
from dataset.parquet import METADATA_KEY, parquet_files, writer
from dataset.rs3l import write_rs3l, write_rs3l_pairs
from dataset.schema import ROW_GROUP
from detectors.registry import make_detector
from generators.events import HardEvent
from generators.lhe_files import read_hard_events, write_lhe
from generators.registry import make_generator
from generators.survey import read_survey, write_survey
from generators.targets import find_targets, outgoing_partons, passes_cuts
from jets.analysis import jets_table
from jets.matching import Truth
from jets.schema import JETS_SCHEMA
from showers.protocol import ParticleBatch, empty_batch, placed_among
from showers.registry import make_shower
from workflow.progress import progress

log = logging.getLogger(__name__)


def make_survey(campaign: Campaign, process: str, output: Path) -> None:
    """Measure or read what holds for all hard events of a process."""
    survey = make_generator(campaign, process).survey()
    for warning in survey.warnings:
        log.warning("%s: %s", process, warning)
    log.info("%s: cross-section %.4g ± %.2g pb", process, survey.cross_section, survey.cross_section_error)
    write_survey(survey, output)


def make_hard(campaign: Campaign, process: str, chunk: int, survey_file: Path, output: Path) -> None:
    """Write the hard events of a chunk as LHE."""
    generator = make_generator(campaign, process)
    survey = read_survey(survey_file)
    events = campaign.chunks(process)[chunk]
    made = progress(generator.events(events, survey), len(events), f"hard events of {process}")
    write_lhe(output, generator.init(survey), generator.header(), made)


def make_jets(
    campaign: Campaign, process: str, realization: str, chunk: int, hard: Path, output: Path
) -> None:
    """Shower a chunk of hard events once and write the jets that stand for their targets."""
    events = campaign.chunks(process)[chunk]
    parts = simulate(campaign, process, realization, hard_events(hard, events))
    parts = progress(parts, len(events), f"{realization} of {process}", lambda part: part.events)
    settings = jets_inputs(campaign, process, realization)
    identity = {"process": process, "realization": realization, "first_event": events.start}
    with atomic_path(output) as temporary:
        write_jets(temporary, parts, {"schema": SCHEMA_VERSION, "settings": settings, **identity})


def hard_events(path: Path, events: range) -> Iterator[HardEvent]:
    """The hard events of a chunk, all of them or an error.

    Raises
    ------
    DataError
        The file does not hold exactly the events that are asked for.
    """
    found = 0
    for event in read_hard_events(path, events.start):
        found += 1
        yield event
    if found != len(events):
        raise DataError(
            f"{path}: holds {found} hard events, expected {len(events)} (events {events.start} to "
            f"{events.stop - 1}); delete it to have it made again"
        )


@dataclass(frozen=True, slots=True)
class SimulatedPart:
    """Jets of some consecutive hard events.

    Attributes
    ----------
    table : pa.Table
        One row a target, see `jets.schema`.
    events, without_target : int
        Number of hard events, and of those among them that have no target.
    """

    table: pa.Table
    events: int
    without_target: int


def simulate(
    campaign: Campaign, process: str, realization: str, events: Iterable[HardEvent]
) -> Iterator[SimulatedPart]:
    """Take hard events through shower, detector and jets, in batches and in their order.

    Events that fail the cuts, or have no target, are not showered; they keep their place.
    """
    asked = campaign.process(process)
    shower = make_shower(campaign, process, realization)
    detector = make_detector(campaign)
    waiting: deque[tuple[int, Truth]] = deque()

    def to_shower() -> Iterator[HardEvent]:
        for event in events:
            truth = hard_truth(event, asked)
            waiting.append((event.index, truth))
            if truth.targets and truth.passes_cuts:
                yield event

    def part(batch: ParticleBatch, count: int) -> SimulatedPart:
        indices, truths = zip(*(waiting.popleft() for _ in range(count)), strict=True)
        seeds = [event_seed(campaign.seed, process, index, realization) for index in indices]
        batch = placed_among(batch, np.array(indices), np.array(seeds))
        table = jets_table(batch, detector.candidates(batch), truths, campaign.jets)
        return SimulatedPart(table, count, sum(not truth.targets for truth in truths))

    for batch in shower.simulate(to_shower()):
        last = int(batch.events[-1])
        yield part(batch, sum(index <= last for index, _ in waiting))
    if waiting:
        yield part(empty_batch(), len(waiting))


def hard_truth(event: HardEvent, process: Process) -> Truth:
    """What matching needs of a hard event."""
    targets = find_targets(event.record, process.targets)
    return Truth(
        targets=tuple(targets),
        partons=tuple(outgoing_partons(event.record)),
        passes_cuts=passes_cuts(targets, process.cuts),
    )


def write_jets(path: Path, parts: Iterable[SimulatedPart], metadata: dict[str, Any]) -> None:
    """Write parts as row groups of `ROW_GROUP` rows; the counts in the metadata come last."""
    counts: Counter[str] = Counter()
    events = without_target = 0
    pending: list[pa.Table] = [JETS_SCHEMA.empty_table()]
    with writer(path, JETS_SCHEMA) as sink:
        for part in parts:
            events += part.events
            without_target += part.without_target
            counts.update(part.table["status"].to_pylist())
            pending = _write_full_groups(sink, [*pending, part.table])
        rest = pa.concat_tables(pending)
        if len(rest) or not events:
            sink.write_table(rest)
        found = {"events": events, "events_without_target": without_target, "counts": dict(counts)}
        sink.add_key_value_metadata({METADATA_KEY: encode({**metadata, **found, "versions": versions()})})


def _write_full_groups(sink: pq.ParquetWriter, tables: list[pa.Table]) -> list[pa.Table]:
    """Write what fills row groups and return the rest."""
    if sum(map(len, tables)) < ROW_GROUP:
        return tables
    table = pa.concat_tables(tables)
    full = len(table) - len(table) % ROW_GROUP
    sink.write_table(table.slice(0, full), row_group_size=ROW_GROUP)
    return [table.slice(full)]


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
    asked, names = campaign.process(process), read_survey(survey_file).weight_names

    def truth(event: HardEvent) -> HardTruth:
        weights = {names.get(id_, id_): value for id_, value in event.record.weights.items()}
        targets = find_targets(event.record, asked.targets)
        return HardTruth(event.index, event.record.eventinfo.weight, weights, targets)

    truths = map(truth, hard_events(hard, events))
    build_groups(output, progress(truths, len(events), f"groups of {process}"), jets, campaign, process)


def make_split(campaign: Campaign, split: str, groups: Sequence[Path], output: Path) -> None:
    """Write the Parquet shards of a split."""
    write_split(output, groups, campaign, split)


def make_export(campaign: Campaign, layout: str, split: Path, output: Path) -> None:
    """Write a split in another layout."""
    if layout not in EXPORTS:
        raise ConfigError(unknown("format", layout, EXPORTS))
    EXPORTS[layout](output, parquet_files(split), campaign)


def make_card(campaign: Campaign, dataset: Path) -> None:
    """Write the dataset card and the manifest."""
    write_card(dataset, campaign)


EXPORTS = {"rs3l": write_rs3l, "rs3l_pairs": write_rs3l_pairs}
"""Layouts beside Parquet, by the name that the configuration uses."""
