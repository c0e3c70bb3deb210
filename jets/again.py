"""Realizations of some hard events made again, apart from the rest of their campaign."""

import math
from collections.abc import Iterable, Sequence

import pyarrow as pa

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign
from jetresim.detectors.pool import Pool
from jetresim.generators.events import HardEvent
from jetresim.jets.simulation import find_survivors, simulate_family, simulate_realization
from jetresim.showers.registry import Job

__all__ = ["reduced", "run_length", "simulate_again"]


def reduced(campaign: Campaign, realizations: Iterable[str]) -> Campaign:
    """The campaign with the anchor and the given realizations alone; their seeds are what they were.

    Every event is simulated, also where the anchor has no jet, unless others in a run of its detector would
    change it; then those that the given ones follow are there as well.
    """
    realizations = list(realizations)
    wanted = {NOMINAL, *realizations}
    shared = any(campaign.detector_options(name).events_per_run > 1 for name in wanted)
    if shared:
        wanted |= {each for name in realizations for each in campaign.followed(name)}
    others = [
        campaign.augmentation(name).model_copy(update={"name": name, "replicas": 1})
        for name in dict.fromkeys([*campaign.realizations, *realizations])
        if name != NOMINAL and name in wanted
    ]
    survivors_only = campaign.groups.survivors_only if shared else False
    changes = {
        "augmentations": [campaign.augmentation(NOMINAL), *others],
        "groups": campaign.groups.model_copy(update={"survivors_only": survivors_only}),
    }
    unchanged = {name: getattr(campaign, name) for name in Campaign.model_fields}
    return Campaign.model_validate(unchanged | changes)


def run_length(campaign: Campaign, realizations: Iterable[str]) -> int:
    """Consecutive hard events that share a stream: 1, but for programs that take one seed a run."""
    lengths = [1]
    for name in {NOMINAL, *realizations}:
        lengths += [campaign.detector_options(name).events_per_run, campaign.block_events(name)]
    return math.lcm(*lengths)


def simulate_again(
    campaign: Campaign,
    process: str,
    realizations: Sequence[str],
    hard: Sequence[HardEvent],
    job: Job,
    pool: Pool | None = None,
) -> dict[str, pa.Table]:
    """Jets of realizations that are made together: the anchor's family, or one that is not of it.

    Parameters
    ----------
    campaign : Campaign
        With these realizations and the anchor alone, see `reduced`.
    process : str
    realizations : sequence of str
    hard : sequence of HardEvent
        With all events of a run up to the last one that is wanted.
    job : Job
    pool : Pool, optional
        Minimum-bias events of a campaign with pile-up.
    """
    if any(map(campaign.continues_anchor, realizations)):
        parts = list(simulate_family(campaign, process, hard, pool=pool))
        return {name: pa.concat_tables(part[name].table for part in parts) for name in realizations}
    (name,) = realizations
    survivors = find_survivors(campaign, process, name, hard, job, pool)
    parts = simulate_realization(campaign, process, name, hard, job, survivors, pool)
    return {name: pa.concat_tables(part.table for part in parts)}
