"""The columns of constituents: those that all files have, and those that some detectors and pile-up add."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.detector import EXTRA_FIELDS

__all__ = ["CONSTITUENT_TYPE", "extended", "extra_columns", "with_columns", "with_extra"]

CONSTITUENTS = "constituents"
"""Column or field that holds them."""

CONSTITUENT_TYPE = pa.struct(
    [
        *(pa.field(name, pa.float32()) for name in ("pt", "eta", "phi", "energy")),
        pa.field("charge", pa.int8()),
        pa.field("pdgid", pa.int32()),
        pa.field("d0", pa.float32()),
        pa.field("dz", pa.float32()),
    ]
)
"""pT and energy [GeV], phi in (−π, π], charge [e], impact parameters [mm]."""


def extended(kind: pa.DataType, extra: Iterable[str]) -> pa.DataType:
    """A type with further columns of constituents, wherever it holds constituents.

    Parameters
    ----------
    kind : pa.DataType
        `CONSTITUENT_TYPE`, or lists and structs around it; anything else stays.
    extra : iterable of str
        Some of `campaign.detector.EXTRA_FIELDS`, all of which are float32.
    """
    extra = frozenset(extra)
    if kind == CONSTITUENT_TYPE:
        return pa.struct([*kind, *(pa.field(name, pa.float32()) for name in EXTRA_FIELDS if name in extra)])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(extended(kind.value_type, extra)))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(extended(field.type, extra)) for field in kind])
    return kind


def with_extra(schema: pa.Schema, extra: Iterable[str]) -> pa.Schema:
    """A schema with further columns of constituents."""
    extra = frozenset(extra)
    return pa.schema([field.with_type(extended(field.type, extra)) for field in schema])


def extra_columns(fields: Iterable[pa.Field]) -> tuple[str, ...]:
    """Further columns of constituents that a schema or a struct has, at any depth."""
    found: set[str] = set()
    for field in fields:
        kind = field.type
        while pa.types.is_list(kind):
            kind = kind.value_type
        if pa.types.is_struct(kind):
            names = {each.name for each in kind} if field.name == CONSTITUENTS else extra_columns(kind)
            found.update(names)
    return tuple(name for name in EXTRA_FIELDS if name in found)


def with_columns(constituents: pa.ListArray, extra: Iterable[str]) -> pa.ListArray:
    """Constituents with all these further columns; 0 in those that they have not."""
    kind = extended(CONSTITUENT_TYPE, extra)
    if constituents.type.value_type == kind:
        return constituents
    flat = constituents.flatten()
    there = {field.name for field in flat.type}
    nothing = pa.array(np.zeros(len(flat), np.float32))
    columns = [flat.field(field.name) if field.name in there else nothing for field in kind]
    lengths = pc.list_value_length(constituents).to_numpy(zero_copy_only=False)
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(columns, fields=list(kind)))
