"""Herwig 7 as a shower: the same hard events showered and hadronized by another program.

Herwig takes one seed a run, so the unit of its random stream is a block of consecutive hard events:
`campaign.herwig.HerwigOptions.block_events` of them, counted from event 0 of the process. An event
depends on its block's seed and on the hard events before it in the block, not on those after it: a
part of a block is the beginning of the whole one.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path

import numpy as np
import pylhe

from jetresim.campaign.errors import ConfigError, ShowerError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.herwig import HerwigOptions
from jetresim.campaign.seeds import event_seed
from jetresim.generators.events import HardEvent
from jetresim.showers.hepmc import Columns, GeneratorEvent, final_particles, read_events, to_awkward
from jetresim.showers.herwig7.alignment import Alignment, HardPartons
from jetresim.showers.herwig7.card import HARD_EVENTS, Dialect
from jetresim.showers.herwig7.events import UNIT_WEIGHT, write_block
from jetresim.showers.herwig7.program import Command, find_herwig, herwig_version, quoted, scratch_folder
from jetresim.showers.herwig7.run import HerwigRun
from jetresim.showers.herwig7.run_file import prepare
from jetresim.showers.protocol import ParticleBatch

__all__ = [
    "BATCH_EVENTS",
    "BEAM_TOLERANCE",
    "CONSERVATION_TOLERANCE",
    "SUSPICIOUS_FAILURES",
    "WEIGHT_TOLERANCE",
    "Herwig7",
    "Tally",
    "check_herwig",
]

BATCH_EVENTS = 100
"""Events per batch: enough that overheads vanish, few enough that memory stays flat."""

BEAM_TOLERANCE = 1e-6
"""Relative difference allowed between the beam energy asked for and that in the event."""

CONSERVATION_TOLERANCE = 1e-4
"""Four-momentum that may be lost, in units of the centre-of-mass energy; Herwig's own checks are tighter."""

WEIGHT_TOLERANCE = 1e-6
"""Relative difference allowed between an event's weight and the one it was handed over with."""

SUSPICIOUS_FAILURES = 100
"""A block of so many events that all failed is the fault of the set-up; one in thousands fails by itself."""

_LOG_LINES = 200

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Tally:
    """What became of the events so far.

    Attributes
    ----------
    events : int
        Hard events handed to Herwig.
    failed : int
        Events that Herwig dropped.
    repeats : int
        Events that Herwig made a second time, which were discarded.
    unnumbered : int
        Events that were aligned by their hard partons alone, for want of a number.
    """

    events: int = 0
    failed: int = 0
    repeats: int = 0
    unnumbered: int = 0


