"""Progress that a person can follow in a job's log."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
INTERVAL = 10.0
"""Seconds between two lines."""

log = logging.getLogger(__name__)


def progress(
    items: Iterable[Item], total: int, what: str, size: Callable[[Item], int] = lambda _: 1
) -> Iterator[Item]:
    """Pass items on and log events done, events/s and the time that is left.

    Parameters
    ----------
    items : iterable
    total : int
        Number of events in all items.
    what : str
        Name of the stage in the log.
    size : callable
        Number of events in one item.
    """
    start = last = time.monotonic()
    done = 0
    for item in items:
        yield item
        done += size(item)
        now = time.monotonic()
        if now - last >= INTERVAL and done < total:
            rate = done / (now - start)
            log.info(
                "%s: %d of %d events, %.1f events/s, %s left",
                what,
                done,
                total,
                rate,
                clock((total - done) / rate),
            )
            last = now
    seconds = time.monotonic() - start
    log.info("%s: %d events in %s, %.1f events/s", what, done, clock(seconds), done / max(seconds, 1e-9))


def clock(seconds: float) -> str:
    """Seconds as hours, minutes and seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
