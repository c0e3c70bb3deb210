"""A folder for a program to run in, which is gone with the program whatever becomes of this process."""

import secrets
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from jetresim.campaign.errors import ShowerError

__all__ = ["forget_program", "in_scratch_folder", "scratch_folder"]

_GROUP = "group"
"""File in the folder that holds the process group of the program."""

_GUARD = f"""
trap '' HUP INT TERM
mkdir -m 700 -- "$1" && echo made || exit
read -r _
for attempt in 1 2 3 4 5; do
    if [ -f "$1/{_GROUP}" ] && read -r group < "$1/{_GROUP}"; then kill -s KILL -- "-$group"; fi
    rm -rf -- "$1" && exit
    sleep 0.2
done 2> /dev/null
"""
"""Waits until the other end of its standard input is gone, which the death of its parent is enough for."""


@contextmanager
def scratch_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder; in the end it and the program in it are gone, also if this process is killed.

    Parameters
    ----------
    parent : Path, optional
        Where to make it, in place of the system's folder for temporary files.

    Raises
    ------
    ShowerError
        It cannot be made.
    OSError
        A file in it cannot be written, as where the disk is full; names the place of the folder.
    """
    base = Path(tempfile.gettempdir()) if parent is None else parent.absolute()
    folder = base / f"herwig-{secrets.token_hex(6)}"
    with subprocess.Popen(
        ["sh", "-c", _GUARD, "sh", str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True,
    ) as guard:  # fmt: skip
        if not guard.stdout.readline():
            reason = guard.stderr.read().decode(errors="replace").strip().rpartition(": ")[2]
            raise ShowerError(f"no folder can be made in {base} for Herwig to run in: {reason}")
        try:
            yield folder
        except OSError as error:
            if str(error.filename).startswith(str(folder)):
                raise OSError(error.errno, error.strerror, str(base)) from None
            raise


def forget_program(folder: Path) -> None:
    """Tell that the program that ran in a scratch folder has been ended: its number may now be another's."""
    (folder / _GROUP).unlink(missing_ok=True)


def in_scratch_folder(line: Sequence[str]) -> list[str]:
    """A command that runs another one in a scratch folder, whose end then ends it.

    It has to be started there, in a session of its own. It takes the place of the shell, and does not
    begin where the folder is gone already.
    """
    return ["sh", "-c", f'echo $$ > {_GROUP} && exec "$@"', "sh", *line]
