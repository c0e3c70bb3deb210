"""PyTorch datasets of groups: map-style in memory, and iterable in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from jetresim.campaign.errors import ConfigError
from jetresim.dataset.reader import Groups, open_groups
from jetresim.dataset.standardization import Standardization
from jetresim.loaders.batches import JET_FIELDS, Batch, Window, load, make_batch, make_recipe, random_numbers
from jetresim.loaders.order import SHUFFLE_BUFFER, EpochOrder, Segment, Uneven, make_index, share, windows
from jetresim.loaders.pytorch import torch
from jetresim.loaders.random import generator
from jetresim.loaders.views import AllViews, Pairs

__all__ = [
    "EpochBatches",
    "GroupDataset",
    "IterableGroupDataset",
    "SharedEpoch",
    "Tensors",
    "checked_size",
    "ranks",
    "tensors",
]

Tensors = dict[str, torch.Tensor]
"""A batch, see `loaders.batches.make_batch`."""

Source = Groups | Path | str


class SharedEpoch:
    """The epoch of a dataset, which its workers see change: persistent ones hold a copy of the dataset."""

    def __init__(self) -> None:
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    @property
    def epoch(self) -> int:
        """The epoch, on which the order and what is drawn depend."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next, before iterating; reaches persistent workers too."""
        self._epoch.fill_(epoch)


class _Base(SharedEpoch):
    """What both datasets have in common.

    Attributes
    ----------
    groups : Groups
    left_out : int
        Groups that are asked for but do not have the views.
    realizations, processes : list of str
        Names that ``realization`` and ``process`` of a batch count.
    features, jet : tuple of str
        Names along the last axes of ``x`` and ``jet``.
    """

    def __init__(
        self,
        groups: Source,
        *,
        views: Pairs | AllViews = Pairs(),  # noqa: B008 (frozen)
        features: str | Sequence[str] = "rs3l",
        constituents: int = 100,
        jet: Sequence[str] = JET_FIELDS,
        layout: str = "padded",
        standardize: bool | Standardization = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        groups = groups if isinstance(groups, Groups) else open_groups(groups)
        self.recipe = make_recipe(groups, features, constituents, jet, layout, standardize)
        self.chooser = views.chooser(groups)
        self.index = make_index(groups, self.chooser)
        self.groups = groups.select(self.recipe.columns)
        self.seed = seed
        self.left_out = self.index.left_out
        self.realizations = groups.realizations
        self.processes = list(groups.metadata["campaign"]["processes"])
        self.features, self.jet = self.recipe.features, self.recipe.jet

    def _batch(self, window: Window, rows: np.ndarray) -> Tensors:
        return tensors(make_batch(window, rows, self.chooser, self.recipe))


class GroupDataset(_Base, torch.utils.data.Dataset):
    """Groups in memory, by number.

    ``dataset[i]`` is one group, ``dataset[[i, j, …]]`` a batch, see `loaders.batches.make_batch`. The pair of
    a group is a function of (seed, epoch, file, row) and does not depend on who asks, when or in which order.

    Parameters
    ----------
    groups : Groups, Path or str
        What to read: whatever `dataset.reader.open_groups` takes, or its result.
    views : Pairs or AllViews
    features : str or sequence of str
        See `dataset.padded.feature_names`.
    constituents : int
        Leading constituents of each jet.
    jet : sequence of str
        Fields of the jets.
    layout : str
        ``padded``, ``packed`` or ``pyg``, see `loaders.batches.LAYOUTS`.
    standardize : bool or Standardization
        True takes what is stored with the dataset.
    seed : int

    Raises
    ------
    ConfigError
        Something that is asked for does not exist.
    DataError
        The files cannot be used.
    """

    def __init__(self, groups: Source, **options: object) -> None:
        super().__init__(groups, **options)
        self._segments = [Segment(*each) for each in zip(self.index.row_groups, self.index.rows, strict=True)]
        self._loaded_epoch = self.epoch
        self._window = load(self.groups, self._segments, self.recipe, self.seed, self.epoch)

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: int | Sequence[int]) -> Tensors:
        one = isinstance(rows, (int, np.integer))
        places = np.atleast_1d(np.asarray(rows, np.int64))
        if len(places) and not -len(self) <= places.min() <= places.max() < len(self):
            raise IndexError(f"group {rows} of {len(self)}")
        batch = self._batch(self._of_this_epoch(), places % max(1, len(self)))
        return {name: values[0] for name, values in batch.items()} if self._single(one) else batch

    def _single(self, one: bool) -> bool:
        return one and self.recipe.layout == "padded"

    def _of_this_epoch(self) -> Window:
        if self._loaded_epoch != (epoch := self.epoch):
            random = random_numbers(self._segments, self.seed, epoch)
            self._window, self._loaded_epoch = replace(self._window, random=random), epoch
        return self._window


