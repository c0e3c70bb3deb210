"""What a campaign made, as tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from hist.intervals import clopper_pearson_interval

from jetresim.campaign.errors import DataError
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.processes import LABELS
from jetresim.campaign.status import Status
from jetresim.campaign.units import duration, size
from jetresim.dataset.acceptance import Acceptance
from jetresim.report.checks import survey_of
from jetresim.report.collect import Scan
from jetresim.report.reading import Source

__all__ = [
    "COST",
    "Table",
    "configuration",
    "cost",
    "efficiencies",
    "label_name",
    "labels",
    "processes",
    "realizations",
    "statuses",
    "versions",
]

COST = Path("report/cost.parquet")
"""Costs of the jobs, below the campaign's folder."""

_COST_SUMS = {
    "events": "events",
    "cpu_seconds": "CPU time",
    "wall_seconds": "wall time",
    "bytes": "size",
}
_COST_TEXT = {"events": "{:.0f}".format, "cpu_seconds": duration, "wall_seconds": duration, "bytes": size}
_COST_KEYS = ("stage", "process", "realization")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the page.

    Attributes
    ----------
    caption : str
    header : sequence of str
    rows : sequence of sequences of str
    text_columns : int
        Leading columns that hold names; the others hold numbers.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    text_columns: int = 1


def processes(source: Source, scan: Scan) -> Table:
    """Cross-sections, hard events, targets and groups of every process."""
    rows = []
    for name, totals in source.metadata["totals"].items():
        survey = survey_of(source, name)
        sigma = "–" if survey is None else with_error(survey.cross_section, survey.cross_section_error)
        splits = [
            sum(count for (process, _, split), count in scan.rows.items() if (process, split) == (name, each))
            for each in SPLITS
        ]
        numbers = (totals["hard_events"], totals["targets"], totals["groups"], *splits)
        description = source.campaign.processes[name].description
        rows.append([name, description, sigma, *map(str, numbers), f"{scan.weight[name]:.4g}"])
    header = [
        *("process", "hard process", "cross-section [pb]", "hard events", "targets", "groups"),
        *(f"in {split}" for split in SPLITS),
        "sum of weights [pb]",
    ]
    return Table("Processes", header, rows, text_columns=2)


def labels(scan: Scan) -> Table:
    """Groups by label and split."""
    found = sorted({(process, label) for process, label, _ in scan.rows})
    rows = [
        [
            process,
            label_name(label),
            *(str(scan.rows.get((process, label, split), 0)) for split in SPLITS),
        ]
        for process, label in found
    ]
    return Table("Groups by label (RS3L jettype)", ["process", "label", *SPLITS], rows, text_columns=2)


def label_name(label: int) -> str:
    """Number and name of a label."""
    return f"{label} {LABELS.get(label, '')}".rstrip()


def efficiencies(source: Source) -> Table:
    """Counts, matching efficiency and acceptance of every realization."""
    rows = []
    for process, found in source.metadata["counts"].items():
        for name in source.realizations:
            each = Acceptance.of(name, found[name])
            matched = each.counts[Status.MATCHED]
            numbers = (each.targets, each.simulated, each.with_jet, matched, each.kept)
            rows.append(
                [
                    *(process, name, *map(str, numbers)),
                    *(efficiency(part, each.simulated) for part in (each.with_jet, matched)),
                    "survivors" if each.survivors_only else "all",
                ]
            )
    header = [
        *("process", "realization", "targets", "simulated", "with a jet", "matched", "kept"),
        *("matching efficiency [%]", "acceptance [%]", "simulated of"),
    ]
    return Table("Targets and jets", header, rows, text_columns=2)


def statuses(source: Source) -> Table:
    """What became of the targets."""
    found = source.metadata["counts"]
    shown = [
        status for status in Status if any(each[status] for one in found.values() for each in one.values())
    ]
    rows = [
        [process, name, *(str(one[name][status]) for status in shown)]
        for process, one in found.items()
        for name in source.realizations
    ]
    return Table("Status of the targets", ["process", "realization", *shown], rows, text_columns=2)


