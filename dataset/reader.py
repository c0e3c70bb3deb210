"""Reading groups lazily: only the files, row groups and columns that are asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jetresim.campaign.arrays import Integers
from jetresim.campaign.config import unknown
from jetresim.campaign.errors import DataError
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.processes import LABELS
from jetresim.dataset.padded import Members, Padded, needed_columns, padded
from jetresim.dataset.schema import GROUPS_SCHEMA, WEIGHTS_FIELD
from jetresim.dataset.standardization import Standardization, read_standardization
from jetresim.jets.constituents import EXTRA_COLUMNS, extra_columns, with_extra
from jetresim.jets.parquet import (
    ROW_GROUP,
    SHOWER_WEIGHTS,
    columns_of,
    naming,
    parquet_files,
    read_metadata,
    single,
)

__all__ = ["Groups", "RowGroup", "open_groups", "pad_table", "read_metadata"]


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A row group of a file, the unit of reading.

    Attributes
    ----------
    path : Path
    index : int
        Place in the file.
    rows : int
        Groups in it, before any selection.
    """

    path: Path
    index: int
    rows: int


def open_groups(
    path: Path | str,
    columns: str | Sequence[str] | None = None,
    *,
    split: str | None = None,
    processes: str | Sequence[str] | None = None,
    labels: int | Sequence[int] | None = None,
    realizations: str | Sequence[str] | None = None,
) -> "Groups":
    """Open groups without reading them yet.

    Parameters
    ----------
    path : Path or str
        The folder of a dataset, of a split or of other Parquet files with groups, or one such file.
    columns, processes, labels, realizations
        See `Groups.select`.
    split : str, optional
        ``train``, ``val`` or ``test`` of the folder of a dataset; all of them by default.

    Raises
    ------
    DataError
        There is no Parquet file; a file has no groups or other realizations than the others; or what is
        asked for does not exist.
    """
    path = Path(path)
    files = tuple(_files(path, split))
    if not files or not files[0].exists():
        raise DataError(f"{path}: no Parquet files; expected a file or a folder of groups")
    groups = Groups(path, files)
    return groups.select(columns, processes=processes, labels=labels, realizations=realizations)


