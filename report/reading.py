"""Reading a dataset in batches, only the columns that are needed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.paths import SPLITS
from jetresim.dataset.assemble import stored_campaign
from jetresim.dataset.features import delta_phi
from jetresim.jets.parquet import ROW_GROUP, parquet_files, read_metadata
from jetresim.jets.schema import JET_TYPE

__all__ = [
    "CONSTITUENT_FIELDS",
    "JET_FIELDS",
    "Batch",
    "Source",
    "axis_distance",
    "constituent_batches",
    "jet_batches",
    "open_source",
]


MEMBERS = "realizations.list.element"
JET_FIELDS = tuple(each.name for each in JET_TYPE)
"""Fields of a jet."""
CONSTITUENT_FIELDS = ("pt", "eta", "phi", "energy", "charge", "pdgid", "d0", "dz")
"""Fields of a constituent."""
_ANGLES = ("eta", "phi")

_IDENTITY = ["process", "event", "target", "label", "weight"]
_JET_COLUMNS = [
    *_IDENTITY,
    *(f"truth.{name}" for name in _ANGLES),
    *(f"truth.daughters.list.element.{name}" for name in _ANGLES),
    *(f"{MEMBERS}.{name}" for name in ("present", "seed")),
    *(f"{MEMBERS}.jet.{name}" for name in JET_FIELDS),
]
_CONSTITUENT_COLUMNS = [
    *_IDENTITY,
    f"{MEMBERS}.present",
    *(f"{MEMBERS}.jet.{name}" for name in ("pt", *_ANGLES)),
    *(f"{MEMBERS}.constituents.list.element.{name}" for name in CONSTITUENT_FIELDS),
]


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset that was opened.

    Attributes
    ----------
    folder : Path
        Folder of the campaign.
    campaign : Campaign
        The configuration, from the metadata; `chunk` is not known.
    metadata : dict
        What the files say about the whole dataset.
    shards : dict of str to list of Path
        Split to its files.
    """

    folder: Path
    campaign: Campaign
    metadata: dict[str, Any]
    shards: dict[str, list[Path]]

    @property
    def realizations(self) -> list[str]:
        """Names of the members of a group."""
        return self.campaign.realizations

    @property
    def anchor(self) -> int:
        """Index of the nominal realization."""
        return self.realizations.index(NOMINAL)


@dataclass(frozen=True, slots=True)
class Batch:
    """N groups with K members; absent members have NaN.

    Attributes
    ----------
    process : ndarray of str, shape (N,)
    event, target, label : ndarray of int64, shape (N,)
    weight : ndarray, shape (N,)
    present : ndarray of bool, shape (N, K)
    seed : ndarray of int64, shape (N, K)
    jets : dict of str to ndarray, shape (N, K)
    truth : dict of str to ndarray, shape (N,)
        eta and phi of the target.
    daughters : dict of str to ndarray, shape (N, D)
        eta and phi of its daughters, NaN behind the last.
    """

    process: npt.NDArray[np.str_]
    event: Integers
    target: Integers
    label: Integers
    weight: Floats
    present: Booleans
    seed: Integers
    jets: dict[str, Floats]
    truth: dict[str, Floats]
    daughters: dict[str, Floats]


def open_source(folder: Path) -> Source:
    """Open the dataset of a campaign.

    Raises
    ------
    DataError
        The folder has no dataset, or one of another version.
    """
    shards = {split: parquet_files(folder / "dataset" / split) for split in SPLITS}
    for split, files in shards.items():
        if not files:
            raise DataError(f"{folder / 'dataset' / split}: no Parquet files; `jetresim dataset` makes them")
    first = shards[SPLITS[0]][0]
    metadata = read_metadata(first)
    if missing := {"campaign", "realizations", "totals", "counts", "versions"} - metadata.keys():
        raise DataError(f"{first}: metadata without {', '.join(sorted(missing))}; remake the dataset")
    return Source(folder, stored_campaign(first, metadata), metadata, shards)


def jet_batches(files: Sequence[Path], realizations: int) -> Iterator[Batch]:
    """Read groups without their constituents, at most `ROW_GROUP` at a time, in their order."""
    for path in files:
        with _open(path) as file:
            for index in range(file.num_row_groups):
                for batch in _read(path, file, index, _JET_COLUMNS).to_batches(ROW_GROUP):
                    yield _jet_batch(path, batch, realizations)


def constituent_batches(files: Sequence[Path], realizations: int, row_groups: int) -> Iterator[ak.Array]:
    """Read groups with the constituents of their members from the first `row_groups` row groups.

    Returns
    -------
    iterator of ak.Array
        With the fields of the groups; of ``jet`` pt, eta and phi only.
    """
    left = row_groups
    for path in files:
        with _open(path) as file:
            for index in range(min(left, file.num_row_groups)):
                table = _read(path, file, index, _CONSTITUENT_COLUMNS)
                for batch in table.to_batches(ROW_GROUP):
                    _check_members(path, batch.column("realizations"), realizations)
                    yield ak.from_arrow(batch)
            left -= min(left, file.num_row_groups)
        if not left:
            return


def axis_distance(constituents: ak.Array, jets: ak.Array) -> ak.Array:
    """Distance of constituents to the axis of their jet; NumPy arrays of one length, or Awkward ones."""
    away = delta_phi({"phi": constituents["phi"]}, {"phi": jets["phi"]})
    return np.hypot(constituents["eta"] - jets["eta"], away)


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _read(path: Path, file: pq.ParquetFile, index: int, columns: list[str]) -> pa.Table:
    try:
        return file.read_row_group(index, columns=columns)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return DataError(f"{path}: cannot be read as Parquet; remake it ({reason})")


def _check_members(path: Path, members: pa.Array, realizations: int) -> None:
    if len(members) and not pc.all(pc.equal(pc.list_value_length(members), realizations)).as_py():
        raise DataError(f"{path}: has groups without {realizations} members; remake the dataset")


def _jet_batch(path: Path, batch: pa.RecordBatch, realizations: int) -> Batch:
    members = batch.column("realizations")
    _check_members(path, members, realizations)
    flat, shape = members.flatten(), (batch.num_rows, realizations)
    jet, truth = flat.field("jet"), batch.column("truth")
    return Batch(
        *(_numpy(batch.column(name)) for name in ("process", "event", "target", "label")),
        weight=_numpy(batch.column("weight")),
        present=_numpy(flat.field("present")).reshape(shape),
        seed=_numpy(flat.field("seed")).reshape(shape),
        jets={
            name: _numpy(pc.struct_field(jet, name)).astype(np.float64).reshape(shape) for name in JET_FIELDS
        },
        truth={name: _numpy(truth.field(name)) for name in _ANGLES},
        daughters={name: _padded(truth.field("daughters"), name) for name in _ANGLES},
    )


def _numpy(column: pa.Array) -> npt.NDArray[Any]:
    values = column.to_numpy(zero_copy_only=False)
    return values.astype(np.str_) if values.dtype == object else values


def _padded(lists: pa.Array, name: str) -> Floats:
    """A field of lists of structs as a rectangle, with NaN behind the last element of a list."""
    lengths = _numpy(pc.list_value_length(lists)).astype(np.int64)
    padded = np.full((len(lists), int(lengths.max(initial=0))), np.nan)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = _numpy(lists.flatten().field(name))
    return padded
