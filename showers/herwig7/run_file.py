"""Run files of Herwig 7, made once for every distinct input card."""

import hashlib
import logging
import re
from collections.abc import Sequence
from pathlib import Path

from jetresim.campaign.errors import ShowerError
from jetresim.campaign.herwig import HerwigOptions
from jetresim.showers.herwig7.card import HARD_EVENTS, NEW_COMMANDS, Dialect, card
from jetresim.showers.herwig7.events import write_block
from jetresim.showers.herwig7.program import Command, call, ending, herwig_version, quoted, scratch_folder

__all__ = ["READ_TIME_LIMIT", "prepare"]

READ_TIME_LIMIT = 300.0
"""Longest time for ``Herwig read`` [s]. It takes one or two, more where its files come over a network."""

_COMPLAINT = re.compile(r"^Error: (.*)$", re.MULTILINE)
_NOT_SAVED = "Save failed!"
_PDF_SET = re.compile(r":PDFName (\S+)")
_SNIPPET = re.compile(r"^read (\S+)$", re.MULTILINE)
_QUOTED = re.compile(r"'([^']+)'")
_TAIL_BYTES = 16

log = logging.getLogger(__name__)


def prepare(
    command: Command, options: HerwigOptions, beams_energy: float, directory: Path
) -> tuple[Path, Dialect]:
    """Make the run file with ``Herwig read``, once for every distinct card.

    Parameters
    ----------
    command : Command
        From `find_herwig`.
    options : HerwigOptions
    beams_energy : float
        Centre-of-mass energy [GeV].
    directory : Path
        Keeps the cards and run files; other jobs may use it at the same time.

    Returns
    -------
    Path
        The run file; the card has the same name and ends in ``.in``.
    Dialect
        What this Herwig understands.

    Raises
    ------
    ShowerError
        Herwig refuses the card, with its complaint and the line; or cannot save what it read.
    """
    directory.mkdir(parents=True, exist_ok=True)
    version = herwig_version(command)
    for dialect in Dialect:
        content = "\0".join([*command, version, repr(beams_energy), card(options, "", dialect)])
        name = f"herwig-{hashlib.blake2b(content.encode(), digest_size=6).hexdigest()}"
        run_file = directory / f"{name}.run"
        if _is_whole(run_file):
            return run_file, dialect
        text = card(options, name, dialect)
        code, output = _read(command, text, run_file, beams_energy, _what_is_read(text))
        if _is_whole(run_file):
            return run_file, dialect
        if dialect is Dialect.NEW and not any(new in output for new in NEW_COMMANDS):
            break
    raise ShowerError(_refusal(options.card, text.splitlines(), code, output))


def _read(command: Command, text: str, run_file: Path, beams_energy: float, what: str) -> tuple[int, str]:
    """Run ``Herwig read`` and keep the card, and the run file if there is a whole one."""
    log.info("Herwig reads %s", what)
    directory = run_file.parent
    with scratch_folder(directory) as scratch:
        made, written = scratch / run_file.name, scratch / run_file.with_suffix(".in").name
        written.write_text(text, encoding="utf-8")
        write_block(scratch / HARD_EVENTS, beams_energy, [])
        code, output = call(command, ["read", written.name], scratch, READ_TIME_LIMIT, f", reading {what}")
        # Other jobs may make the same; what a file is replaced by is the same and whole.
        written.replace(directory / written.name)
        if not code and _is_whole(made) and _NOT_SAVED not in output:
            made.replace(run_file)
    return code, output


def _what_is_read(text: str) -> str:
    """What ``Herwig read`` has to find and read for a card."""
    further = [*_PDF_SET.findall(text), *_SNIPPET.findall(text)]
    return ", ".join(["its repository", "its default PDF sets", *dict.fromkeys(further)])


def _is_whole(run_file: Path) -> bool:
    """Whether a run file has its end. Herwig says that all is well also where the disk was full.

    The last of it is the list of directories that Herwig looks for its files in, closed by a brace.
    """
    if not run_file.exists():
        return False
    with run_file.open("rb") as file:
        file.seek(max(run_file.stat().st_size - _TAIL_BYTES, 0))
        return file.read().endswith(b"\n}")


def _refusal(own: Sequence[str], lines: Sequence[str], code: int, output: str) -> str:
    """Why there is no run file: Herwig's complaint and the line it is about, the user's own or another."""
    if complaint := _COMPLAINT.search(output):
        line = _line_of(complaint.group(1), own) or _line_of(complaint.group(1), lines)
        return f"Herwig read refuses the card{f' at `{line}`' if line else ''}: {complaint.group(1)}"
    if not code:
        return "Herwig read wrote only a part of its run file; is the disk full?"
    return f"Herwig read {ending(code)}{quoted(output)}"


def _words(line: str) -> set[str]:
    """Names in a line of a card, without the directories they are in."""
    return {*re.split(r"[\s/]", line), *re.split(r"[\s/:]", line)}


def _line_of(complaint: str, lines: Sequence[str]) -> str | None:
    """The line that a complaint quotes a name of, if there is exactly one."""
    for path in _QUOTED.findall(complaint):
        name = path.rpartition("/")[2]
        found = [line for line in lines if name in _words(line)]
        if len(found) == 1:
            return found[0]
    return None
