"""The order of an epoch: a pure function of (seed, epoch), cut into shares of ranks and into windows."""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Integers
from jetresim.campaign.config import unknown
from jetresim.campaign.errors import ConfigError
from jetresim.dataset.reader import Groups, RowGroup
from jetresim.jets.parquet import ROW_GROUP, single
from jetresim.loaders.random import generator
from jetresim.loaders.views import Chooser

__all__ = [
    "SHUFFLE_BUFFER",
    "EpochOrder",
    "Index",
    "Segment",
    "Uneven",
    "block_key",
    "make_index",
    "share",
    "windows",
]

Uneven = Literal["keep", "drop", "pad"]
"""See `share`."""

SHUFFLE_BUFFER = 4 * ROW_GROUP
"""Groups that are held and shuffled together, by default."""


@dataclass(frozen=True)
class Index:
    """Where the groups are that can be used.

    Attributes
    ----------
    row_groups : list of RowGroup
    rows : list of ndarray of int32
        Usable rows of each row group: 4 bytes a group.
    left_out : int
        Groups that are asked for but do not have the views.
    """

    row_groups: list[RowGroup]
    rows: list[npt.NDArray[np.int32]]
    left_out: int

    def __len__(self) -> int:
        return sum(map(len, self.rows))


@dataclass(frozen=True, slots=True)
class Segment:
    """Some consecutive groups of the epoch's order within one row group.

    Attributes
    ----------
    row_group : RowGroup
    rows : ndarray of int32
        Rows of the row group, in the order of the epoch.
    """

    row_group: RowGroup
    rows: npt.NDArray[np.int32]


@dataclass(frozen=True)
class EpochOrder:
    """Order of the groups in an epoch: row groups shuffled, and rows shuffled in each of them.

    Attributes
    ----------
    index : Index
    seed, epoch : int
    shuffle : bool
        The order of the files if not.
    """

    index: Index
    seed: int
    epoch: int
    shuffle: bool

    def segments(self, start: int, stop: int) -> list[Segment]:
        """Groups number `start` to `stop` - 1 of the epoch, at least one; past the last it begins again."""
        total = len(self.index)
        if start >= total:
            return self.segments(start - total, stop - total)
        if stop > total:
            return self.segments(start, total) + self.segments(0, stop - total)
        blocks = self._blocks()
        ends = np.cumsum([len(self.index.rows[block]) for block in blocks])
        found = []
        first, last = np.searchsorted(ends, [start, stop - 1], side="right")
        for place in range(first, last + 1):
            before = ends[place] - len(self.index.rows[blocks[place]])
            rows = self._rows(blocks[place])[max(0, start - before) : stop - before]
            found.append(Segment(self.index.row_groups[blocks[place]], rows))
        return found

    def _blocks(self) -> Integers:
        count = len(self.index.rows)
        order = generator(self.seed, "row groups", self.epoch).permutation(count)
        return order if self.shuffle else np.arange(count)

    def _rows(self, block: int) -> npt.NDArray[np.int32]:
        rows = self.index.rows[block]
        key = block_key(self.index.row_groups[block])
        return generator(self.seed, "rows", self.epoch, *key).permutation(rows) if self.shuffle else rows


def make_index(groups: Groups, chooser: Chooser) -> Index:
    """Find the groups that have the views, from a few small columns."""
    source = groups.select(["realizations.present"])
    found, left_out = [], 0
    for row_group in source.row_groups:
        rows = source.rows(row_group)
        members = single(source.read(row_group, rows)["realizations"]).flatten()
        present = members.field("present").to_numpy(zero_copy_only=False)
        usable = chooser.usable(present.reshape(-1, len(source.realizations)))
        found.append(rows[usable].astype(np.int32))
        left_out += len(rows) - int(usable.sum())
    return Index(source.row_groups, found, left_out)


def block_key(row_group: RowGroup) -> tuple[str, int]:
    """What names a row group in the keys of random numbers: not the folder that it is in."""
    return row_group.path.name, row_group.index


def share(total: int, rank: int, world_size: int, uneven: Uneven) -> tuple[int, int]:
    """First group of a rank in the epoch's order, and the first that is not its own any more.

    Parameters
    ----------
    total : int
        Groups of the epoch.
    rank, world_size : int
    uneven : str
        What if `total` is no multiple of `world_size`. ``keep``: every group once, some ranks have one more
        than others; ``drop``: the last groups of the epoch's order are left out; ``pad``: its first groups
        are there twice.

    Raises
    ------
    ConfigError
        There is no such rank or such a choice.
    """
    if uneven not in get_args(Uneven):
        raise ConfigError("uneven: " + unknown("choice", uneven, get_args(Uneven)))
    if not 0 <= rank < world_size:
        raise ConfigError(f"rank: {rank}; expected 0 to {world_size - 1}, as world_size is {world_size}")
    if uneven == "keep":
        return total * rank // world_size, total * (rank + 1) // world_size
    size = total // world_size if uneven == "drop" else -(-total // world_size)
    return rank * size, (rank + 1) * size


def windows(start: int, stop: int, batch_size: int, buffer: int) -> list[tuple[int, int]]:
    """Cut a share into windows of at most `buffer` groups, in whole batches but for the last one."""
    size = max(1, buffer // batch_size) * batch_size
    return [(first, min(first + size, stop)) for first in range(start, stop, size)]
