"""Whole events of a realization: hard process and final state, before pile-up and detector."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyhepmc
import pylhe

from jetresim.campaign.config import Campaign
from jetresim.campaign.files import scratch_gzip, scratch_path
from jetresim.campaign.provenance import SCHEMA_VERSION, encode, full_events_inputs
from jetresim.campaign.status import Status
from jetresim.campaign.version import code_version
from jetresim.detectors.columns import Columns, to_columns
from jetresim.detectors.digest import digest_of
from jetresim.generators.events import HardEvent
from jetresim.jets.event_schema import EVENTS_SCHEMA, HARD, PARTICLE, SIMULATED
from jetresim.jets.files import software_versions
from jetresim.jets.hepmc import hepmc_event
from jetresim.jets.parquet import METADATA_KEY, writer
from jetresim.jets.simulation import hard_truth, showered_batches, worth_showering
from jetresim.showers.protocol import PARTICLE_FIELDS, ParticleBatch, empty_batch, placed_among
from jetresim.showers.registry import Job

__all__ = ["write_full_events"]

_HARD_FIELDS = ("id", "status", "mother1", "mother2", "px", "py", "pz", "e", "m")


@dataclass(frozen=True, slots=True)
class _Event:
    """A hard event, what a realization made of it, and the fingerprint of its particles."""

    hard: HardEvent
    seed: int
    status: str
    particles: Columns
    digest: str


class _Sink(Protocol):
    def add(self, events: Sequence[_Event]) -> None: ...


def write_full_events(
    outputs: Mapping[str, Path],
    campaign: Campaign,
    process: str,
    realization: str,
    hard: Iterable[HardEvent],
    events: int,
    job: Job,
) -> None:
    """Simulate the particles of a realization and write whole events.

    Parameters
    ----------
    outputs : mapping of str to Path
        File for each format.
    campaign : Campaign
    process, realization : str
    hard : iterable of HardEvent
        All hard events of a chunk; those that are not showered have no particles.
    events : int
        Number of them.
    job : Job
    """
    identity = {"process": process, "realization": realization, "version": code_version()}
    stated = {
        "schema": SCHEMA_VERSION,
        **identity,
        "first_event": job.first_event,
        "events": events,
        "settings": full_events_inputs(campaign, process, realization),
        "versions": software_versions(campaign, realization),
    }
    with ExitStack() as stack:
        sinks = [stack.enter_context(_SINKS[form](path, campaign, stated)) for form, path in outputs.items()]
        for some in _simulated(campaign, process, realization, hard, job):
            for sink in sinks:
                sink.add(some)


def _simulated(
    campaign: Campaign, process: str, realization: str, hard: Iterable[HardEvent], job: Job
) -> Iterator[list[_Event]]:
    """All events in order, some at a time."""
    waiting: deque[tuple[HardEvent, bool]] = deque()

    def chosen() -> Iterator[HardEvent]:
        for event in hard:
            waiting.append((event, worth_showering(hard_truth(event, campaign, process))))
            if waiting[-1][1]:
                yield event

    for batch in showered_batches(campaign, process, realization, chosen(), job):
        reached = []
        while waiting and waiting[0][0].index <= batch.events[-1]:
            reached.append(waiting.popleft())
        yield _events(campaign, process, realization, reached, batch)
    if waiting:
        yield _events(campaign, process, realization, waiting, empty_batch())


def _events(
    campaign: Campaign,
    process: str,
    realization: str,
    hard: Collection[tuple[HardEvent, bool]],
    batch: ParticleBatch,
) -> list[_Event]:
    """Hard events, each with whether it was to be showered, and what a batch has of them."""
    indices = np.array([event.index for event, _ in hard], dtype=np.int64)
    seeds = [campaign.seed_of(process, index, realization) for index in indices.tolist()]
    placed = placed_among(batch, indices, np.array(seeds, dtype=np.int64))
    columns, counts = to_columns(placed.particles)
    stops, made = np.cumsum(counts), []
    for place, (event, worth) in enumerate(hard):
        failed = Status.VETOED if event.index in batch.vetoed else Status.FAILED
        status = SIMULATED if placed.succeeded[place] else failed if worth else Status.CUT
        own = slice(stops[place] - counts[place], stops[place])
        particles = {name: columns[name][own] for name in PARTICLE_FIELDS}
        made.append(_Event(event, seeds[place], str(status), particles, digest_of(particles)))
    return made


class _Parquet:
    def __init__(self, sink: Any, stated: Mapping[str, Any]) -> None:
        self._sink, self._stated = sink, stated

    def add(self, events: Sequence[_Event]) -> None:
        named = {name: self._stated[name] for name in ("process", "realization", "version")}
        rows = [
            {
                **named,
                "status": each.status,
                "event": each.hard.index,
                "seed": each.seed,
                "weight": each.hard.record.eventinfo.weight,
                "digest": each.digest,
                "hard": [_hard_row(particle) for particle in each.hard.record.particles],
            }
            for each in events
        ]
        lists = _particle_lists(events)
        table = pa.Table.from_pylist(rows, EVENTS_SCHEMA.remove(EVENTS_SCHEMA.names.index("particles")))
        self._sink.write_table(table.append_column(EVENTS_SCHEMA.field("particles"), lists))


def _hard_row(particle: pylhe.LHEParticle) -> dict[str, Any]:
    values = [getattr(particle, name) for name in _HARD_FIELDS]
    return {each.name: each.type.to_pandas_dtype()(value) for each, value in zip(HARD, values, strict=True)}


def _particle_lists(events: Sequence[_Event]) -> pa.ListArray:
    lengths = [len(event.particles["pdgid"]) for event in events]
    columns = [
        pa.array(np.concatenate([event.particles[field.name] for event in events]), field.type)
        for field in PARTICLE
    ]
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    structs = pa.StructArray.from_arrays(columns, fields=list(PARTICLE))
    return pa.ListArray.from_arrays(offsets, structs, type=EVENTS_SCHEMA.field("particles").type)


@contextmanager
def _parquet(path: Path, campaign: Campaign, stated: Mapping[str, Any]) -> Iterator[_Sink]:
    with scratch_path(path) as temporary, writer(temporary, EVENTS_SCHEMA) as sink:
        yield _Parquet(sink, stated)
        sink.add_key_value_metadata({METADATA_KEY: encode(stated)})


class _HepMC:
    def __init__(self, sink: Any, campaign: Campaign, stated: Mapping[str, Any]) -> None:
        self._sink, self._campaign, self._stated = sink, campaign, stated

    def add(self, events: Sequence[_Event]) -> None:
        named = {name: self._stated[name] for name in ("process", "realization", "version")}
        for each in events:
            if each.status == SIMULATED:
                record = each.hard.record
                weights = [("Default", record.eventinfo.weight), *record.weights.items()]
                identity = {**named, "seed": each.seed, "digest": each.digest}
                self._sink.write(
                    hepmc_event(each.hard, each.particles, self._campaign.beams, weights, identity)
                )


@contextmanager
def _hepmc(path: Path, campaign: Campaign, stated: Mapping[str, Any]) -> Iterator[_Sink]:
    with (
        scratch_gzip(path, level=1) as packed,
        pyhepmc.open(packed, "w", format="hepmc3") as sink,
    ):
        yield _HepMC(sink, campaign, stated)


_SINKS = {"parquet": _parquet, "hepmc3": _hepmc}
