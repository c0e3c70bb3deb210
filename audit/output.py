"""What the commands that examine a campaign have in common on the terminal."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from jetresim.dataset.process_warnings import dataset_warnings

__all__ = ["listed", "numbers_table", "show_warnings"]


def listed(items: Sequence[object], shown: int) -> str:
    """The first of some items, and how many more there are."""
    more = len(items) - shown
    return ", ".join(map(str, items[:shown])) + (f" and {more} more" if more > 0 else "")


def numbers_table(title: str, names: Iterable[str], numbers: Iterable[str], **options: Any) -> Table:
    """A table without rows yet: columns of names, then columns of numbers."""
    table = Table(title=title, title_justify="left", **options)
    for name in names:
        table.add_column(name, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right")
    return table


def show_warnings(dataset: Path) -> None:
    """Print what a user of a dataset should know, one line for each warning of each process."""
    for line in dataset_warnings(dataset):
        typer.secho(f"warning: {line}", fg="yellow")
