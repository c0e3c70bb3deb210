"""Parquet files in and out: exact batches, metadata, checksums, and errors that name the file."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from jetresim.campaign.errors import DataError

__all__ = [
    "CHECKSUM_KEY",
    "METADATA_KEY",
    "REMEDY",
    "ROW_GROUP",
    "batches",
    "check_checksum",
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

CHECKSUM_KEY = "checksum"
"""Key of the file's checksum in its key-value metadata."""

REMEDY = "delete it (in a dataset, the folder of its split) to have it made again"
"""What to do about a damaged file, for error messages."""

_BLANK = b"0" * 16
_BEFORE_CHECKSUM = CHECKSUM_KEY.encode() + b"\x18\x10"
"""Thrift's compact protocol: the key, then the header of the next field, a text of 16 bytes."""

_READ_BYTES = 2**20

_ARROW_SCHEMA = b"ARROW:schema"


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
        Columns that the file must have, and no others; the tables have its types.
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


class _ChecksummedWriter(pq.ParquetWriter):
    """Writes the checksum of the file into it, at the end."""

    def __init__(self, path: Path, schema: pa.Schema, **options: Any) -> None:
        self._path = path
        # Arrow takes the metadata of a table from its own copy of the schema where there is one, which would
        # be written before the metadata is known, and hold it a second time.
        super().__init__(path, schema, write_page_checksum=True, store_schema=False, **options)

    def __exit__(self, *error: Any) -> None:
        # where writing failed there is no file to read back, and the first error is the one to tell
        self.close() if error == (None, None, None) else super().close()

    def close(self) -> None:
        """Write the footer, then the checksum in the place that is left blank for it."""
        if not self.is_open:
            return
        self.add_key_value_metadata({CHECKSUM_KEY: _BLANK.decode()})
        super().close()
        if not self._path.exists():  # dropped after an error, when its file was removed
            return
        checksum, place = _checksum(self._path)
        with self._path.open("r+b") as file:
            file.seek(place)
            file.write(checksum)


def check_checksum(path: Path) -> None:
    """Compare a file with the checksum it holds; one without is from elsewhere and passes.

    The checksums of Parquet's pages do not cover their headers, where a single byte can change values
    without an error. This one covers every byte of the file.

    Raises
    ------
    DataError
        The file cannot be read, is damaged or was changed.
    """
    with naming(path):
        stored = _own_checksum(path)
        if stored is not None and _checksum(path)[0] != stored:
            raise DataError(f"{path}: is damaged, its checksum is wrong; {REMEDY}")


def _own_checksum(path: Path) -> bytes | None:
    """The checksum that a file was written with, not that of a file whose metadata others took over."""
    footer = pq.read_metadata(path)
    stored = footer.metadata or {}
    taken_over = footer.schema.to_arrow_schema().metadata or {} if _ARROW_SCHEMA in stored else {}
    return None if CHECKSUM_KEY.encode() in taken_over else stored.get(CHECKSUM_KEY.encode())


def _checksum(path: Path) -> tuple[bytes, int]:
    """BLAKE2b of a file whose own checksum is taken as blank, and the place of that."""
    with path.open("rb") as file:
        # the length of the footer is before the last four bytes
        end = file.seek(-8, os.SEEK_END)
        start = file.seek(end - int.from_bytes(file.read(4), "little"))
        footer = file.read()
        place = footer.rfind(_BEFORE_CHECKSUM) + len(_BEFORE_CHECKSUM)
        digest = hashlib.blake2b(digest_size=len(_BLANK) // 2)
        file.seek(0)
        while block := file.read(min(_READ_BYTES, start - file.tell())):
            digest.update(block)
    digest.update(footer[:place] + _BLANK + footer[place + len(_BLANK) :])
    return digest.hexdigest().encode(), start + place


def writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a file for writing; its bytes depend on the rows alone.

    Every page has a checksum, for all readers, and the file one of its own, see `check_checksum`.

    Measured floats are stored byte by byte (BYTE_STREAM_SPLIT): a third smaller than plain or dictionary
    pages, and faster to write. Impact parameters repeat (0 for prompt particles), which a dictionary
    exploits better.
    """
    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type)]
    split = {name for name, kind in leaves if pa.types.is_float32(kind) and not name.endswith((".d0", ".dz"))}
    return _ChecksummedWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=[name for name, _ in leaves if name not in split],
        column_encoding=dict.fromkeys(sorted(split), "BYTE_STREAM_SPLIT"),
    )


def _leaves(name: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """Parquet paths of the leaf columns of an Arrow type, with their types."""
    if pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{name}.{field.name}", field.type)
    elif pa.types.is_list(kind):
        yield from _leaves(f"{name}.list.element", kind.value_type)
    else:
        yield name, kind


ROW_GROUP = 1024
"""Rows of a Parquet row group and of a batch in memory: about 10 kB a group with five realizations."""
