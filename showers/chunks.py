"""`chunk: auto`: hard events of a job, by the events, the cores and the time of an event."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign
from jetresim.campaign.config.chunks import AUTO, fits, grown, whole
from jetresim.campaign.yaml_files import read_yaml
from jetresim.showers.registry import shower_program

__all__ = ["BATCH", "chosen_chunk", "cores_of_machine", "with_chunk"]

BATCH = None
"""In place of a number of cores: a batch system, or several sites, which must all choose the same."""

_GENEROUS = 3
"""`Program.milliseconds` over what was measured."""

_SHORTEST, _START = 60.0, 5.0
"""Time that a job takes at least [s], for it takes one or two to start; and where cores would have none."""

_LEAST_JOBS_A_CORE = 2


class _Limits(NamedTuple):
    """Cores, jobs for each of them, and the longest time of a job [s]; what a failed one has done is lost."""

    cores: int
    jobs_a_core: int
    longest: float


_BATCH_LIMITS = _Limits(50, _LEAST_JOBS_A_CORE, 7200.0)
_MACHINE_LIMITS = partial(_Limits, jobs_a_core=8, longest=3600.0)  # so many that cores end together


def cores_of_machine() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def with_chunk(campaign: Campaign, saved: Path, cores: int | None) -> Campaign:
    """The campaign with a chunk, where `auto` leaves it to be chosen.

    What was chosen before stays, so that no file has to be made again: on another machine, with other cores,
    and for the events that exist also where the campaign has grown.

    Parameters
    ----------
    campaign : Campaign
    saved : Path
        The configuration that an earlier run has saved, if there was one.
    cores : int or None
        Cores to use, or `BATCH`.

    Raises
    ------
    ConfigError
        The saved configuration is not YAML.
    """
    if campaign.chunk != AUTO:
        return campaign
    events = {name: process.events or 0 for name, process in campaign.processes.items()}
    earlier = read_yaml(saved) if saved.is_file() else None
    if earlier is None or not _fits(campaign, earlier["chunk"]):
        return campaign.model_copy(update={"chunk": chosen_chunk(campaign, events, cores)})
    # what is saved has passed through `Campaign`, but for YAML's lists
    chunk = earlier["chunk"] if isinstance(earlier["chunk"], int) else tuple(map(tuple, earlier["chunk"]))
    done = max(process["events"] for process in earlier["processes"].values())
    if max(events.values()) > done:
        new = {name: max(count - done, 0) for name, count in events.items()}
        chunk = grown(chunk, done, chosen_chunk(campaign, new, cores), campaign.runs.values())
    return campaign.model_copy(update={"chunk": chunk})


def _fits(campaign: Campaign, chunk: int | list[list[int]]) -> bool:
    return all(fits(chunk, run) for run in campaign.runs.values())


def chosen_chunk(campaign: Campaign, events: Mapping[str, int], cores: int | None) -> int:
    """Hard events of a job that suit a number of cores.

    Parameters
    ----------
    campaign : Campaign
    events : mapping of str to int
        Hard events to make, of each process.
    cores : int or None
        Cores to use, or `BATCH`.
    """
    total = sum(events.values())
    jobs = _jobs(campaign)
    limits = _BATCH_LIMITS if cores is BATCH else _MACHINE_LIMITS(cores)
    share = total * sum(jobs) / limits.cores
    seconds = min(max(share / limits.jobs_a_core, _SHORTEST), limits.longest)
    chunk = seconds / max(jobs)
    if cores is not BATCH:
        # anchors are made before what follows their survivors, so that each core needs one
        chunk = min(chunk, share / _LEAST_JOBS_A_CORE / max(jobs), total / cores)
    chunk = max(chunk, _START / max(jobs))
    largest = max(events.values())
    parts = max(round(largest / chunk), 1)  # of equal size
    return whole(max(-(-largest // parts), 1), campaign.runs.values())


def _jobs(campaign: Campaign) -> list[float]:
    """Time that each job of a chunk takes for a hard event [s]."""

    def seconds(name: str) -> float:
        return shower_program(campaign.augmentation(name)).milliseconds / _GENEROUS / 1000

    family = len(campaign.anchor_family) - 1
    apart = [name for name in campaign.realizations if name not in campaign.anchor_family]
    # a realization that continues from the anchor takes about a quarter of it
    return [seconds(NOMINAL) * (1 + family / 4), *map(seconds, apart)]
