"""What must hold for rows of jets and of groups, once for all who make, verify or report on them."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jetresim.campaign.arrays import Booleans, Integers
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign

__all__ = ["KINEMATICS", "beyond_circle", "expected_seeds", "impossible", "kept_rows", "row_identity"]


_PI = np.float32(np.pi)  # what π is rounded to in the files
KINEMATICS = ("pt", "eta", "phi", "energy")
"""Fields of a four-vector."""


def kept_rows(present: Booleans, campaign: Campaign) -> Booleans:
    """Which rows `groups.require` keeps, shape (N,), from the presence of their K members, shape (K, N)."""
    nominal = campaign.realizations.index(NOMINAL)
    rules = {"all": present.all(axis=0), "nominal": present[nominal], "any": present.any(axis=0)}
    return rules[campaign.groups.require]


def row_identity(table: pa.Table | None) -> Integers:
    """(event, target) of each row, shape (N, 2); a source that ended early has none."""
    if table is None:
        return np.empty((0, 2), np.int64)
    return np.stack([table[name].to_numpy().astype(np.int64) for name in ("event", "target")], axis=1)


def expected_seeds(
    campaign: Campaign, hard_events: Iterable[tuple[str, int]], realizations: Sequence[str]
) -> Integers:
    """Seeds that the campaign gives to (process, event), shape (N, K)."""
    seeds = [
        [campaign.seed_of(process, event, name) for name in realizations] for process, event in hard_events
    ]
    return np.array(seeds, np.int64).reshape(-1, len(realizations))


def beyond_circle(phi: npt.NDArray[np.floating]) -> Booleans:
    """Azimuths outside of (−π, π]; NaN is not."""
    return (phi <= -_PI) | (phi > _PI)


def impossible(columns: Mapping[str, npt.NDArray[np.floating]]) -> Booleans:
    """Four-vectors (pt, eta, phi, energy) that are not finite, or whose azimuth is `beyond_circle`."""
    finite = np.all([np.isfinite(columns[name]) for name in KINEMATICS], axis=0)
    return ~finite | beyond_circle(columns["phi"])
