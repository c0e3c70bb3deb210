"""Files of candidates that another program made, as flat columns: Parquet, and ROOT through uproot."""

from collections.abc import Iterable, Mapping
from functools import reduce
from pathlib import Path
from typing import Protocol

import awkward as ak
import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Integers
from jetresim.campaign.errors import DetectorError
from jetresim.detectors.columns import Columns

__all__ = ["CandidateFile"]

_TREE = "events"
_WORD = 2**64


class _Source(Protocol):
    """Rows of a file, one an event."""

    rows: int

    def read(self, name: str, start: int, stop: int) -> ak.Array:
        """A column of some rows; a KeyError if there is none."""
        ...


class _Root:
    def __init__(self, path: Path, tree: str) -> None:
        import uproot

        file = uproot.open(path)
        if tree not in file:
            raise DetectorError(f"{path}: has no tree {tree!r}; `tree` must name one")
        self._tree = file[tree]
        self.rows = self._tree.num_entries

    def read(self, name: str, start: int, stop: int) -> ak.Array:
        return self._tree[name].array(entry_start=start, entry_stop=stop)


class _Parquet:
    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(path)
        sizes = [
            self._file.metadata.row_group(number).num_rows for number in range(self._file.num_row_groups)
        ]
        self._stops = np.cumsum([0, *sizes])
        self.rows = int(self._stops[-1])

    def read(self, name: str, start: int, stop: int) -> ak.Array:
        """A column, or a field of one that is a list of structs: ``candidates.px``."""
        column, *fields = name.split(".")
        if column not in self._file.schema_arrow.names:
            raise KeyError(name)
        groups = np.flatnonzero((self._stops[1:] > start) & (self._stops[:-1] < stop)).tolist()
        table = self._file.read_row_groups(groups, columns=[column])
        first = int(self._stops[groups[0]]) if groups else 0
        values = ak.from_arrow(table[column])[start - first : stop - first]
        return reduce(lambda array, field: array[field], fields, values)


class CandidateFile:
    """Rows of a file, found by the numbers of their events.

    Parameters
    ----------
    path : Path
    columns : mapping of str to str
        What the file calls each of `campaign.candidates.COLUMNS` that are to be read.
    tree : str, optional
        Tree of a ROOT file.

    Raises
    ------
    DetectorError
        The file is missing or cannot be read, lacks a column, or has an event twice.
    """

    def __init__(self, path: Path, columns: Mapping[str, str], tree: str | None = None) -> None:
        self.path, self._columns = path, columns
        try:
            self._source: _Source = (
                _Parquet(path) if path.suffix == ".parquet" else _Root(path, tree or _TREE)
            )
        except FileNotFoundError:
            raise DetectorError(
                f"{path}: does not exist; the program that simulates the detector has to make it"
            ) from None
        except DetectorError:
            raise
        except Exception as error:  # whatever uproot and pyarrow trip over in a damaged file
            raise DetectorError(f"{path}: cannot be read ({type(error).__name__})") from None
        self.events = self._numbers()

    def _numbers(self) -> Integers:
        """Number of the event of every row."""
        numbers = self._each("event", 0, self._source.rows)
        if numbers.dtype.kind not in "iu":
            raise self._error("event", f"is {numbers.dtype}, expected integers")
        found, first, times = np.unique(numbers, return_index=True, return_counts=True)
        if (times > 1).any():
            event = found[times > 1][0]
            rows = np.flatnonzero(numbers == event)[:2]
            raise DetectorError(f"{self.path}: event {event} is there twice, in rows {rows[0]} and {rows[1]}")
        self._row_of = dict(zip(found.tolist(), first.tolist(), strict=True))
        return numbers.astype(np.int64)

    def rows_of(self, events: Iterable[int]) -> Integers:
        """Rows of events, −1 where the file lacks one."""
        return np.array([self._row_of.get(event, -1) for event in events], dtype=np.int64)

    def texts(self, meaning: str, rows: Integers) -> list[str]:
        """A column of texts; integers of 64 bits are hexadecimal digits."""
        start, stop = _range(rows)
        values = self._one_each(meaning, start, stop)[rows - start].tolist()
        if None in values:
            raise self._error(meaning, f"has no value in event {self.events[rows[values.index(None)]]}")
        return [each if isinstance(each, str) else f"{int(each) % _WORD:016x}" for each in values]

    def lists(self, meanings: Iterable[str], rows: Integers) -> tuple[Columns, Integers]:
        """Columns of one list of numbers a row, flattened, and the lengths of the lists.

        Raises
        ------
        DetectorError
            A value is no number or not finite, or the lists of an event differ in length.
        """
        start, stop = _range(rows)
        columns: Columns = {}
        counts = np.zeros(len(rows), dtype=np.int64)
        for place, meaning in enumerate(meanings):
            column = self._read(meaning, start, stop)
            if column.ndim != 2:
                raise self._error(meaning, "has no list of numbers for each event")
            column = column[rows - start]
            lengths = self._plain(meaning, ak.num(column, axis=1))
            if place and (lengths != counts).any():
                row = np.flatnonzero(lengths != counts)[0]
                event = self.events[rows[row]]
                raise self._error(
                    meaning, f"has {lengths[row]} values in event {event}, others have {counts[row]}"
                )
            counts = lengths.astype(np.int64)
            columns[meaning] = self._plain(meaning, ak.flatten(column, axis=1))
            self._check_finite(meaning, columns[meaning], counts, rows)
        return columns, counts

    def _check_finite(self, meaning: str, values: npt.NDArray, counts: Integers, rows: Integers) -> None:
        wrong = np.flatnonzero(~np.isfinite(values))
        if len(wrong):
            row = np.searchsorted(np.cumsum(counts), wrong[0], side="right")
            raise self._error(meaning, f"is {values[wrong[0]]} in event {self.events[rows[row]]}")

    def _each(self, meaning: str, start: int, stop: int) -> npt.NDArray:
        return self._plain(meaning, self._one_each(meaning, start, stop))

    def _one_each(self, meaning: str, start: int, stop: int) -> ak.Array:
        """A column of one value for each event, which some programs store as a list of one."""
        column = self._read(meaning, start, stop)
        if column.ndim == 2 and ak.all(ak.num(column, axis=1) == 1):
            column = ak.flatten(column, axis=1)
        if column.ndim != 1:
            raise self._error(meaning, "has no single value for each event")
        return column

    def _read(self, meaning: str, start: int, stop: int) -> ak.Array:
        try:
            return self._source.read(self._columns[meaning], start, stop)
        except (KeyError, ak.errors.FieldNotFoundError):
            raise self._error(meaning, "is not there; `columns` must name it") from None
        except Exception as error:  # whatever uproot and pyarrow trip over in a damaged file
            raise self._error(
                meaning, f"cannot be read; the file is cut off or damaged ({type(error).__name__})"
            ) from None

    def _plain(self, meaning: str, column: ak.Array) -> npt.NDArray:
        """Numbers without a mask."""
        try:
            values = ak.to_numpy(column)
        except ValueError:
            values = np.array([None])
        if np.ma.isMaskedArray(values):
            if values.mask.any():
                raise self._error(meaning, "has rows without a value")
            values = values.data
        if values.ndim != 1 or values.dtype.kind not in "iuf":
            raise self._error(meaning, "holds no numbers")
        return values

    def _error(self, meaning: str, problem: str) -> DetectorError:
        return DetectorError(f"{self.path}: column {self._columns[meaning]!r} ({meaning}) {problem}")


def _range(rows: Integers) -> tuple[int, int]:
    return (int(rows.min()), int(rows.max()) + 1) if len(rows) else (0, 0)
