"""What a job asks a batch system for."""

import math
from typing import Any

MADGRAPH_MINUTES = 240
"""Generous time for MadGraph to compile and integrate a process [min]."""

_STARTUP_MINUTES = 10
_MEGABYTES = 2000

_POOL_MEGABYTES = 0.01
"""Of a minimum-bias event: twice what it takes in memory, since the pool is copied when it is read."""


def megabytes(wildcards: Any, attempt: int, pool: int = 0) -> int:
    """Memory [MB], with every retry asking for as much again.

    Every stage streams, so it does not depend on the number of events. A batch job holds two Snakemakes, of
    about 300 MB each, beside the job itself.

    Parameters
    ----------
    wildcards : Any
    attempt : int
        1 for the first try.
    pool : int
        Minimum-bias events that the job holds.
    """
    return (_MEGABYTES + math.ceil(_POOL_MEGABYTES * pool)) * attempt


def minutes(attempt: int, events: int, milliseconds: float) -> int:
    """Wall time [min] of a job, with every retry asking for as much again.

    Parameters
    ----------
    attempt : int
        1 for the first try.
    events : int
        Events that the job handles.
    milliseconds : float
        Generous time per event.
    """
    return attempt * (_STARTUP_MINUTES + math.ceil(events * milliseconds / 60_000))
