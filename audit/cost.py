"""What a campaign has cost: CPU, memory and bytes of its jobs, and what a million groups would cost."""

import csv
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from jetresim.audit.output import numbers_table
from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.paths import SPLITS, Paths, chunk_names
from jetresim.campaign.units import duration, rounded, size
from jetresim.campaign.usage import read_usage
from jetresim.jets.parquet import read_metadata

__all__ = ["ChunkCost", "Extrapolation", "JobCost", "collect", "make_costs"]

SCHEMA = pa.schema(
    [
        ("stage", pa.string()),
        ("process", pa.string()),
        ("realization", pa.string()),
        ("chunk", pa.int64()),
        ("split", pa.string()),
        ("events", pa.int64()),
        ("wall_seconds", pa.float64()),
        ("cpu_seconds", pa.float64()),
        ("max_rss_mb", pa.float64()),
        ("bytes", pa.int64()),
    ]
)
"""Columns of ``report/cost.parquet``, one row a job; null is what was not measured or does not apply."""

_WIDTH = 160
"""Width of the tables where no terminal folds them."""


@dataclass(frozen=True, slots=True)
class JobCost:
    """What a job has used.

    Attributes
    ----------
    stage : str
        Folder of its benchmark file: survey, pileup, hard, jets, events, groups, dataset, the name of a
        format, standardization or card.
    process, realization, split : str or None
        What it is about; realizations that are made in one job are joined by ``+``.
    chunk : int or None
    events : int or None
        Hard events that it is about, whether it simulates all of them or survivors only.
    wall_seconds : float or None
        As Snakemake measured it; None without a benchmark file.
    cpu_seconds, max_rss_mb : float or None
        What the job itself tells at the end of its log, see `campaign.usage.Usage`; None without that or
        without a benchmark file.
    bytes : int or None
        Size of what it has written; None unless all of that is there.
    """

    stage: str
    process: str | None = None
    realization: str | None = None
    chunk: int | None = None
    split: str | None = None
    events: int | None = None
    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    max_rss_mb: float | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ChunkCost:
    """A chunk all of whose jobs were measured.

    Attributes
    ----------
    events, targets, groups : int
        Hard events, their targets, and the groups that were kept.
    cpu_seconds : float
        Of all its jobs [s].
    """

    events: int
    targets: int
    groups: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """CPU for a million groups [core-hours], as long as chunks keep their size.

    Attributes
    ----------
    name : str
        Process.
    chunks, groups : int
        What it is based on.
    core_hours : float or None
        None if no group was kept.
    scatter : float or None
        Standard error from the scatter of the CPU per event between chunks; None with a single chunk.
    acceptance : float or None
        Error from the binomial error of the fraction of targets whose group is kept.
    """

    name: str
    chunks: int
    groups: int
    core_hours: float | None
    scatter: float | None
    acceptance: float | None

    @property
    def error(self) -> float | None:
        """Both errors together, as if independent."""
        if self.scatter is None or self.acceptance is None:
            return None
        return math.hypot(self.scatter, self.acceptance)


def collect(campaign: Campaign, paths: Paths) -> list[JobCost]:
    """Read what every job of a campaign has used.

    Parameters
    ----------
    campaign : Campaign
    paths : Paths
        Of the campaign; its parts may have been made on different machines.

    Raises
    ------
    DataError
        A benchmark file is not one of Snakemake's.
    """
    jobs = [*_jobs_of_chunks(campaign, paths), *_jobs_of_splits(campaign, paths)]
    return [replace(job, **_measured(paths, name), bytes=_bytes(outputs)) for job, name, outputs in jobs]


_Job = tuple[JobCost, str, list[str]]
"""A job that has not been measured, the name of its benchmark, and what it writes."""


def _jobs_of_chunks(campaign: Campaign, paths: Paths) -> Iterator[_Job]:
    if campaign.pileup:
        yield JobCost("pileup"), "pileup", [paths.pool]
    for process, asked in campaign.processes.items():
        survey = paths.survey.format(process=process)
        yield JobCost("survey", process, events=asked.events), f"survey/{process}", [survey]
        chunks = zip(chunk_names(campaign, process), campaign.chunks(process), strict=True)
        for chunk, (name, events) in enumerate(chunks):
            for stage, realization in _stages_of_chunk(campaign):
                job = JobCost(stage, process, realization, chunk, events=len(events))
                where = "/".join(filter(None, [process, realization, name]))
                output = getattr(paths, stage).format(process=process, realization=realization, chunk=name)
                yield job, f"{stage}/{where}", [output]
            yield from _jobs_of_full_events(campaign, paths, process, chunk)


def _jobs_of_full_events(campaign: Campaign, paths: Paths, process: str, chunk: int) -> Iterator[_Job]:
    name, events = chunk_names(campaign, process)[chunk], campaign.chunks(process)[chunk]
    for realization in campaign.full_realizations:
        names = {"process": process, "realization": realization, "chunk": name}
        outputs = [paths.full_events(form).format(**names) for form in campaign.full_formats]
        job = JobCost("events", process, realization, chunk, events=len(events))
        yield job, f"events/{process}/{realization}/{name}", outputs


