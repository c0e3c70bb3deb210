"""Realizations made again: a few hard events through the same chain as in the campaign."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc

from jetresim.audit.replay.stored import Identity, Row
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.campaign.herwig import EVENT_SECONDS, START_SECONDS
from jetresim.campaign.paths import Paths
from jetresim.dataset.groups import hard_truths, member_column, truth_row
from jetresim.generators.events import HardEvent
from jetresim.generators.survey import Survey
from jetresim.generators.wanted import some_hard_events, stored_survey
from jetresim.jets.again import reduced, run_length, simulate_again
from jetresim.jets.files import asked_columns, software_versions
from jetresim.jets.parquet import SHOWER_WEIGHTS
from jetresim.jets.pool import open_pool
from jetresim.jets.simulation import hard_truth, showered_batches, worth_showering
from jetresim.showers.protocol import ParticleBatch
from jetresim.showers.registry import Job

__all__ = ["Replayed", "replay", "replay_particles", "replay_targets"]

log = logging.getLogger(__name__)

Wanted = Mapping[str, Collection[int]]
"""Realization to the indices of the hard events."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """One target of a realization that was made again.

    Attributes
    ----------
    realization : str
    hard : HardEvent
    jets : Row
        The row as in ``jets/``, see `jets.schema.JETS_SCHEMA`.
    group : Row
        The row as in ``groups/``, see `dataset.schema.GROUPS_SCHEMA`, with the fields of this
        realization in place of ``realizations``.
    versions : dict of str to str
        Software that it was made with here.
    """

    realization: str
    hard: HardEvent
    jets: Row
    group: Row
    versions: dict[str, str]

    @property
    def identity(self) -> Identity:
        """Process, event and target."""
        return self.group["process"], self.group["event"], self.group["target"]


def replay(campaign: Campaign, paths: Paths, process: str, wanted: Wanted) -> list[Replayed]:
    """Make realizations of some hard events again.

    Those that continue from the anchor are made together, and every shower is set up once.

    Parameters
    ----------
    campaign : Campaign
    paths : Paths
        Where the hard events and the survey of the process are taken from, as far as they are there.
    process : str
    wanted : mapping of str to collection of int
        Realization to the indices of the hard events.

    Returns
    -------
    list of Replayed
        All targets of the hard events; an event without targets has none.

    Raises
    ------
    ConfigError
        There is no such process, realization or hard event.
    DataError
        The survey or the hard events that are stored are of another campaign, process or survey.
    """
    _check_asked(campaign, process, wanted)
    survey = stored_survey(campaign, paths, process)
    extra = {column for name in campaign.realizations for column in asked_columns(campaign, name)}
    return [
        replayed
        for together in _made_together(campaign, wanted)
        for replayed in _replayed(reduced(campaign, together), paths, process, together, survey, extra)
    ]


def replay_targets(
    campaign: Campaign, paths: Paths, process: str, realization: str, event: int, target: int | None = None
) -> list[Replayed]:
    """Make one realization of one hard event again: one of its targets, or all.

    Raises
    ------
    ConfigError
        There is no such process, realization, hard event or target.
    """
    found = replay(campaign, paths, process, {realization: [event]})
    if target is None and found:
        return found
    if target is not None and target < len(found):
        return [found[target]]
    there = f"the targets 0 to {len(found) - 1}" if found else "no target"
    asked = "" if target is None else f", no target {target}"
    raise ConfigError(f"event {event} of {process} has {there}{asked}")


def replay_particles(
    campaign: Campaign, paths: Paths, process: str, realization: str, event: int
) -> ParticleBatch:
    """Final-state particles of a realization, as the shower program hands them to the detector.

    Returns
    -------
    ParticleBatch
        Of the one event.

    Raises
    ------
    ConfigError
        There is no such process, realization or hard event.
    DataError
        The event has no particles: it is not showered, or the shower program gave up on it.
    """
    _check_asked(campaign, process, {realization: [event]})
    alone = reduced(campaign, [realization])
    hard = list(_with_run(alone, paths, process, [event], stored_survey(campaign, paths, process)))
    hard = [each for each in hard if worth_showering(hard_truth(each, campaign, process))]
    if not hard or hard[-1].index != event:
        raise DataError(f"event {event} of {process} is not showered: it fails the cuts or has no target")
    _tell_cost(alone, process, [realization], [each.index for each in hard])
    with TemporaryDirectory() as folder:
        batch = _showered(alone, process, realization, hard, _job(alone, folder, event))
    place = batch.events.tolist().index(event)
    one = slice(place, place + 1)
    if not batch.succeeded[place]:
        raise DataError(f"event {event} of {process}: {realization} failed, so that it has no particles")
    return ParticleBatch(batch.events[one], batch.seeds[one], batch.succeeded[one], batch.particles[one])


def _check_asked(campaign: Campaign, process: str, wanted: Wanted) -> None:
    available = campaign.process(process).events
    for realization, events in wanted.items():
        campaign.augmentation(realization)
        if wrong := [event for event in events if not 0 <= event < available]:
            raise ConfigError(
                f"event {wrong[0]}: process {process} has {available} hard events, 0 to {available - 1}"
            )


def _made_together(campaign: Campaign, wanted: Wanted) -> list[Wanted]:
    """What is wanted, apart where it shares no work: the anchor with all that continue from it."""
    jobs: dict[str, dict[str, Collection[int]]] = {}
    for name, events in wanted.items():
        jobs.setdefault(NOMINAL if campaign.continues_anchor(name) else name, {})[name] = events
    return list(jobs.values())


def _with_run(
    campaign: Campaign, paths: Paths, process: str, events: Sequence[int], survey: Survey
) -> Iterator[HardEvent]:
    """The hard events, and those before them in their runs."""
    length = run_length(campaign, campaign.realizations)
    wanted = {index for event in events for index in range(event - event % length, event + 1)}
    return some_hard_events(campaign, paths, process, sorted(wanted), survey)


def _replayed(
    campaign: Campaign, paths: Paths, process: str, wanted: Wanted, survey: Survey, extra: Collection[str]
) -> Iterator[Replayed]:
    """All targets of realizations that are made together; groups have `extra` columns."""
    events = sorted(set().union(*wanted.values()))
    hard = {event.index: event for event in _with_run(campaign, paths, process, events, survey)}
    _tell_cost(campaign, process, wanted, list(hard))
    with TemporaryDirectory() as folder:
        job = _job(campaign, folder, min(events))
        pool = open_pool(Path(paths.pool), campaign)
        tables = simulate_again(campaign, process, list(wanted), list(hard.values()), job, pool)
    truths = {
        each.event: each for each in hard_truths(campaign, process, (hard[event] for event in events), survey)
    }
    for realization, asked in wanted.items():
        made_with = software_versions(campaign, realization)
        table = tables[realization].filter(pc.is_in(tables[realization]["event"], pa.array(asked)))
        members = member_column(table, campaign.groups, extra).to_pylist()
        for row, member in zip(table.to_pylist(), members, strict=True):
            truth, target = truths[row["event"]], row["target"]
            weights = {SHOWER_WEIGHTS: row[SHOWER_WEIGHTS]} if SHOWER_WEIGHTS in row else {}
            group = truth_row(process, truth, target, truth.targets[target]) | member | weights
            yield Replayed(realization, hard[row["event"]], row, group, made_with)


def _tell_cost(campaign: Campaign, process: str, realizations: Iterable[str], events: Sequence[int]) -> None:
    """Say how long it will take where the events before the wanted ones have to be made too."""
    for name in realizations:
        block = campaign.block_events(name)
        if block > 1:
            runs = len({event // block for event in events})
            seconds = runs * START_SECONDS + len(events) * EVENT_SECONDS
            log.info(
                "%s of %s: Herwig makes %d events, the wanted ones and those before them in their blocks; "
                "about %.0f s of CPU time", name, process, len(events), seconds,
            )  # fmt: skip


def _showered(
    campaign: Campaign, process: str, realization: str, hard: Sequence[HardEvent], job: Job
) -> ParticleBatch:
    """The batch of particles that ends with the last one of the hard events."""
    needed = hard[-1:] if campaign.continues_anchor(realization) else hard
    *_, batch = showered_batches(campaign, process, realization, iter(needed), job)
    return batch


def _job(campaign: Campaign, folder: str, event: int) -> Job:
    """A job that begins with the run of an event; its folder leaves logs of the campaign what they are."""
    return Job(Path(folder), event - event % run_length(campaign, campaign.realizations))
