"""Run files of Herwig 7, made once for every distinct input card."""

import hashlib
import os
import re
import shutil
import tempfile
from pathlib import Path

from jetresim.campaign.errors import ShowerError
from jetresim.campaign.herwig import HerwigOptions
from jetresim.showers.herwig7_card import HARD_EVENTS, NEW_COMMANDS, Dialect, card
from jetresim.showers.herwig7_events import example, write_block
from jetresim.showers.herwig7_program import Command, call, ending, herwig_version, quoted

_COMPLAINT = re.compile(r"^Error: .*$", re.MULTILINE)


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
        Herwig refuses the card; its first complaint and its last lines of output.
    """
    directory.mkdir(parents=True, exist_ok=True)
    version = herwig_version(command, options.time_limit)
    for dialect in Dialect:
        content = "\0".join([*command, version, repr(beams_energy), card(options, "", dialect)])
        name = f"herwig-{hashlib.blake2b(content.encode(), digest_size=6).hexdigest()}"
        run_file = directory / f"{name}.run"
        if run_file.exists():
            return run_file, dialect
        text = card(options, name, dialect)
        code, output = _read(command, text, run_file, beams_energy, options.time_limit)
        if run_file.exists():
            return run_file, dialect
        if dialect is Dialect.NEW and not any(new in output for new in NEW_COMMANDS):
            break
    complaint = _COMPLAINT.search(output)
    reason = complaint.group().removeprefix("Error: ") if complaint else ending(code)
    raise ShowerError(f"Herwig read refuses the card {run_file.with_suffix('.in')}: {reason}{quoted(output)}")


def _read(
    command: Command, text: str, run_file: Path, beams_energy: float, time_limit: float
) -> tuple[int, str]:
    """Run ``Herwig read`` in a scratch directory and keep the card, and the run file if there is one."""
    with tempfile.TemporaryDirectory(prefix="herwig-") as scratch:
        written = Path(scratch, run_file.with_suffix(".in").name)
        written.write_text(text, encoding="utf-8")
        _keep(written, run_file.parent)
        write_block(Path(scratch, HARD_EVENTS), beams_energy, [example()])
        code, output = call(command, ["read", written.name], Path(scratch), time_limit)
        if not code and Path(scratch, run_file.name).exists():
            _keep(Path(scratch, run_file.name), run_file.parent)
    return code, output


def _keep(path: Path, directory: Path) -> None:
    """Copy a file under a name of its own first, since other jobs may do the same."""
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=".partial-")
    os.close(descriptor)
    try:
        shutil.copyfile(path, temporary)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(directory / path.name)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
