"""Les Houches events in HDF5 (LHEH5), in both of its layouts, around pylhe.

Layout 1 (arXiv:1905.05120) has a group for each table and in it a dataset for each column; layout 2
(arXiv:2309.13154) has a dataset for each table whose attribute names the columns. pylhe reads the second,
and gets the first in its shape. What it would fill in silently is checked here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pylhe
from pylhe import lheh5

from jetresim.campaign.errors import HardEventError
from jetresim.generators.lhe_checks import event_problems, init_problems, pylhe_errors

__all__ = ["HDF5_MAGIC", "LHEH5", "open_hdf5"]

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
"""First bytes of an HDF5 file, HDF5 File Format Specification, section II.A."""

_INIT = (
    "beamA", "beamB", "energyA", "energyB", "PDFgroupA", "PDFgroupB", "PDFsetA", "PDFsetB",
    "weightingStrategy", "numProcesses",
)  # fmt: skip
_PROCESS = ("procId", "xSection", "error", "unitWeight")
_EVENT = ("pid", "nparticles", "start", "scale", "aqed", "aqcd")
_SCALES = ("trials", "fscale", "rscale")
_PARTICLE = (
    "id", "status", "mother1", "mother2", "color1", "color2", "px", "py", "pz", "e", "m", "lifetime", "spin",
)  # fmt: skip
_WEIGHT, _CENTRAL = "weight", "NOMINAL"  # the event weight in layout 1 and, for pylhe, in layout 2


class _Table:
    """Rows of numbers, read as pylhe reads a dataset of layout 2."""

    chunks = None

    def __init__(
        self,
        name: str,
        columns: Sequence[str],
        length: int,
        read: Callable[[slice], npt.NDArray],
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.columns = list(columns)
        self.attrs = {**(attributes or {}), "properties": self.columns}
        self._length = length
        self._read = read

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, rows: slice | tuple[()]) -> npt.NDArray:
        return self._read(slice(0, 1))[0] if rows == () else self._read(rows)

    def __iter__(self) -> Iterator[npt.NDArray]:
        return iter(self[:])

    def after(self, skip: int) -> "_Table":
        """The table without its first rows."""

        def read(rows: slice) -> npt.NDArray:
            first, last, _ = rows.indices(self._length - skip)
            return self[first + skip : last + skip]

        return _Table(self.name, self.columns, self._length - skip, read)


class LHEH5:
    """An opened LHEH5 file.

    Parameters
    ----------
    file : h5py.File
    path : Path
        Its name, for messages.

    Raises
    ------
    HardEventError
        A table or a column is missing.
    """

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._path = path
        with _one_line(path):
            layout = _read_columns if isinstance(file.get("event"), h5py.Group) else _read_tables
            self._tables = layout(file, path)
            self._others = {name: file[name] for name in ("generators", "xml/header") if name in file}

    def number_of_events(self) -> int:
        """Count the events.

        Raises
        ------
        HardEventError
            There are none.
        """
        if not (number := len(self._tables["events"])):
            raise HardEventError(f"{self._path}: holds no events")
        return number

    def run(self) -> tuple[pylhe.LHEHeader | None, pylhe.LHEInit]:
        """The declarations of the named weights, if there are any, and the ``<init>`` block.

        Raises
        ------
        HardEventError
            They contradict themselves or hold numbers that cannot be.
        """
        view = {**self._tables, **self._others}
        with pylhe_errors(f"{self._path}: init, procInfo or xml/header"), _one_line(self._path):
            header, init = lheh5.read_header(view), lheh5.read_init(view)
        if problem := next(init_problems(init), None):
            raise HardEventError(f"{self._path}: {problem}")
        return header, init

    def events(self, skip: int) -> Iterator[pylhe.LHEEvent]:
        """Read the events, without checking those to pass over.

        Raises
        ------
        HardEventError
            There are fewer, or one is unusable; with its place, counted from 0.
        """
        if (available := self.number_of_events()) < skip:
            raise HardEventError(f"{self._path}: ends after {available} events, more were expected")
        ids = {int(row[0]) for row in self._tables["procInfo"]}
        records = lheh5.read_iter_events({**self._tables, "events": self._tables["events"].after(skip)})
        for index in count(skip):
            where = f"{self._path}: event {index} (counted from 0)"
            with pylhe_errors(where), _one_line(self._path):
                record = next(records, None)
            if record is None:
                return
            if problem := next(event_problems(record, ids), None):
                raise HardEventError(f"{where}: {problem}")
            yield record


@contextmanager
def open_hdf5(path: Path) -> Iterator[LHEH5]:
    """Open an LHEH5 file.

    Raises
    ------
    HardEventError
        It is damaged, cut off or of another kind. One line with the file and what is missing.
    """
    with ExitStack() as stack:
        with _one_line(path):
            file = stack.enter_context(h5py.File(path, "r"))
        yield LHEH5(file, path)


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, RuntimeError) as problem:  # what h5py raises for damage, by where it is found
        reason = " ".join(str(problem).split())
        raise HardEventError(f"{path}: damaged or cut off HDF5 file ({reason})") from None


def _read_tables(file: h5py.File, path: Path) -> dict[str, _Table]:
    """Layout 2: a dataset for each table."""
    needed = {"init": _INIT, "procInfo": _PROCESS, "events": _EVENT, "particles": _PARTICLE}
    tables = {name: _dataset(file, path, name, columns) for name, columns in needed.items()}
    columns = tables["events"].columns
    # Where the event's weight has the name of layout 1, pylhe would take it for a named weight as well.
    tables["events"].attrs["properties"] = [_CENTRAL if name == _WEIGHT else name for name in columns]
    if _CENTRAL not in tables["events"].attrs["properties"]:
        raise HardEventError(f"{path}: not a Les Houches event file; no column {_CENTRAL} in events")
    return _checked(tables, path)


def _dataset(file: h5py.File, path: Path, name: str, needed: Sequence[str]) -> _Table:
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise HardEventError(f"{path}: not a Les Houches event file; no dataset {name}")
    told = dataset.attrs.get("properties", dataset.attrs.get(name, ()))
    columns = [column.decode() if isinstance(column, bytes) else str(column) for column in told]
    if missing := [column for column in needed if column not in columns]:
        raise HardEventError(f"{path}: not a Les Houches event file; no column {missing[0]} in {name}")
    if dataset.shape[-1:] != (len(columns),) or dataset.ndim != (1 if name == "init" else 2):
        raise HardEventError(f"{path}: {name} has the shape {dataset.shape} for {len(columns)} columns")
    if name == "init":
        return _Table(name, columns, 1, lambda rows: dataset[:][np.newaxis], dict(dataset.attrs))
    return _Table(name, columns, len(dataset), lambda rows: dataset[rows])


def _read_columns(file: h5py.File, path: Path) -> dict[str, _Table]:
    """Layout 1: a group for each table, a dataset for each column; some files keep `start` in `index`."""
    index = "index" if "index" in file else "event"
    where = {**{name: f"event/{name}" for name in (*_EVENT, _WEIGHT)}, "start": f"{index}/start"}
    optional = {name: f"event/{name}" for name in _SCALES if f"event/{name}" in file}
    tables = {
        "init": _joined(file, path, "init", {name: f"init/{name}" for name in _INIT}),
        "procInfo": _joined(file, path, "procInfo", {name: f"procInfo/{name}" for name in _PROCESS}),
        "events": _joined(file, path, "events", where | optional),
        "particles": _joined(file, path, "particles", {name: f"particle/{name}" for name in _PARTICLE}),
    }
    tables["events"].attrs["properties"] = [
        _CENTRAL if name == _WEIGHT else name for name in tables["events"].columns
    ]
    return _checked(tables, path)


def _joined(file: h5py.File, path: Path, name: str, columns: Mapping[str, str]) -> _Table:
    """Datasets side by side as one table."""
    datasets = [file.get(column) for column in columns.values()]
    for dataset, column in zip(datasets, columns.values(), strict=True):
        if not isinstance(dataset, h5py.Dataset):
            raise HardEventError(f"{path}: not a Les Houches event file; no dataset {column}")
    lengths = {dataset.size for dataset in datasets}
    if len(lengths) > 1:
        raise HardEventError(f"{path}: the columns of {name} have different lengths {sorted(lengths)}")

    def read(rows: slice) -> npt.NDArray:
        return np.column_stack([dataset[rows] if dataset.ndim else [dataset[()]] for dataset in datasets])

    return _Table(name, list(columns), lengths.pop(), read)


def _checked(tables: dict[str, _Table], path: Path) -> dict[str, _Table]:
    """Have events refused whose particles are not where pylhe looks for them: one event after the other."""
    events, particles = tables["events"], len(tables["particles"])
    start, number = (events.columns.index(name) for name in ("start", "nparticles"))

    def read(rows: slice) -> npt.NDArray:
        block = events[rows]
        starts, ends = block[:, start], block[:, start] + block[:, number]
        wrong = (starts < 0) | (block[:, number] < 0) | ~(ends <= particles)
        wrong[1:] |= starts[1:] != ends[:-1]
        if wrong.any():
            place = rows.indices(len(events))[0] + int(np.flatnonzero(wrong)[0])
            raise HardEventError(
                f"{path}: event {place} (counted from 0): its particles are not where they should be, after "
                f"those of the event before and among the {particles} of the file"
            )
        return block

    checked = _Table(events.name, events.attrs["properties"], len(events), read)
    return {**tables, "events": checked}
