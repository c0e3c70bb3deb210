"""Charged particles in the field of a solenoid around the beam line."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Floats

__all__ = ["SOLENOID_FIELD", "Perigee", "perigee"]

SOLENOID_FIELD = 3.8
"""Field of the CMS solenoid [T]."""

_GEV_PER_TESLA_MM = 0.299792458e-3
"""pT [GeV] of a unit charge = this × field [T] × radius of curvature [mm] (PDG
review, Particle detectors at accelerators, Measurement of particle momenta)."""


class Perigee(NamedTuple):
    """Point of closest approach to the beam line, in the transverse plane.

    Attributes
    ----------
    d0, dz : ndarray of float64
        Impact parameters [mm]: d0 = (x·py − y·px)/pT and dz = z − (x·px + y·py)/pT · pz/pT with position
        and momentum at the perigee. This is RS3L's sign of d0, opposite to that of CMS's dxy.
    x, y, z : ndarray of float64
        Position [mm].
    px, py, pz : ndarray of float64
        Momentum [GeV].
    time : ndarray of float64
        Time from the production vertex to the perigee [mm/c], negative when the perigee lies before it.
    """

    d0: Floats
    dz: Floats
    x: Floats
    y: Floats
    z: Floats
    px: Floats
    py: Floats
    pz: Floats
    time: Floats


def perigee(
    x: Floats,
    y: Floats,
    z: Floats,
    px: Floats,
    py: Floats,
    pz: Floats,
    energy: Floats,
    charge: npt.NDArray[np.integer],
    field: float = SOLENOID_FIELD,
) -> Perigee:
    """Follow particles along their helices to the point of closest approach to the beam line.

    Without energy loss, in a uniform field along +z, with the beam line at x = y = 0. The perigee is the
    one within half a turn of the production vertex. Without charge or field the helix is a straight line. A
    particle without transverse momentum stays where it is: its d0 is its distance to the beam line.

    Parameters
    ----------
    x, y, z : ndarray of float64, shape (N,)
        Production vertices [mm].
    px, py, pz, energy : ndarray of float64, shape (N,)
        Momenta and energies at the production vertices [GeV].
    charge : ndarray of int, shape (N,)
        Charges [e].
    field : float
        Field along +z [T].

    Returns
    -------
    Perigee
        Arrays of shape (N,).

    Notes
    -----
    With the signed curvature k = 1/R, the unit vector (cos, sin) of the transverse momentum,
    a = x·sin − y·cos and b = x·cos + y·sin, the centre of the circle lies at R·hypot(1 + k·a, k·b) from the
    beam line, and d0 = (k·(x² + y²) + 2a) / (1 + hypot(1 + k·a, k·b)). Unlike the difference of two radii,
    this loses no digits for stiff tracks.
    """
    pt = np.hypot(px, py)
    moving = pt > 0
    cos, sin = _direction(np.where(moving, px, -y), np.where(moving, py, x))
    inverse_pt = np.divide(1.0, pt, out=np.zeros_like(pt), where=moving)
    k = _GEV_PER_TESLA_MM * field * charge * inverse_pt
    a, b = x * sin - y * cos, x * cos + y * sin
    turn = np.arctan2(k * b, 1 + k * a)
    d0 = (k * (x * x + y * y) + 2 * a) / (1 + np.hypot(1 + k * a, k * b))
    path = -np.divide(turn, k, out=b.copy(), where=k != 0)
    cos_turn, sin_turn = np.cos(turn), np.sin(turn)
    z_perigee = z + path * pz * inverse_pt
    return Perigee(
        d0=d0,
        dz=z_perigee,
        x=d0 * (sin * cos_turn + cos * sin_turn),
        y=-d0 * (cos * cos_turn - sin * sin_turn),
        z=z_perigee,
        px=px * cos_turn - py * sin_turn,
        py=py * cos_turn + px * sin_turn,
        pz=pz,
        time=path * energy * inverse_pt,
    )


def _direction(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Normalize vectors; the null vector becomes the unit vector along x."""
    length = np.hypot(x, y)
    some = length > 0
    return (
        np.divide(x, length, out=np.ones_like(length), where=some),
        np.divide(y, length, out=np.zeros_like(length), where=some),
    )
