"""Fingerprint of an event's particles, which travels with the event to other programs and back."""

import hashlib

import numpy as np

from jetresim.detectors.columns import Columns

__all__ = ["digest_of"]

_MOMENTUM = ("px", "py", "pz", "energy")


def digest_of(particles: Columns) -> str:
    """Fingerprint of particles in any order, by their ids and momenta: 16 hexadecimal digits."""
    rows = np.column_stack([particles["pdgid"].astype(np.float64), *(particles[name] for name in _MOMENTUM)])
    ordered = rows[np.lexsort(rows.T[::-1])]
    return hashlib.blake2b(np.ascontiguousarray(ordered, dtype="<f8").tobytes(), digest_size=8).hexdigest()
