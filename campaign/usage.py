"""CPU time of a job, in the last line of its log: Snakemake only looks at a job now and then."""

import logging
import os
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

__all__ = ["read_cpu", "tells_cpu"]

_LINE = re.compile(r"used (\d+\.\d+) s of CPU$")

log = logging.getLogger(__name__)


def tells_cpu(command: Callable[..., None]) -> Callable[..., None]:
    """Have a command end its log with the CPU time of its process and of those that it started."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        command(*args, **kwargs)
        log.info("used %.2f s of CPU", sum(os.times()[:4]))

    return run


def read_cpu(path: Path) -> float | None:
    """CPU time [s] at the end of a log; None if it does not tell."""
    if not path.exists():
        return None
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = _LINE.search(lines[-1]) if lines else None
    return float(found.group(1)) if found else None
