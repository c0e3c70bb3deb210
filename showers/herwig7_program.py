"""Finding the program Herwig 7 and running it."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from jetresim.campaign.errors import ShowerError
from jetresim.campaign.herwig import HerwigOptions

CONTAINER_RUNTIMES = ("apptainer", "singularity")

_OUTPUT_FILE = "herwig.out"
_TAIL_LINES = 12
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

Command = tuple[str, ...]
"""Path of the program; or container runtime, image, and name of the program in it."""


def find_herwig(options: HerwigOptions) -> Command:
    """Find the program.

    Raises
    ------
    ShowerError
        It is not there; one line names the three ways to get it.
    """
    if options.container is None:
        found = shutil.which(options.executable)
        if found is None:
            raise ShowerError(_missing(f"program {options.executable!r} not found or not executable"))
        return (str(Path(found).absolute()),)
    runtime = next(filter(None, map(shutil.which, CONTAINER_RUNTIMES)), None)
    if runtime is None:
        runtimes = " or ".join(CONTAINER_RUNTIMES)
        raise ShowerError(_missing(f"no {runtimes} on the PATH to run {options.container}"))
    if "://" in options.container:
        return runtime, options.container, options.executable
    if not Path(options.container).exists():
        raise ShowerError(_missing(f"container image {options.container} does not exist"))
    return runtime, str(Path(options.container).absolute()), options.executable


def _missing(problem: str) -> str:
    return (
        f"Herwig 7: {problem}; put `Herwig` on the PATH, set `executable` to its path, or set `container` "
        "to an image such as docker://herwigcollaboration/herwig-7.3:7.3.0 (docs/herwig.md)"
    )


def command_line(command: Command, arguments: Sequence[str], directories: Sequence[Path]) -> list[str]:
    """The full command that runs Herwig.

    Parameters
    ----------
    command : Command
        From `find_herwig`.
    arguments : sequence of str
        Herwig's.
    directories : sequence of Path
        What a container has to show it; the first is where it runs.
    """
    if len(command) == 1:
        return [*command, *arguments]
    runtime, image, executable = command
    binds = [part for directory in directories for part in ("--bind", str(directory))]
    return [runtime, "exec", *binds, "--pwd", str(directories[0]), image, executable, *arguments]


@cache
def herwig_version(command: Command, time_limit: float = 600.0) -> str:
    """Versions as the program tells them, such as ``Herwig 7.3.0, ThePEG 2.3.0``.

    Raises
    ------
    ShowerError
        The program cannot be run.
    """
    with tempfile.TemporaryDirectory(prefix="herwig-") as scratch:
        code, output = call(command, ["--version"], Path(scratch), time_limit)
    if code:
        raise ShowerError(f"Herwig --version {ending(code)}{quoted(output)}")
    return ", ".join(line.strip() for line in output.splitlines() if line.strip()) or "unknown"


def call(command: Command, arguments: Sequence[str], directory: Path, time_limit: float) -> tuple[int, str]:
    """Run Herwig to its end; return its exit code and what it printed."""
    with running(command_line(command, arguments, [directory]), directory) as process:
        try:
            code = process.wait(time_limit)
        except subprocess.TimeoutExpired:
            last_lines = quoted(printed(directory))
            raise ShowerError(
                f"Herwig {arguments[0]} is not done after {time_limit:g} s (time_limit){last_lines}"
            ) from None
    return code, printed(directory)


@contextmanager
def running(line: Sequence[str], directory: Path) -> Iterator[subprocess.Popen]:
    """Run a program in a directory; in the end it and all of its children are gone.

    Raises
    ------
    ShowerError
        It cannot be started.
    """
    with (directory / _OUTPUT_FILE).open("wb") as output:
        try:
            process = subprocess.Popen(
                line, cwd=directory, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise ShowerError(f"Herwig cannot be started: {line[0]}: {error.strerror}") from None
    try:
        yield process
    finally:
        # The group outlives its leader where a wrapper script left Herwig behind.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            process.kill()
        process.wait()


def printed(directory: Path) -> str:
    """What the program that was last run in a directory printed so far."""
    path = directory / _OUTPUT_FILE
    return _COLOURS.sub("", path.read_text(encoding="utf-8", errors="replace")) if path.exists() else ""


def quoted(output: str) -> str:
    """The last lines of an output, to be put below a message."""
    lines = [line.rstrip() for line in output.splitlines() if line.strip()][-_TAIL_LINES:]
    return "".join(f"\n  Herwig: {line}" for line in lines)


def ending(code: int) -> str:
    """How a program ended, by its return code as `subprocess` gives it."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"was ended by {name}"
