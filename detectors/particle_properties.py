"""Charge and visibility of particles by their PDG id."""

from functools import cache

import numpy as np
import numpy.typing as npt
from particle import PDGID

from campaign.errors import ShowerError

_PHOTON = 22
_GLUON = 21

_DARK = (range(51, 61), range(4_900_021, 5_000_000))
"""Dark matter and hidden-valley particles, neutral and invisible (PDG review, Monte Carlo particle
numbering scheme; Pythia manual, Hidden Valley Processes). `particle` takes their digits for quarks."""


def charge_and_visibility(
    pdgid: npt.NDArray[np.integer],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.bool_]]:
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
        Charge [e].
    visible : ndarray of bool, shape (N,)

    Raises
    ------
    ShowerError
        An id that is not in the PDG numbering scheme, or a quark, diquark or gluon: these are no final state.
    """
    distinct, inverse = np.unique(pdgid, return_inverse=True)
    properties = [_properties(int(one)) for one in distinct]
    charge = np.array([charge for charge, _ in properties], dtype=np.int8)
    visible = np.array([visible for _, visible in properties], dtype=np.bool_)
    return charge[inverse], visible[inverse]


@cache
def _properties(pdgid: int) -> tuple[int, bool]:
    if any(abs(pdgid) in dark for dark in _DARK):
        return 0, False
    particle = PDGID(pdgid)
    if particle.three_charge is None:
        raise ShowerError(f"final-state particle with PDG id {pdgid}: not in the PDG numbering scheme")
    if abs(pdgid) == _GLUON or particle.three_charge % 3:
        raise ShowerError(
            f"final-state particle with PDG id {pdgid}: a parton; hadronization must be on (HadronLevel:all)"
        )
    charge = particle.three_charge // 3
    visible = charge != 0 or abs(pdgid) == _PHOTON or particle.is_hadron
    return charge, bool(visible)
