"""Wall time of the demo campaign against bare Pythia on the same cores: what the rest of the work adds.

``python -m benchmarks.wall_time --events 1000 --scale 1 --cores 2`` prints where the core-seconds go. Bare
Pythia does a sample of the events of every realization, with the same seeds and hooks, right before and right
after the run.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import fmean
from tempfile import TemporaryDirectory
from time import monotonic, process_time
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from jetresim.audit.cost import JobCost, collect
from jetresim.campaign.config import Campaign, load, save
from jetresim.campaign.paths import Paths, chunk_names
from jetresim.generators.events import HardEvent
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.jets.files import read_survivors
from jetresim.showers.programs import without_missing_programs
from jetresim.showers.pythia8 import Pythia8Shower

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "config" / "config.yaml"
SAMPLE = 100
"""Hard events of each process that bare Pythia does."""


def demo(events: int, chunk: int | None = None) -> Campaign:
    """The demo campaign with other numbers of hard events: of each process, and of a job."""
    campaign, _ = without_missing_programs(load(DEMO))
    fields = campaign.model_dump(mode="json")
    for process in fields["processes"].values():
        process["events"] = events
    return Campaign.model_validate({**fields, "chunk": chunk or campaign.chunk})


Realization = tuple[str, str]
"""Process and realization."""

Timings = dict[Realization, dict[int, float]]
"""CPU of bare Pythia [s] for every event of the sample, by its index."""


class BarePythia:
    """Pythia alone for the first hard events of every process, in all realizations in turn."""

    def __init__(self, campaign: Campaign, sample: int = SAMPLE) -> None:
        survey = Survey(cross_section=1.0, cross_section_error=0.0)
        self._hard = {
            name: list(Pythia8Generator(campaign, name).events(range(min(sample, process.events)), survey))
            for name, process in campaign.processes.items()
        }
        self._showers = {
            (process, name): Pythia8Shower(campaign, process, name)
            for process in campaign.processes
            for name in campaign.realizations
        }

    def measure(self) -> Timings:
        """Do the sample."""
        return {
            (process, name): dict(_timed(shower, self._hard[process]))
            for (process, name), shower in self._showers.items()
        }


def _timed(shower: Pythia8Shower, events: list[HardEvent]) -> Iterator[tuple[int, float]]:
    shower._feed.load(events)
    for event in events:
        start = process_time()
        shower._pythia.next()
        yield event.index, process_time() - start


def simulated(campaign: Campaign, paths: Paths) -> dict[Realization, list[int]]:
    """Hard events that a finished run has simulated: all of them, or the survivors of other realizations."""
    return {
        (process, name): _survivors(campaign, paths, process, followed)
        if followed
        else [*range(asked.events)]
        for process, asked in campaign.processes.items()
        for name in campaign.realizations
        for followed in [campaign.followed(name)]
    }


def _survivors(campaign: Campaign, paths: Paths, process: str, followed: Sequence[str]) -> list[int]:
    found: list[int] = []
    for chunk in chunk_names(campaign, process):
        files = {
            each: Path(paths.jets.format(process=process, realization=each, chunk=chunk)) for each in followed
        }
        found += read_survivors(files, campaign, process)
    return found


def bare_seconds(timings: Timings, events: Mapping[Realization, Sequence[int]]) -> float:
    """CPU that bare Pythia needs for some events [s], from those of them that are in the sample."""
    seconds = 0.0
    for realization, times in timings.items():
        wanted = set(events[realization])
        sampled = [time for event, time in times.items() if event in wanted] or list(times.values())
        seconds += fmean(sampled) * len(wanted)
    return seconds


@dataclass(frozen=True, slots=True)
class WallTime:
    """What a run took, and what bare Pythia would have.

    Attributes
    ----------
    wall, cpu : float
        Wall time of the run, and CPU of Snakemake and all jobs but the report [s].
    cores : int
    bare : tuple of float
        CPU of bare Pythia for the events of the run [s], from the sample before and the one after.
    jobs : list of JobCost
    """

    wall: float
    cpu: float
    cores: int
    bare: tuple[float, ...]
    jobs: list[JobCost]

    @property
    def ratio(self) -> float:
        """Wall time over that of bare Pythia on all cores."""
        return self.wall * self.cores / fmean(self.bare)


def wall_time(campaign: Campaign, folder: Path, cores: int) -> WallTime:
    """Run a campaign with Snakemake in an empty folder, with bare Pythia before and after."""
    bare = BarePythia(campaign)
    before = bare.measure()
    save(campaign, folder / "config.yaml")
    start, cpu = monotonic(), _cpu_of_children()
    _run_snakemake(folder, cores)
    wall, cpu = monotonic() - start, _cpu_of_children() - cpu
    after = bare.measure()
    paths = Paths.of(campaign, str(folder / "results"))
    campaign = load(Path(paths.config))  # with the chunk that was chosen
    events = simulated(campaign, paths)
    passes = (bare_seconds(before, events), bare_seconds(after, events))
    jobs = collect(campaign, paths)
    cpu += sum(job.cpu_seconds or 0.0 for job in jobs)  # forked jobs are no children of Snakemake
    return WallTime(wall, cpu, cores, passes, jobs)


def _cpu_of_children() -> float:
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _run_snakemake(folder: Path, cores: int) -> None:
    options = ["-s", str(ROOT / "Snakefile"), "--configfile", "config.yaml", "--cores", str(cores)]
    with (folder / "snakemake.log").open("wb") as log:
        subprocess.run(
            [sys.executable, "-m", "snakemake", *options],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
            check=True,
        )


def rows(found: WallTime) -> Iterator[tuple[str, float]]:
    """Where the core-seconds of the run went; they add up to the last."""
    bare = fmean(found.bare)
    whole = found.wall * found.cores
    spent = {stage: _wall(found.jobs, stage) for stage in dict.fromkeys(job.stage for job in found.jobs)}
    jets = spent.pop("jets")
    yield "bare Pythia", bare
    yield "jets: start of the jobs, detector, jets, waiting for the core", jets - bare
    yield from ((stage, seconds) for stage, seconds in spent.items())
    yield "Snakemake, and cores without a job", whole - jets - sum(spent.values())
    yield f"all: wall time × {found.cores}", whole


def _wall(jobs: Iterable[JobCost], stage: str) -> float:
    return sum(job.wall_seconds or 0.0 for job in jobs if job.stage == stage)


def show(found: WallTime) -> Table:
    """The numbers as a table."""
    before, after = found.bare
    table = Table(
        title=f"{len(found.jobs)} jobs in {found.wall:.0f} s on {found.cores} cores: "
        f"{found.ratio:.2f} × bare Pythia",
        caption=f"bare Pythia: {before:.0f} s by the sample before the run, {after:.0f} s by that after it; "
        f"CPU of Snakemake and its jobs: {found.cpu:.0f} s, {found.cpu / fmean(found.bare):.2f} × bare",
        box=SIMPLE_HEAD,
    )
    table.add_column("what")
    for heading in ("core-seconds", "of bare Pythia"):
        table.add_column(heading, justify="right")
    for what, seconds in rows(found):
        table.add_row(what, f"{seconds:.1f}", f"{seconds / fmean(found.bare):.3f}")
    return table


def main(
    events: Annotated[int, typer.Option(min=1, help="hard events of each process")] = 1000,
    scale: Annotated[int, typer.Option(min=1, help="times so many")] = 1,
    chunk: Annotated[int | None, typer.Option(min=1, help="hard events of a job, if not chosen")] = None,
    cores: Annotated[int, typer.Option(min=1, help="cores that Snakemake uses")] = 2,
) -> None:
    """Measure the demo campaign."""
    campaign = demo(events * scale, chunk)
    with TemporaryDirectory(prefix="wall-time-") as folder:
        found = wall_time(campaign, Path(folder), cores)
    Console().print(show(found))


if __name__ == "__main__":
    typer.run(main)
