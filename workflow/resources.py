"""What a job asks a batch system for."""

import math
from typing import Any

MADGRAPH_MINUTES = 240
"""Generous time for MadGraph to compile and integrate a process [min]."""

_STARTUP_MINUTES = 10
_MEGABYTES = 2000


def megabytes(wildcards: Any, attempt: int) -> int:
    """Memory [MB], with every retry asking for as much again.

    Every stage streams, so it does not depend on the number of events. A batch job holds two Snakemakes, of
    about 300 MB each, beside the job itself.
    """
    return _MEGABYTES * attempt


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
