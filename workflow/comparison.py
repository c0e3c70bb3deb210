"""The command that compares two campaigns."""

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["compare"]

_CAMPAIGN = "a campaign's folder, results/NAME, or its configuration"


def compare(
    first: Annotated[Path, typer.Argument(help=_CAMPAIGN, show_default=False)],
    second: Annotated[Path, typer.Argument(help="another one", show_default=False)],
    output: Annotated[Path, typer.Option(help="the file")] = Path("comparison.html"),
    strict: Annotated[
        bool, typer.Option("--strict", help="exit code 1 where a distribution differs")
    ] = False,
    format: Annotated[Literal["table", "json"], typer.Option(help="of what is printed")] = "table",
) -> None:
    """Write one HTML page on two campaigns: spectra, distances, settings, and whether they differ."""
    from jetresim.report.comparison import Likeness
    from jetresim.report.comparison import compare as compared
    from jetresim.report.comparison_page import as_json, verdict_lines, write_comparison

    found = compared(first, second)
    write_comparison(found, output)
    lines = [f"{output}: {found.likeness}, {found.tests} tests", *verdict_lines(found)]
    typer.echo(as_json(found) if format == "json" else "\n".join(lines))
    if strict and found.likeness is Likeness.DIFFERS:
        raise typer.Exit(1)
