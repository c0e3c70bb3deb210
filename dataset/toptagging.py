"""Parquet shards → the HDF5 table of the Top Tagging reference data set (arXiv:1902.09914)."""

import errno
import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.provenance import encode
from jetresim.dataset.members import PresentMembers, export_metadata, present_members, split_metadata
from jetresim.dataset.padded import padded
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.detectors.kinematics import cartesian
from jetresim.jets.parquet import batches, single

__all__ = ["check_toptagging", "write_toptagging"]

if TYPE_CHECKING:
    import pandas as pd

CONSTITUENTS = 200
"""Constituents of each jet in the table, zero-padded."""

COMPONENTS = ("E", "PX", "PY", "PZ")
"""Names of the four-vector's components, in the order of the columns."""

SPLIT_NUMBERS = {"train": 0, "test": 1, "val": 2}
"""Column ``ttv``; 0 is published for training, the order of the others is this project's."""

_FEATURES = ("energy", "px", "py", "pz")
_TABLE = "table"
_REQUIRED = ("pandas", "tables")


def check_libraries() -> None:
    """Refuse to write this layout without the libraries that it needs.

    Raises
    ------
    ConfigError
        pandas or PyTables is not installed.
    """
    missing = [name for name in _REQUIRED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"dataset.formats: 'toptagging' needs {' and '.join(missing)}; "
            "install the extra `toptagging` of this package"
        )


def check_toptagging(campaign: Campaign) -> None:
    """Refuse a configuration that asks for this layout where it cannot be written.

    Raises
    ------
    ConfigError
        See `check_libraries`.
    """
    if "toptagging" in campaign.dataset.formats:
        check_libraries()


def write_toptagging(output_file: Path, shards: Sequence[Path], campaign: Campaign) -> None:
    """Write a split as a pandas table under the key ``table``.

    One row for each member that is present, in the order of the groups and within a group of the
    realizations: the 200 leading constituents as ``E_0``, ``PX_0``, ``PY_0``, ``PZ_0``, ``E_1``, … [GeV],
    zero-padded, then ``truthE`` … ``truthPZ`` of the target [GeV], ``ttv`` and ``is_signal_new``.
    ``group_process``, ``group_event``, ``group_target``, ``augmentation``, ``jettype``, ``seed`` and
    ``weight`` are added. Node ``metadata`` is the JSON of the shards with key ``export``.

    Parameters
    ----------
    output_file : Path
    shards : sequence of Path
        All Parquet files of a split.
    campaign : Campaign
        ``dataset.toptagging_signal`` has the jettypes whose ``is_signal_new`` is 1.

    Raises
    ------
    ConfigError
        See `check_libraries`.
    DataError
        See `dataset.assemble.check_split`.
    OSError
        The file cannot be written; PyTables does not say why.
    """
    check_libraries()
    from tables import HDF5ExtError

    metadata = split_metadata(output_file, shards, campaign)
    with atomic_path(output_file) as temporary:
        try:
            _write_table(temporary, shards, metadata, campaign)
        except HDF5ExtError:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(temporary)) from None


def _write_table(output: Path, shards: Sequence[Path], metadata: dict[str, Any], campaign: Campaign) -> None:
    import pandas as pd
    import tables

    split = SPLIT_NUMBERS[metadata["split"]]
    rows = absent = 0
    with pd.HDFStore(output, "w", complevel=4, complib="zlib") as store:
        _create(store, campaign)
        for shard in sorted(shards):
            for table in batches(shard, GROUPS_SCHEMA):
                present = present_members(table, len(campaign.realizations))
                store.append(_TABLE, _frame(present, campaign, split, rows), index=False)
                rows, absent = rows + len(present), absent + present.absent
    text = encode(export_metadata(metadata, "toptagging", rows, absent))
    with tables.open_file(output, "a") as file:
        # a node, since an attribute holds no more than 64 kB
        file.create_array("/", "metadata", obj=text.encode(), track_times=False)


def _create(store: "pd.HDFStore", campaign: Campaign) -> None:
    """Create the table without rows; pandas leaves an empty one out, so one row goes in and out again."""
    empty = present_members(GROUPS_SCHEMA.empty_table(), len(campaign.realizations))
    row = _frame(empty, campaign, 0, 0).reindex([0], fill_value=0)
    store.put(_TABLE, row, format="table", index=False, track_times=False)
    store.remove(_TABLE, start=0, stop=1)


def _frame(present: PresentMembers, campaign: Campaign, split: int, first: int) -> "pd.DataFrame":
    """Rows of the table, counted from `first`."""
    import pandas as pd

    groups = present.groups
    constituents = padded(present.members, _FEATURES, CONSTITUENTS).values
    label = groups["label"].to_numpy()
    momenta = np.hstack(
        [constituents.reshape(len(present), CONSTITUENTS * len(COMPONENTS)), _truth(single(groups["truth"]))]
    )
    names = [f"{component}_{slot}" for slot in range(CONSTITUENTS) for component in COMPONENTS]
    frame = pd.DataFrame(momenta, columns=[*names, *(f"truth{component}" for component in COMPONENTS)])
    others = pd.DataFrame(
        {
            "ttv": np.full(len(present), split),
            "is_signal_new": np.isin(label, campaign.dataset.toptagging_signal).astype(np.int64),
            "group_process": present.processes(campaign),
            "group_event": groups["event"].to_numpy(),
            "group_target": groups["target"].to_numpy().astype(np.int64),
            "augmentation": present.places,
            "jettype": label.astype(np.int64),
            "seed": present.seeds,
            "weight": groups["weight"].to_numpy(),
        }
    )
    return pd.concat([frame, others], axis=1).set_axis(np.arange(first, first + len(present)), axis=0)


def _truth(truth: pa.StructArray) -> np.ndarray:
    """Four-vector of each target in the order of `COMPONENTS`, shape (M, 4)."""
    pt, eta, phi, energy = (
        pc.struct_field(truth, name).to_numpy(zero_copy_only=False) for name in ("pt", "eta", "phi", "energy")
    )
    components = [energy, *cartesian(pt, eta, phi).values()]
    return np.stack(components, axis=1).astype(np.float32)
