"""Augmentations that are shipped ready, by name.

Factors of `renormMultFac` multiply pT², so the renormalization scale moves by their square root
(Pythia manual, sections Timelike Showers and Spacelike Showers).
"""

from types import MappingProxyType
from typing import Any

__all__ = ["AUGMENTATIONS", "NOMINAL"]

NOMINAL = "nominal"
"""The anchor of every group."""


def _detector(description: str, **changes: float) -> dict[str, Any]:
    """A variation of the detector alone: the particles are the anchor's."""
    return {"description": description, "intervene": "detector", "detector": changes}


AUGMENTATIONS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        NOMINAL: {"description": "the campaign's tune, unchanged: the anchor of every group"},
        "seed": {"description": "another random stream, nothing else"},
        "fsrRenHi": {
            "description": "FSR muR x 0.841, RS3L's choice: more radiation",
            "settings": {"TimeShower:renormMultFac": 0.707},
        },
        "fsrRenLo": {
            "description": "FSR muR x 1.189, RS3L's choice: less radiation",
            "settings": {"TimeShower:renormMultFac": 1.414},
        },
        "fsrRenHi4": {
            "description": "FSR muR x 0.5",
            "settings": {"TimeShower:renormMultFac": 0.25},
        },
        "fsrRenLo4": {
            "description": "FSR muR x 2",
            "settings": {"TimeShower:renormMultFac": 4.0},
        },
        "isrRenHi": {
            "description": "ISR muR x 0.841",
            "settings": {"SpaceShower:renormMultFac": 0.707},
        },
        "isrRenLo": {
            "description": "ISR muR x 1.189",
            "settings": {"SpaceShower:renormMultFac": 1.414},
        },
        "isrRenHi4": {
            "description": "ISR muR x 0.5",
            "settings": {"SpaceShower:renormMultFac": 0.25},
        },
        "isrRenLo4": {
            "description": "ISR muR x 2",
            "settings": {"SpaceShower:renormMultFac": 4.0},
        },
        "mpiOff": {
            "description": "no multiparton interactions",
            "settings": {"PartonLevel:MPI": False},
        },
        "shower10": {
            "description": "emissions above 10 GeV shared with the anchor, the rest simulated again",
            "intervene": {"shower_scale": 10.0},
        },
        # With a detector, the pair of arXiv:2503.11632.
        "rehadronize": {
            "description": "shower and MPI shared with the anchor, hadronization and all after it again",
            "intervene": "parton_level",
        },
        "redecay": {
            "description": "all but the decays of hadrons shared with the anchor",
            "intervene": "decays",
        },
        "redetect": {
            "description": "all particles shared with the anchor, the detector simulated again",
            "intervene": "detector",
        },
        "trackEffHi": _detector("tracking efficiency x 1.03", efficiency=1.03),
        "trackEffLo": _detector("tracking efficiency x 0.97", efficiency=0.97),
        "trackResHi": _detector("momentum resolution of tracks x 1.1", track_resolution=1.1),
        "trackResLo": _detector("momentum resolution of tracks x 0.9", track_resolution=0.9),
        "caloResHi": _detector("energy resolution of towers x 1.1", calorimeter_resolution=1.1),
        "caloResLo": _detector("energy resolution of towers x 0.9", calorimeter_resolution=0.9),
        "caloScaleHi": _detector("energy scale of towers x 1.03", calorimeter_scale=1.03),
        "caloScaleLo": _detector("energy scale of towers x 0.97", calorimeter_scale=0.97),
        "herwig7": {"description": "Herwig 7 shower and hadronization", "shower": "herwig7"},
        "CP5up": {"description": "CP5 eigentune up", "tune": "CP5up"},
        "CP5down": {"description": "CP5 eigentune down", "tune": "CP5down"},
        "vincia": {
            "description": "the Vincia antenna shower in place of the simple shower",
            # Vincia radiates photons in hadron decays itself; with HadronLevel:QED all its events fail.
            "settings": {"PartonShowers:model": 2, "HadronLevel:QED": False},
        },
    }
)
"""Name to the fields of `campaign.config.Augmentation` that differ from their defaults."""
