"""Columns of whole events."""

import pyarrow as pa

from jetresim.showers.protocol import PARTICLE_FIELDS

__all__ = ["EVENTS_SCHEMA", "HARD", "PARTICLE", "SIMULATED"]

_MOMENTUM = ("px", "py", "pz", "energy")

HARD = pa.struct(
    [
        *(pa.field(name, pa.int32()) for name in ("pdgid", "status", "mother1", "mother2")),
        *(pa.field(name, pa.float64()) for name in (*_MOMENTUM, "mass")),
    ]
)
"""A particle of the hard process, as Les Houches records have it, [GeV]."""

PARTICLE = pa.struct(
    [pa.field(name, pa.int32() if name == "pdgid" else pa.float64()) for name in PARTICLE_FIELDS]
)
"""A particle of the final state, [GeV] and [mm]."""

EVENTS_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("process", "realization", "version", "status")),
        *(pa.field(name, pa.int64()) for name in ("event", "seed")),
        pa.field("weight", pa.float64()),
        pa.field("digest", pa.string()),
        pa.field("hard", pa.list_(HARD)),
        pa.field("particles", pa.list_(PARTICLE)),
    ]
)
"""One row a hard event: its identity, its weight [pb], the Les Houches record, and the final state [GeV, mm],
empty unless `status` is "simulated"."""

SIMULATED = "simulated"
"""Status of an event that has particles."""
