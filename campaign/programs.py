"""Running a program of others: found by name or in a container, and gone with the job that runs it."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from jetresim.campaign.errors import JetresimError

__all__ = ["RUNTIMES", "Program", "printed", "running", "scratch_folder"]

RUNTIMES = ("apptainer", "singularity")
"""Programs that run a container, the first that is there."""

_GROUP = "group"
_OUTPUT = "program.out"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")

# The death of the parent closes the standard input of this shell, whatever the parent dies of.
_GUARD = f"""
trap '' HUP INT TERM
mkdir -m 700 -- "$1" && echo made || exit
read -r _
for attempt in 1 2 3 4 5; do
    for file in "$1"/*/{_GROUP} "$1/{_GROUP}"; do
        if [ -f "$file" ] && read -r group < "$file"; then kill -s KILL -- "-$group"; fi
    done
    rm -rf -- "$1" && exit
    sleep 0.2
done 2> /dev/null
"""


@contextmanager
def scratch_folder(name: str, error: type[JetresimError], parent: Path | None = None) -> Iterator[Path]:
    """Make a folder; in the end it and the programs in it are gone, also if this process is killed.

    Parameters
    ----------
    name : str
        What runs in it; in lower case it begins the name of the folder.
    error : type of JetresimError
        What is raised where it cannot be made.
    parent : Path, optional
        Where to make it, in place of the system's folder for temporary files.

    Raises
    ------
    JetresimError
        It cannot be made.
    OSError
        A file in it cannot be written, as where the disk is full; names the place of the folder.
    """
    base = Path(tempfile.gettempdir()) if parent is None else parent.absolute()
    folder = base / f"{name.lower()}-{secrets.token_hex(6)}"
    with subprocess.Popen(
        ["sh", "-c", _GUARD, "sh", str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    ) as guard:  # fmt: skip
        if not guard.stdout.readline():
            reason = guard.stderr.read().decode(errors="replace").strip().rpartition(": ")[2]
            raise error(f"no folder can be made in {base} for {name} to run in: {reason}")
        try:
            yield folder
        except OSError as problem:
            if str(problem.filename).startswith(str(folder)):
                raise OSError(problem.errno, problem.strerror, str(base)) from None
            raise


@dataclass(frozen=True, slots=True)
class Program:
    """A program, and how it is started.

    Attributes
    ----------
    title : str
        What it is called in messages.
    path : str
        By which it is started, in the container if there is one.
    error : type of JetresimError
        What is raised where it fails.
    container : tuple of str
        Runtime and image; nothing where it is installed.
    """

    title: str
    path: str
    error: type[JetresimError]
    container: tuple[str, ...] = ()

    @classmethod
    def find(
        cls, title: str, executable: str, container: str | None, error: type[JetresimError], help: str
    ) -> "Program":
        """Find it.

        Parameters
        ----------
        title, executable, container, error
            See the attributes; `container` is a file or an address with ``://``.
        help : str
            Ends the message where it is not there: the ways to get it.
        """
        if container is None:
            found = shutil.which(executable)
            if found is None:
                raise error(f"{title}: program {executable!r} not found or not executable; {help}")
            return cls(title, str(Path(found).absolute()), error)
        runtime = next(filter(None, map(shutil.which, RUNTIMES)), None)
        if runtime is None:
            raise error(f"{title}: no {' or '.join(RUNTIMES)} on the PATH to run {container}; {help}")
        if "://" not in container:
            if not Path(container).exists():
                raise error(f"{title}: container image {container} does not exist; {help}")
            container = str(Path(container).absolute())
        return cls(title, executable, error, (runtime, container))

    def beside(self, path: str) -> "Program":
        """Another program that runs where this one does."""
        return Program(self.title, path, self.error, self.container)

    def run(self, arguments: Sequence[str], folder: Path, time_limit: float) -> tuple[int, str]:
        """Run it to its end in a folder that `scratch_folder` made, or one in that.

        Returns
        -------
        code : int
            As `subprocess` gives it.
        output : str
            What it printed, with files named as seen from the folder.

        Raises
        ------
        JetresimError
            It is not done within the limit [s].
        """
        with running(self._line(arguments, folder), folder) as process:
            try:
                code = process.wait(time_limit)
            except subprocess.TimeoutExpired:
                raise self.error(f"{self.title} is not done after {time_limit:g} s (time_limit)") from None
        return code, printed(folder)

    def _line(self, arguments: Sequence[str], folder: Path) -> list[str]:
        if not self.container:
            return [self.path, *arguments]
        runtime, image = self.container
        where = ["--bind", str(folder), "--pwd", str(folder)]
        return [runtime, "exec", *where, image, self.path, *arguments]


@contextmanager
def running(line: Sequence[str], folder: Path) -> Iterator[subprocess.Popen]:
    """Run a program in a scratch folder, or one in that; in the end it and all of its children are gone."""
    noted = ["sh", "-c", f'echo $$ > {_GROUP} && exec "$@"', "sh", *line]
    with (folder / _OUTPUT).open("wb") as output:
        process = subprocess.Popen(
            noted, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        yield process
    finally:
        # The group outlives its leader where that left children behind.
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            process.kill()
        process.wait()
        (folder / _GROUP).unlink(missing_ok=True)  # the number may soon be another program's


def printed(folder: Path) -> str:
    """What the program that was last run in a folder printed so far; it names files as seen from there."""
    path = folder / _OUTPUT
    text = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return _COLOURS.sub("", text).replace(f"{folder}/", "")
