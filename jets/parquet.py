"""Parquet files in and out: exact batches, metadata, checksums, and errors that name the file."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from jetresim.campaign.errors import DataError
from jetresim.jets.constituents import extra_columns, with_extra

__all__ = [
    "FAST",
    "METADATA_KEY",
    "ROW_GROUP",
    "SHOWER_WEIGHTS",
    "SMALL",
    "batches",
    "blaming_damage",
    "check_checksum",
    "columns_of",
    "naming",
    "parquet_files",
    "read_metadata",
    "rebatched",
    "row_count",
    "single",
    "writer",
]

METADATA_KEY = "rs3l"
"""Key of the JSON in the files' key-value metadata."""

REMEDY = "delete it (in a dataset, the folder of its split) to have it made again"
"""What to do about a damaged file, for error messages."""

FAST, SMALL = 3, 15
"""Levels of zstd: for files between jobs, which cost CPU for each event, and for what is handed out, which is
3% smaller for three times the time."""

_MARK, _CHECKSUM_BYTES = b"checksum", 8
_READ_BYTES = 2**20


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn errors of reading Parquet into one line that names the file.

    Raises
    ------
    DataError
    """
    try:
        yield
    except (pa.ArrowException, OSError, ValueError) as error:  # a footer with texts that are no UTF-8
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: cannot be read as Parquet; {REMEDY} ({reason})") from None


def read_metadata(path: Path) -> dict[str, Any]:
    """Read what a Parquet file of a campaign says about itself.

    Parameters
    ----------
    path : Path
        A file of ``jets/``, ``groups/`` or ``dataset/``.

    Returns
    -------
    dict
        The JSON under the key ``rs3l``.

    Raises
    ------
    DataError
        No readable Parquet file, or one without this metadata.
    """
    with naming(path):
        stored = pq.read_metadata(path).metadata or {}
    try:
        return json.loads(stored[METADATA_KEY.encode()])
    except (KeyError, ValueError):
        raise DataError(f"{path}: no metadata under {METADATA_KEY!r}; not a file of a campaign") from None


def columns_of(path: Path) -> pa.Schema:
    """Columns of a Parquet file, by its footer.

    Raises
    ------
    DataError
        No readable Parquet file.
    """
    with naming(path):
        return pq.read_schema(path)


def row_count(path: Path) -> int:
    """Rows of a Parquet file, by its footer.

    Raises
    ------
    DataError
        No readable Parquet file.
    """
    with naming(path):
        return pq.read_metadata(path).num_rows


def batches(path: Path, schema: pa.Schema, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Read a file in tables of exactly `ROW_GROUP` rows, fewer in the last one.

    Files with other row groups thus still give the same batches, so that several can be read side by side.

    Parameters
    ----------
    path : Path
    schema : pa.Schema
        Columns that the file must have, and no others but `SHOWER_WEIGHTS` and further ones of constituents;
        the tables have its types.
    columns : list of str, optional
        Columns to read; all by default.

    Raises
    ------
    DataError
        The file cannot be read, is damaged or has other columns. The checksum is compared before the first
        row is given.
    """
    check_checksum(path)
    with naming(path):
        file = pq.ParquetFile(path, page_checksum_verification=True)
    with file:
        schema = with_extra(schema, extra_columns(file.schema_arrow))
        if SHOWER_WEIGHTS in file.schema_arrow.names:
            schema = schema.append(file.schema_arrow.field(SHOWER_WEIGHTS))
        _check_schema(path, file.schema_arrow, schema)
        with naming(path):
            found = file.iter_batches(ROW_GROUP, columns=columns)
            wanted = pa.schema([field for field in schema if columns is None or field.name in columns])
            yield from rebatched(_typed(pa.Table.from_batches([batch]), wanted) for batch in found)


