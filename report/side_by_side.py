"""Work that is done in several processes at once."""

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

__all__ = ["results"]

Result = TypeVar("Result")

_inherited: Sequence[Callable[[], object]] = ()


def results(calls: Sequence[Callable[[], Result]], cores: int) -> list[Result]:
    """Call functions without arguments, as many at a time as there are cores.

    Parameters
    ----------
    calls : sequence of callable
        Processes are forked with all that these refer to, so that only what they return is copied. Systems
        other than Linux do not fork with what libraries hold; there they are called one after the other.
    cores : int

    Returns
    -------
    list
        What they return, in their order.
    """
    if cores == 1 or sys.platform != "linux":
        return [call() for call in calls]
    forked = get_context("fork")
    with ProcessPoolExecutor(cores, forked, initializer=_inherit, initargs=(calls,)) as pool:
        return list(pool.map(_call, range(len(calls))))


def _inherit(calls: Sequence[Callable[[], object]]) -> None:
    global _inherited
    _inherited = calls


def _call(place: int) -> object:
    return _inherited[place]()
