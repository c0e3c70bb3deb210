"""Pythia settings that would make an event depend on its neighbours, as `benchmarks.seed_contract` found."""

import csv
from functools import cache
from pathlib import Path

__all__ = ["CANNOT_BE_RUN", "DIFFERS", "TABLE", "breaks_seed_contract"]

TABLE = Path(__file__).with_name("seed_contract.csv")
"""What `benchmarks.seed_contract` found."""

DIFFERS = "differs"
"""Outcome of a value with which events depend on their neighbours."""

CANNOT_BE_RUN = "cannot be run"
"""Outcome of a value with which Pythia does not initialize, ends the process or makes no events."""

_SPELLINGS = {"true": "on", "yes": "on", "1": "on", "false": "off", "no": "off", "0": "off"}


@cache
def _breaking() -> dict[tuple[str, str], str]:
    """Lower-case name and value of each such setting, and where it acts."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["outcome"] == DIFFERS]
    found: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        found.setdefault((row["name"].lower(), row["value"]), []).append(row["stage"])
    return {key: " and ".join(stages) for key, stages in found.items()}


def breaks_seed_contract(name: str, value: bool | int | float | str) -> str | None:
    """Why a setting is refused: with it an event is not a function of its seed alone.

    Parameters
    ----------
    name : str
        In any spelling that Pythia accepts.
    value : bool, int, float or str

    Returns
    -------
    str or None
        The reason, for an error message; None for settings that do no harm.
    """
    key, text = name.strip().lower(), str(value).strip().lower()
    found = _breaking()
    stage = found.get((key, text)) or found.get((key, _SPELLINGS.get(text, text)))
    return stage and f"with this value an event depends on the ones before it ({stage})"