def realizations(source: Source) -> Table:
    """The members of a group and what they are."""
    rows = [
        [str(index), name, source.campaign.augmentation(name).description, _changes(source, name)]
        for index, name in enumerate(source.realizations)
    ]
    return Table("Realizations", ["index", "name", "description", "what differs"], rows, text_columns=4)


def _changes(source: Source, name: str) -> str:
    each = source.campaign.augmentation(name)
    parts = [*each.settings.lines, *(f"{key} = {value}" for key, value in each.detector.items())]
    parts += [f"tune {each.tune}"] if each.tune else []
    parts += [f"shower {each.shower}"] if each.shower != "pythia8" else []
    if each.intervene.point != "hard_process":
        parts.append(f"begins at {each.intervene.point.replace('_', ' ')}")
    return ", ".join(parts) or "random numbers" * (source.realizations[source.anchor] != name) or "–"


def versions(source: Source) -> Table:
    """Versions of the software."""
    rows = [[name, str(version)] for name, version in sorted(source.metadata["versions"].items())]
    return Table("Software", ["program", "version"], rows, text_columns=2)


def configuration(source: Source) -> str:
    """The configuration as YAML."""
    return yaml.safe_dump(source.metadata["campaign"], sort_keys=False, allow_unicode=True)


def cost(source: Source) -> Table | None:
    """Costs by stage, process and realization; None where they were not collected.

    Raises
    ------
    DataError
        The file is there and cannot be read.
    """
    path = source.folder / COST
    if not path.exists():
        return None
    try:
        jobs = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: cannot be read as Parquet; remake it ({error})") from None
    return cost_table(jobs)


def cost_table(jobs: pa.Table) -> Table | None:
    """Sum the costs of jobs, as far as their table has them."""
    keys = [name for name in _COST_KEYS if name in jobs.column_names]
    if not keys:
        return None
    sums = [name for name in _COST_SUMS if name in jobs.column_names]
    peaks = [name for name in ("max_rss_mb",) if name in jobs.column_names]
    # null is what was not measured; a sum over some of the jobs would look like one over all
    whole = pc.ScalarAggregateOptions(skip_nulls=False)
    wanted = [*((name, "sum", whole) for name in sums), *((name, "max") for name in peaks), ([], "count_all")]
    grouped = jobs.group_by(keys, use_threads=False).aggregate(wanted).to_pylist()
    ordered = sorted(grouped, key=lambda row: [str(row[key] or "") for key in keys])
    rows = [
        [
            *(str(row[key] or "–") for key in keys),
            str(row["count_all"]),
            *("–" if (total := row[f"{name}_sum"]) is None else _COST_TEXT[name](total) for name in sums),
            *("–" if (peak := row[f"{name}_max"]) is None else size(peak * 2**20) for name in peaks),
        ]
        for row in ordered
    ]
    header = [*keys, "jobs", *(_COST_SUMS[name] for name in sums), *("peak memory" for _ in peaks)]
    return Table("Cost", header, rows, text_columns=len(keys))


def efficiency(part: int, whole: int) -> str:
    """A fraction in percent with its central 68% Clopper–Pearson interval."""
    if not whole:
        return "–"
    low, high = clopper_pearson_interval(float(part), float(whole))
    value = part / whole
    return f"{100 * value:.1f} +{100 * (high - value):.1f} −{100 * (value - low):.1f}"


def with_error(value: float, error: float) -> str:
    """A number with its error, to two digits of the error."""
    if not error > 0:
        return f"{value:.6g}"
    exponent = f"{value:e}".partition("e")[2] if not 1e-2 <= abs(value) < 1e5 else "0"
    scale = 10.0 ** int(exponent)
    places = max(0, 1 - int(f"{error / scale:e}".partition("e")[2]))
    text = f"{value / scale:.{places}f} ± {error / scale:.{places}f}"
    return text if scale == 1 else f"({text}) × 10^{int(exponent)}"
