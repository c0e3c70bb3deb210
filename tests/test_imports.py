"""Rooms import in one direction, and a command loads only what it needs."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import imported

ROOT = Path(__file__).parents[1]
ROOMS = (
    "campaign",
    "generators",
    "showers",
    "detectors",
    "jets",
    "dataset",
    "loaders",
    "report",
    "audit",
    "workflow",
    "benchmarks",
)
HEAVY = {"awkward", "fastjet", "pyhepmc", "pylhe", "uproot", "scipy", "matplotlib"}
"""Libraries that take tenths of a second to import."""


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_those_before_it(room):
    allowed = ROOMS[: ROOMS.index(room) + 1]
    files = sorted((ROOT / room).rglob("*.py"))
    assert files
    wrong = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in files
        for name in imported(file)
        if (room_of := re.match(r"(?:jetresim\.)?(\w+)", name)[1]) in ROOMS and room_of not in allowed
    }
    assert not wrong


@pytest.mark.parametrize(
    "module",
    [
        "jetresim.workflow.cli",
        "jetresim.workflow.checks",
        "jetresim.dataset.assemble",
        "jetresim.audit.cost",
        "jetresim.workflow.stages.groups",
    ],
)
def test_what_every_job_loads_is_light(module):
    code = f"import sys, {module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not HEAVY & set(loaded.stdout.split())
