"""What a Herwig job costs over bare ``Herwig run``: ``python -m benchmarks.herwig_cost``.

Both make the same events, are whole processes, and take turns. The job is a fork of a process that has its
libraries, as in a run on one machine; with ``--alone`` it loads them itself, as in a batch job. The bare run
writes its HepMC into a file. Needs Herwig 7 on the PATH.
"""

import gzip
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Annotated

import pylhe
import typer

from jetresim.campaign.config import Campaign, parse, save
from jetresim.campaign.paths import Paths, chunk_name
from jetresim.campaign.usage import read_usage
from jetresim.generators.brought import with_brought_files
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_files import write_lhe
from jetresim.showers.herwig7.card import HARD_EVENTS
from jetresim.showers.herwig7.events import write_block
from jetresim.showers.herwig7.program import find_herwig
from jetresim.showers.herwig7.run_file import prepare
from jetresim.workflow import fork_server
from jetresim.workflow.stages.hard import make_hard, make_survey

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "tests" / "data" / "herwig7"

CPU_GOAL, WALL_GOAL = 1.15, 1.1


@dataclass(frozen=True, slots=True)
class Run:
    """CPU and wall time of a process with its children [s]."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class HerwigCost:
    """Result of `herwig_cost`: runs of the job and of bare Herwig, in turn."""

    jobs: list[Run]
    bare: list[Run]

    @property
    def cpu_ratio(self) -> float:
        """Median of the ratios of CPU time of neighbours."""
        return median(job.cpu / bare.cpu for job, bare in zip(self.jobs, self.bare, strict=True))

    @property
    def wall_ratio(self) -> float:
        """Median of the ratios of wall time of neighbours."""
        return median(job.wall / bare.wall for job, bare in zip(self.jobs, self.bare, strict=True))


def herwig_cost(
    process: str, events: int, rounds: int, detector: str = "none", alone: bool = False
) -> HerwigCost:
    """Run the jets job of a block and bare Herwig on its hard events in turn.

    Parameters
    ----------
    process : str
        ``higgs`` or ``qcd``.
    events : int
        Hard events of the block: the recorded ones over and over.
    rounds : int
    detector : str
    alone : bool
        Whether the job loads its libraries itself.
    """
    start = [sys.executable, "-m", "jetresim"] if alone else fork_server.start()
    with TemporaryDirectory() as name:
        folder = Path(name)
        records = _records(process, events)
        campaign = _campaign(folder, process, records, detector)
        job = _prepare_job(campaign, folder, process)
        bare = _prepare_bare(campaign, folder / "bare", process, records)
        pairs = [(_run_job([*start, *job], folder), _run(bare, folder / "bare")) for _ in range(rounds)]
    return HerwigCost(*(list(runs) for runs in zip(*pairs, strict=True)))


def _records(process: str, count: int) -> list[pylhe.LHEEvent]:
    with gzip.open(RECORDED / f"{process}.lhe.gz") as file:
        recorded = list(pylhe.LHEFile.frombuffer(file).events)
    return [recorded[number % len(recorded)] for number in range(count)]


def _campaign(folder: Path, process: str, records: Sequence[pylhe.LHEEvent], detector: str) -> Campaign:
    with gzip.open(RECORDED / f"{process}.lhe.gz") as file:
        init = pylhe.LHEFile.frombuffer(file).init
    brought = folder / "brought.lhe.gz"
    write_lhe(brought, init, None, (HardEvent(index, record) for index, record in enumerate(records)))
    fields = {
        "name": "bench",
        "seed": 1,
        "events": len(records),
        "chunk": len(records),
        "processes": {process: {"generator": "lhe", "files": [str(brought)]}},
        "augmentations": ["nominal", {"name": "herwig7", "herwig": {"block_events": len(records)}}],
        "detector": {"name": detector},
        "groups": {"require": "any"},
    }
    return with_brought_files(parse(fields, "benchmark"), {})


def _prepare_job(campaign: Campaign, folder: Path, process: str) -> list[str]:
    paths = Paths.of(campaign, str(folder))
    survey = Path(paths.survey.format(process=process))
    make_survey(campaign, process, survey)
    make_hard(campaign, process, 0, survey, Path(paths.hard.format(process=process, chunk=chunk_name(0))))
    config = folder / "bench.yaml"
    save(campaign, config)
    # The run file is made once for a campaign.
    options = campaign.augmentation("herwig7").herwig
    prepare(find_herwig(options), options, campaign.beams.energy, Path(paths.herwig))
    asked = ["--process", process, "--chunk", "0", "--realization", "herwig7", "--results", str(folder)]
    return ["jets", str(config), *asked]


def _prepare_bare(
    campaign: Campaign, folder: Path, process: str, records: Sequence[pylhe.LHEEvent]
) -> list[str]:
    folder.mkdir()
    options = campaign.augmentation("herwig7").herwig
    command = find_herwig(options)
    run_file, _ = prepare(command, options, campaign.beams.energy, folder)
    write_block(folder / HARD_EVENTS, campaign.beams.energy, records)
    seed = campaign.seed_of(process, 0, "herwig7")
    return [*command, "run", str(run_file), "-q", "-N", str(len(records)), "-s", str(seed)]


def _run_job(command: Sequence[str], folder: Path) -> Run:
    """Run a job, whose CPU time is what it tells: one that is forked is not our child."""
    log = folder / "job.log"
    with log.open("w") as file:
        start = monotonic()
        subprocess.run(command, cwd=folder, check=True, stdout=file, stderr=file, env=_environment())
        wall = monotonic() - start
    return Run(read_usage(log).cpu_seconds or nan, wall)


def _run(command: Sequence[str], folder: Path) -> Run:
    before, start = getrusage(RUSAGE_CHILDREN), monotonic()
    subprocess.run(command, cwd=folder, check=True, capture_output=True, env=_environment())
    after, end = getrusage(RUSAGE_CHILDREN), monotonic()
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return Run(cpu, end - start)


def _environment() -> dict[str, str]:
    # Where modules may not be stored compiled, every job compiles them.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**environment, "PYTHONPATH": str(ROOT)}


def main(
    process: Annotated[str, typer.Option()] = "qcd",
    events: Annotated[int, typer.Option()] = 1000,
    rounds: Annotated[int, typer.Option()] = 3,
    detector: Annotated[str, typer.Option()] = "none",
    alone: Annotated[bool, typer.Option("--alone")] = False,
) -> None:
    """Print the ratios of CPU and wall time."""
    cost = herwig_cost(process, events, rounds, detector, alone)
    for job, bare in zip(cost.jobs, cost.bare, strict=True):
        print(f"job {job.cpu:.2f} s CPU, {job.wall:.2f} s wall; bare {bare.cpu:.2f} s, {bare.wall:.2f} s")
    print(f"CPU {cost.cpu_ratio:.3f} (≤ {CPU_GOAL}), wall {cost.wall_ratio:.3f} (≤ {WALL_GOAL})")


if __name__ == "__main__":
    typer.run(main)
