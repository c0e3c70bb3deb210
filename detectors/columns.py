"""Arrays of lists of records, as flat NumPy columns and back."""

from collections.abc import Mapping

import awkward as ak
import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Booleans, Integers

__all__ = ["Columns", "from_columns", "segments", "select", "to_columns"]

Columns = dict[str, npt.NDArray]
"""Name of a quantity to its values, those of all events one after the other."""


def to_columns(array: ak.Array) -> tuple[Columns, Integers]:
    """Flatten an ``N * var * record`` of numbers, in any layout (sliced, reordered); None is an empty list.

    Returns
    -------
    columns : dict of str to ndarray
        The fields, each of shape (total,).
    counts : ndarray of int64, shape (N,)
        Length of each list.
    """
    records = ak.to_packed(ak.flatten(array, axis=1), highlevel=False)
    columns = {name: records.content(name).data for name in records.fields}
    counts = np.ma.filled(ak.to_numpy(ak.num(array, axis=1)), 0)
    return columns, counts.astype(np.int64)


def from_columns(columns: Mapping[str, npt.NDArray | ak.Array], counts: npt.NDArray[np.integer]) -> ak.Array:
    """Inverse of `to_columns`; the layout is packed, as fastjet needs it. A column may itself hold lists."""
    # ak.zip and ak.unflatten do the same at many times the overhead, which small batches feel.
    records = ak.contents.RecordArray([ak.to_layout(column) for column in columns.values()], list(columns))
    offsets = ak.index.Index64(np.concatenate(([0], np.cumsum(counts))))
    return ak.Array(ak.contents.ListOffsetArray(offsets, records))


def select(columns: Mapping[str, npt.NDArray], counts: Integers, keep: Booleans) -> tuple[Columns, Integers]:
    """Keep some records of every list.

    Parameters
    ----------
    columns, counts
        As returned by `to_columns`.
    keep : ndarray of bool, shape (total,)

    Returns
    -------
    columns, counts
        Of what is kept.
    """
    index = np.flatnonzero(keep)
    kept_before = np.concatenate(([0], np.cumsum(keep)))
    stops = np.cumsum(counts)
    return (
        {name: column[index] for name, column in columns.items()},
        kept_before[stops] - kept_before[stops - counts],
    )


def segments(starts: npt.NDArray[np.integer], lengths: npt.NDArray[np.integer]) -> Integers:
    """List the indices of all elements of some runs: ``segments([7, 2], [2, 1])`` is ``[7, 8, 2]``."""
    lengths = np.asarray(lengths, dtype=np.int64)
    shift = np.asarray(starts, dtype=np.int64) - (np.cumsum(lengths) - lengths)
    return np.repeat(shift, lengths) + np.arange(lengths.sum())