@dataclass(frozen=True, repr=False)
class Groups:
    """Groups of some files, read when they are needed; see `open_groups`.

    Iterating gives Awkward arrays of at most `jets.parquet.ROW_GROUP` groups, in the order of the files;
    ``len`` is the number of groups, and ``groups[i]`` or ``groups[i:j]`` reads some of them.

    Attributes
    ----------
    path : Path
        What was opened.
    files : tuple of Path
    columns : tuple of str, or None
        Columns to read, all if None.
    processes : tuple of str, or None
        Processes to keep, all if None.
    labels : tuple of int, or None
        RS3L jettypes to keep, all if None.
    chosen : tuple of str, or None
        Realizations to keep, all if None.
    """

    path: Path
    files: tuple[Path, ...]
    columns: tuple[str, ...] | None = None
    processes: tuple[str, ...] | None = None
    labels: tuple[int, ...] | None = None
    chosen: tuple[str, ...] | None = None

    def select(
        self,
        columns: str | Sequence[str] | None = None,
        *,
        processes: str | Sequence[str] | None = None,
        labels: int | Sequence[int] | None = None,
        realizations: str | Sequence[str] | None = None,
    ) -> "Groups":
        """Narrow down what is read; what is not asked for is not read from disk.

        Parameters
        ----------
        columns : str or sequence of str, optional
            Columns, or fields of them with dots: ``label``, ``realizations.jet``,
            ``realizations.constituents.pt``.
        processes : str or sequence of str, optional
            Processes to keep.
        labels : int or sequence of int, optional
            RS3L jettypes to keep.
        realizations : str or sequence of str, optional
            Members to keep, in this order.

        Returns
        -------
        Groups
            A new object; what is None stays as it is.

        Raises
        ------
        DataError
            Something asked for does not exist.
        """
        known = {
            "columns": [*self._schema.names, *(dotted for dotted, _ in _FIELDS)],
            "processes": list(self.metadata["campaign"]["processes"]),
            "labels": list(LABELS),
            "chosen": self.metadata["realizations"],
        }
        asked = {"columns": columns, "processes": processes, "labels": labels, "chosen": realizations}
        given = {
            key: (values,) if isinstance(values, str | int) else tuple(values)
            for key, values in asked.items()
            if values is not None
        }
        for key, values in given.items():
            for value in values:
                if value not in known[key]:
                    raise DataError(f"{self.path}: " + unknown(_SINGULAR[key], value, map(str, known[key])))
        return replace(self, **given)

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What the first file says about itself, see docs/formats.md."""
        metadata = read_metadata(self.files[0])
        if missing := {"campaign", "realizations"} - metadata.keys():
            raise DataError(f"{self.files[0]}: metadata without {', '.join(sorted(missing))}; has no groups")
        return metadata

    @property
    def realizations(self) -> list[str]:
        """Names of the members of every group, in their order."""
        return list(self.chosen or self.metadata["realizations"])

    @property
    def campaign(self) -> str:
        """Name of the campaign."""
        return self.metadata["campaign"]["name"]

    @cached_property
    def row_groups(self) -> list[RowGroup]:
        """Row groups that can hold something that is asked for, by the statistics in the files."""
        return [
            RowGroup(path, index, footer.row_group(index).num_rows)
            for path, footer in self._footers.items()
            for index in range(footer.num_row_groups)
            if self._may_match(footer.row_group(index))
        ]

    def __len__(self) -> int:
        return sum(map(self._count, self.row_groups))

    def _count(self, row_group: RowGroup) -> int:
        everything = self.processes is None and self.labels is None
        return row_group.rows if everything else len(self.rows(row_group))

    def __repr__(self) -> str:
        kept = {"processes": self.processes, "labels": self.labels, "columns": self.columns}
        asked = "".join(f", {name} {', '.join(map(str, kept[name]))}" for name in kept if kept[name])
        return f"<{len(self)} groups of {self.path}: {', '.join(self.realizations)}{asked}>"

    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, int):
            index = place + len(self) if place < 0 else place
            if not 0 <= index < len(self):
                raise IndexError(f"group {place}; there are {len(self)}")
            return self[index : index + 1][0]
        start, stop, step = place.indices(len(self))
        if step != 1:
            raise IndexError(f"step {step}; expected 1, read everything with to_awkward() for others")
        return ak.from_arrow(self._slice(start, max(start, stop)).combine_chunks())

    def _slice(self, start: int, stop: int) -> pa.Table:
        """Groups `start` to `stop` in their order; row groups that hold none of them are not read."""
        tables, first = [self._empty], 0
        for row_group in self.row_groups:
            rows = self._count(row_group)
            low, high = max(start - first, 0), min(stop - first, rows)
            if low < high:
                tables.append(self.read(row_group).slice(low, high - low))
            first += rows
        return pa.concat_tables(tables)

    def __iter__(self) -> Iterator[ak.Array]:
        return self.batches()

    def batches(self, size: int = ROW_GROUP) -> Iterator[ak.Array]:
        """Read in Awkward arrays of at most `size` groups."""
        return (ak.from_arrow(table) for table in self.tables(size))

    def tables(self, size: int = ROW_GROUP) -> Iterator[pa.Table]:
        """Read in Arrow tables of at most `size` groups."""
        for row_group in self.row_groups:
            table = self.read(row_group)
            for start in range(0, table.num_rows, size):
                yield table.slice(start, size)

    def to_arrow(self) -> pa.Table:
        """Read everything that is asked for into an Arrow table."""
        tables = [self.read(row_group) for row_group in self.row_groups]
        return pa.concat_tables([self._empty, *tables])

    def to_awkward(self) -> ak.Array:
        """Read everything that is asked for into an Awkward array."""
        return ak.from_arrow(self.to_arrow().combine_chunks())

    def padded(
        self,
        constituents: int = 100,
        features: str | Sequence[str] = "rs3l",
        *,
        standardize: "bool | Standardization" = False,
    ) -> Padded:
        """Read constituents into zero-padded arrays.

        Parameters
        ----------
        constituents : int
            Slots for constituents, P; softer ones are left out.
        features : str or sequence of str
            See `dataset.padded.feature_names`.
        standardize : bool or Standardization
            Standardize the features; True takes what is stored with the dataset.

        Returns
        -------
        values : ndarray of float32, shape (N, K, P, F)
            N groups, K realizations; zero where there is no constituent.
        mask : ndarray of bool, shape (N, K, P)
            Whether there is one; an absent member has none.

        Raises
        ------
        DataError
            There is no such feature, or no slot.
        """
        if constituents < 1:
            raise DataError(f"constituents: {constituents} slots, expected at least 1")
        scale = self.standardization() if standardize is True else standardize or None
        source = replace(self, columns=tuple(needed_columns(features)))
        views = len(self.realizations)
        parts = [pad_table(table, features, constituents, views) for table in source.tables()]
        parts = parts or [pad_table(source._empty, features, constituents, views)]
        values, mask = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        return Padded(scale.apply(values, features, mask) if scale else values, mask)

    def standardization(self) -> Standardization:
        """Means and standard deviations that are stored with the dataset.

        Raises
        ------
        DataError
            There are none.
        """
        folder = self.path if self.path.is_dir() else self.path.parent
        beside = folder if _is_dataset(folder) else folder.parent
        return read_standardization(beside)

    def rows(self, row_group: RowGroup) -> Integers:
        """Rows of a row group that are asked for."""
        wanted = np.ones(row_group.rows, bool)
        filters = {"process": self.processes, "label": self.labels}
        asked = {name: values for name, values in filters.items() if values is not None}
        if asked:
            table = self._read(row_group, list(asked))
            for name, values in asked.items():
                column = table[name].to_numpy()
                wanted &= np.isin(column.astype(str) if name == "process" else column, values)
        return np.flatnonzero(wanted)

    def read(self, row_group: RowGroup, rows: Integers | None = None) -> pa.Table:
        """Read a row group.

        Parameters
        ----------
        row_group : RowGroup
            One of `row_groups`.
        rows : ndarray of int64, optional
            Rows to give, in this order; those that are asked for by default.
        """
        rows = self.rows(row_group) if rows is None else rows
        if not len(rows):
            return self._empty
        table = self._read(row_group, self.columns)
        whole = len(rows) == row_group.rows and np.array_equal(rows, np.arange(len(rows)))
        return self._chosen_members(table if whole else table.take(rows))

    @property
    def _schema(self) -> pa.Schema:
        """Columns of the files, those of weights only where there are any."""
        weighted = SHOWER_WEIGHTS in self.metadata
        return GROUPS_SCHEMA.append(WEIGHTS_FIELD) if weighted else GROUPS_SCHEMA

    @cached_property
    def _footers(self) -> dict[Path, pq.FileMetaData]:
        """Footers of all files, which must be about the same realizations."""
        footers = {}
        for path in self.files:
            with naming(path):
                footers[path] = pq.read_metadata(path)
                found = footers[path].schema.to_arrow_schema()
            extra = extra_columns(found)
            if not found.equals(with_extra(self._schema, extra)):
                raise DataError(f"{path}: other columns or types than groups have; not a file of groups")
            if extra != self._extra:
                raise DataError(f"{path}: its constituents have other columns than those of {self.files[0]}")
            names = read_metadata(path).get("realizations")
            if names != self.metadata["realizations"]:
                expected = self.metadata["realizations"]
                raise DataError(f"{path}: realizations {names}, but {self.files[0]} has {expected}")
        return footers

    @cached_property
    def _extra(self) -> tuple[str, ...]:
        """Further columns of the constituents, of the first file."""
        return extra_columns(columns_of(self.files[0]))

    def _parquet_paths(self, columns: Sequence[str] | None) -> list[str] | None:
        """Paths in Parquet of columns; None for all."""
        if columns is None:
            return None
        missing = set(EXTRA_COLUMNS) - set(self._extra)
        for name in columns:
            if missing.intersection(name.removeprefix("realizations.").split(".")):
                raise DataError(f"{self.path}: has no column {name}; its campaign did not ask for it")
        return [_parquet_path(name) for name in columns]

    def _may_match(self, row_group: pq.RowGroupMetaData) -> bool:
        filters = {"process": self.processes, "label": self.labels}
        for name, values in filters.items():
            found = row_group.column(GROUPS_SCHEMA.get_field_index(name)).statistics
            if values is None or found is None or not found.has_min_max:
                continue
            if not any(found.min <= value <= found.max for value in values):
                return False
        return True

    def _read(self, row_group: RowGroup, columns: Sequence[str] | None) -> pa.Table:
        """Read columns of a whole row group, without what Parquet's metadata adds to the schema."""
        leaves = self._parquet_paths(columns)
        footer = self._footers[row_group.path]
        # one row group at a time gains nothing from reading ahead, which holds on to memory
        options = {"metadata": footer, "page_checksum_verification": True, "pre_buffer": False}
        with naming(row_group.path), pq.ParquetFile(row_group.path, **options) as file:
            table = file.read_row_group(row_group.index, columns=leaves, use_threads=False)
        return table.replace_schema_metadata()

    @cached_property
    def _empty(self) -> pa.Table:
        """A table without rows and with the columns that are asked for, as reading would give it."""
        file = pa.BufferOutputStream()
        pq.write_table(with_extra(self._schema, self._extra).empty_table(), file)
        leaves = self._parquet_paths(self.columns)
        return pq.ParquetFile(pa.BufferReader(file.getvalue())).read(leaves).replace_schema_metadata()

    def _chosen_members(self, table: pa.Table) -> pa.Table:
        """Keep the realizations that are asked for, in their order."""
        if self.chosen is None:
            return table
        names = self.metadata["realizations"]
        place = np.array([names.index(name) for name in self.chosen], np.int64)
        rows = pa.array((np.arange(len(table))[:, np.newaxis] * len(names) + place).ravel())
        offsets = pa.array(np.arange(len(table) + 1) * len(place), pa.int32())
        for name in {"realizations", SHOWER_WEIGHTS}.intersection(table.column_names):
            column = single(table[name])
            index = table.column_names.index(name)
            lists = pa.ListArray.from_arrays(offsets, column.flatten().take(rows), type=column.type)
            table = table.set_column(index, table.schema.field(index), lists)
        return table


