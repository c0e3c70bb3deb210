import gzip
import lzma
import os
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyhepmc
import pylhe
import pytest

from jetresim.campaign.herwig import HerwigOptions
from jetresim.generators.events import HardEvent
from jetresim.showers.herwig7.shower import Herwig7
from tests.herwig_samples import DATA, ENERGY, SEED, STAND_IN


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch):
    """A place for temporary files of its own, so that tests see what is left behind."""
    directory = tmp_path / "scratch"
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    monkeypatch.delenv("STAND_IN_HERWIG", raising=False)
    monkeypatch.delenv("STAND_IN_HERWIG_PROGRESS", raising=False)
    return directory


@pytest.fixture
def faults(monkeypatch) -> Callable[[str], None]:
    return lambda text: monkeypatch.setenv("STAND_IN_HERWIG", text)


@pytest.fixture(scope="session")
def hard_events() -> Callable[..., list[HardEvent]]:
    def load(sample: str = "higgs", count: int = 12) -> list[HardEvent]:
        with gzip.open(DATA / f"{sample}.lhe.gz") as file:
            records = list(pylhe.LHEFile.frombuffer(file).events)
        return [HardEvent(index, record) for index, record in enumerate(records[:count])]

    return load


@pytest.fixture
def herwig(tmp_path) -> Callable[..., Herwig7]:
    def make(
        *, process: str = "higgs", batch_events: int = 5, first_event: int | None = None, **options
    ) -> Herwig7:
        chosen = HerwigOptions(
            **{"executable": str(STAND_IN), "block_events": 12, "time_limit": 20, **options}
        )
        return Herwig7(
            process, "herwig7", SEED, ENERGY, chosen, tmp_path / "work",
            batch_events=batch_events, first_event=first_event,
        )  # fmt: skip

    return make


@pytest.fixture(scope="session")
def recorded() -> Callable[[str], list[pyhepmc.GenEvent]]:
    """Events of a recording, read by pyhepmc alone."""

    @cache
    def load(name: str) -> list[pyhepmc.GenEvent]:
        with pyhepmc.open(DATA / f"{name}.hepmc.xz") as file:
            return list(file)

    return load


@pytest.fixture(scope="session")
def recorded_text() -> Callable[[str], bytes]:
    return lambda name: lzma.decompress((DATA / f"{name}.hepmc.xz").read_bytes())


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX" and os.path.exists(f"/proc/{pid}")  # noqa: PTH110


def is_gone(pid: int) -> bool:
    """Whether a process ends soon: the kernel takes a moment to end those that were killed."""
    for _ in range(100):
        if not is_running(pid):
            return True
        time.sleep(0.1)
    return False


@pytest.fixture
def gone() -> Callable[[int], bool]:
    return is_gone
