"""Parquet files in and out: exact batches, metadata, and errors that name the file."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from campaign.errors import DataError
from dataset.schema import ROW_GROUP

METADATA_KEY = "rs3l"
"""Key of the JSON in the files' key-value metadata."""


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: cannot be read as Parquet; remake it ({reason})") from None


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
    with _naming(path):
        stored = pq.read_metadata(path).metadata or {}
    try:
        return json.loads(stored[METADATA_KEY.encode()])
    except (KeyError, ValueError):
        raise DataError(f"{path}: no metadata under {METADATA_KEY!r}; not a file of a campaign") from None


def check_made_with(path: Path, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuse a file that was made with other inputs than the campaign asks for.

    Parameters
    ----------
    path : Path
    found, expected : mapping
        Nested, as functions of `campaign.provenance` give them.

    Raises
    ------
    DataError
        Names the first key that differs.
    """
    ours, theirs = dict(_flat(found)), dict(_flat(expected))
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key):
            raise DataError(
                f"{path}: made with {key} = {ours.get(key)!r}, but the campaign has {theirs.get(key)!r}; "
                "remake the file"
            )


def _flat(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Give the dotted keys and the values of nested mappings."""
    if not isinstance(content, Mapping):
        yield prefix, content
        return
    for key, value in content.items():
        yield from _flat(value, f"{prefix}.{key}" if prefix else str(key))


def batches(path: Path, schema: pa.Schema, columns: list[str] | None = None) -> Iterator[pa.Table]:
    """Read a file in tables of exactly `ROW_GROUP` rows, fewer in the last one.

    Files with other row groups thus still give the same batches, so that several can be read side by side.

    Parameters
    ----------
    path : Path
    schema : pa.Schema
        Columns that the file must have, and no others.
    columns : list of str, optional
        Columns to read; all by default.

    Raises
    ------
    DataError
        The file cannot be read or has other columns.
    """
    with _naming(path):
        file = pq.ParquetFile(path)
    with file:
        _check_schema(path, file.schema_arrow, schema)
        pending = pa.schema([schema.field(name) for name in columns or schema.names]).empty_table()
        with _naming(path):
            for batch in file.iter_batches(ROW_GROUP, columns=columns):
                pending = pa.concat_tables([pending, pa.Table.from_batches([batch])])
                while pending.num_rows >= ROW_GROUP:
                    yield pending.slice(0, ROW_GROUP)
                    pending = pending.slice(ROW_GROUP)
        if pending.num_rows:
            yield pending


def parquet_files(folder: Path) -> list[Path]:
    """List the Parquet files of a folder by name, without hidden ones that are still being written."""
    return sorted(folder.glob("[!.]*.parquet"))


def _check_schema(path: Path, found: pa.Schema, expected: pa.Schema) -> None:
    if found.names != expected.names:
        raise DataError(f"{path}: columns {', '.join(found.names)}; expected {', '.join(expected.names)}")
    for name in expected.names:
        if found.field(name).type != expected.field(name).type:
            raise DataError(
                f"{path}: column {name!r} has another type than this version writes; remake the file"
            )


def single(column: pa.ChunkedArray) -> pa.Array:
    """Join the pieces of a column."""
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a file for writing; its bytes depend on the rows alone.

    Measured floats are stored byte by byte (BYTE_STREAM_SPLIT): a third smaller than plain or dictionary
    pages, and faster to write. Impact parameters repeat (0 for prompt particles), which a dictionary
    exploits better.
    """
    leaves = [leaf for field in schema for leaf in _leaves(field.name, field.type)]
    split = {name for name, kind in leaves if pa.types.is_float32(kind) and not name.endswith((".d0", ".dz"))}
    return pq.ParquetWriter(
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
