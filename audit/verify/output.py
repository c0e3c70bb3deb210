"""What `jetresim verify` prints."""

import json
from collections.abc import Iterator
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from jetresim.audit.output import listed, numbers_table
from jetresim.audit.verify.campaign import STAGES, Report

__all__ = ["show_report"]

_SHOWN = 5
"""Missing files of a stage that are named in the table's text; the JSON has all."""


def show_report(report: Report, layout: str) -> None:
    """Print a report as a table and lines, or as JSON."""
    if layout == "json":
        typer.echo(json.dumps(as_json(report), indent=1))
        return
    Console().print(_table(report))
    for line in _lines(report):
        typer.echo(line)


def as_json(report: Report) -> dict[str, Any]:
    """Counts of every stage, and all problems and paths."""
    return {
        "campaign": report.campaign.name,
        "state": _state(report),
        "stages": [{"stage": stage, **_counts(report, stage)} for stage in _asked_for(report)],
        "problems": report.problems,
        "missing": [str(path) for path in report.missing],
        "left_over": [str(path) for path in report.left_over],
        "extra": [str(path) for path in report.extra],
        "warnings": report.warnings,
    }


def _state(report: Report) -> str:
    return ("complete", "wrong", "incomplete")[report.exit_code]


def _asked_for(report: Report) -> list[str]:
    """The stages of which the campaign has any files, in their order."""
    return [stage for stage in STAGES if any(each.stage == stage for each in report.checked)]


def _counts(report: Report, stage: str) -> dict[str, int]:
    # a problem of the dataset as a whole is not one of a file
    files = [each for each in report.checked if each.stage == stage and not each.path.is_dir()]
    return {
        "expected": len(files),
        "present": sum(not each.missing for each in files),
        "good": sum(each.good for each in files),
        "bad": sum(bool(each.problems) for each in files),
        "missing": sum(each.missing for each in files),
    }


def _table(report: Report) -> Table:
    counts = {stage: _counts(report, stage) for stage in _asked_for(report)}
    table = numbers_table(f"{report.campaign.name}: files", ["stage"], _counts(report, STAGES[0]))
    for stage, numbers in counts.items():
        table.add_row(stage, *map(str, numbers.values()))
    return table


def _lines(report: Report) -> Iterator[str]:
    yield from report.problems
    for stage in STAGES:
        missing = [each.path for each in report.checked if each.stage == stage and each.missing]
        if missing:
            yield f"missing in {stage}: {listed(missing, _SHOWN)}"
    if report.left_over:
        yield f"left over, not asked for: {len(report.left_over)} files, the first is {report.left_over[0]}"
    if report.extra:
        yield f"extra, exported by hand and not checked: {listed(report.extra, _SHOWN)}"
    yield from (f"warning: {line}" for line in report.warnings)
    yield {
        0: "everything is there and good" + (", but see the warnings" if report.warnings else ""),
        1: f"{len(report.problems)} problems",
        2: f"nothing is wrong; {len(report.missing)} files are missing",
    }[report.exit_code]