def _stages_of_chunk(campaign: Campaign) -> list[tuple[str, str | None]]:
    """Stage and realization of every job of a chunk; that of the anchor does most of its family's work."""
    return [("hard", None), *(("jets", name) for name in campaign.realizations), ("groups", None)]


def _jobs_of_splits(campaign: Campaign, paths: Paths) -> Iterator[_Job]:
    patterns = {"dataset": paths.split} | {name: paths.export(name) for name in campaign.dataset.formats}
    for stage, pattern in patterns.items():
        for split in SPLITS:
            yield JobCost(stage, split=split), f"{stage}/{split}", [pattern.format(split=split)]
    yield JobCost("standardization"), "standardization", [paths.standardization]
    cards = [paths.huggingface_card] if "huggingface" in patterns else []
    yield JobCost("card"), "card", [paths.card, paths.manifest, *cards]


def _bytes(outputs: Iterable[str]) -> int | None:
    """Size of files, and of folders without hidden files; None unless all exist."""
    found = list(map(Path, outputs))
    if not all(path.exists() for path in found):
        return None
    files = (each for path in found for each in (path.rglob("[!.]*") if path.is_dir() else [path]))
    return sum(file.stat().st_size for file in files if file.is_file())


def _measured(paths: Paths, name: str) -> dict[str, float | None]:
    """What is known of a job; without a benchmark file its log is one of a job that did not end."""
    seconds = read_wall_time(Path(paths.benchmark(name)))
    if seconds is None:
        return {}
    return {"wall_seconds": seconds, **read_usage(Path(paths.log(name)))._asdict()}


def read_wall_time(path: Path) -> float | None:
    """Read the wall time [s] of a job from a benchmark file of Snakemake; None if there is no file.

    Raises
    ------
    DataError
        The file is something else.
    """
    if not path.exists():
        return None
    try:
        with path.open(encoding="utf-8", newline="") as file:
            (row,) = csv.DictReader(file, delimiter="\t")
        return float(row["s"])
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path}: not a benchmark file of one job by Snakemake; delete it") from None


def write_costs(jobs: Sequence[JobCost], output: Path) -> None:
    """Write one row a job, with `SCHEMA`."""
    table = pa.Table.from_pylist([asdict(job) for job in jobs], SCHEMA)
    with atomic_path(output) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def measured_chunks(
    campaign: Campaign, paths: Paths, jobs: Iterable[JobCost], process: str
) -> list[ChunkCost]:
    """Chunks of a process whose groups are there and whose jobs were all measured."""
    cpu: dict[int, list[float | None]] = {}
    for job in jobs:
        if job.process == process and job.chunk is not None:
            cpu.setdefault(job.chunk, []).append(job.cpu_seconds)
    chunks = zip(chunk_names(campaign, process), campaign.chunks(process), strict=True)
    found = []
    for chunk, (name, events) in enumerate(chunks):
        groups = Path(paths.groups.format(process=process, chunk=name))
        if None in cpu[chunk] or not groups.exists():
            continue
        totals = read_metadata(groups)["totals"][process]
        found.append(ChunkCost(len(events), totals["targets"], totals["groups"], sum(cpu[chunk])))
    return found


def extrapolate(name: str, chunks: Sequence[ChunkCost]) -> Extrapolation:
    """CPU of a million groups of a process: CPU per hard event over groups per hard event."""
    groups, targets = (sum(getattr(chunk, what) for chunk in chunks) for what in ("groups", "targets"))
    if not groups:
        return Extrapolation(name, len(chunks), 0, None, None, None)
    seconds, events = [chunk.cpu_seconds for chunk in chunks], [chunk.events for chunk in chunks]
    hours = sum(seconds) / groups * 1e6 / 3600
    scatter = ratio_error(seconds, events)
    return Extrapolation(
        name,
        chunks=len(chunks),
        groups=groups,
        core_hours=hours,
        scatter=None if scatter is None else hours * scatter * sum(events) / sum(seconds),
        acceptance=hours * math.sqrt((1 - groups / targets) / groups),
    )


def ratio_error(values: Sequence[float], sizes: Sequence[float]) -> float | None:
    """Standard error of ``sum(values) / sum(sizes)``, from the scatter between its terms.

    The ratio estimator of W. G. Cochran, Sampling Techniques (1977), chapter 6, for a small sample of many.
    None with fewer than two terms.
    """
    count = len(values)
    if count < 2:
        return None
    ratio = sum(values) / sum(sizes)
    squares = math.fsum((value - ratio * size) ** 2 for value, size in zip(values, sizes, strict=True))
    return math.sqrt(count / (count - 1) * squares) / sum(sizes)


