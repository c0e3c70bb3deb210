"""The process catalogue: hard processes, the jets they are made for, and their RS3L labels."""

from types import MappingProxyType
from typing import Any

__all__ = ["LABELS", "PROCESSES", "TARGETS"]

LABELS = MappingProxyType(
    {
        0: "gluon",
        1: "light quark",
        2: "charm",
        3: "bottom",
        4: "H→bb",
        5: "g→qq",
        6: "g→cc",
        7: "g→bb",
        8: "g→gg",
        9: "W→qq",
        10: "Z→qq",
        11: "Z→bb",
        12: "top",
    }
)
"""RS3L `jettype`; 0 (a single hard gluon) and 12 (top) are this project's."""

QUARKS = [1, 2, 3, 4, 5]

TARGETS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "higgs": {"kind": "resonance", "pdgid": 25, "daughters": [5], "label": 4},
        "w": {"kind": "resonance", "pdgid": 24, "daughters": QUARKS, "label": 9},
        "z": {"kind": "resonance", "pdgid": 23, "daughters": [1, 2, 3, 4], "label": 10},
        "z_bb": {"kind": "resonance", "pdgid": 23, "daughters": [5], "label": 11},
        "top": {"kind": "resonance", "pdgid": 6, "daughters": QUARKS, "label": 12},
        "parton": {"kind": "parton"},
        "splitting": {"kind": "splitting"},
    }
)
"""Targets by name, as fields of `campaign.config.Target`."""

_NEAR = {"ptj": 20, "ptb": 20, "drjj": 0.05, "drjjmax": 0.8, "drbb": 0.05, "drbbmax": 0.8, "misset": 400}
"""Two partons that one jet of R = 0.8 can hold, against an invisible Z; the numbers are a choice of ours."""


def _splitting(name: str, *pairs: str) -> dict[str, Any]:
    """A gluon's splitting class of RS3L as MadGraph makes it."""
    processes = [f"p p > z {pair}, z > vl vl~" for pair in pairs]
    return {
        "description": f"pp → Z {name}, the two within ΔR = 0.8, Z → ν ν̄",
        "generator": "madgraph",
        "madgraph": {
            "process": [f"generate {processes[0]}", *(f"add process {one}" for one in processes[1:])],
            "run_card": _NEAR,
        },
        "targets": ["splitting"],
    }


_Z_TO_NEUTRINOS = {"23:onMode": "off", "23:onIfAny": "12 14 16"}

PROCESSES: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "higgs": {
            "description": "pp → H Z, H → b b̄, Z → ν ν̄",
            "settings": {
                "HiggsSM:ffbar2HZ": True,
                "25:onMode": "off",
                "25:onIfMatch": "5 -5",
                **_Z_TO_NEUTRINOS,
            },
            "targets": ["higgs"],
        },
        "qcd": {
            "description": "pp → Z + one parton, Z → ν ν̄",
            "settings": {
                "WeakBosonAndParton:qqbar2gmZg": True,
                "WeakBosonAndParton:qg2gmZq": True,
                "WeakZ0:gmZmode": 2,
                **_Z_TO_NEUTRINOS,
            },
            "targets": ["parton"],
        },
        "wjet": {
            "description": "pp → W Z, W → q q̄', Z → ν ν̄",
            "settings": {
                "WeakDoubleBoson:ffbar2ZW": True,
                "24:onMode": "off",
                "24:onIfAny": "1 2 3 4 5",
                **_Z_TO_NEUTRINOS,
            },
            "targets": ["w"],
        },
        "zjet": {
            "description": "pp → Z Z, one Z → q q̄, the other Z → ν ν̄",
            "settings": {
                "WeakDoubleBoson:ffbar2gmZgmZ": True,
                "WeakZ0:gmZmode": 2,
                "23:onMode": "off",
                "23:onIfAny": "1 2 3 4 5 12 14 16",
            },
            "targets": ["z", "z_bb"],
            "require_targets": 1,
        },
        "top": {
            "description": "pp → t t̄, both tops to three quarks",
            "settings": {
                "Top:gg2ttbar": True,
                "Top:qqbar2ttbar": True,
                "24:onMode": "off",
                "24:onIfAny": "1 2 3 4 5",
            },
            "targets": ["top"],
        },
        "dijet": {
            "description": "pp → two partons",
            "settings": {"HardQCD:all": True},
            "targets": ["parton"],
        },
        "g_qq": _splitting("q q̄", "u u~", "d d~", "s s~"),
        "g_cc": _splitting("c c̄", "c c~"),
        "g_bb": _splitting("b b̄", "b b~"),
        "g_gg": _splitting("g g", "g g"),
    }
)
"""Process name to the fields of `campaign.config.Process` that the catalogue fills in."""
