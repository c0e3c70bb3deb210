"""Underlying-event tunes by name, as Pythia 8 settings."""

from types import MappingProxyType

__all__ = ["TUNES"]

_STABLE_PARTICLES = {"ParticleDecays:limitTau0": True, "ParticleDecays:tau0Max": 10.0}

# CMS, EPJC 80 (2020) 4, table 4 (CP5) and the eigentunes of its appendix.
# CMS switches on photon radiation in hadron decays; since Pythia 8.313 the setting is HadronLevel:QED.
_CP5 = {
    "Tune:pp": 14,
    "Tune:ee": 7,
    "PDF:pSet": 20,
    "MultipartonInteractions:ecmPow": 0.03344,
    "MultipartonInteractions:bProfile": 2,
    "MultipartonInteractions:pT0Ref": 1.41,
    "MultipartonInteractions:coreRadius": 0.7634,
    "MultipartonInteractions:coreFraction": 0.63,
    "ColourReconnection:range": 5.176,
    "SigmaTotal:zeroAXB": False,
    "SigmaTotal:mode": 0,
    "SigmaTotal:sigmaEl": 21.89,
    "SigmaTotal:sigmaTot": 100.309,
    "SpaceShower:alphaSorder": 2,
    "SpaceShower:alphaSvalue": 0.118,
    "TimeShower:alphaSorder": 2,
    "TimeShower:alphaSvalue": 0.118,
    "MultipartonInteractions:alphaSorder": 2,
    "MultipartonInteractions:alphaSvalue": 0.118,
    "SigmaProcess:alphaSorder": 2,
    "SigmaProcess:alphaSvalue": 0.118,
    "HadronLevel:QED": True,
    "Beams:setProductionScalesFromLHEF": False,
    "Check:epTolErr": 0.01,
    **_STABLE_PARTICLES,
}

TUNES = MappingProxyType(
    {
        "CP5": _CP5,
        "CP5up": {
            **_CP5,
            "MultipartonInteractions:pT0Ref": 1.407,
            "MultipartonInteractions:coreRadius": 0.6671,
            "MultipartonInteractions:coreFraction": 0.4281,
            "ColourReconnection:range": 4.881,
        },
        "CP5down": {
            **_CP5,
            "MultipartonInteractions:pT0Ref": 1.46,
            "MultipartonInteractions:coreRadius": 0.6879,
            "MultipartonInteractions:coreFraction": 0.7253,
            "ColourReconnection:range": 4.691,
        },
        # Skands, Carrazza, Rojo, EPJC 74 (2014) 3024: Pythia's own default since 8.2.
        "Monash": {"Tune:pp": 14, "Tune:ee": 7, **_STABLE_PARTICLES},
    }
)
"""Tune name to settings. The stable-particle definition (c tau0 > 10 mm) is common to all."""
