"""Jets of variable length → arrays for a network: packed one after the other, or padded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.arrays import Booleans, Integers
from jetresim.campaign.config import unknown
from jetresim.campaign.errors import ConfigError
from jetresim.dataset.features import FEATURES, FOUR_VECTOR_FEATURES, JETCLR_FEATURES, PAIR_FEATURES
from jetresim.jets.constituents import EVENT_FIELD, MISSING_PT

__all__ = ["Array", "Members", "Padded", "feature_names", "needed_columns", "packed", "pad", "padded"]

Array = npt.NDArray[np.generic]
"""A column, whatever it holds."""

FEATURE_SETS: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {"rs3l": PAIR_FEATURES, "four_vectors": FOUR_VECTOR_FEATURES, "jetclr": JETCLR_FEATURES}
)
"""Name of a set to the features in it, in their order along the last axis."""


_BLOCK = 16384
"""Constituents whose features are computed at a time: the intermediate arrays stay in the cache."""


class Padded(NamedTuple):
    """Constituents of jets, zero-padded.

    Attributes
    ----------
    values : ndarray of float32, shape (..., P, F)
        P constituents in order of falling pT, F features; zero where there is none.
    mask : ndarray of bool, shape (..., P)
        Whether there is a constituent.
    """

    values: npt.NDArray[np.float32]
    mask: Booleans


@dataclass(frozen=True, slots=True)
class Members:
    """Realizations of some groups, one after the other: M = groups × realizations.

    Columns that were not read are missing from the dictionaries.

    Attributes
    ----------
    present : ndarray of bool, shape (M,)
    jets : dict of str to ndarray, shape (M,)
        Fields of the jets, and `jets.constituents.MISSING_PT` of whole events; NaN where absent.
    starts, counts : ndarray of int64, shape (M,)
        First constituent, and number of them; 0 where absent.
    constituents : dict of str to ndarray
        Of all members; the order is that of pT within each member.
    """

    present: Booleans
    jets: dict[str, Array]
    starts: Integers
    counts: Integers
    constituents: dict[str, Array]

    @classmethod
    def of(cls, realizations: pa.StructArray) -> "Members":
        """Take the columns of members from Arrow, without a copy where they have no nulls.

        Parameters
        ----------
        realizations : pa.StructArray
            Elements of column ``realizations``, with ``constituents`` and, as far as needed, the rest.
        """
        lists = realizations.field("constituents")
        counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
        return cls(
            present=_numbers(realizations.field("present")) if _has(realizations, "present") else counts > 0,
            jets=_scalars(realizations),
            starts=np.cumsum(counts) - counts,
            counts=counts,
            constituents=_columns(lists.flatten()),
        )

    def take(self, places: Integers, size: int | None = None) -> "Members":
        """Copy some members, in this order, with at most `size` constituents each."""
        counts = self.counts[places] if size is None else np.minimum(self.counts[places], size)
        index, _ = _flat_index(self.starts[places], counts)
        return Members(
            present=self.present[places],
            jets={name: values[places] for name, values in self.jets.items()},
            starts=np.cumsum(counts) - counts,
            counts=counts,
            constituents={name: values[index] for name, values in self.constituents.items()},
        )

    @classmethod
    def concatenate(cls, parts: Sequence["Members"]) -> "Members":
        """Put members of several batches one after the other."""
        if len(parts) == 1:
            return parts[0]
        sizes = [len(next(iter(part.constituents.values()))) for part in parts]
        first = np.cumsum([0, *sizes[:-1]])
        return cls(
            present=np.concatenate([part.present for part in parts]),
            jets={name: np.concatenate([part.jets[name] for part in parts]) for name in parts[0].jets},
            starts=np.concatenate([part.starts + start for part, start in zip(parts, first, strict=True)]),
            counts=np.concatenate([part.counts for part in parts]),
            constituents={
                name: np.concatenate([part.constituents[name] for part in parts])
                for name in parts[0].constituents
            },
        )


def _scalars(realizations: pa.StructArray) -> dict[str, Array]:
    """What is one number a member: fields of the jet, and of the whole event."""
    found = _columns(realizations.field("jet")) if _has(realizations, "jet") else {}
    if _has(realizations, EVENT_FIELD.name):
        event = realizations.field(EVENT_FIELD.name)
        found |= {name: _numbers(pc.struct_field(event, name)) for name in MISSING_PT if _has(event, name)}
    return found


def feature_names(features: str | Sequence[str]) -> tuple[str, ...]:
    """Names of the features of a set, or the names themselves.

    Parameters
    ----------
    features : str or sequence of str
        ``rs3l`` (RS3L's 15), ``four_vectors`` (px, py, pz, energy [GeV]), ``jetclr`` (pT [GeV] and distances
        to the jet axis, what `loaders.transforms` take), or names of `dataset.features.FEATURES`.

    Raises
    ------
    ConfigError
        There is no such set or feature.
    """
    if isinstance(features, str):
        if features not in FEATURE_SETS:
            raise ConfigError("features: " + unknown("set of features", features, FEATURE_SETS))
        return FEATURE_SETS[features]
    for name in features:
        if name not in FEATURES:
            raise ConfigError("features: " + unknown("feature", name, FEATURES))
    return tuple(features)


def needed_columns(features: str | Sequence[str]) -> list[str]:
    """Columns of the groups that features are computed from, such as ``realizations.jet.pt``."""
    constituent, jet = _Recorder(), _Recorder()
    for name in feature_names(features):
        FEATURES[name](constituent, jet)
    # the lengths of the lists come with any column of theirs
    fields = [f"constituents.{name}" for name in constituent or ("pt",)] + [f"jet.{name}" for name in jet]
    return [f"realizations.{field}" for field in fields]


def packed(
    members: Members,
    features: str | Sequence[str],
    size: int | None = None,
    places: Integers | None = None,
) -> tuple[npt.NDArray[np.float32], Integers]:
    """Features of the constituents of some members, one after the other.

    Parameters
    ----------
    members : Members
    features : str or sequence of str
        See `feature_names`.
    size : int, optional
        Leading constituents of each member to take; all by default.
    places : ndarray of int64, shape (M,), optional
        Which members, in this order; all by default.

    Returns
    -------
    values : ndarray of float32, shape (n, F)
    counts : ndarray of int64, shape (M,)
        Constituents of each member; their sum is n.
    """
    names = feature_names(features)
    places = np.arange(len(members.counts)) if places is None else places
    counts = members.counts[places] if size is None else np.minimum(members.counts[places], size)
    index, row = _flat_index(members.starts[places], counts)
    values = np.empty((len(index), len(names)), np.float32)
    for start in range(0, len(index), _BLOCK):
        block = slice(start, start + _BLOCK)
        constituent = _Gathered(members.constituents, index[block])
        jet = _Gathered(members.jets, places[row[block]])
        for column, name in enumerate(names):
            values[block, column] = FEATURES[name](constituent, jet)
    return values, counts


def padded(
    members: Members, features: str | Sequence[str], size: int, places: Integers | None = None
) -> Padded:
    """Features of the first `size` constituents of some members, zero-padded.

    Parameters
    ----------
    members : Members
    features : str or sequence of str
        See `feature_names`.
    size : int
        Slots for constituents, P; softer ones than these are left out.
    places : ndarray of int64, shape (M,), optional
        Which members, in this order; all by default.

    Returns
    -------
    Padded
        Of shapes (M, P, F) and (M, P); an absent member has no constituents.
    """
    values, counts = packed(members, features, size, places)
    return pad(values, counts, size)


def pad(values: npt.NDArray[np.float32], counts: Integers, size: int) -> Padded:
    """Spread packed values, shape (n, F), over zero-padded slots, shape (M, size, F)."""
    slots, _ = _flat_index(np.arange(len(counts)) * size, counts)
    spread = np.zeros((len(counts) * size, values.shape[1]), np.float32)
    spread[slots] = values
    shape = (len(counts), size, values.shape[1])
    return Padded(spread.reshape(shape), np.arange(size) < counts[:, np.newaxis])


def _flat_index(starts: Integers, counts: Integers) -> tuple[Integers, Integers]:
    """Count on from each start; the indices one after the other, and which start each belongs to."""
    row = np.repeat(np.arange(len(counts)), counts)
    offset = starts - (np.cumsum(counts) - counts)
    return np.arange(len(row)) + offset[row], row


class _Gathered(Mapping[str, Array]):
    """Columns at some indices, taken when a feature asks for them; measured ones in double precision."""

    def __init__(self, columns: Mapping[str, Array], index: Integers) -> None:
        self._columns, self._index = columns, index
        self._taken: dict[str, Array] = {}

    def __getitem__(self, name: str) -> Array:
        if name not in self._taken:
            values = self._columns[name].take(self._index)
            self._taken[name] = values.astype(np.float64) if values.dtype.kind == "f" else values
        return self._taken[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


class _Recorder(dict[str, Array]):
    """Remembers which columns a feature asks for."""

    def __missing__(self, name: str) -> Array:
        return self.setdefault(name, np.ones(1))


def _has(structs: pa.StructArray, name: str) -> bool:
    return structs.type.get_field_index(name) >= 0


def _columns(structs: pa.StructArray) -> dict[str, Array]:
    """Every field as NumPy; what is null becomes NaN."""
    return {field.name: _numbers(pc.struct_field(structs, field.name)) for field in structs.type}


def _numbers(values: pa.Array) -> npt.NDArray[Any]:
    return values.to_numpy(zero_copy_only=False)
