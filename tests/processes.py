"""Processes of this machine, for tests that kill some of them."""

import time
from collections.abc import Callable
from pathlib import Path


def processes_that_name(text: str) -> list[int]:
    """Processes in whose command line or working directory a text stands."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + bytes((process / "cwd").readlink())
        except OSError:
            continue
        if text.encode() in told:
            found.append(int(process.name))
    return found


def wait_for(condition: Callable[[], object], seconds: float) -> None:
    """Wait until something is so, or fail after a time [s]."""
    for _ in range(int(seconds * 20)):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not so within {seconds} s")
