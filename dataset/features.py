"""RS3L's features of constituents and jets (arXiv:2403.07066): one quantity, one function.

Every function takes the columns of all constituents and those of the jet each of them belongs to, as
float64 arrays of the same length, and returns one number a constituent.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Floats
from jetresim.campaign.detector import EXTRA_FIELDS

__all__ = [
    "ELECTRON",
    "FEATURES",
    "FOUR_VECTOR_FEATURES",
    "IMPACT_PARAMETERS",
    "JETCLR_FEATURES",
    "JET_FEATURES",
    "MUON",
    "PAIR_FEATURES",
    "PFLOW_FEATURES",
    "PHOTON",
    "delta_phi",
]

Columns = Mapping[str, npt.NDArray[np.generic]]

PHOTON, MUON, ELECTRON = 22, 13, 11
"""Absolute PDG ids."""

CHARGED_HADRONS = (211, 321, 2212, 3112, 3222, 3312, 3334)
"""Absolute PDG ids that the authors' loader counts as charged hadrons."""

NEUTRAL_HADRON = 0
"""PDG id of a neutral hadron in Delphes' particle flow; candidates at particle level never have it."""

_MILLIMETRES = 10.0  # in a centimetre

_SMALLEST_LN_PT = float(np.log1p(np.finfo(np.float32).eps))


def ln_pt(constituent: Columns, jet: Columns) -> Floats:
    """Logarithm of pT [GeV], positive for every constituent.

    Readers take a slot with a value above 0 as filled. A pT that float32 rounded to 1 GeV therefore
    counts as the next number above it.
    """
    return np.maximum(np.log(constituent["pt"]), _SMALLEST_LN_PT)


def ln_relative_pt(constituent: Columns, jet: Columns) -> Floats:
    """Logarithm of the fraction of the jet's pT."""
    return np.log(constituent["pt"] / jet["pt"])


def delta_eta(constituent: Columns, jet: Columns) -> Floats:
    """Pseudorapidity from the jet axis."""
    return constituent["eta"] - jet["eta"]


def delta_phi(constituent: Columns, jet: Columns) -> Floats:
    """Azimuth from the jet axis, in [-pi, pi)."""
    difference = constituent["phi"] - jet["phi"]
    # as the remainder of a division by 2 pi, but several times faster and exact for what is not wrapped
    return difference - 2 * np.pi * np.floor((difference + np.pi) / (2 * np.pi))


def delta_r(constituent: Columns, jet: Columns) -> Floats:
    """Distance to the jet axis."""
    return np.sqrt(delta_eta(constituent, jet) ** 2 + delta_phi(constituent, jet) ** 2)


def ln_energy(constituent: Columns, jet: Columns) -> Floats:
    """Logarithm of the energy [GeV]."""
    return np.log(constituent["energy"])


def ln_relative_energy(constituent: Columns, jet: Columns) -> Floats:
    """Logarithm of the fraction of the jet's energy."""
    return np.log(constituent["energy"] / jet["energy"])


def tanh_d0(constituent: Columns, jet: Columns) -> Floats:
    """Transverse impact parameter [mm], squeezed into (-1, 1)."""
    return np.tanh(constituent["d0"])


def tanh_dz(constituent: Columns, jet: Columns) -> Floats:
    """Longitudinal impact parameter [mm], squeezed into (-1, 1)."""
    return np.tanh(constituent["dz"])


def column(name: str) -> Callable[[Columns, Columns], Floats]:
    """Make the feature that is a column of the constituents as it is."""
    return lambda constituent, jet: constituent[name]


def dxy_cms(constituent: Columns, jet: Columns) -> Floats:
    """CMS's dxy = (−x·py + y·px)/pT [cm] (CMSSW, DataFormats/TrackReco/interface/TrackBase.h)."""
    return -constituent["d0"] / _MILLIMETRES


def dz_cms(constituent: Columns, jet: Columns) -> Floats:
    """CMS's dz [cm], of the same sign as that of the groups."""
    return constituent["dz"] / _MILLIMETRES


