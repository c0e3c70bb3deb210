"""Small campaigns of many shapes, each killed at random moments and resumed, against an undisturbed one.

``python -m benchmarks.soak --campaigns 40 --seed 1`` prints a table and ends with exit code 1 if any of them
differs. Shapes and moments follow from the seed. The undisturbed campaigns are made stage by stage in one
process, without Snakemake; the others by Snakemake, with all its jobs killed at once.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Annotated, Any

import numpy as np
import typer
import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from jetresim.campaign.config import Campaign, load
from jetresim.campaign.paths import SPLITS, Paths
from jetresim.campaign.seeds import stable_hash
from jetresim.workflow.cli import app

ROOT = Path(__file__).parents[1]
STAGES = ("hard", "jets", "groups", "dataset")
PROCESSES = ("higgs", "qcd", "wjet", "dijet")
AUGMENTATIONS = ("seed", "fsrRenHi", "fsrRenLo", "rehadronize", "redecay")
MOST_KILLS = 3
_PARTIAL = ".partial-*"
_OF_SNAKEMAKE = ".snakemake_timestamp"
"""Its mark in folders that a job has made."""
_JOB_SECONDS = 3.0
"""About the time from the end of one of these jobs to the end of the next."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When a run is killed.

    Attributes
    ----------
    jobs : int
        Once so many jobs have finished, in all runs of the campaign together.
    seconds : float
        And so much later [s].
    """

    jobs: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Soaked:
    """What became of a campaign that was killed and resumed.

    Attributes
    ----------
    index : int
        Number of the campaign, from 0.
    campaign : Campaign
    jobs : int
        Its jobs.
    kills : tuple of int
        How many had finished at each kill.
    files : int
        Files that were compared.
    seconds : float
        Wall time of all that [s].
    problems : tuple of str
        What differs from the undisturbed campaign or was left behind; empty if nothing.
    """

    index: int
    campaign: Campaign
    jobs: int
    kills: tuple[int, ...]
    files: int
    seconds: float
    problems: tuple[str, ...]


def random_numbers(seed: int, index: int) -> np.random.Generator:
    """Random numbers of a campaign: the same however many campaigns there are."""
    return np.random.Generator(np.random.PCG64(stable_hash(seed, "soak", index)))


def random_config(numbers: np.random.Generator) -> dict[str, Any]:
    """A campaign of seconds: few events, no multiparton interactions."""
    chosen = {name: int(numbers.integers(8, 41)) for name in _some(numbers, PROCESSES)}
    return {
        "name": "soak",
        "seed": int(numbers.integers(2**31)),
        "settings": {"PartonLevel:MPI": False},
        "processes": {name: {"events": events, "cuts": {"pt_min": 500}} for name, events in chosen.items()},
        "chunk": int(numbers.integers(20, 41)) if len(chosen) == 1 else 40,
        "augmentations": ["nominal", *_some(numbers, AUGMENTATIONS)],
        "detector": {"name": str(numbers.choice(["none", "cms_phase2"]))},
        "groups": {"pt_min": 400, "require": str(numbers.choice(["all", "nominal", "any"]))},
        "dataset": {
            "formats": [[], [], ["rs3l"], ["rs3l_pairs"]][numbers.integers(4)],
            "events_per_shard": int(numbers.integers(5, 50)),
        },
    }


def _some(numbers: np.random.Generator, names: tuple[str, ...]) -> list[str]:
    """One or two of the names."""
    return numbers.choice(names, size=numbers.integers(1, 3), replace=False).tolist()


def random_moments(numbers: np.random.Generator, jobs: int) -> list[Moment]:
    """One to three moments before the last of the jobs has finished."""
    finished = np.sort(numbers.integers(jobs, size=numbers.integers(1, MOST_KILLS + 1)))
    return [Moment(int(count), numbers.uniform(0, _JOB_SECONDS)) for count in finished]


def jobs_of(campaign: Campaign) -> Iterator[tuple[str, ...]]:
    """Subcommand of `jetresim` and its options for every job of a campaign, in an order that works."""
    family = [word for name in campaign.anchor_family for word in ("--realization", name)]
    others = [name for name in campaign.realizations if name not in campaign.anchor_family]
    for process in campaign.processes:
        yield "survey", "--process", process
        for chunk in range(len(campaign.chunks(process))):
            where = ("--process", process, "--chunk", str(chunk))
            yield "hard", *where
            yield "jets", *where, *family
            yield from (("jets", *where, "--realization", name) for name in others)
            yield "groups", *where
    yield from (("dataset", "--split", split) for split in SPLITS)
    for layout in campaign.dataset.formats:
        yield from (("export", "--format", layout, "--split", split) for split in SPLITS)
    yield ("standardization",)
    yield ("card",)


def soak(seed: int, index: int, folder: Path, cores: int = 1) -> Soaked:
    """Make a campaign twice, once undisturbed, once killed and resumed, and compare.

    Parameters
    ----------
    seed, index : int
        What the campaign and the moments follow from.
    folder : Path
        Empty folder for both.
    cores : int
        Cores that Snakemake uses.
    """
    start = monotonic()
    numbers = random_numbers(seed, index)
    undisturbed, disturbed = folder / "undisturbed", folder / "disturbed"
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(random_config(numbers), sort_keys=False), encoding="utf-8")
    campaign = load(config)
    jobs = list(jobs_of(campaign))
    _run_stages(config, jobs, undisturbed)
    kills, code = _run_disturbed(config, disturbed, random_moments(numbers, len(jobs)), cores)
    expected = digests(campaign, undisturbed)
    problems = differences(expected, digests(campaign, disturbed)) | leftovers(disturbed)
    if code:
        problems.add(f"resumed run ends with exit code {code}")
    seconds = monotonic() - start
    return Soaked(index, campaign, len(jobs), kills, len(expected), seconds, tuple(sorted(problems)))


def _run_stages(config: Path, jobs: list[tuple[str, ...]], folder: Path) -> None:
    folder.mkdir()
    with (folder / "stages.log").open("w") as log, redirect_stderr(log):
        for stage, *options in jobs:
            command = [stage, str(config), *options, "--results", str(folder / "results")]
            app(command, standalone_mode=False)


def _run_disturbed(
    config: Path, folder: Path, moments: list[Moment], cores: int
) -> tuple[tuple[int, ...], int]:
    """Kill the run at each of the moments and resume it; finished jobs at the kills, last exit code."""
    (folder / "tmp").mkdir(parents=True)
    run = ("--cores", str(cores))
    kills = []
    for moment in moments:
        process = start_snakemake(config, folder, *run)
        if not _kill(process, folder, moment):
            break
        kills.append(_finished(folder))
        start_snakemake(config, folder, "--unlock").wait()
    return tuple(kills), start_snakemake(config, folder, *run).wait()


def start_snakemake(config: Path, folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start Snakemake as the head of a process group of its own."""
    options = ["-s", str(ROOT / "Snakefile"), "--configfile", str(config), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder / "tmp")}
    with (folder / "snakemake.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "snakemake", *options],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _kill(process: subprocess.Popen[bytes], folder: Path, moment: Moment) -> bool:
    """Wait for the moment and kill Snakemake and all its jobs; False if it has ended before."""
    while _finished(folder) < moment.jobs and process.poll() is None:
        sleep(0.02)
    try:
        process.wait(moment.seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def _finished(folder: Path) -> int:
    """Jobs that have finished: each writes down what it used."""
    return sum(1 for _ in folder.glob("results/*/benchmarks/**/*.tsv"))


def digests(campaign: Campaign, folder: Path) -> dict[str, str]:
    """Checksum of every file that the stages have made, by its path in the folder of the campaign."""
    root = Path(Paths.of(campaign, str(folder / "results")).root)
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for stage in STAGES
        for path in sorted((root / stage).rglob("*"))
        if path.is_file() and path.name != _OF_SNAKEMAKE
    }


def differences(expected: dict[str, str], found: dict[str, str]) -> set[str]:
    """What is missing, differs or should not be there."""
    return {
        *(f"{name} is missing" for name in expected.keys() - found.keys()),
        *(f"{name} should not be there" for name in found.keys() - expected.keys()),
        *(f"{name} differs" for name in expected.keys() & found.keys() if expected[name] != found[name]),
    }


def leftovers(folder: Path) -> set[str]:
    """Temporary files that nobody has cleared away."""
    return {f"{path.relative_to(folder)} was left" for path in (folder / "results").rglob(_PARTIAL)}


def soak_all(campaigns: range, seed: int, cores: int, keep: Path | None) -> Iterator[Soaked]:
    """Soak campaigns one after the other; folders of those with problems are copied to `keep`."""
    for index in campaigns:
        with TemporaryDirectory(prefix="soak-") as folder:
            found = soak(seed, index, Path(folder), cores)
            if found.problems and keep is not None:
                shutil.copytree(folder, keep / str(index), symlinks=True)
        yield found


_COLUMNS = ("#", "events / chunk", "augmentations", "jobs", "killed after", "files", "s", "result")


def row(found: Soaked) -> tuple[str, ...]:
    """Cells of a campaign under `_COLUMNS`."""
    campaign = found.campaign
    events = ", ".join(f"{name} {process.events}" for name, process in campaign.processes.items())
    return (
        str(found.index),
        f"{events} / {campaign.chunk}",
        ", ".join(campaign.realizations[1:]),
        str(found.jobs),
        ", ".join(map(str, found.kills)) or "not killed",
        str(found.files),
        f"{found.seconds:.0f}",
        "\n".join(found.problems) or "equal",
    )


def main(
    campaigns: Annotated[int, typer.Option(min=1, help="number of campaigns")] = 40,
    seed: Annotated[int, typer.Option(help="shapes and moments follow from it")] = 1,
    first: Annotated[int, typer.Option(min=0, help="number of the first campaign")] = 0,
    cores: Annotated[int, typer.Option(min=1, help="cores that Snakemake uses")] = 1,
    keep: Annotated[Path | None, typer.Option(help="folder for the campaigns that differ")] = None,
) -> None:
    """Kill campaigns at random moments, resume them and compare them with undisturbed ones."""
    table = Table(title=f"campaigns killed and resumed, seed {seed}", box=SIMPLE_HEAD)
    for heading in _COLUMNS:
        table.add_column(heading)
    equal = kills = 0
    for found in soak_all(range(first, first + campaigns), seed, cores, keep):
        print("\t".join(row(found)), file=sys.stderr, flush=True)
        table.add_row(*row(found))
        equal += not found.problems
        kills += len(found.kills)
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(table)
    print(f"{equal} of {campaigns} equal after {kills} kills")
    raise typer.Exit(int(equal < campaigns))


if __name__ == "__main__":
    typer.run(main)