def _typed(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The columns of a table as a schema has them: dictionaries are stored as their values."""
    return table.select(schema.names).cast(schema)


def rebatched(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Cut tables anew into some of exactly `ROW_GROUP` rows, fewer in the last one."""
    pending = None
    for table in tables:
        pending = table if pending is None else pa.concat_tables([pending, table])
        while pending.num_rows >= ROW_GROUP:
            yield pending.slice(0, ROW_GROUP)
            pending = pending.slice(ROW_GROUP)
    if pending is not None and pending.num_rows:
        yield pending


def parquet_files(folder: Path) -> list[Path]:
    """List the Parquet files of a folder by name, without hidden ones that are still being written."""
    return sorted(folder.glob("[!.]*.parquet"))


def _check_schema(path: Path, found: pa.Schema, expected: pa.Schema) -> None:
    if found.names != expected.names:
        raise DataError(f"{path}: columns {', '.join(found.names)}; expected {', '.join(expected.names)}")
    for name in expected.names:
        if _stored(found.field(name).type) != _stored(expected.field(name).type):
            raise DataError(
                f"{path}: column {name!r} has another type than this version writes; remake the file"
            )


def _stored(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def single(column: pa.ChunkedArray) -> pa.Array:
    """Join the pieces of a column."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


@contextmanager
def writer(path: Path, schema: pa.Schema, level: int = FAST) -> Iterator[pq.ParquetWriter]:
    """Open a file for writing; its bytes depend on the rows and the metadata alone.

    Every page has a checksum, for all readers, and the file one of its own, see `check_checksum`.

    Parameters
    ----------
    path : Path
    schema : pa.Schema
    level : int
        Of the compression: `FAST` or `SMALL`.
    """
    encodings = dict(_encodings(schema))
    leaves = [name for field in schema for name, _ in _leaves(field.name, field.type)]
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=level,
        use_dictionary=[name for name in leaves if name not in encodings],
        column_encoding=encodings,
        write_page_checksum=True,
        # Arrow takes the metadata of a table from its own copy of the schema where there is one, which would
        # be written before the metadata is known, and hold it a second time.
        store_schema=False,
    ) as sink:
        yield sink
    with path.open("r+b") as file:
        place, footer = _footer(file)
        checksum = _checksum(file, place, footer)
        file.seek(place)
        file.write(_MARK + checksum + footer)


def check_checksum(path: Path) -> None:
    """Compare a file with the checksum it holds; one without is from elsewhere and passes.

    The checksums of Parquet's pages do not cover their headers nor the footer, where a single byte can
    change values without an error. This one covers every byte. It stands between pages and footer, where
    other readers, who look from the end, see nothing.

    Raises
    ------
    DataError
        The file cannot be read, is damaged or was changed.
    """
    with naming(path), path.open("rb") as file:
        place, footer = _footer(file)
        pages = max(0, place - len(_MARK) - _CHECKSUM_BYTES)
        file.seek(pages)
        mark, stored = file.read(len(_MARK)), file.read(_CHECKSUM_BYTES)
        if mark == _MARK and stored != _checksum(file, pages, footer):
            raise DataError(f"{path}: is damaged, its checksum is wrong; {REMEDY}")


@contextmanager
def blaming_damage(paths: Iterable[Path]) -> Iterator[None]:
    """Say of a damaged file that it is, in place of what it seems to say of itself, such as another version.

    Raises
    ------
    DataError
        The one that is caught, or that of `check_checksum`.
    """
    try:
        yield
    except DataError:
        for path in paths:
            check_checksum(path)
        raise


def _footer(file: BinaryIO) -> tuple[int, bytes]:
    """Place and bytes of the footer, whose length is before the last four bytes."""
    end = file.seek(-8, os.SEEK_END)
    place = file.seek(end - int.from_bytes(file.read(4), "little"))
    return place, file.read()


def _checksum(file: BinaryIO, pages: int, footer: bytes) -> bytes:
    """BLAKE2b of the footer and what is before it, the first `pages` bytes of the file."""
    digest = hashlib.blake2b(footer, digest_size=_CHECKSUM_BYTES)
    file.seek(0)
    while block := file.read(min(_READ_BYTES, pages - file.tell())):
        digest.update(block)
    return digest.digest()


def _encodings(schema: pa.Schema) -> Iterator[tuple[str, str]]:
    """Columns with another encoding than a dictionary, in which numbers that repeat are smaller.

    Measured floats are stored byte by byte: a third smaller than plain or dictionary pages, and faster to
    write. Impact parameters (0 for neutral particles) and weights repeat. Indices, seeds and counts are
    stored by their differences.
    """
    for name, kind in (leaf for field in schema for leaf in _leaves(field.name, field.type)):
        repeats = name.endswith((".d0", ".dz")) or "weight" in name
        if pa.types.is_floating(kind) and not repeats:
            yield name, "BYTE_STREAM_SPLIT"
        elif pa.types.is_int64(kind) or name.endswith(".nconstituents"):
            yield name, "DELTA_BINARY_PACKED"


def _leaves(name: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """Parquet paths of the leaf columns of an Arrow type, with their types."""
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{name}.{field.name}", field.type)
    elif pa.types.is_list(kind):
        yield from _leaves(f"{name}.list.element", kind.value_type)
    else:
        yield name, kind


SHOWER_WEIGHTS = "shower_weights"
"""Column of weights of variations, last and only where they are asked for: see `Campaign.weight_names`."""

ROW_GROUP = 1024
"""Rows of a Parquet row group and of a batch in memory: about 10 kB a group with five realizations."""
