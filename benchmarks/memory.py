"""Peak memory of simulation jobs of different size, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

SIZES = (500, 5000)
LIMIT = 700
"""Megabytes that a job may take."""


def peak_memory(events: int) -> float:
    """Peak resident memory of a job of some events [MB]; without multiparton interactions, for speed."""
    config = {
        "name": "memory",
        "seed": 20240307,
        "events": events,
        "chunk": events,
        "processes": {"qcd": {"cuts": {"pt_min": 500}}},
        "augmentations": ["nominal"],
        "settings": {"PartonLevel:MPI": False},
        "detector": {"name": "cms_phase2"},
    }
    with TemporaryDirectory() as folder:
        (Path(folder) / "memory.yaml").write_text(yaml.safe_dump(config))
        chunk = ["--process", "qcd", "--chunk", "0"]
        _run(folder, "survey", "--process", "qcd")
        _run(folder, "hard", *chunk)
        return _run(folder, "jets", *chunk, "--realization", "nominal")


def _run(folder: str, stage: str, *arguments: str) -> float:
    """Run a stage and return its peak resident memory [MB]."""
    command = [sys.executable, "-m", "jetresim", stage, "memory.yaml", *arguments]
    return peak_of(command, folder)


def peak_of(command: list[str], folder: str) -> float:
    """Run a command with the modules of this project and return its peak resident memory [MB].

    Raises
    ------
    CalledProcessError
        It fails.
    """
    root = str(Path(__file__).parents[1])
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_maxrss / 1e3
