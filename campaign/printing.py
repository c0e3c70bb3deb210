"""What compiled libraries print past Python."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

__all__ = ["nothing_printed", "printed_into"]


@contextmanager
def printed_into(file: IO[Any]) -> Iterator[None]:
    """Have all that is printed to standard output land in a file, which has a descriptor."""
    sys.stdout.flush()
    before = os.dup(1)
    os.dup2(file.fileno(), 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(before, 1)
        os.close(before)


@contextmanager
def nothing_printed() -> Iterator[None]:
    """Keep banners away from where a program may expect its own output."""
    with open(os.devnull, "w") as nowhere, printed_into(nowhere):  # noqa: PTH123 (a device, not a path)
        yield
