"""One run of Herwig 7, read while it goes on."""

import fcntl
import os
import re
import select
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from jetresim.campaign.errors import ShowerError
from jetresim.campaign.programs import printed, running
from jetresim.showers.herwig7.program import Command, command_line, ending

__all__ = ["OVERRUN", "HerwigRun"]

OVERRUN = "More events requested than available"
"""Herwig's last words where two or more events failed: it wanted to begin the file again and may not."""

_POLL_SECONDS = 0.2
_REASON = re.compile(r"^\*\* An event exception.*\n(.*)$", re.MULTILINE)
_GRACE_SECONDS = 2.0
_READ_BYTES = 1 << 16
_PIPE_BYTES = 1 << 20
"""Capacity of the pipe, the most that Linux gives to everyone: some events, so that Herwig goes on while the
reader makes jets of what it has. With the usual 64 kB it waits in every event of 200 kB."""


class HerwigRun:
    """``Herwig run`` with a named pipe where its HepMC file would be.

    A context manager: Herwig starts on entry; on exit it is gone, with its children and its pipe.

    Parameters
    ----------
    command : Command
        From `showers.herwig7.program.find_herwig`.
    run_file : Path
        From `showers.herwig7.run_file.prepare`.
    directory : Path
        Scratch folder that holds the hard events, on a file system that has named pipes.
    events : int
        Number of hard events there, and of events to ask for.
    seed : int
    tag : str
        Ends the names of the files that the run writes.
    time_limit : float
        Longest wait for the next event [s]. Time that the reader takes does not count.
    """

    def __init__(
        self,
        command: Command,
        run_file: Path,
        directory: Path,
        *,
        events: int,
        seed: int,
        tag: str,
        time_limit: float,
    ) -> None:
        run_file = run_file.absolute()
        arguments = ["run", str(run_file), "-q", "-N", str(events), "-s", str(seed), "-t", tag]
        self._line = command_line(command, arguments, [directory, run_file.parent])
        self._name = f"{run_file.stem}-S{seed}-{tag}"
        self._directory = directory
        self._events = events
        self._time_limit = time_limit
        self._waited = 0.0
        self._received = False
        self._closed = False

    def __enter__(self) -> Self:
        pipe = self._directory / f"{self._name}.hepmc"
        try:
            os.mkfifo(pipe)
        except OSError as error:
            raise ShowerError(
                f"no named pipe can be made in {self._directory.parent} ({error.strerror}); "
                "set TMPDIR to a directory on a local disk"
            ) from None
        with ExitStack() as stack:
            stack.callback(pipe.unlink, missing_ok=True)
            # A blocking open would wait for a Herwig that may never come as far as opening it.
            self._descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
            stack.callback(os.close, self._descriptor)
            _enlarge(self._descriptor)
            self._process = stack.enter_context(running(self._line, self._directory))
            self._stack = stack.pop_all()
        self._ready = select.poll()
        self._ready.register(self._descriptor, select.POLLIN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def chunks(self) -> Iterator[bytes]:
        """What Herwig writes, as it comes; Herwig waits while nobody reads.

        Raises
        ------
        ShowerError
            Nothing came for the time limit.
        """
        while not self._closed:
            ended = self._process.poll() is not None
            if not self._ready.poll(0 if ended else 1000 * _POLL_SECONDS):
                if not ended:
                    self._count_wait()
                self._closed = ended
            elif chunk := os.read(self._descriptor, _READ_BYTES):
                self._received = True
                yield chunk
            elif self._received or ended:
                self._closed = True
            else:  # systems other than Linux report a pipe that nobody has opened yet as ended
                self._wait_for_end()

    def event_done(self) -> None:
        """Tell that an event is complete: the time limit begins again."""
        self._waited = 0.0

    def finish(self, written: int) -> None:
        """Wait for the end of the run and judge it.

        Parameters
        ----------
        written : int
            Number of events in its output.

        Raises
        ------
        ShowerError
            Herwig hangs or failed, or the number of events does not fit how it ended.
        """
        while (code := self._process.poll()) is None:
            self._wait_for_end()
        if code and not (OVERRUN in self.output and written < self._events):
            raise ShowerError(f"Herwig {ending(code)} after {written} of {self._events} events")
        if not code and written != self._events:
            raise ShowerError(f"Herwig wrote {written} events instead of {self._events}, without an error")

    def how_it_ended(self) -> str:
        """How the program ended if it failed, as the end of a message."""
        try:
            code = self._process.wait(_GRACE_SECONDS if self._closed else 0)
        except subprocess.TimeoutExpired:
            return ""
        return f"; Herwig {ending(code)}" if code else ""

    @property
    def output(self) -> str:
        """What Herwig printed so far."""
        return printed(self._directory)

    @property
    def log(self) -> str:
        """Herwig's own log."""
        path = self._directory / f"{self._name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def reasons(self) -> list[str]:
        """Why events failed, in their order; Herwig's log has it above thousands of lines of event record."""
        return [" ".join(reason.split()) for reason in _REASON.findall(self.log)]

    def _wait_for_end(self) -> None:
        try:
            self._process.wait(_POLL_SECONDS)
        except subprocess.TimeoutExpired:
            self._count_wait()

    def _count_wait(self) -> None:
        self._waited += _POLL_SECONDS
        if self._waited > self._time_limit:
            raise ShowerError(f"Herwig hangs: no event for {self._time_limit:g} s (time_limit)")


def _enlarge(pipe: int) -> None:
    """Give a pipe more room, where the system can and this user may still have it."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
