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

__all__ = ["cores", "find_madgraph", "gridpack_script", "interruption", "last_words", "run", "scratch"]

_LONGEST = 300
_REFUSED = re.compile(r"invalid set command (.+)")
_END = r"(?:\n(?:command not executed|quit|INFO)|\Z)"
_INTERRUPTED = (
    re.compile(r"with error:\s*\n(.+?)" + _END, re.DOTALL),
    re.compile(r"^Error detected in.*?^\w+ : (.+?)" + _END, re.MULTILINE | re.DOTALL),
)
"""A command that failed; those that follow in the script may be executed all the same."""
_OTHERS = (
    re.compile(r"^\w*(?:Error|Exception) ?: (.+?)" + _END, re.MULTILINE | re.DOTALL),
    re.compile(r"^(madgraph requires .+)$", re.MULTILINE),
    re.compile(r"^(?:CRITICAL|ERROR)\W+(.+)$", re.MULTILINE),
)
"""What may stand beside a run that ends well, too."""
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


def run(
    program: Program, arguments: Sequence[str], folder: Path, product: Path, limit: float, log: Path | None
) -> None:
    """Run MadGraph or a part of it; a log is kept of what it prints.

    Parameters
    ----------
    program : Program
    arguments : sequence of str
    folder : Path
        Where it runs, see `scratch`.
    product : Path
        What is there when all went well: MadGraph's exit code is 0 also where a command failed.
    limit : float
        Longest time [s].
    log : Path or None

    Raises
    ------
    HardEventError
        It cannot be run or fails; with its own reason.
    """
    code, output = program.run(arguments, folder, limit)
    if log is not None:
        with atomic_path(log) as temporary:
            temporary.write_text(output, encoding="utf-8")
    if found := interruption(output):
        raise HardEventError(f"MadGraph: {found}")
    if code or not product.exists():
        ended = f"ended with exit code {code}" if code else f"made no {product.name}"
        raise HardEventError(f"MadGraph {ended}: {last_words(output)}")


def interruption(output: str) -> str | None:
    """Why a command of a script failed, in one line; None where none did."""
    if refused := _REFUSED.search(output):
        return f"there is no such parameter: `{' '.join(refused.group(1).split())}`"
    return _first(_INTERRUPTED, output)


def last_words(output: str) -> str:
    """What MadGraph complains of, or the last line that says something."""
    if found := _first(_OTHERS, output):
        return found
    lines = [line.strip() for line in output.splitlines() if not _NOISE.match(line)]
    return _shortened(lines[-1]) if lines else "it printed nothing"


def _first(patterns: Sequence[re.Pattern[str]], output: str) -> str | None:
    found = next(filter(None, (pattern.search(output) for pattern in patterns)), None)
    return found and _shortened(_EXCEPTION.sub("", found.group(1)))


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
