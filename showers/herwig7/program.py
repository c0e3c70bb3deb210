"""Finding the program Herwig 7 and running it."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path

from jetresim.campaign import programs
from jetresim.campaign.errors import ShowerError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.herwig import HerwigOptions
from jetresim.campaign.programs import printed, running

__all__ = [
    "CONTAINER_RUNTIMES",
    "IMAGE",
    "PULL_TIME_LIMIT",
    "VERSION_TIME_LIMIT",
    "Command",
    "call",
    "command_line",
    "container_runtime",
    "ending",
    "find_herwig",
    "herwig_version",
    "pull_image",
    "quoted",
    "scratch_folder",
]

CONTAINER_RUNTIMES = ("apptainer", "singularity", "docker")
"""Programs that run containers, the first that is there is taken."""

IMAGE = "herwigcollaboration/herwig-7.3:7.3.0"
"""The container image of the authors, on Docker Hub."""

VERSION_TIME_LIMIT = 60.0
"""Longest wait for a program to tell its version [s]."""

PULL_TIME_LIMIT = 1800.0
"""The same for one in a container, whose image may have to be fetched first [s]."""

_ANY_RUNTIME = "apptainer, singularity or docker"
_STANDARD_ERROR = 2
_TAIL_LINES = 12
_OURS = re.compile(r"Herwig\+?\+? 7")
_NOT_STARTED = (126, 127)  # how shells and the dynamic linker say that there is no such program or library
_OF_THE_SHELL = re.compile(r"^sh: (line )?\d+: (exec: )?")

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
    runtime = container_runtime()
    if runtime is None:
        raise ShowerError(_missing(f"no {_ANY_RUNTIME} on the PATH to run {options.container}"))
    if "://" in options.container:
        return runtime, options.container, options.executable
    if not Path(options.container).exists():
        raise ShowerError(_missing(f"container image {options.container} does not exist"))
    if _is_docker(runtime):
        raise ShowerError(
            f"Herwig 7: docker cannot run {options.container}; set `container: docker://{IMAGE}`"
        )
    return runtime, str(Path(options.container).absolute()), options.executable


def container_runtime() -> str | None:
    """Path of the program that runs containers, the first of `CONTAINER_RUNTIMES` that is there."""
    return next(filter(None, map(shutil.which, CONTAINER_RUNTIMES)), None)


def pull_image(folder: Path) -> str:
    """Fetch the image of the authors; what the container runtime prints goes to standard error.

    Parameters
    ----------
    folder : Path
        Where Apptainer puts its file. Docker keeps images itself.

    Returns
    -------
    str
        What `container` has to be.

    Raises
    ------
    ShowerError
        There is no container runtime, or it fails.
    """
    runtime, address = container_runtime(), f"docker://{IMAGE}"
    if runtime is None:
        raise ShowerError(f"no {_ANY_RUNTIME} on the PATH to pull {address} with")
    if _is_docker(runtime):
        _pull([runtime, "pull", IMAGE])
        return address
    image = folder / "herwig-7.3.0.sif"
    if not image.exists():
        with atomic_path(image) as path:
            _pull([runtime, "pull", str(path), address])
    return str(image)


def _pull(line: Sequence[str]) -> None:
    code = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=_STANDARD_ERROR, check=False).returncode
    if code:
        raise ShowerError(f"{' '.join(line)} {ending(code)}")


def _is_docker(runtime: str) -> bool:
    return Path(runtime).name == "docker"


def _missing(problem: str) -> str:
    return (
        f"Herwig 7: {problem}; put `Herwig` on the PATH, set `executable` to its path, or set `container` "
        f"to an image such as docker://{IMAGE} (docs/herwig.md, `jetresim herwig`)"
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
    if _is_docker(runtime):
        volumes = [f"--volume={directory}:{directory}" for directory in directories]
        options = ["--rm", "--init", "--network=none", f"--user={os.getuid()}:{os.getgid()}", *volumes]
        options += [f"--workdir={directories[0]}", f"--entrypoint={executable}"]
        return [runtime, "run", *options, image.removeprefix("docker://"), *arguments]
    binds = [part for directory in directories for part in ("--bind", str(directory))]
    return [runtime, "exec", *binds, "--pwd", str(directories[0]), image, executable, *arguments]


def scratch_folder(parent: Path | None = None) -> AbstractContextManager[Path]:
    """A folder for Herwig to run in, which is gone with it; see `campaign.programs.scratch_folder`."""
    return programs.scratch_folder("Herwig", ShowerError, parent)


@cache
def herwig_version(command: Command) -> str:
    """Versions as the program tells them, such as ``Herwig 7.3.0 / ThePEG 2.3.0``.

    Raises
    ------
    ShowerError
        The program cannot be run, or is another one.
    """
    limit = VERSION_TIME_LIMIT if len(command) == 1 else PULL_TIME_LIMIT
    with scratch_folder() as folder:
        code, output = call(command, ["--version"], folder, limit)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    said = f"says {lines[0]!r}" if lines else "says nothing"
    if not code and not any(map(_OURS.match, lines)):
        raise ShowerError(f"{' '.join(command)} is not Herwig 7: with --version it {said}")
    if code:
        said = f" and {said}" if lines else ""
        raise ShowerError(f"{' '.join(command)}: with --version it {ending(code)}{said}; expected Herwig 7")
    return " / ".join(lines)  # several versions of a program are separated by commas


def call(
    command: Command, arguments: Sequence[str], directory: Path, time_limit: float, doing: str = ""
) -> tuple[int, str]:
    """Run Herwig to its end in a scratch folder; return its exit code and what it printed.

    Raises
    ------
    ShowerError
        It cannot be started, or is not done within the limit [s]; then `doing` says what it was at.
    """
    with running(command_line(command, arguments, [directory]), directory) as process:
        try:
            code = process.wait(time_limit)
        except subprocess.TimeoutExpired:
            last_lines = quoted(printed(directory))
            raise ShowerError(
                f"Herwig {arguments[0]} is not done after {time_limit:g} s{doing}{last_lines}"
            ) from None
    output = printed(directory)
    if code in _NOT_STARTED:
        last_line = output.strip().rpartition("\n")[2]
        raise ShowerError(f"Herwig cannot be started: {_OF_THE_SHELL.sub('', last_line)}")
    return code, output


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
