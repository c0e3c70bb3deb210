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
        13: "H→cc",
        14: "H→gg",
        15: "H→4q",
        16: "H→ℓνqq",
        17: "t→bℓν",
        18: "X→bb",
        19: "X→cc",
        20: "X→qq",
        21: "X→gg",
    }
)
"""RS3L `jettype`; 0 (a single hard gluon) and those from 12 on (12 is t → b q q) are this project's."""

QUARKS = [1, 2, 3, 4, 5]
_LEPTONS = [11, 12, 13, 14]

TARGETS: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "higgs": {"kind": "resonance", "pdgid": 25, "daughters": [5], "label": 4},
        "h_cc": {"kind": "resonance", "pdgid": 25, "daughters": [4], "label": 13},
        "h_gg": {"kind": "resonance", "pdgid": 25, "daughters": [21], "label": 14},
        "h_4q": {"kind": "resonance", "pdgid": 25, "daughters": QUARKS, "number": 4, "label": 15},
        "h_lvqq": {
            "kind": "resonance",
            "pdgid": 25,
            "daughters": [*QUARKS, *_LEPTONS],
            "number": 3,
            "label": 16,
        },
        "w": {"kind": "resonance", "pdgid": 24, "daughters": QUARKS, "label": 9},
        "z": {"kind": "resonance", "pdgid": 23, "daughters": [1, 2, 3, 4], "label": 10},
        "z_bb": {"kind": "resonance", "pdgid": 23, "daughters": [5], "label": 11},
        "top": {"kind": "resonance", "pdgid": 6, "daughters": QUARKS, "label": 12},
        "t_blv": {
            "kind": "resonance",
            "pdgid": 6,
            "daughters": [*QUARKS, *_LEPTONS],
            "number": 2,
            "label": 17,
        },
        "x_bb": {"kind": "resonance", "pdgid": 35, "daughters": [5], "label": 18},
        "x_cc": {"kind": "resonance", "pdgid": 35, "daughters": [4], "label": 19},
        "x_qq": {"kind": "resonance", "pdgid": 35, "daughters": [1, 2, 3], "label": 20},
        "x_gg": {"kind": "resonance", "pdgid": 35, "daughters": [21], "label": 21},
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

_HADRONIC_W = {"24:onMode": "off", "24:onIfAny": "1 2 3 4 5"}
_TOPS = {"Top:gg2ttbar": True, "Top:qqbar2ttbar": True}


def _higgs(decay: str, products: str, target: str, **more: Any) -> dict[str, Any]:
    """A Higgs boson beside an invisible Z, by its decay; `more` are further fields."""
    settings = {
        "HiggsSM:ffbar2HZ": True,
        "25:onMode": "off",
        "25:onIfMatch": products,
        **_Z_TO_NEUTRINOS,
        **more.pop("settings", {}),
    }
    return {"description": f"pp → H Z, {decay}, Z → ν ν̄", "settings": settings, "targets": [target], **more}


def _flat(decay: str, products: str) -> dict[str, Any]:
    """A scalar of flat mass and pT beside an invisible Z, by its decay to two partons."""
    return {
        "description": f"X Z, X → {decay}, Z → ν ν̄; mass and pT of the scalar X are flat",
        "generator": "gun",
        "gun": {"pdgid": 35, "mass": [30, 300]},
        "cuts": {"pt_min": 400, "pt_max": 1000},
        "decay_settings": {"35:oneChannel": f"1 1.0 100 {products}", **_Z_TO_NEUTRINOS},
    }


PROCESSES: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {
        "higgs": _higgs("H → b b̄", "5 -5", "higgs"),
        "h_cc": _higgs("H → c c̄", "4 -4", "h_cc"),
        "h_gg": _higgs("H → g g", "21 21", "h_gg"),
        "h_4q": _higgs("H → W W → 4 q", "24 -24", "h_4q", settings=_HADRONIC_W),
        "h_lvqq": _higgs(
            "H → W W → ℓ ν q q̄' (ℓ = e, μ)",
            "24 -24",
            "h_lvqq",
            settings={"24:onMode": "off", "24:onIfAny": "1 2 3 4 5 11 13"},
            require_targets=1,
        ),
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
        "zquark": {
            "description": "pp → Z + one quark, Z → ν ν̄",
            "settings": {"WeakBosonAndParton:qg2gmZq": True, "WeakZ0:gmZmode": 2, **_Z_TO_NEUTRINOS},
            "targets": ["parton"],
        },
        "wjet": {
            "description": "pp → W Z, W → q q̄', Z → ν ν̄",
            "settings": {
                "WeakDoubleBoson:ffbar2ZW": True,
                **_HADRONIC_W,
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
            "settings": {**_TOPS, **_HADRONIC_W},
            "targets": ["top"],
        },
        "t_blv": {
            "description": "pp → t t̄, both tops to b ℓ ν (ℓ = e, μ)",
            "settings": {**_TOPS, "24:onMode": "off", "24:onIfAny": "11 13"},
            "targets": ["t_blv"],
        },
        "monotop": {
            "description": "a top of flat pT beside an invisible Z, to three quarks",
            "generator": "gun",
            "gun": {"pdgid": 6},
            "cuts": {"pt_min": 400, "pt_max": 1000},
            "decay_settings": {**_HADRONIC_W, **_Z_TO_NEUTRINOS},
            "targets": ["top"],
        },
        **{
            name: {**_flat(decay, products), "targets": [name]}
            for name, decay, products in (
                ("x_bb", "b b̄", "5 -5"),
                ("x_cc", "c c̄", "4 -4"),
                ("x_qq", "s s̄", "3 -3"),
                ("x_gg", "g g", "21 21"),
            )
        },
        "dijet": {
            "description": "pp → two partons",
            "settings": {"HardQCD:all": True},
            "targets": ["parton"],
        },
        "g_qq": _splitting("q q̄ (q = u, d, s)", "u u~", "d d~", "s s~"),
        "g_cc": _splitting("c c̄", "c c~"),
        "g_bb": _splitting("b b̄", "b b~"),
        "g_gg": _splitting("g g", "g g"),
    }
)
"""Process name to the fields of `campaign.config.Process` that the catalogue fills in."""
