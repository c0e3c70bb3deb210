"""The columns of the jets table."""

import pyarrow as pa

from jetresim.campaign.status import Status

STATUSES = tuple(Status)
"""Values of the `status` dictionary, always all of them and in this order."""

STATUS_TYPE = pa.dictionary(pa.int8(), pa.string())

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
