"""What there is of Herwig 7 on a machine, what is missing, and how to get it."""

import math
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import yaml

from jetresim.campaign.errors import ShowerError
from jetresim.campaign.herwig import HerwigOptions
from jetresim.generators.events import HardEvent
from jetresim.showers.herwig7.card import Dialect
from jetresim.showers.herwig7.events import z_event
from jetresim.showers.herwig7.pdf_sets import CH3_SETS
from jetresim.showers.herwig7.program import (
    IMAGE,
    Command,
    container_runtime,
    find_herwig,
    herwig_version,
    scratch_folder,
)
from jetresim.showers.herwig7.run_file import prepare
from jetresim.showers.herwig7.shower import Herwig7

__all__ = ["Finding", "examine", "lines_to_write"]

ENERGY = 13000.0

_LIBRARY = re.compile(r"^\s*(\S+) => not found$", re.MULTILINE)
_PDF_SET = re.compile(r"PDF set '([^']+)'|PDFName (\S+?)'")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    what : str
    text : str
        What was found, or what is missing and how to get it.
    works : bool or None
        None where Herwig works without it.
    """

    what: str
    text: str
    works: bool | None = True


def examine(options: HerwigOptions) -> Iterator[Finding]:
    """Look at everything that Herwig needs, one after the other, up to what it cannot do without.

    Parameters
    ----------
    options : HerwigOptions
        Where it is.
    """
    try:
        command = find_herwig(options)
    except ShowerError as error:
        yield Finding("program", str(error), works=False)
        yield _containers()
        return
    yield Finding("program", " ".join(command))
    looks = (_libraries, _version, _events, _ch3)
    for look in looks:
        for finding in look(command, options):
            yield finding
            if finding.works is False:
                return


def lines_to_write(options: HerwigOptions) -> list[str]:
    """The lines of a configuration for a Herwig that is where the options say."""
    asked = options.model_dump(include={"executable", "container"}, exclude_defaults=True)
    herwig = yaml.safe_dump(asked, default_flow_style=True, width=math.inf).strip()
    realization = f"{{name: herwig7, herwig: {herwig}}}" if asked else "herwig7"
    return ["augmentations:", "  - nominal", f"  - {realization}"]


def _containers() -> Finding:
    if runtime := container_runtime():
        return Finding("container", f"`jetresim herwig --pull` gets {IMAGE} with {runtime}", works=None)
    return Finding(
        "container", "neither Apptainer nor Docker is there, one of which would run an image", works=None
    )


def _libraries(command: Command, options: HerwigOptions) -> Iterator[Finding]:
    """Shared libraries of the program and of what it loads, where it is neither script nor in a container."""
    ldd = shutil.which("ldd")
    if len(command) > 1 or ldd is None:
        return
    folders = [Path(command[0]).resolve().parent.parent / "lib" / name for name in ("Herwig", "ThePEG")]
    loaded = sorted(file for folder in folders for file in folder.glob("*.so"))
    line = [ldd, command[0], *map(str, loaded)]
    told = subprocess.run(line, capture_output=True, text=True, check=False)
    if missing := sorted(set(_LIBRARY.findall(told.stdout))):
        how = "install their packages, or name their folders in LD_LIBRARY_PATH"
        yield Finding("libraries", f"{', '.join(missing)} not found; {how}", works=False)
    elif loaded:
        yield Finding("libraries", f"there, for the program and {len(loaded)} files that it loads")


def _version(command: Command, options: HerwigOptions) -> Iterator[Finding]:
    try:
        yield Finding("version", herwig_version(command))
    except ShowerError as error:
        yield Finding("version", str(error), works=False)


def _events(command: Command, options: HerwigOptions) -> Iterator[Finding]:
    """Read a card and make one event of it."""
    with scratch_folder() as scratch:
        start = monotonic()
        try:
            _, dialect = prepare(command, options, ENERGY, scratch)
        except ShowerError as error:
            yield _refusal("Herwig read", error, False)
            return
        yield Finding(
            "Herwig read", f"reads the card of the default tune, with its PDF sets, in {_since(start)}"
        )
        if dialect is Dialect.OLD:
            yield Finding(
                "limits",
                "older than 7.3: events are told apart by their partons alone, and fsr_scale and "
                "isr_scale cannot differ",
                works=None,
            )
        start = monotonic()
        try:
            (batch,) = Herwig7("check", "herwig7", 1, ENERGY, options, scratch).simulate(
                [HardEvent(0, z_event(100.0))]
            )
        except ShowerError as error:
            yield Finding("Herwig run", _in_one_line(error), works=False)
            return
        particles = len(batch.particles[0])
        yield Finding(
            "Herwig run", f"makes {particles} particles in {_since(start)}", bool(batch.succeeded[0])
        )


def _ch3(command: Command, options: HerwigOptions) -> Iterator[Finding]:
    with scratch_folder() as scratch:
        try:
            prepare(command, options.model_copy(update={"tune": "CH3"}), ENERGY, scratch)
        except ShowerError as error:
            yield _refusal("tune CH3", error, None)
        else:
            yield Finding("tune CH3", f"can be used: {' and '.join(CH3_SETS)} are there")


def _refusal(what: str, error: ShowerError, works: bool | None) -> Finding:
    """Why a card is refused; where that is for want of a PDF set, how to get it."""
    text = _in_one_line(error)
    if found := _PDF_SET.search(text):
        name = found[1] or found[2]
        further = " or, with Pythia's grids, `jetresim herwig --pdf-sets FOLDER`" if name in CH3_SETS else ""
        text = f"the PDF set {name} is not installed for LHAPDF: `lhapdf install {name}`{further}"
    return Finding(what, text, works)


def _in_one_line(error: ShowerError) -> str:
    """A message, and the last of what Herwig said."""
    first, *said = str(error).splitlines()
    return f"{first};{' '.join(said[-1:])}" if said else first


def _since(start: float) -> str:
    return f"{monotonic() - start:.1f} s"
