"""Campaigns that several test files look at, each made once."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workflow.commands import (
    SMALL,
    Commands,
    commands,
    make_campaign,
    run_snakemake,
    with_qcd_events,
    write_config,
)


@pytest.fixture(scope="session")
def run() -> Iterator[Commands]:
    with commands() as started:
        yield started


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    """A folder that all workers of pytest-xdist have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Make a folder, unless another worker has done so."""
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = folder.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="session")
def small(shared, run) -> Path:
    """The small campaign, made without Snakemake."""
    return once(shared / "small", lambda folder: make_campaign(run, folder, SMALL))


@pytest.fixture(scope="session")
def finished(shared) -> Path:
    """500 generated events in chunks of 170, made by Snakemake on two cores."""

    def make(folder: Path) -> None:
        config = write_config(folder, with_qcd_events(500, chunk=170))
        run_snakemake(folder, config, cores=2).succeeded()

    return once(shared / "finished", make)
