"""Finding MadGraph5_aMC@NLO, running it, and saying in one line what it complains of."""

import os
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from jetresim.campaign.errors import HardEventError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.madgraph import MadGraphOptions
from jetresim.campaign.programs import Program, scratch_folder

__all__ = ["complaint", "cores", "find_madgraph", "gridpack_script", "last_line", "run", "scratch"]

_LONGEST = 300
_REFUSED = re.compile(r"invalid set command (.+)")
_COMPLAINTS = (
    re.compile(r"with error:\s*\n(.+?)(?:\n(?:command not executed|quit|INFO)|\Z)", re.DOTALL),
    re.compile(
        r"^\w*(?:Error|Exception|str) ?: (.+?)(?:\n(?:command not executed|quit|INFO)|\Z)", re.M | re.S
    ),
    re.compile(r"^(madgraph requires .+|.*ModuleNotFoundError.*)$", re.MULTILINE),
    re.compile(r"^(?:CRITICAL|ERROR)\W+(.+)$", re.MULTILINE),
)
_EXCEPTION = re.compile(r"^\w*(?:Error|Exception|Cmd|str) ?: ")
_NOISE = re.compile(r"^(quit|INFO: *|command not executed.*|\s*)$")


def find_madgraph(options: MadGraphOptions) -> Program:
    """Find the program.

    Raises
    ------
    HardEventError
        It is not there; one line names the three ways to get it.
    """
    ways = (
        "put `mg5_aMC` on the PATH, set `madgraph: {executable: …}` to its path, or `container` to an image "
        "(docs/madgraph.md)"
    )
    return Program.find("MadGraph", options.executable, options.container, HardEventError, ways)


def gridpack_script(options: MadGraphOptions) -> Program:
    """What runs a gridpack: its own script, which needs MadGraph's container but not its installation."""
    script = "./run.sh"
    if options.container is None:
        return Program("MadGraph", script, HardEventError)
    return find_madgraph(options).beside(script)


def cores(options: MadGraphOptions) -> int:
    """Cores to use: `threads`, or fewer where the batch system or Snakemake gives the job fewer.

    Both say so in OMP_NUM_THREADS.
    """
    given = os.environ.get("OMP_NUM_THREADS", "")
    return min(options.threads, int(given)) if given.isdecimal() and int(given) else options.threads


def scratch() -> AbstractContextManager[Path]:
    """A folder for MadGraph to run in, which is gone with it."""
    return scratch_folder("madgraph", HardEventError)


def run(program: Program, arguments: Sequence[str], folder: Path, limit: float, log: Path | None) -> str:
    """Run MadGraph or a part of it; return what it printed, of which a log is kept.

    Raises
    ------
    HardEventError
        It cannot be run or ends with an error; with its own reason. MadGraph's own exit code is 0 also then.
    """
    code, output = program.run(arguments, folder, limit)
    if log is not None:
        with atomic_path(log) as temporary:
            temporary.write_text(output, encoding="utf-8")
    if found := complaint(output):
        raise HardEventError(f"MadGraph: {found}")
    if code:
        raise HardEventError(f"MadGraph ended with exit code {code}: {last_line(output)}")
    return output


def complaint(output: str) -> str | None:
    """What MadGraph complains of, in one line; None where it does not."""
    if refused := _REFUSED.search(output):
        return f"there is no such parameter: `{' '.join(refused.group(1).split())}`"
    for pattern in _COMPLAINTS:
        if found := pattern.search(output):
            return _shortened(_EXCEPTION.sub("", found.group(1)))
    return None


def last_line(output: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in output.splitlines() if not _NOISE.match(line)]
    return _shortened(lines[-1]) if lines else "it printed nothing"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
