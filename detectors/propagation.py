"""Flight of particles through a solenoid to the cylinder around the tracker.

A charged particle flies on a helix around the field, which lies along the beam; its energy stays. With
the transverse path s, the direction phi0 and the curvature k = c q B / pT (c = 0.299792458 GeV/(T m)),

    x(s) = x0 + chord cos(phi0 - k s/2),   y(s) = y0 + chord sin(phi0 - k s/2),   chord = 2 sin(k s/2) / k,

which holds for straight lines (k = 0, chord = s) too. With v = abs(k) s/2 the side of the cylinder is
reached where

    A t^2 + 2 a t - D = 0,   t = 2 tan(v) / abs(k),   a = r0 . (cos phi0, sin phi0),
    D = R^2 - r0^2,   A = 1 + k (x0 sin phi0 - y0 cos phi0) - D k^2/4,

and t = D / (a + sqrt(a^2 + A D)) is the first crossing for every sign of a and A, when v is taken in
(0, pi). Nothing is subtracted here that nearly cancels, however stiff the track.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Booleans, Floats

__all__ = ["Cylinder", "Exit", "inside", "propagate"]


GEV_PER_T_MM = 0.299792458e-3
"""pT [GeV] of a unit charge on a circle of 1 mm in 1 T: the speed of light in these units."""

ALONG_THE_BEAM = 1e-9
"""pT [GeV] below which a particle flies straight along the beam: its helix is thinner than a nanometre."""


@dataclass(frozen=True, slots=True)
class Cylinder:
    """A cylinder around the beam, centred on the origin, in a field along the beam.

    Attributes
    ----------
    radius, half_length : float
        [mm]
    field : float
        B_z [T]
    """

    radius: float
    half_length: float
    field: float


@dataclass(frozen=True, slots=True)
class Exit:
    """Where particles leave a cylinder.

    Attributes
    ----------
    x, y, z : ndarray of float64, shape (N,)
        Position [mm]; NaN where the particle does not leave.
    """

    x: Floats
    y: Floats
    z: Floats

    @property
    def eta(self) -> Floats:
        """Pseudorapidity seen from the origin; infinite on the beam line."""
        with np.errstate(divide="ignore", over="ignore"):
            return np.arcsinh(self.z / np.sqrt(self.x * self.x + self.y * self.y))

    @property
    def phi(self) -> Floats:
        """Azimuth, in [-pi, pi]."""
        return np.arctan2(self.y, self.x)


def inside(x: Floats, y: Floats, z: Floats, cylinder: Cylinder) -> Booleans:
    """Whether points [mm] lie in the cylinder or on it."""
    return (x * x + y * y <= cylinder.radius**2) & (np.abs(z) <= cylinder.half_length)


def propagate(
    x: Floats,
    y: Floats,
    z: Floats,
    px: Floats,
    py: Floats,
    pz: Floats,
    charge: npt.NDArray[np.number],
    cylinder: Cylinder,
) -> Exit:
    """Fly particles to the cylinder.

    Parameters
    ----------
    x, y, z : ndarray of float64, shape (N,)
        Production points inside the cylinder [mm].
    px, py, pz : ndarray of float64, shape (N,)
        Momenta at production [GeV].
    charge : ndarray, shape (N,)
        Charges [e].
    cylinder : Cylinder

    Returns
    -------
    Exit
        Points on the cylinder. A particle that never gets there (at rest, or circling in a plane
        inside the cylinder) has none.
    """
    pt = np.sqrt(px * px + py * py)
    moves = pt > ALONG_THE_BEAM
    safe_pt = np.where(moves, pt, 1.0)
    cos0, sin0 = np.where(moves, px / safe_pt, 1.0), np.where(moves, py / safe_pt, 0.0)
    k = np.where(moves, GEV_PER_T_MM * cylinder.field * charge / safe_pt, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        to_end = (np.copysign(cylinder.half_length, pz) - z) * pt / pz
    to_end = np.where(pz == 0, np.inf, to_end)
    to_side = np.where(moves, _path_to_side(x, y, cos0, sin0, k, cylinder.radius), np.inf)
    path = np.minimum(to_end, to_side)
    path = np.where(np.isfinite(path), path, np.nan)
    x1, y1 = _transverse_position(x, y, cos0, sin0, k, path)
    with np.errstate(divide="ignore", invalid="ignore"):
        z1 = np.where(to_end <= to_side, np.copysign(cylinder.half_length, pz), z + path * pz / safe_pt)
    return Exit(x1, y1, np.where(np.isnan(path), np.nan, z1))


def _path_to_side(x: Floats, y: Floats, cos0: Floats, sin0: Floats, k: Floats, radius: float) -> Floats:
    """Transverse path to the side of an endless cylinder; infinite where it is never reached."""
    a = x * cos0 + y * sin0
    depth = radius * radius - (x * x + y * y)
    curved = 1 + k * (x * sin0 - y * cos0) - 0.25 * depth * k * k
    discriminant = a * a + curved * depth
    root = np.sqrt(np.maximum(discriminant, 0.0))
    outwards = a >= 0
    numerator = np.where(outwards, depth, root - a)
    denominator = np.where(outwards, a + root, curved)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        straight = numerator / denominator
        bent = 2 * np.arctan2(0.5 * np.abs(k) * numerator, denominator) / np.abs(k)
    return np.where(discriminant < 0, np.inf, np.where(k == 0, straight, bent))


def _transverse_position(
    x: Floats, y: Floats, cos0: Floats, sin0: Floats, k: Floats, path: Floats
) -> tuple[Floats, Floats]:
    half_turn = 0.5 * k * path
    cosine, sine = np.cos(half_turn), np.sin(half_turn)
    with np.errstate(divide="ignore", invalid="ignore"):
        chord = np.where(k == 0, path, 2 * sine / k)
    return x + chord * (cos0 * cosine + sin0 * sine), y + chord * (sin0 * cosine - cos0 * sine)
