"""Random numbers of the loaders: functions of what they are for, as everywhere in a campaign."""

import numpy as np

from jetresim.campaign.seeds import stable_hash

__all__ = ["generator"]


def generator(*key: str | int) -> np.random.Generator:
    """Make the generator (Philox) of a key, the same on every machine and in every process."""
    return np.random.Generator(np.random.Philox(key=stable_hash("loaders", *key)))
