"""What a user of a dataset should know of its processes, from the metadata of its files."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jetresim.campaign.errors import DataError
from jetresim.jets.parquet import parquet_files, read_metadata

__all__ = ["WARNINGS_KEY", "dataset_warnings", "merged_warnings", "warning_lines"]

WARNINGS_KEY = "warnings"
"""Key of the metadata: process to what its survey warns of."""


def process_warnings(metadata: Mapping[str, Any]) -> dict[str, list[str]]:
    """Warnings of each process that has some.

    Parameters
    ----------
    metadata : mapping
        Of groups or of a dataset, see `jets.parquet.read_metadata`.

    Returns
    -------
    dict of str to list of str
        What the survey of its hard events warns of, after it that no group is kept.
    """
    surveyed = metadata.get(WARNINGS_KEY, {})
    found = {
        process: [*surveyed.get(process, []), *_emptiness(totals)]
        for process, totals in metadata["totals"].items()
    }
    return {process: lines for process, lines in found.items() if lines}


def _emptiness(totals: Mapping[str, int]) -> list[str]:
    if totals["groups"]:
        return []
    return [f"no group is kept, of {totals['targets']} targets in {totals['hard_events']} hard events"]


def warning_lines(metadata: Mapping[str, Any]) -> list[str]:
    """The warnings of all processes, one line each."""
    return [f"{process}: {line}" for process, lines in process_warnings(metadata).items() for line in lines]


def dataset_warnings(folder: Path) -> list[str]:
    """The warnings of a dataset; nothing where there is none that can be read.

    Parameters
    ----------
    folder : Path
        Folder with the splits.
    """
    for path in parquet_files(folder / "train"):
        try:
            return warning_lines(read_metadata(path))
        except (DataError, KeyError, TypeError):  # told by whoever reads the dataset itself
            return []
    return []


def merged_warnings(parts: Iterable[Mapping[str, Iterable[str]]]) -> dict[str, list[str]]:
    """Bring the surveys' warnings of several files together, each of them once."""
    merged: dict[str, dict[str, None]] = {}
    for part in parts:
        for process, lines in part.items():
            merged.setdefault(process, {}).update(dict.fromkeys(lines))
    return {process: list(lines) for process, lines in merged.items()}