class Herwig7:
    """Shower `herwig7`.

    Parameters
    ----------
    process, realization : str
        Names of the process and of the realization, which give the seeds.
    campaign_seed : int
    beams_energy : float
        Centre-of-mass energy [GeV] of the two protons.
    options : HerwigOptions
    work_directory : Path
        Keeps the cards and run files, one of each for every distinct card, and a log for every
        block. Several jobs may use it at the same time.
    batch_events : int
        Events per batch.
    first_event : int, optional
        Index at which the job's chunk begins. Without it the first hard event must itself begin a
        block; with it the first ones may be missing, as where they failed the cuts.

    Attributes
    ----------
    tally : Tally
        What became of the events so far.

    Raises
    ------
    ShowerError
        Herwig is not there.
    ConfigError
        The chunk begins within a block.
    """

    def __init__(
        self,
        process: str,
        realization: str,
        campaign_seed: int,
        beams_energy: float,
        options: HerwigOptions,
        work_directory: Path,
        *,
        batch_events: int = BATCH_EVENTS,
        first_event: int | None = None,
    ) -> None:
        self._process = process
        self._realization = realization
        self._campaign_seed = campaign_seed
        self._beams_energy = beams_energy
        self._options = options
        self._work_directory = work_directory
        self._batch_events = batch_events
        self._first_event = first_event
        self._command: Command = find_herwig(options)
        self.tally = Tally()
        if first_event is not None:
            self._check_boundary(first_event)

    def simulate(self, events: Iterable[HardEvent]) -> Iterator[ParticleBatch]:
        """Shower the hard events in their order; see `showers.protocol.Shower`.

        Raises
        ------
        ShowerError
            Herwig fails, hangs, or writes what cannot be right; its last lines of output follow.
        ConfigError
            The first event does not begin a block.
        """
        blocks = groupby(events, key=lambda event: event.index // self._options.block_events)
        run_file, dialect = None, Dialect.NEW
        for number, (block, members) in enumerate(blocks):
            if run_file is None:
                run_file, dialect = prepare(
                    self._command, self._options, self._beams_energy, self._work_directory
                )
            first = block * self._options.block_events
            yield from self._simulate_block(first, self._from_start(members, number == 0), run_file, dialect)

    def _check_boundary(self, index: int) -> None:
        size = self._options.block_events
        if index % size:
            raise ConfigError(
                f"{self._process}, {self._realization}: event {index} is not the first of a block of {size}; "
                "`chunk` must be a multiple of `block_events`"
            )

    def _from_start(self, events: Iterator[HardEvent], first_block: bool) -> Iterator[HardEvent]:
        """The events of a block, after checking that its beginning is there."""
        for place, event in enumerate(events):
            if first_block and place == 0 and self._first_event is None:
                self._check_boundary(event.index)
            yield event

    def _simulate_block(
        self, first: int, events: Iterator[HardEvent], run_file: Path, dialect: Dialect
    ) -> Iterator[ParticleBatch]:
        seed = event_seed(self._campaign_seed, self._process, first, self._realization)
        with scratch_folder() as scratch:
            indices, partons = self._hand_over(events, scratch)
            alignment = Alignment(partons, numbered=dialect is Dialect.NEW)
            batches = _Batches(indices, seed, self._batch_events)
            run = HerwigRun(
                self._command, run_file, scratch, events=len(indices), seed=seed, tag=str(first),
                time_limit=self._options.time_limit,
            )  # fmt: skip
            try:
                with run:
                    yield from self._read(run, alignment, batches)
            except ShowerError as error:
                where = f"{self._process}, {self._realization}, events from {indices[0]} on"
                raise ShowerError(f"{where}: {error}{quoted(run.output)}") from None
            finally:
                self._write_log(first, seed, run, alignment, batches)
        self._count(alignment, batches)

    def _hand_over(self, events: Iterator[HardEvent], scratch: Path) -> tuple[list[int], list[HardPartons]]:
        """Write the hard events for Herwig; return their indices and partons."""
        indices: list[int] = []
        partons: list[HardPartons] = []

        def records() -> Iterator[pylhe.LHEEvent]:
            for event in events:
                indices.append(event.index)
                partons.append(HardPartons(event.record))
                yield event.record

        write_block(scratch / HARD_EVENTS, self._beams_energy, records())
        if any(later <= earlier for earlier, later in pairwise(indices)):
            raise ValueError("hard events must come in the order of their indices")
        return indices, partons

    def _read(self, run: HerwigRun, alignment: Alignment, batches: "_Batches") -> Iterator[ParticleBatch]:
        stream = read_events(run.chunks())
        while True:
            try:
                event = next(stream, None)
            except ShowerError as error:
                raise ShowerError(f"{error}{run.how_it_ended()}") from None
            if event is None:
                break
            run.event_done()
            if problem := _problem(event, self._beams_energy):
                raise ShowerError(f"Herwig's event {event.number} {problem}")
            place = alignment.place(event)
            if place is not None:
                yield from batches.add(place, final_particles(event))
        run.finish(alignment.events)
        if not batches.succeeded and len(batches.indices) >= SUSPICIOUS_FAILURES:
            raise ShowerError(f"Herwig failed on all {len(batches.indices)} events: {run.reasons[0]}")
        yield from batches.rest()

    def _count(self, alignment: Alignment, batches: "_Batches") -> None:
        self.tally.events += len(batches.indices)
        self.tally.failed += len(batches.failed)
        self.tally.repeats += alignment.repeats
        self.tally.unnumbered += 0 if alignment.numbered else alignment.events
        if batches.failed:
            log.warning("Herwig dropped events %s", batches.failed)

    def _write_log(
        self, first: int, seed: int, run: HerwigRun, alignment: Alignment, batches: "_Batches"
    ) -> None:
        """Keep what happened in a block beside the card, and Herwig's reasons."""
        name = f"{self._process}-{self._realization}-{first:07d}.log"
        lines = [
            f"events from {first} on: {len(batches.indices)}, seed {seed}",
            f"written by Herwig: {alignment.events}, of which repeats: {alignment.repeats}",
            f"dropped by Herwig: {batches.failed}",
            f"aligned by {'numbers and partons' if alignment.numbered else 'partons alone'}",
            *run.reasons,
            *("", "Output of Herwig run", run.output, "", f"Last {_LOG_LINES} lines of Herwig's log"),
            *run.log.splitlines()[-_LOG_LINES:],
        ]
        with atomic_path(self._work_directory / name) as path:
            path.write_text("\n".join([*lines, ""]), encoding="utf-8")


def check_herwig(options: HerwigOptions, beams_energy: float) -> str:
    """Find Herwig and have it read the card, without simulating anything.

    Parameters
    ----------
    options : HerwigOptions
    beams_energy : float
        Centre-of-mass energy [GeV].

    Returns
    -------
    str
        Version of the program.

    Raises
    ------
    ShowerError
        It is not there, or refuses the card, as for an unknown setting or a PDF set that is not installed.
    """
    command = find_herwig(options)
    with scratch_folder() as scratch:
        prepare(command, options, beams_energy, scratch)
    return herwig_version(command)


def _problem(event: GeneratorEvent, beams_energy: float) -> str | None:
    """What shows that an event is not what Herwig meant to write, if anything."""
    momenta = event.momenta[event.final]
    if not (np.isfinite(event.momenta).all() and np.isfinite(event.vertices).all()):
        return "has momenta or vertices that are not finite"
    half, beams = beams_energy / 2, event.beam_energies
    if len(beams) != 2 or np.abs(beams - half).max() > BEAM_TOLERANCE * half:
        return f"has beams of {beams.tolist()} GeV, expected two of {half:g} GeV"
    lost = np.abs(momenta.sum(axis=0) - [0, 0, 0, beams_energy]).max()
    if lost > CONSERVATION_TOLERANCE * beams_energy:
        return f"loses {lost:.3g} GeV of four-momentum; its record is not complete"
    if abs(event.weight - UNIT_WEIGHT) > WEIGHT_TOLERANCE * UNIT_WEIGHT:
        return f"has the weight {event.weight:g} instead of {UNIT_WEIGHT:g}; realizations carry no weights"
    return None


class _Batches:
    """Puts the events of one block into batches in their order, with a place for those that failed."""

    def __init__(self, indices: list[int], seed: int, size: int) -> None:
        self.indices = indices
        self.failed: list[int] = []
        self.succeeded = 0
        self._seed = seed
        self._size = size
        self._pending: list[Columns | None] = []
        self._start = 0

    def add(self, place: int, particles: Columns) -> Iterator[ParticleBatch]:
        """Add the next event; the places that were passed over have failed."""
        yield from self._fail_until(place)
        self.succeeded += 1
        yield from self._append(particles)

    def rest(self) -> Iterator[ParticleBatch]:
        """The last batch; what is missing has failed."""
        yield from self._fail_until(len(self.indices))
        if self._pending:
            yield self._flush()

    def _fail_until(self, place: int) -> Iterator[ParticleBatch]:
        while (current := self._start + len(self._pending)) < place:
            self.failed.append(self.indices[current])
            yield from self._append(None)

    def _append(self, particles: Columns | None) -> Iterator[ParticleBatch]:
        self._pending.append(particles)
        if len(self._pending) == self._size:
            yield self._flush()

    def _flush(self) -> ParticleBatch:
        stop = self._start + len(self._pending)
        indices = np.array(self.indices[self._start : stop], dtype=np.int64)
        batch = ParticleBatch(
            events=indices,
            seeds=np.full(len(indices), self._seed, dtype=np.int64),
            succeeded=np.array([particles is not None for particles in self._pending]),
            particles=to_awkward(self._pending),
        )
        self._pending, self._start = [], stop
        return batch
