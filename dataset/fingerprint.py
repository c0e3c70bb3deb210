"""Fingerprints of rows, to compare tables whose rows are in another order."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.seeds import stable_hash
from jetresim.jets.parquet import single

__all__ = ["row_hashes"]

Hashes = npt.NDArray[np.uint64]

_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def row_hashes(table: pa.Table) -> Hashes:
    """Hash each row of a table to 64 bits; every bit of every value counts.

    Parameters
    ----------
    table : pa.Table
        N rows of numbers, texts, and structs and lists of them.

    Returns
    -------
    ndarray of uint64, shape (N,)
        Sums of them do not depend on the order of the rows.
    """
    return _joined([_hashes(single(table[name])) for name in table.column_names], table.num_rows)


def _hashes(array: pa.Array) -> Hashes:
    if pa.types.is_struct(array.type):
        hashes = _joined([_hashes(child) for child in array.flatten()], len(array))
    elif pa.types.is_list(array.type):
        hashes = _hashes_of_lists(array)
    elif pa.types.is_string(array.type) or pa.types.is_dictionary(array.type):
        hashes = _hashes_of_texts(array)
    else:
        values = pc.fill_null(array, False if pa.types.is_boolean(array.type) else 0)
        numbers = values.to_numpy(zero_copy_only=False)
        hashes = _mixed(numbers.view(_UNSIGNED[numbers.dtype.itemsize]).astype(np.uint64))
    return _joined([hashes, array.is_valid().to_numpy(zero_copy_only=False).astype(np.uint64)], len(array))


def _hashes_of_texts(array: pa.Array) -> Hashes:
    encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
    known = [stable_hash(text) for text in encoded.dictionary.to_pylist()] or [0]
    return np.array(known, np.uint64)[pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)]


def _hashes_of_lists(array: pa.Array) -> Hashes:
    """Sums over the elements, each mixed with its place; Arrow leaves out what null lists would hold."""
    lengths = pc.fill_null(pc.list_value_length(array), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    ends = np.cumsum(lengths)
    place = np.arange(lengths.sum()) - np.repeat(ends - lengths, lengths)
    elements = _mixed(_hashes(array.flatten()) + place.astype(np.uint64) * _GOLDEN)
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(elements, dtype=np.uint64)])
    return sums[ends] - sums[ends - lengths] + lengths.astype(np.uint64)


def _joined(columns: list[Hashes], length: int) -> Hashes:
    total = np.zeros(length, np.uint64)
    for column in columns:
        total = _mixed(total * _GOLDEN + column)
    return total


def _mixed(values: Hashes) -> Hashes:
    """Spread the bits: the finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)."""
    values = values + _GOLDEN
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
