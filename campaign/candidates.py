"""Files of candidates that another program makes: how they are found, and what their columns mean."""

from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Literal

__all__ = ["COLUMNS", "OWN_COLUMNS", "Meaning", "check_columns", "check_pattern"]

_CARTESIAN, _POLAR = ("px", "py", "pz"), ("pt", "eta", "phi")
_PARTONS = {axes: ("parton_pdgid", *(f"parton_{axis}" for axis in axes)) for axes in (_CARTESIAN, _POLAR)}

_ALTERNATIVES = (
    (_CARTESIAN, _POLAR),
    (("energy",), ("mass",)),
    (("digest",), *_PARTONS.values()),
)
"""Sets of columns, of each of which exactly one is needed."""

COLUMNS = (
    *("event", "process", "realization", "digest"),
    *dict.fromkeys(_PARTONS[_CARTESIAN] + _PARTONS[_POLAR]),
    *("pdgid", "charge", *_CARTESIAN, *_POLAR, "energy", "mass", "d0", "dz", "d0err", "dzerr"),
)
"""What a column can mean, see docs/detector.md."""

Meaning = Literal[COLUMNS]
"""Name of a meaning."""

_ALWAYS = ("event", "pdgid", "charge")

OWN_COLUMNS: Mapping[str, str] = {
    name: name
    for name in COLUMNS
    if name not in (*_POLAR, "mass", "d0err", "dzerr") and not name.startswith("parton")
}
"""Columns of a file where the configuration names none."""

_WILDCARDS = ("process", "realization", "chunk")
_SUFFIXES = (".parquet", ".root")


def check_pattern(pattern: str) -> None:
    """Refuse a pattern of paths that has other wildcards, or an ending that names no format.

    Raises
    ------
    ValueError
    """
    wildcards = {name for _, name, _, _ in Formatter().parse(pattern) if name is not None}
    if unknown := sorted(wildcards - set(_WILDCARDS)):
        raise ValueError(
            f"candidates: {pattern} has the wildcard {unknown[0]!r}; expected {', '.join(_WILDCARDS)}"
        )
    if Path(pattern).suffix not in _SUFFIXES:
        raise ValueError(f"candidates: {pattern} must end in {' or '.join(_SUFFIXES)}")


def check_columns(columns: Mapping[str, str]) -> None:
    """Refuse columns that do not make candidates and evidence of their event, or do so twice.

    Raises
    ------
    ValueError
    """
    if missing := [name for name in _ALWAYS if name not in columns]:
        raise ValueError(f"columns: {missing[0]} is missing")
    for choices in _ALTERNATIVES:
        named = columns.keys() & {name for names in choices for name in names}
        if not any(named == set(names) for names in choices):
            expected = ", or ".join(" ".join(names) for names in choices)
            found = " ".join(sorted(named)) or "none of these"
            raise ValueError(f"columns: expected {expected}; found {found}")
