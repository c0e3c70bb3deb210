"""The columns of the jets table."""

import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.config import Campaign
from jetresim.campaign.status import Status
from jetresim.jets.parquet import single

__all__ = [
    "CONSTITUENT_TYPE",
    "JETS_SCHEMA",
    "JET_TYPE",
    "STATUSES",
    "STATUS_TYPE",
    "present",
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
unless `status` is "matched"."""


def present(table: pa.Table, pt_min: float) -> pa.Array:
    """Which rows of a jets table have a jet that counts: matched, and above `pt_min` [GeV]."""
    status = single(table["status"]).cast(pa.string())
    pt = pc.struct_field(single(table["jet"]), "pt")
    return pc.and_(pc.equal(status, Status.MATCHED), pc.fill_null(pc.greater(pt, pt_min), False))


def surviving_events(table: pa.Table, campaign: Campaign) -> frozenset[int]:
    """Hard events of which at least one target has a jet that groups can be made with."""
    return frozenset(table.filter(present(table, campaign.groups.pt_min))["event"].to_pylist())
