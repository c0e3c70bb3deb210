"""Variations that Pythia gives weights for, beside the events of a realization.

Names are written as MCnet's convention has it (arXiv:2203.08230): `FSR.MUR=0.5__ISR.MUR=0.5`, the keys in
capitals, their scope before a dot, several of one variation joined by two underscores.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import AfterValidator, Field

__all__ = ["Variation", "Variations", "variation_settings", "weight_names"]

_SPLITTINGS = {"fsr": ("G2GG", "Q2QG", "G2QQ", "X2XG"), "isr": ("G2GG", "Q2QG", "G2QQ", "Q2GQ", "X2XG")}

_SHOWER = {
    f"{side}:{splitting}{what}": f"{side.upper()}.{splitting.replace(':', '.')}{short}"
    for side, splittings in _SPLITTINGS.items()
    for splitting in ("", *(f"{each}:" for each in splittings))
    for what, short in {"muRfac": "MUR", "cNS": "CNS"}.items()
}

_STRING = {
    f"frag:{what}": f"FRAG.{what.upper()}"
    for what in ("aLund", "bLund", "rFactC", "rFactB", "ptSigma", "xi", "rho", "x", "y")
}

KEYWORDS: MappingProxyType[str, str] = MappingProxyType(_SHOWER | _STRING)
"""Keyword of Pythia to its part of a weight's name."""


def _known(variation: dict[str, float]) -> dict[str, float]:
    if not variation:
        raise ValueError("a variation needs a keyword and its value, such as `{fsr:muRfac: 0.5}`")
    if wrong := [keyword for keyword in variation if keyword not in KEYWORDS]:
        raise ValueError(f"unknown keyword {wrong[0]!r}; known: {', '.join(KEYWORDS)}")
    if len({keyword in _STRING for keyword in variation}) > 1:
        raise ValueError("a variation of the shower (fsr, isr) and one of hadronization (frag) stand apart")
    return variation


def _different(variations: tuple[dict[str, float], ...]) -> tuple[dict[str, float], ...]:
    names = weight_names(variations)
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"{twice[0]} is there twice")
    return variations


Variation = Annotated[dict[str, float], AfterValidator(_known)]
"""Keywords of Pythia's variations, all applied at once, and their values."""

Variations = Annotated[
    tuple[Variation, ...], AfterValidator(_different), Field(exclude_if=lambda variations: not variations)
]
"""Variations of one realization, each another."""


def weight_names(variations: Iterable[Mapping[str, float]]) -> list[str]:
    """Name of the weight of each variation."""
    return [
        "__".join(f"{KEYWORDS[keyword]}={value:.12g}" for keyword, value in sorted(variation.items()))
        for variation in variations
    ]


def variation_settings(variations: Iterable[Mapping[str, float]]) -> dict[str, Any]:
    """Pythia settings that ask for the variations; the weight of the first is called `v0`, and so on."""
    groups = [
        (
            "frag" if keywords[0] in _STRING else "shower",
            f"v{place} " + " ".join(f"{keyword}={variation[keyword]!r}" for keyword in keywords),
        )
        for place, variation in enumerate(variations)
        for keywords in [sorted(variation)]
    ]
    shower, string = ([text for kind, text in groups if kind == wanted] for wanted in ("shower", "frag"))
    settings: dict[str, Any] = {}
    if shower:
        settings |= {
            "UncertaintyBands:doVariations": True,
            "UncertaintyBands:List": f"{{{', '.join(shower)}}}",
        }
    if string:
        settings["VariationFrag:List"] = f"{{{', '.join(string)}}}"
    return settings
