"""CPU time and memory of a job, in the last line of its log: Snakemake only looks at a job now and then."""

import logging
import os
import re
import resource
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Usage", "read_usage", "tells_usage"]

_LINE = re.compile(r"used (\d+\.\d+) s of CPU and (\d+) MiB$")

log = logging.getLogger(__name__)


class Usage(NamedTuple):
    """What a job has used; None is what its log does not tell.

    Attributes
    ----------
    cpu_seconds : float or None
        User and system time of its process and of the programs that it started [s].
    max_rss_mb : float or None
        Peak resident memory of its process, and of the largest of these programs beside it [MiB].
    """

    cpu_seconds: float | None = None
    max_rss_mb: float | None = None


def tells_usage(command: Callable[..., None]) -> Callable[..., None]:
    """Have a command end its log with what its process and those that it started have used."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        command(*args, **kwargs)
        log.info("used %.2f s of CPU and %.0f MiB", sum(os.times()[:4]), _peak())

    return run


def _peak() -> float:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024  # which Linux counts in KiB


def read_usage(path: Path) -> Usage:
    """What is told at the end of a log."""
    if not path.exists():
        return Usage()
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = _LINE.search(lines[-1]) if lines else None
    return Usage(*map(float, found.groups())) if found else Usage()
