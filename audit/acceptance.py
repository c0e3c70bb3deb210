"""How many targets have a jet that stands for them, by process and realization: tables for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from jetresim.audit.output import numbers_table, show_warnings
from jetresim.campaign.errors import DataError
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.status import Status
from jetresim.dataset.acceptance import Acceptance
from jetresim.jets.parquet import parquet_files, read_metadata

__all__ = ["print_acceptance", "report_acceptance"]

_REASONS = tuple(status for status in Status if status is not Status.MATCHED)
_NUMBERS = ("simulated", "matched", "kept", "matching", "acceptance", "of survivors")
_WIDTH = 160
"""Width of the tables where no terminal folds them."""


def read_acceptance(dataset: Path) -> dict[str, list[Acceptance]]:
    """Read what became of all targets from the metadata of a dataset.

    Parameters
    ----------
    dataset : Path
        Folder with the splits. Each of their files has the counts of the whole campaign.

    Returns
    -------
    dict
        Process to its realizations, in their order in the groups.

    Raises
    ------
    DataError
        There is no readable Parquet file.
    """
    shards = [path for split in SPLITS for path in parquet_files(dataset / split)]
    if not shards:
        raise DataError(f"{dataset}: no Parquet files; `jetresim dataset` makes them")
    metadata = read_metadata(shards[0])
    try:
        return {
            process: [Acceptance.of(name, found[name]) for name in metadata["realizations"]]
            for process, found in metadata["counts"].items()
        }
    except (KeyError, TypeError):
        raise DataError(
            f"{shards[0]}: its counts are not those of this version; remake the dataset"
        ) from None


def acceptance_tables(found: Mapping[str, Sequence[Acceptance]]) -> Iterator[Table]:
    """Two tables a process: how many targets have a jet, and why the others have none."""
    for process, realizations in found.items():
        targets = sum(realizations[0].counts.values())
        numbers = {each.realization: _numbers(each) for each in realizations}
        yield _table(f"{process}: jets of {targets} targets", _NUMBERS, numbers)
        reasons = [status for status in _REASONS if any(each.counts[status] for each in realizations)]
        if reasons:
            numbers = {each.realization: [str(each.counts[one]) for one in reasons] for each in realizations}
            yield _table(f"{process}: targets without", reasons, numbers)


def _table(title: str, headings: Sequence[str], rows: Mapping[str, Sequence[str]]) -> Table:
    table = numbers_table(title, ["realization"], headings, box=SIMPLE, padding=(0, 1, 0, 0))
    for realization, cells in rows.items():
        table.add_row(realization, *cells)
    return table


def _numbers(each: Acceptance) -> list[str]:
    """Cells under `_NUMBERS`."""
    counts = (each.simulated, each.counts[Status.MATCHED], each.kept)
    return [*map(str, counts), *_percentages(each)]


def _percentages(each: Acceptance) -> tuple[str, str, str]:
    """Efficiencies; the acceptance stands under the targets that it was measured with."""
    matching, accepted = (_percent(fraction) for fraction in (each.matching, each.accepted))
    return (matching, "", accepted) if each.survivors_only else (matching, accepted, "")


def _percent(fraction: float | None) -> str:
    return "–" if fraction is None else f"{fraction:.1%}"


def print_acceptance(dataset: Path) -> None:
    """Print the tables of a dataset, and what its processes are warned of.

    Raises
    ------
    DataError
        There is no readable Parquet file.
    """
    tables = list(acceptance_tables(read_acceptance(dataset)))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    for table in tables:
        console.print(table)
    show_warnings(dataset)


def report_acceptance(dataset: Path) -> None:
    """Print the tables of a dataset at the end of a run, if there is one; never raises."""
    if not dataset.is_dir():
        return
    try:
        print_acceptance(dataset)
    except Exception as error:  # the dataset is complete, and its makers are not to be told otherwise
        print(f"no table of acceptances: {error}")