def total(processes: Sequence[Extrapolation], splits: Iterable[JobCost]) -> Extrapolation:
    """A million groups in the campaign's mixture of processes, with the jobs of the splits."""
    groups = sum(each.groups for each in processes)
    chunks = sum(each.chunks for each in processes)
    shared = [job.cpu_seconds for job in splits]
    known = [each for each in processes if each.groups]
    if len(known) < len(processes) or None in shared:
        return Extrapolation("all", chunks, groups, None, None, None)
    hours = math.fsum(each.core_hours * each.groups for each in known) + sum(shared) * 1e6 / 3600
    errors = [[getattr(each, kind) for each in known] for kind in ("scatter", "acceptance")]
    scatter, acceptance = (
        None
        if None in kind
        else math.hypot(*(error * each.groups / groups for error, each in zip(kind, known, strict=True)))
        for kind in errors
    )
    return Extrapolation("all", chunks, groups, hours / groups, scatter, acceptance)


def extrapolations(campaign: Campaign, paths: Paths, jobs: Sequence[JobCost]) -> list[Extrapolation]:
    """What a million groups cost, for every process, and for the campaign if all its chunks were measured."""
    processes = [
        extrapolate(name, measured_chunks(campaign, paths, jobs, name)) for name in campaign.processes
    ]
    if any(each.chunks < len(campaign.chunks(each.name)) for each in processes):
        # the mixture, and the share of the splits, are known from a whole campaign only
        return processes
    return [*processes, total(processes, [job for job in jobs if job.process is None])]


def stage_table(jobs: Sequence[JobCost]) -> Table:
    """What the jobs of every stage, and of every realization, have used together."""
    table = numbers_table(
        "cost of the jobs", ("stage", "realization"), _STAGE_NUMBERS, caption=_caption(jobs), **_LOOK
    )
    rows: dict[tuple[str, str], list[JobCost]] = {}
    for job in jobs:
        rows.setdefault((job.stage, job.realization or ""), []).append(job)
    for names, members in rows.items():
        table.add_row(*names, *_stage_cells(members))
    table.add_section()
    table.add_row("all", "", *_stage_cells(jobs))
    return table


_LOOK = {"caption_justify": "left", "box": SIMPLE_HEAD}
_STAGE_NUMBERS = ("jobs", "measured", "CPU", "wall", "CPU/event", "memory", "written")


def _stage_cells(jobs: Sequence[JobCost]) -> list[str]:
    """Cells under `_STAGE_NUMBERS`."""
    measured = [job for job in jobs if job.cpu_seconds is not None]
    of_events = [job for job in measured if job.events is not None and job.stage != "survey"]
    events = sum(job.events for job in of_events)
    one_stage = len({job.stage for job in jobs}) == 1
    per_event = sum(job.cpu_seconds for job in of_events) / events if events and one_stage else None
    memory = [job.max_rss_mb for job in jobs if job.max_rss_mb is not None]
    written = [job.bytes for job in jobs if job.bytes is not None]
    return [
        str(len(jobs)),
        str(len(measured)),
        _shown(duration, sum(job.cpu_seconds for job in measured) if measured else None),
        _shown(duration, math.fsum(job.wall_seconds or 0 for job in jobs) if measured else None),
        _shown(duration, per_event),
        _shown(size, max(memory) * 2**20 if memory else None),
        _shown(size, sum(written) if written else None),
    ]


def _caption(jobs: Sequence[JobCost]) -> str:
    without = sum(job.wall_seconds is None for job in jobs)
    silent = sum(job.wall_seconds is not None and job.cpu_seconds is None for job in jobs)
    unwritten = sum(job.bytes is None for job in jobs)
    lines = [
        f"{without} jobs without a benchmark file" if without else "",
        f"{silent} jobs whose log does not end with their CPU" if silent else "",
        f"{unwritten} jobs whose files are not here" if unwritten else "",
    ]
    return "; ".join(filter(None, lines))


def extrapolation_table(found: Iterable[Extrapolation]) -> Table:
    """CPU of a million groups."""
    headings = ("chunks", "groups", "core-hours", "±", "scatter", "acceptance")
    caption = "Errors: scatter of the CPU between chunks, and binomial error of the fraction that is kept. "
    caption += "For chunks of this size; without surveys."
    table = numbers_table("core-hours for a million groups", ("process",), headings, caption=caption, **_LOOK)
    for each in found:
        numbers = (each.core_hours, each.error, each.scatter, each.acceptance)
        amounts = (_shown(rounded, number) for number in numbers)
        table.add_row(each.name, str(each.chunks), str(each.groups), *amounts)
    return table


def _shown(text: Callable[[float], str], value: float | None) -> str:
    return "–" if value is None else text(value)


def make_costs(campaign: Campaign, paths: Paths) -> None:
    """Collect, print and write ``report/cost.parquet``.

    Raises
    ------
    DataError
        A file is not what it should be, or no job has been measured.
    """
    jobs = collect(campaign, paths)
    if all(job.wall_seconds is None for job in jobs):
        raise DataError(f"{paths.root}/benchmarks: no benchmark files; Snakemake writes one for each job")
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(stage_table(jobs))
    console.print(extrapolation_table(extrapolations(campaign, paths, jobs)))
    write_costs(jobs, Path(paths.cost))
