"""Reading groups lazily, in batches of Awkward arrays."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import awkward as ak
import pyarrow.compute as pc
import pyarrow.dataset as ds

from campaign.config import unknown
from campaign.errors import DataError
from dataset.parquet import parquet_files, read_metadata
from dataset.schema import GROUPS_SCHEMA, ROW_GROUP

__all__ = ["open_groups", "read_metadata"]


def open_groups(
    path: Path,
    columns: Sequence[str] | None = None,
    *,
    processes: Sequence[str] | None = None,
    labels: Sequence[int] | None = None,
) -> Iterator[ak.Array]:
    """Open groups without reading them yet.

    Parameters
    ----------
    path : Path
        A Parquet file, or a folder of them, such as a split.
    columns : sequence of str, optional
        Columns to read; all by default.
    processes : sequence of str, optional
        Processes to keep; what cannot match is not read from disk.
    labels : sequence of int, optional
        RS3L jettypes to keep.

    Returns
    -------
    iterator of ak.Array
        Batches of at most `ROW_GROUP` groups with the fields of `GROUPS_SCHEMA`, in order of file names.

    Raises
    ------
    DataError
        There is no Parquet file, or no such column.
    """
    files = parquet_files(path) if path.is_dir() else [path]
    if not files or not files[0].exists():
        raise DataError(f"{path}: no Parquet files; expected a file or a folder of groups")
    for column in columns or ():
        if column not in GROUPS_SCHEMA.names:
            raise DataError(f"{path}: " + unknown("column", column, GROUPS_SCHEMA.names))
    wanted = pc.scalar(True)
    for name, values in (("process", processes), ("label", labels)):
        if values is not None:
            wanted &= pc.field(name).isin(list(values))
    scanner = ds.dataset(files, schema=GROUPS_SCHEMA, format="parquet").scanner(
        columns=None if columns is None else list(columns),
        filter=wanted,
        batch_size=ROW_GROUP,
        batch_readahead=2,
        fragment_readahead=1,
    )
    return (ak.from_arrow(batch) for batch in scanner.to_batches() if batch.num_rows)
