"""Columns of whole events, and the digest that travels with each."""

import hashlib

import numpy as np
import pyarrow as pa

from jetresim.detectors.columns import Columns
from jetresim.showers.protocol import PARTICLE_FIELDS

__all__ = ["EVENTS_SCHEMA", "HARD", "PARTICLE", "SIMULATED", "digest_of"]

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


def digest_of(particles: Columns) -> str:
    """Fingerprint of particles in any order, by their ids and momenta, which travels with the event."""
    rows = np.column_stack([particles["pdgid"].astype(np.float64), *(particles[name] for name in _MOMENTUM)])
    ordered = rows[np.lexsort(rows.T[::-1])]
    return hashlib.blake2b(np.ascontiguousarray(ordered, dtype="<f8").tobytes(), digest_size=8).hexdigest()
