"""Views while a network trains: new realizations of hard events, simulated in the workers of a loader."""

from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from jetresim.campaign.arrays import Booleans, Integers
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.seeds import check_streams
from jetresim.campaign.views import view_name
from jetresim.dataset.padded import Members
from jetresim.dataset.reader import Groups, open_groups
from jetresim.dataset.standardization import Standardization
from jetresim.loaders.batches import IDENTITY, JET_FIELDS, Window, make_batch, make_recipe
from jetresim.loaders.datasets import SharedEpoch, Tensors, checked_size, ranks, tensors
from jetresim.loaders.live_source import LiveSource, Piece, make_pieces
from jetresim.loaders.order import share, windows
from jetresim.loaders.pytorch import torch
from jetresim.loaders.random import generator
from jetresim.loaders.views import AllViews

__all__ = ["LiveDataset", "live_loader"]


class LiveDataset(SharedEpoch, torch.utils.data.IterableDataset):
    """New realizations of the hard events of a dataset, in batches: for ``DataLoader(batch_size=None)``.

    View v of epoch e is the realization `campaign.views.view_name` of its augmentation: its stream follows
    from (campaign seed, process, event, that name), so that `jetresim replay` makes the same row again. Other
    ranks, workers, batches or events change nothing in it.

    The hard events of an epoch are put in order as a function of (seed, epoch), in pieces. Every rank takes
    its part, cuts it into windows of about `shuffle_buffer` groups, and shuffles each. Workers take windows
    in turn, so what the batches hold does not depend on their number, unless `batches` is given.

    Parameters
    ----------
    groups : Groups, Path or str
        The groups whose hard events are simulated: what `dataset.reader.open_groups` takes, or its result.
    views : sequence of str
        The augmentation of each of the V views, of the campaign or of the catalogue; the same one any number
        of times. ``nominal`` is the anchor itself, the same in every epoch.
    batch_size : int
    campaign : Path or str, optional
        Folder of the campaign with its hard events; by default the one that the dataset lies in. Hard events
        that are not there are generated.
    epochs : int, optional
        Number of different epochs; after these the views begin again. Unlimited by default.
    cache : Path or str, optional
        Folder where views are kept and taken from; nothing is written by default.
    keep_incomplete : bool
        Keep groups of which a view has no jet, as `AllViews` does; they are left out otherwise and counted.
    batches : int, optional
        Batches of this rank in an epoch; where the groups do not suffice, further views of them follow. By
        default every group once, which may be other numbers of batches in other ranks.
    shuffle_buffer : int
        Groups that are simulated and shuffled together.
    rank, world_size : int, optional
        Those of ``torch.distributed`` by default, if it is initialized.
    features, constituents, jet, layout, standardize, seed
        As `loaders.datasets.GroupDataset`.

    Attributes
    ----------
    realizations : list of str
        Augmentations that ``realization`` of a batch counts: `views`.
    processes : list of str
    features, jet : tuple of str
        Names along the last axes of ``x`` and ``jet``.

    Raises
    ------
    ConfigError
        Something that is asked for does not exist.
    DataError
        The files cannot be used.
    """

    def __init__(
        self,
        groups: Groups | Path | str,
        views: Sequence[str],
        batch_size: int,
        *,
        campaign: Path | str | None = None,
        epochs: int | None = None,
        cache: Path | str | None = None,
        keep_incomplete: bool = False,
        batches: int | None = None,
        shuffle: bool = True,
        shuffle_buffer: int = 512,
        rank: int | None = None,
        world_size: int | None = None,
        features: str | Sequence[str] = "rs3l",
        constituents: int = 100,
        jet: Sequence[str] = JET_FIELDS,
        layout: str = "padded",
        standardize: bool | Standardization = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        groups = groups if isinstance(groups, Groups) else open_groups(groups)
        if not views:
            raise ConfigError("views: none are given; expected names of augmentations")
        self.recipe = make_recipe(groups, features, constituents, jet, layout, standardize)
        self.batch_size, self.shuffle, self.seed = checked_size(batch_size), shuffle, seed
        self.realizations, self.features, self.jet = list(views), self.recipe.features, self.recipe.jet
        self._source = LiveSource(groups, campaign, views, cache)
        self.processes = list(self._source.campaign.processes)
        self._pieces = make_pieces(groups, self.processes, self._source.length)
        self._share = share(len(self._pieces), *ranks(rank, world_size), "keep")
        groups_of_piece = len(groups) / max(1, len(self._pieces))
        self._windows = windows(*self._share, 1, int(shuffle_buffer / max(1, groups_of_piece)))
        self._epochs, self._batches, self._keep_incomplete = epochs, batches, keep_incomplete
        self._left_out = torch.zeros((), dtype=torch.int64).share_memory_()

    @property
    def left_out(self) -> int:
        """Groups that were left out so far, in all workers and epochs: a view of theirs has no jet."""
        return int(self._left_out)

    def views(self, epoch: int, repetition: int = 0) -> list[str]:
        """Names of the realizations that the views of an epoch are.

        Parameters
        ----------
        epoch : int
        repetition : int
            How many times the groups have been gone through in this epoch before, see `batches`.
        """
        number = repetition * len(self.realizations)
        epoch = epoch if self._epochs is None else epoch % self._epochs
        return [
            name if name == NOMINAL else view_name(name, self.seed, epoch, number + place)
            for place, name in enumerate(self.realizations)
        ]

    def __iter__(self) -> Iterator[Tensors]:
        worker = torch.utils.data.get_worker_info()
        number, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        # read now, not at the first batch: the epoch may be set again while this one goes on
        epoch, mine = self.epoch, self._windows[number::workers]
        if self._batches is None:
            return self._once(epoch, 0, mine)
        return self._exactly(len(range(number, self._batches, workers)), epoch, mine)

    def _exactly(self, batches: int, epoch: int, mine: Sequence[tuple[int, int]]) -> Iterator[Tensors]:
        """So many full batches; where the groups do not suffice, they are gone through again."""
        for repetition in count():
            every = self._once(epoch, repetition, mine)
            full = (batch for batch in every if len(batch["event"]) == self.batch_size)
            given = 0
            for batch in islice(full, batches):
                given += 1
                yield batch
            if (batches := batches - given) == 0:
                return
            if not given:
                raise ConfigError(
                    f"batches: a worker has no window with {self.batch_size} groups; expected fewer workers, "
                    "a larger `shuffle_buffer` or a smaller `batch_size`"
                )

    def _once(self, epoch: int, repetition: int, mine: Sequence[tuple[int, int]]) -> Iterator[Tensors]:
        views = self.views(epoch, repetition)
        check_streams(self._source.campaign.seed, [NOMINAL, *views])
        draw = generator(self.seed, "pieces", epoch, repetition)
        order = draw.permutation(len(self._pieces)) if self.shuffle else np.arange(len(self._pieces))
        for start, stop in mine:
            window, rows = self._window([self._pieces[place] for place in order[start:stop]], views)
            if self.shuffle:
                rows = generator(self.seed, "live window", epoch, repetition, start).permutation(rows)
            for first in range(0, len(rows), self.batch_size):
                chosen = rows[first : first + self.batch_size]
                yield tensors(make_batch(window, chosen, AllViews().chooser(None), self.recipe))

    def _window(self, pieces: Sequence[Piece], views: Sequence[str]) -> tuple[Window, Integers]:
        """The groups of some pieces with their views, and the rows of those that are kept."""
        members = pa.concat_arrays([self._source.members(piece, views) for piece in pieces])
        identity = {name: np.concatenate([piece.columns[name] for piece in pieces]) for name in IDENTITY}
        present = members.field("present").to_numpy(zero_copy_only=False).reshape(-1, len(views))
        window = Window(Members.of(members), present, np.zeros((len(present), 2)), identity)
        kept = self._kept(present)
        self._left_out += len(present) - len(kept)
        return window, kept

    def _kept(self, present: Booleans) -> Integers:
        return np.flatnonzero(present.any(axis=1) if self._keep_incomplete else present.all(axis=1))


def live_loader(dataset: LiveDataset, workers: int, ahead: int = 4) -> torch.utils.data.DataLoader:
    """A loader whose queue is bounded, and which gives the batches of other workers while one is busy.

    Parameters
    ----------
    dataset : LiveDataset
    workers : int
        Processes that simulate, at least 1. They keep their shower programs from one epoch to the next.
    ahead : int
        Batches that each of them makes ahead of time.
    """
    return torch.utils.data.DataLoader(
        dataset,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=ahead,
        persistent_workers=True,
        in_order=False,
    )