def pad_table(table: pa.Table, features: str | Sequence[str], size: int, views: int) -> Padded:
    """Zero-padded constituents of N groups of a table, shapes (N, K, P, F) and (N, K, P)."""
    members = Members.of(single(table["realizations"]).flatten())
    values, mask = padded(members, features, size)
    return Padded(
        values.reshape(table.num_rows, views, *values.shape[1:]), mask.reshape(table.num_rows, views, size)
    )


def _files(path: Path, split: str | None) -> list[Path]:
    if split is not None and split not in SPLITS:
        raise DataError(f"{path}: " + unknown("split", split, SPLITS))
    if split is not None and not _is_dataset(path):
        raise DataError(f"{path}: no folder of a dataset; open it without `split`")
    if _is_dataset(path):
        return [file for name in SPLITS if split in (None, name) for file in parquet_files(path / name)]
    return parquet_files(path) if path.is_dir() else [path]


def _is_dataset(path: Path) -> bool:
    return any((path / split).is_dir() for split in SPLITS)


def _fields(name: str, leaf: str, kind: pa.DataType) -> Iterator[tuple[str, str]]:
    """Fields of a column with dots, and their paths in Parquet, at any depth."""
    if pa.types.is_list(kind):
        yield from _fields(name, f"{leaf}.list.element", kind.value_type)
    elif pa.types.is_struct(kind):
        for field in kind:
            yield f"{name}.{field.name}", f"{leaf}.{field.name}"
            yield from _fields(f"{name}.{field.name}", f"{leaf}.{field.name}", field.type)


_ALL = with_extra(GROUPS_SCHEMA, EXTRA_COLUMNS)

_FIELDS = [pair for field in _ALL for pair in _fields(field.name, field.name, field.type)]

_PARQUET_PATHS = dict(_FIELDS)

_SINGULAR = {"columns": "column", "processes": "process", "labels": "label", "chosen": "realization"}


def _parquet_path(name: str) -> str:
    return _PARQUET_PATHS.get(name, name)
