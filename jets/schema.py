"""The columns of the jets table."""

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.config import Campaign, Groups
from jetresim.campaign.status import Status
from jetresim.jets.constituents import CONSTITUENT_TYPE
from jetresim.jets.parquet import SHOWER_WEIGHTS, single

__all__ = [
    "JETS_SCHEMA",
    "JET_TYPE",
    "STATUSES",
    "STATUS_TYPE",
    "WEIGHTS_TYPE",
    "jets_schema",
    "member_status",
    "surviving_events",
]

STATUSES = tuple(Status)
"""Values of the `status` dictionary, always all of them and in this order."""

STATUS_TYPE = pa.dictionary(pa.int8(), pa.string())
"""Each status is stored once; rows count them."""

SUBSTRUCTURE_FIELDS = ("mass", "sdmass", "n2", "d2", "tau1", "tau2", "tau3", "tau4")
"""Mass and soft-drop mass [GeV]; the others have no dimension. See `jets.substructure`."""

JET_TYPE = pa.struct(
    [
        *(pa.field(name, pa.float32()) for name in ("pt", "eta", "phi", "energy", *SUBSTRUCTURE_FIELDS)),
        pa.field("nconstituents", pa.int32()),
    ]
)
"""pT and energy [GeV], phi in (−π, π]; `nconstituents` counts all, also those that are not stored."""

WEIGHTS_TYPE = pa.list_(pa.float32())
"""Weights of a realization's variations over the weight of the event; none where it was not simulated."""

JETS_SCHEMA = pa.schema(
    [
        pa.field("event", pa.int64()),
        pa.field("target", pa.int8()),
        pa.field("status", STATUS_TYPE),
        pa.field("seed", pa.int64()),
        pa.field("jet", JET_TYPE),
        pa.field("constituents", pa.list_(CONSTITUENT_TYPE)),
    ]
)
"""One row per target of each hard event, in order of (event, target). `jet` is null and `constituents` empty
unless `status` is "matched". Constituents may have further columns, see `jets.constituents`."""


def jets_schema(campaign: Campaign, realization: str) -> pa.Schema:
    """The columns of the jets of a realization."""
    if not campaign.weight_names(realization):
        return JETS_SCHEMA
    return JETS_SCHEMA.append(pa.field(SHOWER_WEIGHTS, WEIGHTS_TYPE))


def member_status(table: pa.Table, groups: Groups) -> pa.Array:
    """Status of rows of a jets table as members of groups: a jet outside the window of pT does not count."""
    status = single(table["status"]).cast(pa.string())
    pt = pc.struct_field(single(table["jet"]), "pt")
    matched = pc.equal(status, Status.MATCHED)
    below = pc.and_(matched, pc.invert(pc.fill_null(pc.greater(pt, groups.pt_min), False)))
    status = pc.if_else(below, str(Status.BELOW_PT), status)
    if groups.pt_max is None:
        return status
    above = pc.and_(matched, pc.fill_null(pc.greater(pt, groups.pt_max), False))
    return pc.if_else(above, str(Status.ABOVE_PT), status)


def surviving_events(tables: Iterable[pa.Table], campaign: Campaign) -> frozenset[int]:
    """Hard events of which at least one target has a jet that groups can be made with in every table.

    Parameters
    ----------
    tables : iterable of pa.Table
        Jets of different realizations of the same targets, row by row; at least one.
    campaign : Campaign
    """
    first, *others = tables
    alive = _has_member(first, campaign)
    for table in others:
        alive = pc.and_(alive, _has_member(table, campaign))
    return frozenset(first.filter(alive)["event"].to_pylist())


def _has_member(table: pa.Table, campaign: Campaign) -> pa.Array:
    return pc.equal(member_status(table, campaign.groups), Status.MATCHED)
