"""How the hard events of a process are cut into jobs."""

from collections.abc import Iterable
from itertools import pairwise
from math import lcm
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

__all__ = ["AUTO", "CHUNK_KINDS", "Chunk", "Step", "as_steps", "cut", "fits", "grown", "place", "whole"]

AUTO = "auto"
"""A chunk that is chosen where a campaign is opened."""

Size = Annotated[int, Field(gt=0, strict=True)]

Step = tuple[Annotated[int, Field(ge=0, strict=True)], Size]
"""A first hard event, and the hard events of each job from there on."""


def _ascending(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    firsts = [first for first, _ in steps]
    if firsts[0] != 0 or any(later <= earlier for earlier, later in pairwise(firsts)):
        raise ValueError(f"steps must begin at event 0 and ascend, found {firsts}")
    return steps


CHUNK_KINDS = ("a name", "a number", "steps")
"""How a chunk can be given."""


def _kind(value: Any) -> str:
    return CHUNK_KINDS[0 if isinstance(value, str) else 2 if isinstance(value, list | tuple) else 1]


Chunk = Annotated[
    Annotated[Literal[AUTO], Tag(CHUNK_KINDS[0])]
    | Annotated[Size, Tag(CHUNK_KINDS[1])]
    | Annotated[tuple[Step, ...], Field(min_length=1), AfterValidator(_ascending), Tag(CHUNK_KINDS[2])],
    Discriminator(_kind),
]
"""Hard events of a job: a number, several from different hard events on, or to be chosen."""


def as_steps(chunk: int | tuple[Step, ...]) -> tuple[Step, ...]:
    """A chunk by its steps; a number is one step."""
    return ((0, chunk),) if isinstance(chunk, int) else chunk


def cut(chunk: int | tuple[Step, ...] | str, events: int) -> list[range]:
    """Ranges of event indices, one a job; a chunk that was not chosen is all events."""
    if isinstance(chunk, str):
        return [range(events)]
    steps = as_steps(chunk)
    ends = [*(first for first, _ in steps[1:]), events]
    return [
        range(start, min(start + size, end, events))
        for (first, size), end in zip(steps, ends, strict=True)
        for start in range(first, min(end, events), size)
    ]


def place(chunk: int | tuple[Step, ...] | str, event: int) -> int:
    """Number of the range of `cut` that a hard event is in."""
    if isinstance(chunk, str):
        return 0
    steps = [step for step in as_steps(chunk) if step[0] <= event]
    before = sum(-(-(end - first) // size) for (first, size), (end, _) in pairwise(steps))
    first, size = steps[-1]
    return before + (event - first) // size


def whole(events: int, runs: Iterable[int]) -> int:
    """The least number of hard events, from `events` on, that cuts no run of a program in two."""
    run = lcm(*runs)
    return run * -(-events // run)


def grown(
    chunk: int | tuple[Step, ...], done: int, chosen: int, runs: Iterable[int]
) -> int | tuple[Step, ...]:
    """The chunk of a campaign that got more events: what exists stays as it is cut, what is new is cut anew.

    Parameters
    ----------
    chunk : int or tuple of Step
        That of the events that exist.
    done : int
        How many these are.
    chosen : int
        What suits the new ones. Less than a factor of two is not worth a step.
    runs : iterable of int
        Hard events that a run of a program takes.
    """
    steps = as_steps(chunk)
    last = steps[-1][1]
    if last < 2 * chosen and chosen < 2 * last:
        return chunk
    first = whole(done, runs)
    return (*(step for step in steps if step[0] < first), (first, chosen))


def fits(chunk: int | tuple[Step, ...], run: int) -> bool:
    """Whether no run of a program, of so many hard events, is cut in two."""
    return not any(number % run for step in as_steps(chunk) for number in step)
