"""The warnings about the processes of a dataset, on the terminal at the end of what was run."""

from pathlib import Path

import typer

from jetresim.dataset.process_warnings import dataset_warnings

__all__ = ["show_warnings"]


def show_warnings(dataset: Path) -> None:
    """Print what a user of a dataset should know, one line for each warning of each process."""
    for line in dataset_warnings(dataset):
        typer.secho(f"warning: {line}", fg="yellow")
