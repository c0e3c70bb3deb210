"""The commands that compare what was made: two campaigns, or models on a dataset."""

import json
import traceback
from pathlib import Path
from typing import Annotated, Literal

import typer

from jetresim.campaign.errors import ConfigError

__all__ = ["compare", "tasks"]

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


def tasks(
    folder: Annotated[
        Path, typer.Argument(help="a dataset, or the campaign's folder or configuration", show_default=False)
    ],
    model: Annotated[
        str | None,
        typer.Option(help="FILE.py:FUNCTION or MODULE:FUNCTION; simple jet observables if left out"),
    ] = None,
    features: Annotated[
        str, typer.Option(help="that the model gets: rs3l, four_vectors, jetclr, or names with commas")
    ] = "jetclr",
    constituents: Annotated[int, typer.Option(min=1, help="slots for constituents")] = 100,
    output: Annotated[Path, typer.Option(help="the file")] = Path("tasks.json"),
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of a model that raises")] = False,
) -> None:
    """Score a model on a dataset: linear probes, robustness to the shower, similarity within groups."""
    from jetresim.campaign.files import atomic_path
    from jetresim.report.embedding import jet_observables, load_model
    from jetresim.report.tasks import score

    if model is None and features != "jetclr":
        raise ConfigError("--features: the jet observables take jetclr; --model names what takes others")
    inside = folder / "dataset"
    try:
        found = score(
            inside if inside.is_dir() else folder,
            jet_observables if model is None else load_model(model),
            features.split(",") if "," in features else features,
            constituents,
            model or "jet_observables",
        )
    except ConfigError as error:
        if debug and error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        raise
    with atomic_path(output) as path:
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
    for pair in found["pairs"]:
        nominal = pair["realizations"]["nominal"]["rejection"]
        typer.echo(
            f"{pair['signal']} vs {pair['background']}: AUC {pair['auc']:.3f} ± {pair['auc_error']:.3f}, "
            f"rejection {'–' if nominal is None else f'{nominal:.3g}'} at {found['efficiency']:.0%}"
        )
    for each in found["out_of_distribution"]:
        nominal = each["realizations"]["nominal"]
        typer.echo(
            f"{each['label']} among {' and '.join(each['known'])}, not known: "
            f"AUC {nominal['auc']:.3f} ± {nominal['auc_error']:.3f}"
        )
    typer.echo(f"{output}: {len(found['pairs'])} pairs of labels")
