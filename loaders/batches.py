"""Groups in memory → batches of arrays, in the layouts that networks take."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.config import unknown
from jetresim.campaign.errors import ConfigError
from jetresim.dataset.padded import Array, Members, feature_names, needed_columns, packed, pad
from jetresim.dataset.reader import Groups
from jetresim.dataset.standardization import Standardization
from jetresim.jets.constituents import EVENT_FIELD, MISSING_PT
from jetresim.jets.parquet import single
from jetresim.jets.schema import JET_TYPE
from jetresim.loaders.order import Segment, block_key
from jetresim.loaders.random import generator
from jetresim.loaders.views import Chooser

__all__ = [
    "IDENTITY",
    "JET_FIELDS",
    "Batch",
    "Recipe",
    "Window",
    "identity_columns",
    "load",
    "make_batch",
    "make_recipe",
    "random_numbers",
]

Batch = dict[str, npt.NDArray[Any]]
"""See `make_batch`."""

JET_FIELDS = ("pt", "eta", "phi", "energy", "sdmass", "n2")
"""Fields of the jets that batches hold by default."""

IDENTITY = ("process", "event", "target", "label", "weight")
"""What a batch says of each group."""


@dataclass(frozen=True)
class Recipe:
    """What a batch holds.

    Attributes
    ----------
    features : tuple of str
        See `dataset.padded.feature_names`.
    constituents : int
        Leading constituents of each jet.
    jet : tuple of str
        Fields of the jets.
    layout : str
        ``padded``, ``packed`` or ``pyg``.
    standardization : Standardization, optional
        Applied to the features and the fields of the jets.
    """

    features: tuple[str, ...]
    constituents: int
    jet: tuple[str, ...]
    layout: str
    standardization: Standardization | None

    @property
    def columns(self) -> list[str]:
        """Columns of the groups that are needed."""
        struct = dict.fromkeys(MISSING_PT, EVENT_FIELD.name)
        jet = [f"realizations.{struct.get(name, 'jet')}.{name}" for name in self.jet]
        return [*IDENTITY, "realizations.present", *dict.fromkeys(needed_columns(self.features) + jet)]


def make_recipe(
    groups: Groups,
    features: str | Sequence[str],
    constituents: int,
    jet: Sequence[str],
    layout: str,
    standardize: bool | Standardization,
) -> Recipe:
    """Check what is asked for and complete it.

    Raises
    ------
    ConfigError
        There is no such feature, field or layout.
    DataError
        The dataset has no standardization.
    """
    if layout not in LAYOUTS:
        raise ConfigError("layout: " + unknown("layout", layout, LAYOUTS))
    for name in jet:
        if JET_TYPE.get_field_index(name) < 0 and name not in MISSING_PT:
            raise ConfigError("jet: " + unknown("field", name, [field.name for field in JET_TYPE]))
    if constituents < 1:
        raise ConfigError(f"constituents: {constituents}; expected at least 1")
    stored = groups.standardization() if standardize is True else standardize or None
    return Recipe(feature_names(features), constituents, tuple(jet), layout, stored)


@dataclass(frozen=True)
class Window:
    """N groups in memory, and which of their members are the views.

    Attributes
    ----------
    members : Members
        All K of each group.
    present : ndarray of bool, shape (N, K)
    random : ndarray of float64, shape (N, 2)
        Decide the views.
    identity : dict of str to ndarray, shape (N,)
        Columns `IDENTITY`; ``process`` is the place in the campaign's list.
    """

    members: Members
    present: Booleans
    random: Floats
    identity: dict[str, Array]


def load(groups: Groups, segments: Sequence[Segment], recipe: Recipe, seed: int, epoch: int) -> Window:
    """Read groups into memory; what they need of a row group is copied, the rest is let go.

    Parameters
    ----------
    groups : Groups
        With the columns of the recipe.
    segments : sequence of Segment
    recipe : Recipe
    seed, epoch : int
        Decide the views; so do the file and the row, but nothing else.
    """
    processes = list(groups.metadata["campaign"]["processes"])
    views = len(groups.realizations)
    members, identities = [], []
    for segment in segments:
        table = groups.read(segment.row_group, np.arange(segment.row_group.rows))
        places = (segment.rows[:, np.newaxis].astype(np.int64) * views + np.arange(views)).ravel()
        members.append(Members.of(single(table["realizations"]).flatten()).take(places, recipe.constituents))
        identities.append(identity_columns(table.select(IDENTITY), processes, segment.rows))
    joined = Members.concatenate(members)
    return Window(
        members=joined,
        present=joined.present.reshape(-1, views),
        random=random_numbers(segments, seed, epoch),
        identity={name: np.concatenate([each[name] for each in identities]) for name in IDENTITY},
    )


def random_numbers(segments: Sequence[Segment], seed: int, epoch: int) -> Floats:
    """Two numbers for each group, the same whatever else is asked for."""
    return np.concatenate(
        [
            generator(seed, "views", epoch, *block_key(each.row_group)).random((each.row_group.rows, 2))[
                each.rows
            ]
            for each in segments
        ]
    )


def make_batch(window: Window, rows: Integers, chooser: Chooser, recipe: Recipe) -> Batch:
    """Put the views of some groups of a window into arrays.

    Returns
    -------
    dict of str to ndarray
        For B groups of V views. ``jet`` (B, V, J) float32, ``present`` (B, V) bool, ``realization`` (B, V)
        int64: its place in the names; ``process``, ``event``, ``target``, ``label`` (B,) int64 and ``weight``
        (B,) float64 [pb]; and the constituents, see `LAYOUTS`.
    """
    present = window.present[rows]
    views = chooser.choose(present, window.random[rows])
    places = (rows[:, np.newaxis] * present.shape[1] + views).ravel()
    there = np.take_along_axis(present, views, axis=1)
    values, counts = packed(window.members, recipe.features, recipe.constituents, places)
    scale = recipe.standardization
    if scale is not None:
        values = scale.apply(values, recipe.features)
    return {
        **LAYOUTS[recipe.layout](values, counts, views.shape, recipe.constituents),
        "jet": _jets(window.members, places, there, recipe),
        "present": there,
        "realization": np.array(views, np.int64),
        **{name: values[rows] for name, values in window.identity.items()},
    }


def _jets(members: Members, places: Integers, there: Booleans, recipe: Recipe) -> Array:
    columns = [members.jets[name][places].astype(np.float32) for name in recipe.jet]
    values = np.stack(columns, axis=-1) if columns else np.empty((len(places), 0), np.float32)
    values = values.reshape(*there.shape, len(columns))
    if recipe.standardization is not None:
        values = recipe.standardization.apply_jet(values, recipe.jet)
    return np.where(there[..., np.newaxis], values, np.float32(0))


def identity_columns(
    table: pa.Table, processes: Sequence[str], rows: npt.NDArray[np.int32]
) -> dict[str, Array]:
    """Columns `IDENTITY` of some rows, each shape (N,); ``process`` is the place among `processes`."""
    columns = {name: single(table[name]) for name in IDENTITY[1:]}
    encoded = pc.index_in(single(table["process"]), value_set=pa.array(processes))
    numbers = {"process": encoded, **columns}
    kinds = {name: np.float64 if name == "weight" else np.int64 for name in IDENTITY}
    return {
        name: values.to_numpy(zero_copy_only=False).astype(kinds[name])[rows]
        for name, values in numbers.items()
    }


def _padded(values: npt.NDArray[np.float32], counts: Integers, shape: tuple[int, int], size: int) -> Batch:
    spread, mask = pad(values, counts, size)
    return {"x": spread.reshape(*shape, *spread.shape[1:]), "mask": mask.reshape(*shape, size)}


def _packed(values: npt.NDArray[np.float32], counts: Integers, shape: tuple[int, int], size: int) -> Batch:
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return {"x": values, "cu_seqlens": ends, "max_seqlen": np.array(counts.max(initial=0), np.int32)}


def _pyg(values: npt.NDArray[np.float32], counts: Integers, shape: tuple[int, int], size: int) -> Batch:
    return {
        "x": values,
        "batch": np.repeat(np.arange(len(counts)), counts),
        "ptr": np.concatenate([[0], np.cumsum(counts)]),
    }


LAYOUTS: Mapping[str, Any] = MappingProxyType({"padded": _padded, "packed": _packed, "pyg": _pyg})
"""Layout to the function that makes it.

``padded``: ``x`` (B, V, P, F) float32, ``mask`` (B, V, P) bool. ``packed``: ``x`` (n, F), the B × V jets one
after the other, ``cu_seqlens`` (B × V + 1,) int32 their offsets, ``max_seqlen`` the longest. ``pyg``: ``x``
(n, F), ``batch`` (n,) int64 the jet of each constituent, ``ptr`` (B × V + 1,) int64. Jet number b × V + v is
view v of group b; an absent one is empty.
"""
