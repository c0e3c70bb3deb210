"""What a run of Snakemake tells a person: one line of progress, what was made, or what went wrong."""

import atexit
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import TextIO

import pyarrow.parquet as pq
from snakemake.logging import LogEvent, get_event

from jetresim.campaign.paths import SPLITS, Paths
from jetresim.jets.parquet import parquet_files
from jetresim.workflow.progress import clock

__all__ = ["Progress", "end_quietly_on_interrupt", "failures", "made", "tell_last"]

_BLOCKS = {
    *(LogEvent.JOB_INFO, LogEvent.JOB_STARTED, LogEvent.JOB_FINISHED, LogEvent.RUN_INFO),
    *(LogEvent.SHELLCMD, LogEvent.PROGRESS, LogEvent.RESOURCES_INFO),
}
"""Messages of Snakemake that one line of progress says."""

_SELECTS = "Select jobs to execute..."  # has no event of its own

_INTERVAL = 30.0  # seconds between two lines where none can be written over


_GOES_ON = "the same command goes on where this run was"

_interrupted = threading.Event()


def end_quietly_on_interrupt() -> None:
    """Have Ctrl-C end a run in one line, which is the last, and the process as one that the signal ended."""
    is_first = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_first and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(number, signal.SIG_DFL)  # a second one ends it at once
    _interrupted.set()
    atexit.register(os.kill, os.getpid(), number)
    tell_last([f"interrupted; {_GOES_ON}"])
    raise SystemExit  # ends jobs as KeyboardInterrupt would, and leaves no traceback anywhere


def tell_last(lines: Iterable[str]) -> None:
    """Print lines when the process ends, behind all that Snakemake has to say."""
    atexit.register(print, "\n".join(lines), file=sys.stderr, flush=True)


class Progress(logging.Filter):
    """Has Snakemake write one line of progress in place of a paragraph a job, and remembers failed jobs.

    Snakemake's own log file keeps everything, and so does the terminal with ``--verbose`` or
    ``--printshellcmds``.

    Parameters
    ----------
    stream : text file
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__()
        self._stream = sys.stderr if stream is None else stream
        self._began = self._told = time.monotonic()
        self._open = False
        self.failed: list[tuple[str, list[str]]] = []

    @classmethod
    def attach(cls, logger: logging.Logger, verbose: bool) -> "Progress":
        """Put it between Snakemake and the terminal; with `verbose` it only remembers what failed."""
        progress = cls()
        for handler in logger.handlers:
            if handler.name == "DefaultStreamHandler":
                handler.addFilter(progress.remember if verbose else progress)
        return progress

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a message is to be shown as Snakemake writes it."""
        if _interrupted.is_set():
            self._end_line()
            return False
        self.remember(record)
        event = get_event(record)
        if event == LogEvent.PROGRESS:
            self._tell(record.done, record.total)
        if event in _BLOCKS or record.getMessage() == _SELECTS:
            return False
        self._end_line()
        return True

    def remember(self, record: logging.LogRecord) -> bool:
        """Note a job that failed; its message is shown."""
        if get_event(record) == LogEvent.JOB_ERROR and not _interrupted.is_set():
            self.failed.append((record.rule_name, list(record.log or ())))
        return True

    def _tell(self, done: int, total: int) -> None:
        now = time.monotonic()
        left = clock((now - self._began) / done * (total - done)) if done else "?"
        line = f"{done} of {total} jobs done, {left} left"
        if self._stream.isatty():
            self._stream.write(f"\r\033[K{line}")
            self._open = True
        elif now - self._told >= _INTERVAL or done == total:
            self._stream.write(f"{line}\n")
            self._told = now
        self._stream.flush()
        if done == total:
            self._end_line()

    def _end_line(self) -> None:
        if self._open:
            self._stream.write("\n")
            self._open = False


def failures(failed: list[tuple[str, list[str]]]) -> Iterator[str]:
    """Jobs that failed, each once: the rule, the last line of its log, and the log; then how to go on."""
    for rule, logs in dict.fromkeys((rule, tuple(logs)) for rule, logs in failed):
        reason = next(filter(None, map(_last_line, logs)), "nothing was written to its log")
        yield f"failed: {rule}: {reason} ({', '.join(logs)})"
    if failed:
        yield f"once the reasons are gone, {_GOES_ON}"


def _last_line(log: str) -> str:
    try:
        lines = Path(log).read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.removeprefix("error: ") for line in reversed(lines) if line.strip()), "")


def made(paths: Paths) -> Iterator[str]:
    """What a finished campaign holds, where it is, and what to do next: a line each."""
    counts = {split: _groups(Path(paths.split.format(split=split))) for split in SPLITS}
    for process in sorted({name for found in counts.values() for name in found}):
        numbers = ", ".join(f"{counts[split].get(process, 0)} {split}" for split in SPLITS)
        yield f"{process}: groups {numbers}"
    yield from _verdict(Path(paths.log("report")), paths.report)
    yield f"dataset: {paths.dataset}{os.sep}"
    yield f"report: {paths.report}"
    yield f"next: jetresim verify {paths.root}"


def _groups(split: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in parquet_files(split):
        column = pq.read_table(path, columns=["process"])["process"]
        for entry in column.value_counts().to_pylist():
            found[entry["values"]] = found.get(entry["values"], 0) + entry["counts"]
    return found


def _verdict(log: Path, page: str) -> Iterator[str]:
    """What the job of the report has printed of its checks."""
    if log.is_file():
        for line in log.read_text(encoding="utf-8").splitlines():
            if page in line or line.startswith(("warn: ", "fail: ")):
                yield line.partition(f"{page}: ")[2] or line
