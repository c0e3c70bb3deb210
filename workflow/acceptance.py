"""How many targets have a jet that stands for them, by process and realization: tables for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from campaign.errors import DataError
from campaign.status import Status
from dataset.assemble import SPLITS
from dataset.parquet import parquet_files, read_metadata

_LEFT_OUT = (Status.CUT, Status.NOT_SIMULATED)
_WITH_JET = (Status.MATCHED, Status.BELOW_PT)
_REASONS = tuple(status for status in Status if status is not Status.MATCHED)
_NUMBERS = ("simulated", "matched", "kept", "matching", "acceptance", "of survivors")
_WIDTH = 160
"""Width of the tables where no terminal folds them."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What became of the targets of a process in one realization, over the whole campaign.

    Attributes
    ----------
    realization : str
    counts : mapping of Status to int
        Targets with each outcome; their sum is the number of targets of the process.
    kept : int
        Targets whose jet is a member of a group of the dataset.
    """

    realization: str
    counts: Mapping[Status, int]
    kept: int

    @property
    def simulated(self) -> int:
        """Targets of the hard events that were simulated."""
        return sum(self.counts.values()) - sum(self.counts[status] for status in _LEFT_OUT)

    @property
    def survivors_only(self) -> bool:
        """Whether only hard events were simulated whose anchor has a jet."""
        return self.counts[Status.NOT_SIMULATED] > 0

    @property
    def matching(self) -> float | None:
        """Matching efficiency: fraction of the simulated targets for which a jet stands, whatever its pT."""
        return _ratio(sum(self.counts[status] for status in _WITH_JET), self.simulated)

    @property
    def accepted(self) -> float | None:
        """Acceptance: fraction of the simulated targets whose jet has the pT that groups require."""
        return _ratio(self.counts[Status.MATCHED], self.simulated)


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
        raise DataError(f"{dataset}: no Parquet files; `resim dataset` makes them")
    metadata = read_metadata(shards[0])
    try:
        return {
            process: [_acceptance(name, found[name]) for name in metadata["realizations"]]
            for process, found in metadata["counts"].items()
        }
    except (KeyError, TypeError):
        raise DataError(
            f"{shards[0]}: its counts are not those of this version; remake the dataset"
        ) from None


def _acceptance(realization: str, found: Mapping[str, int]) -> Acceptance:
    return Acceptance(realization, {status: found[status] for status in Status}, found["kept"])


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
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("realization")
    for heading in headings:
        table.add_column(heading, justify="right")
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


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def print_acceptance(dataset: Path) -> None:
    """Print the tables of a dataset.

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


def report_acceptance(dataset: Path) -> None:
    """Print the tables of a dataset at the end of a run, if there is one; never raises."""
    if not dataset.is_dir():
        return
    try:
        print_acceptance(dataset)
    except Exception as error:  # the dataset is complete, and its makers are not to be told otherwise
        print(f"no table of acceptances: {error}")
