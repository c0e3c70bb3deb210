"""Bytes per stored constituent of a finished campaign."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq


@dataclass(frozen=True, slots=True)
class Storage:
    """Size of a form of the data.

    Attributes
    ----------
    what : str
    constituents : int
        Constituents that it stores.
    size : int
        Bytes of all its files.
    """

    what: str
    constituents: int
    size: int


def storage(results: Path) -> list[Storage]:
    """Size of jets, groups and dataset in a campaign's folder; empty if it has not been made."""
    forms = {"jets": "jets/**/*.parquet", "groups": "groups/**/*.parquet", "dataset": "dataset/*/*.parquet"}
    found = {what: sorted(results.glob(pattern)) for what, pattern in forms.items()}
    measured = [_measured(what, files) for what, files in found.items() if files]
    hdf5 = sorted(results.glob("dataset/rs3l/*/*.h5"))
    if measured and hdf5:
        measured.append(Storage("RS3L HDF5", measured[-1].constituents, _size(hdf5)))
    return measured


def _measured(what: str, files: list[Path]) -> Storage:
    return Storage(what, sum(map(_constituents, files)), _size(files))


def _constituents(file: Path) -> int:
    table = pq.read_table(file)
    columns = table["realizations"].combine_chunks() if "realizations" in table.column_names else table
    lists = columns.flatten().field("constituents") if columns is not table else table["constituents"]
    return pc.sum(pc.list_value_length(lists)).as_py() or 0


def _size(files: list[Path]) -> int:
    return sum(file.stat().st_size for file in files)
