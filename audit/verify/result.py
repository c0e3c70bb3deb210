"""What checks of files result in."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jetresim.campaign.errors import JetresimError
from jetresim.dataset.fingerprint import row_hashes

__all__ = ["Checked", "Content", "checked", "differences"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a file that the campaign asks for.

    Attributes
    ----------
    stage : str
    path : Path
    problems : tuple of str
        One line each; nothing for a file that is good or missing.
    missing : bool
    """

    stage: str
    path: Path
    problems: tuple[str, ...] = ()
    missing: bool = False

    @property
    def good(self) -> bool:
        """Whether it is there and nothing is wrong with it."""
        return not self.missing and not self.problems


@dataclass
class Content:
    """What groups add up to, in whatever order: their number, weights [pb] and the sum of their hashes."""

    rows: int = 0
    weights: list[float] = field(default_factory=list)
    hashes: int = 0

    def add(self, table: pa.Table, factor: float = 1.0) -> None:
        """Count rows whose weights are multiplied with a factor."""
        self.rows += table.num_rows
        self.weights.append(math.fsum(table["weight"].to_pylist()) * factor)
        hashed = row_hashes(table.drop_columns(["weight", "weights"]))
        self.hashes = (self.hashes + int(hashed.sum(dtype=np.uint64))) % 2**64

    def join(self, other: "Content") -> None:
        """Count what another one has counted."""
        self.rows += other.rows
        self.weights += other.weights
        self.hashes = (self.hashes + other.hashes) % 2**64


def checked(stage: str, path: Path, find: Callable[[], Iterator[str]]) -> Checked:
    """Look for problems of a file that may not be there, or vanish in a campaign that runs."""
    if not path.exists():
        return Checked(stage, path, missing=True)
    problems = []
    try:
        problems += find()
    except JetresimError as error:
        problems.append(str(error).replace("\n", " "))  # libraries may say it in several lines
    except OSError as error:
        problems.append(f"{path}: cannot be read ({error.strerror or error})")
    return Checked(stage, path, tuple(problems)) if path.exists() else Checked(stage, path, missing=True)


def differences(path: Path, found: dict[str, Any], expected: dict[str, Any]) -> Iterator[str]:
    """What a file says about itself against what it should say."""
    for key, value in expected.items():
        if found.get(key) != value:
            yield f"{path}: {key} is {found.get(key)!r}; expected {value!r}"
