"""Columns of constituents that all files have, and what detectors, pile-up and whole events add to them."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.detector import EXTRA_FIELDS

__all__ = [
    "CONSTITUENT_TYPE",
    "EVENT_FIELD",
    "EXTRA_COLUMNS",
    "MISSING_PT",
    "extended",
    "extra_columns",
    "with_columns",
    "with_extra",
]

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

MISSING_PT = ("missing_px", "missing_py")
"""Fields of `EVENT_FIELD` that are one number an event."""

EVENT_FIELD = pa.field(
    "whole_event",
    pa.struct(
        [
            *(pa.field(name, pa.float32()) for name in MISSING_PT),
            pa.field(
                "jets",
                pa.list_(
                    pa.struct(
                        [pa.field(name, pa.float32()) for name in ("pt", "eta", "phi", "energy", "mass")]
                    )
                ),
            ),
        ]
    ),
)
"""Behind the constituents in groups of whole events: minus the sum of the momenta of all of these [GeV], and
the jets in order of falling pT [GeV]."""

EXTRA_COLUMNS = (*EXTRA_FIELDS, EVENT_FIELD.name)
"""What stands in files only where it is asked for: columns of constituents, and that of whole events."""


def extended(kind: pa.DataType, extra: Iterable[str]) -> pa.DataType:
    """A type with further columns, wherever it holds constituents.

    Parameters
    ----------
    kind : pa.DataType
        `CONSTITUENT_TYPE`, or lists and structs around it; anything else stays.
    extra : iterable of str
        Some of `EXTRA_COLUMNS`; those of constituents are float32.
    """
    extra = frozenset(extra)
    if kind == CONSTITUENT_TYPE:
        return pa.struct([*kind, *(pa.field(name, pa.float32()) for name in EXTRA_FIELDS if name in extra)])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(extended(kind.value_type, extra)))
    if pa.types.is_struct(kind):
        return pa.struct(list(_extended_fields(kind, extra)))
    return kind


def _extended_fields(fields: Iterable[pa.Field], extra: frozenset[str]) -> Iterator[pa.Field]:
    for field in fields:
        yield field.with_type(extended(field.type, extra))
        if field.name == CONSTITUENTS and EVENT_FIELD.name in extra:
            yield EVENT_FIELD


def with_extra(schema: pa.Schema, extra: Iterable[str]) -> pa.Schema:
    """A schema with some of `EXTRA_COLUMNS`."""
    return pa.schema(list(_extended_fields(schema, frozenset(extra))))


def extra_columns(fields: Iterable[pa.Field]) -> tuple[str, ...]:
    """Those of `EXTRA_COLUMNS` that a schema or a struct has, at any depth."""
    found: set[str] = set()
    for field in fields:
        kind = field.type
        found |= {field.name} & {EVENT_FIELD.name}
        while pa.types.is_list(kind):
            kind = kind.value_type
        if pa.types.is_struct(kind):
            names = {each.name for each in kind} if field.name == CONSTITUENTS else extra_columns(kind)
            found.update(names)
    return tuple(name for name in EXTRA_COLUMNS if name in found)


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