def charge(constituent: Columns, jet: Columns) -> Floats:
    """Electric charge [e]."""
    return constituent["charge"]


def pdgid(constituent: Columns, jet: Columns) -> Floats:
    """PDG id."""
    return constituent["pdgid"]


def pt_gev(constituent: Columns, jet: Columns) -> Floats:
    """Transverse momentum itself [GeV]."""
    return constituent["pt"]


def px(constituent: Columns, jet: Columns) -> Floats:
    """Momentum along x [GeV]."""
    return constituent["pt"] * np.cos(constituent["phi"])


def py(constituent: Columns, jet: Columns) -> Floats:
    """Momentum along y [GeV]."""
    return constituent["pt"] * np.sin(constituent["phi"])


def pz(constituent: Columns, jet: Columns) -> Floats:
    """Momentum along the beam [GeV]."""
    return constituent["pt"] * np.sinh(constituent["eta"])


def energy(constituent: Columns, jet: Columns) -> Floats:
    """Energy itself [GeV]."""
    return constituent["energy"]


def is_kind(*codes: int) -> Callable[[Columns, Columns], Floats]:
    """Make the feature that is 1 for constituents with one of these absolute PDG ids, else 0."""

    def feature(constituent: Columns, jet: Columns) -> Floats:
        kind = np.abs(constituent["pdgid"])
        # a comparison a code is several times faster than np.isin
        return np.any([kind == code for code in codes], axis=0).astype(np.float64)

    return feature


FEATURES: MappingProxyType[str, Callable[[Columns, Columns], Floats]] = MappingProxyType(
    {
        "pt": ln_pt,
        "relpt": ln_relative_pt,
        "eta": delta_eta,
        "phi": delta_phi,
        "dr": delta_r,
        "e": ln_energy,
        "rele": ln_relative_energy,
        "charge": charge,
        "pdgid": pdgid,
        "d0": tanh_d0,
        "dz": tanh_dz,
        "isPhoton": is_kind(PHOTON),
        "isMuon": is_kind(MUON),
        "isElectron": is_kind(ELECTRON),
        "isChargedHadron": is_kind(*CHARGED_HADRONS),
        "isNeutralHadron": is_kind(NEUTRAL_HADRON),
        "pt_gev": pt_gev,
        "px": px,
        "py": py,
        "pz": pz,
        "energy": energy,
        "d0_delphes": column("d0"),
        "dz_delphes": column("dz"),
        "dxy_cms": dxy_cms,
        "dz_cms": dz_cms,
        **{name: column(name) for name in EXTRA_FIELDS},
    }
)
"""Name of a constituent feature to the function that gives it: those of the published files, then ours, at
the end those that only some data sets have."""

IMPACT_PARAMETERS = ("d0_delphes", "dz_delphes", "dxy_cms", "dz_cms")
"""Impact parameters in the signs and units of Delphes, which are those of the groups, and of CMS."""

PFLOW_FEATURES = ("pt", "relpt", "eta", "phi", "dr", "e", "rele", "charge", "pdgid", "d0", "dz")
"""Order along axis 2 of ``jet_pflow_cands``."""

PAIR_FEATURES = (
    *("pt", "relpt", "eta", "phi", "e", "rele", "charge", "d0", "dz", "dr"),
    *("isPhoton", "isMuon", "isElectron", "isChargedHadron", "isNeutralHadron"),
)
"""Order along the last axis of ``features`` in the paired training file."""

FOUR_VECTOR_FEATURES = ("px", "py", "pz", "energy")
"""Four-vector of a constituent in the frame of the laboratory [GeV]."""

JETCLR_FEATURES = ("pt_gev", "eta", "phi")
"""pT and distances to the jet axis: what JetCLR's transformations act on (arXiv:2108.04253)."""

JET_FEATURES = MappingProxyType(
    {"pt": "pt", "eta": "eta", "phi": "phi", "e": "energy", "sdmass": "sdmass", "n2": "n2"}
)
"""Name of a jet feature to the field of the groups' jets."""
