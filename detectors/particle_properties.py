"""Charge and visibility of particles by their PDG id."""

from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt
from particle import PDGID

from jetresim.campaign.arrays import Booleans

__all__ = ["Kind", "charge_and_visibility"]

_PHOTON = 22
_GLUON = 21

_DARK = (range(51, 61), range(4_900_021, 5_000_000))
"""Dark matter and hidden-valley particles, neutral and invisible (PDG review, Monte Carlo particle
numbering scheme; Pythia manual, Hidden Valley Processes). `particle` takes their digits for quarks."""

_HIGHEST_CHARGE = np.iinfo(np.int8).max


class Kind(IntEnum):
    """What a PDG id can be in the final state."""

    UNKNOWN = 0
    """Not in the PDG numbering scheme."""
    PARTON = 1
    """A quark, diquark or gluon: no final state."""
    HADRON = 2
    """Nuclei and R-hadrons included."""
    OTHER = 3
    """A lepton, a boson or an invisible particle."""


def charge_and_visibility(
    pdgid: npt.NDArray[np.integer],
) -> tuple[npt.NDArray[np.int8], Booleans, npt.NDArray[np.int8]]:
    """Look up particles of the final state.

    A particle is visible when it is charged, a photon or a hadron (nuclei and R-hadrons included). That
    leaves out neutrinos, neutralinos, sneutrinos, gravitinos, right-handed neutrinos, dark matter,
    hidden-valley particles and undecayed neutral bosons.

    Parameters
    ----------
    pdgid : ndarray of int, shape (N,)

    Returns
    -------
    charge : ndarray of int8, shape (N,)
        Charge [e]; 0 for what is no final state.
    visible : ndarray of bool, shape (N,)
        False for what is no final state.
    kind : ndarray of int8, shape (N,)
        A `Kind` each.
    """
    distinct, inverse = np.unique(pdgid, return_inverse=True)
    properties = np.array([_properties(int(one)) for one in distinct], dtype=np.int8).reshape(-1, 3)
    charge, visible, kind = properties[inverse].T
    return charge, visible.astype(np.bool_), kind


@cache
def _properties(pdgid: int) -> tuple[int, bool, Kind]:
    if any(abs(pdgid) in dark for dark in _DARK):
        return 0, False, Kind.OTHER
    particle = PDGID(pdgid)
    triple = particle.three_charge
    if triple is None or abs(triple) > 3 * _HIGHEST_CHARGE:
        return 0, False, Kind.UNKNOWN
    if abs(pdgid) == _GLUON or triple % 3:
        return 0, False, Kind.PARTON
    kind = Kind.HADRON if particle.is_hadron or particle.is_nucleus else Kind.OTHER
    charge = triple // 3
    return charge, bool(charge != 0 or abs(pdgid) == _PHOTON or particle.is_hadron), kind
