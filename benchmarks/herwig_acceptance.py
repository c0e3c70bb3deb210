"""What Herwig realizations promise, with the real program: ``python -m benchmarks.herwig_acceptance``.

Alignment: what Herwig writes is read a second time, by pyhepmc alone, and each of its events is looked for
among the hard events by its number and its partons. Growth: a campaign of 150 events that becomes one of 300
and of 1000 keeps every row. The tests do both with a few events.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyhepmc
import typer

from jetresim import simulate
from jetresim.campaign.config import Campaign, parse
from jetresim.generators.events import HardEvent
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.showers.herwig7.run import HerwigRun
from jetresim.showers.registry import Job, make_shower

TOLERANCE = 1e-9
"""Difference allowed of a parton's momentum between hard event and HepMC, over the largest of the event."""

SIZES = (150, 300, 1000)


def acceptance_campaign(events: int, block_events: int) -> Campaign:
    """Higgs and QCD jets with Herwig."""
    fields: dict[str, Any] = {
        "name": "acceptance",
        "seed": 1,
        "events": events,
        "processes": {name: {"cuts": {"pt_min": 500}} for name in ("higgs", "qcd")},
        "augmentations": ["nominal", {"name": "herwig7", "herwig": {"block_events": block_events}}],
        "groups": {"require": "any"},
    }
    return parse(fields, "benchmarks/herwig_acceptance.py")


@dataclass(frozen=True, slots=True)
class Aligned:
    """Hard events, those that Herwig made, and those of which the two readers disagree."""

    events: int
    made: int
    wrong: int


def aligned(process: str, events: int) -> Aligned:
    """Compare where the alignment puts Herwig's events with what pyhepmc reads of the same bytes."""
    campaign = acceptance_campaign(events, block_events=1000)
    survey = Survey(cross_section=1.0, cross_section_error=0.0)
    hard = list(Pythia8Generator(campaign, process).events(range(events), survey))
    original, kept = HerwigRun.chunks, []

    def chunks(run: HerwigRun) -> Iterator[bytes]:
        for chunk in original(run):
            kept[-1].write(chunk)
            yield chunk

    wrong = made = 0
    with TemporaryDirectory() as folder, patch.object(HerwigRun, "chunks", chunks):
        for first in range(0, events, 1000):
            block = hard[first : first + 1000]
            file = Path(folder) / "kept.hepmc"
            with file.open("wb") as copy:
                kept.append(copy)
                shower = make_shower(campaign, process, "herwig7", Job(Path(folder), first))
                momenta = _momenta(shower.simulate(block))
            made += len(momenta)
            wrong += _disagreements(file, block, momenta)
    return Aligned(events, made, wrong)


def _momenta(batches: Iterator[Any]) -> dict[int, list[float]]:
    """Momenta px of the final particles of each hard event that Herwig made."""
    return {
        int(event): sorted(particles.px.tolist())
        for batch in batches
        for event, succeeded, particles in zip(batch.events, batch.succeeded, batch.particles, strict=True)
        if succeeded
    }


def _disagreements(file: Path, block: Sequence[HardEvent], momenta: dict[int, list[float]]) -> int:
    wrong, seen = 0, set()
    with pyhepmc.open(file) as reader:
        for event in reader:
            hard = block[event.event_number - 1]
            seen.add(hard.index)
            finals = event.numpy.particles.px[event.numpy.particles.status == 1]
            same = momenta.get(hard.index) == sorted(finals.tolist())
            wrong += not (same and _has_partons(event, hard))
    return wrong + len(seen ^ momenta.keys())


def _has_partons(event: pyhepmc.GenEvent, hard: HardEvent) -> bool:
    """Whether every outgoing particle of the hard event is there with its momentum."""
    particles = event.numpy.particles
    there = np.stack([particles.px, particles.py, particles.pz], axis=1)
    outgoing = [parton for parton in hard.record.particles if parton.status == 1]
    largest = max(abs(component) for parton in outgoing for component in (parton.px, parton.py, parton.pz))
    for parton in outgoing:
        distance = np.abs(there[particles.pid == parton.id] - [parton.px, parton.py, parton.pz]).max(axis=1)
        if not (distance <= TOLERANCE * largest).any():
            return False
    return True


def grown(process: str, sizes: Sequence[int] = SIZES, block_events: int = 250) -> dict[int, int]:
    """Size of a campaign to the number of its rows that the next larger one has changed."""
    tables: dict[int, pa.Table] = {}
    for events in sizes:
        campaign = acceptance_campaign(events, block_events)
        tables[events] = pa.concat_tables(simulate(campaign, process, "herwig7", events=range(events)))
    changed = {}
    for small, large in pairwise(sizes):
        before, after = tables[small].to_pylist(), tables[large].to_pylist()
        changed[small] = sum(one != other for one, other in zip(before, after, strict=False))
    return changed


def main(events: Annotated[int, typer.Option(help="of each process")] = 2000) -> None:
    """Print what was compared and how often it differs."""
    for process in ("higgs", "qcd"):
        found = aligned(process, events)
        print(
            f"{process}: {found.made} of {found.events} hard events made, {found.wrong} of them misplaced",
            flush=True,
        )
        for size, changed in grown(process).items():
            print(f"{process}: {changed} rows of {size} events changed as the campaign grew", flush=True)


if __name__ == "__main__":
    typer.run(main)
