"""The members that are present in some groups, one row each: what layouts without groups are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.arrays import Integers
from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import atomic_path
from jetresim.dataset.assemble import check_split
from jetresim.dataset.padded import Members
from jetresim.jets.parquet import single

__all__ = [
    "PresentMembers",
    "export_metadata",
    "present_members",
    "process_indices",
    "split_metadata",
    "write_shards",
]


@dataclass(frozen=True, slots=True)
class PresentMembers:
    """Members with a jet, in order of their groups and within a group of the realizations.

    Attributes
    ----------
    groups : pa.Table
        The group of each member, so M rows, without ``realizations``.
    places : ndarray of int64, shape (M,)
        Index of the realization.
    seeds : ndarray of int64, shape (M,)
    members : Members
        Jets and constituents of these M members alone.
    absent : int
        Members that are not among them.
    """

    groups: pa.Table
    places: Integers
    seeds: Integers
    members: Members
    absent: int

    def __len__(self) -> int:
        return len(self.places)

    def processes(self, campaign: Campaign) -> Integers:
        """Index of the process of each member in the order of the configuration, shape (M,)."""
        return process_indices(self.groups, campaign)


def process_indices(groups: pa.Table, campaign: Campaign) -> Integers:
    """Index of the process of each group in the order of the configuration, shape (N,)."""
    numbers = {name: index for index, name in enumerate(campaign.processes)}
    return np.array([numbers[name] for name in groups["process"].to_pylist()], np.int64)


def present_members(table: pa.Table, realizations: int) -> PresentMembers:
    """Take the members that are present out of groups.

    Parameters
    ----------
    table : pa.Table
        Groups, with all columns of `dataset.schema.GROUPS_SCHEMA`.
    realizations : int
        Members of each group, absent ones included.
    """
    everyone = single(table["realizations"]).flatten()
    present = pc.struct_field(everyone, "present")
    where = np.flatnonzero(present.to_numpy(zero_copy_only=False))
    chosen = everyone.filter(present)
    return PresentMembers(
        groups=table.drop_columns("realizations").take(where // realizations),
        places=where % realizations,
        seeds=pc.struct_field(chosen, "seed").to_numpy(),
        members=Members.of(chosen),
        absent=len(everyone) - len(where),
    )


def write_shards(
    output_dir: Path,
    shards: Sequence[Path],
    campaign: Campaign,
    name: str,
    write: Callable[[Path, Path, dict[str, Any], Campaign], None],
) -> None:
    """Write a file for each shard of a split, in order of their names.

    Parameters
    ----------
    output_dir : Path
        Folder, replaced as a whole.
    shards : sequence of Path
        All Parquet files of a split.
    campaign : Campaign
    name : str
        Of the files, with the fields ``number``, which counts from 0, and ``shard``, the name of the shard.
    write : callable
        Takes the file, the shard, the metadata that the shards share, and the campaign.

    Raises
    ------
    DataError
        See `split_metadata`.
    """
    metadata = split_metadata(output_dir, shards, campaign)
    with atomic_path(output_dir) as folder:
        folder.mkdir()
        for number, shard in enumerate(sorted(shards)):
            write(folder / name.format(number=number, shard=shard.name), shard, metadata, campaign)


def split_metadata(output: Path, shards: Sequence[Path], campaign: Campaign) -> dict[str, Any]:
    """Metadata that the shards of a split share.

    Raises
    ------
    DataError
        There are no shards, or see `dataset.assemble.check_split`.
    """
    if not shards:
        raise DataError(f"{output}: no shards given; at least one is needed")
    return check_split(shards, campaign)


def export_metadata(metadata: dict[str, Any], layout: str, rows: int, absent: int) -> dict[str, Any]:
    """Metadata of a shard with what was made of it: ``export`` has the layout, its rows, members left out."""
    return {**metadata, "export": {"format": layout, "rows": rows, "absent_members": absent}}