class EpochBatches(torch.utils.data.Sampler):
    """Numbers of the groups of each batch of a `GroupDataset`: a ``sampler`` with ``batch_size=None``.

    The order of all groups is a function of (seed, epoch); every rank takes its part of it. The number of
    workers changes nothing.

    Parameters
    ----------
    dataset : GroupDataset
    batch_size : int
    shuffle : bool
    drop_last : bool
        Leave out the last batch of a rank if it is not full.
    rank, world_size : int, optional
        Those of ``torch.distributed`` by default, if it is initialized.
    uneven : str
        See `loaders.order.share`.
    """

    def __init__(
        self,
        dataset: GroupDataset,
        batch_size: int,
        *,
        shuffle: bool = True,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
        uneven: Uneven = "keep",
    ) -> None:
        self.dataset, self.batch_size = dataset, checked_size(batch_size)
        self.shuffle, self.drop_last = shuffle, drop_last
        self._share = share(len(dataset), *ranks(rank, world_size), uneven)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next, also to the dataset."""
        self.dataset.set_epoch(epoch)

    def __len__(self) -> int:
        return _batches(*self._share, self.batch_size, self.drop_last)

    def __iter__(self) -> Iterator[list[int]]:
        total = len(self.dataset)
        draw = generator(self.dataset.seed, "order", self.dataset.epoch)
        order = draw.permutation(total) if self.shuffle else np.arange(total)
        mine = order[np.arange(*self._share) % max(1, total)]
        for number in range(len(self)):
            yield mine[number * self.batch_size : (number + 1) * self.batch_size].tolist()


class IterableGroupDataset(_Base, torch.utils.data.IterableDataset):
    """Groups read as they are needed, already in batches: for ``DataLoader(batch_size=None)``.

    The order of the row groups, and of the rows in each of them, is a function of (seed, epoch). Every rank
    takes its part of this order and cuts it into windows of `shuffle_buffer` groups, which are held in
    memory, shuffled and cut into batches. Workers take windows in turn. So what the batches hold depends on
    (seed, epoch, rank, world_size, batch_size, shuffle_buffer) only; the number of workers decides in which
    order they come.

    Parameters
    ----------
    groups : Groups, Path or str
        What to read: whatever `dataset.reader.open_groups` takes, or its result.
    batch_size : int
    shuffle : bool
    shuffle_buffer : int
        Groups that a worker holds and shuffles; rounded down to whole batches, at least one.
    drop_last : bool
        Leave out the last batch of a rank if it is not full.
    rank, world_size : int, optional
        Those of ``torch.distributed`` by default, if it is initialized.
    uneven : str
        See `loaders.order.share`.
    **options
        As `GroupDataset`.

    Raises
    ------
    ConfigError
        Something that is asked for does not exist.
    DataError
        The files cannot be used.
    """

    def __init__(
        self,
        groups: Source,
        batch_size: int,
        *,
        shuffle: bool = True,
        shuffle_buffer: int = SHUFFLE_BUFFER,
        drop_last: bool = False,
        rank: int | None = None,
        world_size: int | None = None,
        uneven: Uneven = "keep",
        **options: object,
    ) -> None:
        super().__init__(groups, **options)
        self.batch_size, self.shuffle, self.drop_last = checked_size(batch_size), shuffle, drop_last
        self._share = share(len(self.index), *ranks(rank, world_size), uneven)
        self._windows = windows(*self._share, self.batch_size, shuffle_buffer)

    def __len__(self) -> int:
        return _batches(*self._share, self.batch_size, self.drop_last)

    def __iter__(self) -> Iterator[Tensors]:
        worker = torch.utils.data.get_worker_info()
        mine = self._windows if worker is None else self._windows[worker.id :: worker.num_workers]
        # read now, not at the first batch: the epoch may be set again while this one goes on
        return self._iterate(mine, EpochOrder(self.index, self.seed, self.epoch, self.shuffle))

    def _iterate(self, mine: Sequence[tuple[int, int]], order: EpochOrder) -> Iterator[Tensors]:
        for start, stop in mine:
            window = load(self.groups, order.segments(start, stop), self.recipe, self.seed, order.epoch)
            rows = np.arange(stop - start)
            if self.shuffle:
                rows = generator(self.seed, "window", order.epoch, start).permutation(rows)
            for first in range(0, _batches(start, stop, self.batch_size, self.drop_last)):
                yield self._batch(window, rows[first * self.batch_size : (first + 1) * self.batch_size])


def tensors(batch: Batch) -> Tensors:
    """Arrays as tensors, sharing their memory."""
    return {name: torch.from_numpy(values) for name, values in batch.items()}


def _batches(start: int, stop: int, batch_size: int, drop_last: bool) -> int:
    return (stop - start) // batch_size if drop_last else -((start - stop) // batch_size)


def checked_size(batch_size: int) -> int:
    """The size of a batch, or an error."""
    if batch_size < 1:
        raise ConfigError(f"batch_size: {batch_size}; expected at least 1")
    return batch_size


def ranks(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Rank and number of ranks, those of ``torch.distributed`` where they are not given."""
    distributed = torch.distributed.is_available() and torch.distributed.is_initialized()
    found = (torch.distributed.get_rank(), torch.distributed.get_world_size()) if distributed else (0, 1)
    return (found[0] if rank is None else rank), (found[1] if world_size is None else world_size)
