"""Every random number of a campaign comes from here.

The stream of a realization is a pure function of (campaign seed, process name, event index,
realization name). It does not depend on chunk size, cores, paths or the order of the config.
"""

import hashlib
import json
from collections.abc import Iterable
from functools import cache, lru_cache

from jetresim.campaign.errors import ConfigError

__all__ = [
    "HARD_DECAYS",
    "HARD_PROCESS",
    "PYTHIA_SEEDS",
    "RUNS_OF_BLOCK",
    "block_seed",
    "check_streams",
    "event_seed",
    "initialization_seed",
    "integration_seed",
    "pool_seed",
    "stable_hash",
    "stage_seed",
    "unit_hash",
]

PYTHIA_SEEDS = 900_000_000
"""Pythia accepts seeds 1 ... 900 000 000 (manual, section Random-Number Seed)."""

HARD_PROCESS = "hard process"
"""Stream that generates the hard events; its blank keeps it apart from every realization name."""

HARD_DECAYS = "hard decays"
"""Stream that decays the resonances of hard events that were brought."""

RUNS_OF_BLOCK = 32
"""Runs that a block of hard events may take, where a program makes fewer events than it is asked for."""


def stable_hash(*key: str | int) -> int:
    """Hash a key to 64 bits, identically on every machine and Python version.

    Parameters
    ----------
    *key : str or int
        Parts of the key; ``("a", 1)`` and ``("a1",)`` are different keys.

    Returns
    -------
    int
        Uniform in [0, 2**64).
    """
    digest = hashlib.blake2b(json.dumps(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def unit_hash(*key: str | int) -> float:
    """Hash a key to a float, uniform in [0, 1)."""
    return (stable_hash(*key) >> 11) / 2**53


@cache
def stream_offset(campaign_seed: int, stream: str) -> int:
    """Distance of a stream's seeds from those of the other streams of the same hard event."""
    return stable_hash(campaign_seed, "stream", stream) % PYTHIA_SEEDS


@lru_cache(maxsize=4096)  # asked for several times while an event is in memory
def event_seed(campaign_seed: int, process: str, event: int, stream: str) -> int:
    """Seed of one realization of one hard event.

    The sum of a hash of the event and a hash of the stream, so that the members of a group differ
    in their seeds for *all* events as soon as the offsets of the streams differ, which
    `check_streams` makes sure of once per campaign.

    Parameters
    ----------
    campaign_seed : int
    process : str
        Name of the process in the config.
    event : int
        Index of the hard event within its process.
    stream : str
        Name of the realization, `HARD_PROCESS` or `HARD_DECAYS`.

    Returns
    -------
    int
        Seed in [1, 900 000 000].
    """
    base = stable_hash(campaign_seed, "event", process, event)
    return 1 + (base + stream_offset(campaign_seed, stream)) % PYTHIA_SEEDS


def integration_seed(campaign_seed: int, process: str) -> int:
    """Seed with which a program that makes hard events in blocks integrates its matrix elements."""
    return _program_seed(campaign_seed, process, 0)


def block_seed(campaign_seed: int, process: str, block: int, run: int) -> int:
    """Seed of a run of a program that makes hard events in blocks.

    The runs of a process are numbered, so that no two of them share a seed: two equal hashes would
    repeat a whole block.

    Parameters
    ----------
    campaign_seed : int
    process : str
    block : int
        Number of the block, from 0; -1 for the events of the survey.
    run : int
        Number of the run within its block, below `RUNS_OF_BLOCK`.

    Returns
    -------
    int
        Seed in [1, 900 000 000].
    """
    return _program_seed(campaign_seed, process, (block + 2) * RUNS_OF_BLOCK + run)


def _program_seed(campaign_seed: int, process: str, number: int) -> int:
    return 1 + (stable_hash(campaign_seed, "runs", process) + number) % PYTHIA_SEEDS


def initialization_seed(campaign_seed: int) -> int:
    """Seed while a generator initializes.

    Pythia's initialization of multiparton interactions is itself a Monte Carlo integration, so all
    jobs of a campaign must do it with the same random numbers.
    """
    return 1 + stable_hash(campaign_seed, "initialization") % PYTHIA_SEEDS


def pool_seed(campaign_seed: int) -> int:
    """Seed of the minimum-bias events that pile-up is drawn from."""
    return 1 + stable_hash(campaign_seed, "minimum bias") % PYTHIA_SEEDS


def check_streams(campaign_seed: int, streams: Iterable[str]) -> None:
    """Refuse streams that would give members of one group the same seed.

    Raises
    ------
    ConfigError
        With the two names; another campaign seed or another name resolves it.
    """
    owner: dict[int, str] = {}
    for stream in (HARD_PROCESS, HARD_DECAYS, *streams):
        other = owner.setdefault(stream_offset(campaign_seed, stream), stream)
        if other != stream:
            raise ConfigError(
                f"augmentations: {other!r} and {stream!r} would share their seeds; "
                "rename one of them or change `seed`"
            )


@cache
def _stage_offset(stage: str) -> int:
    return stable_hash("stage", stage) % PYTHIA_SEEDS


def stage_seed(seed: int, stage: str) -> int:
    """Seed of a later stage of a realization: each stage of the chain has a stream of its own.

    So a stage can be re-simulated with another stream while those before it stay what they are.

    Parameters
    ----------
    seed : int
        Seed of the realization, see `event_seed`.
    stage : str
        ``resonance {k}``, ``hadronization``, ``decays`` or ``detector``; the shower uses `seed` itself.

    Returns
    -------
    int
        Seed in [1, 900 000 000].
    """
    return 1 + (seed + _stage_offset(stage)) % PYTHIA_SEEDS
