"""A process compiled and integrated once: MadGraph's gridpack, with what it was made for.

Why a gridpack and not the folder of the process: a run of the folder integrates the process anew with the
seed and the number of events that it is asked for, which takes longer than a block of events. A gridpack
keeps the integration; ``run.sh EVENTS SEED`` then only makes events, which are a function of the two and
of the integration grids. The grids follow from the definition and the seed: a gridpack that is made again,
with any number of cores, has the same ones, as `record.Gridpack` lets jobs check.
"""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

from pydantic import ValidationError

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError, HardEventError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.paths import Paths
from jetresim.campaign.programs import Program
from jetresim.campaign.provenance import digest
from jetresim.generators.madgraph.program import cores, run, scratch
from jetresim.generators.madgraph.record import Gridpack
from jetresim.generators.madgraph.scripts import FOLDER, RUN, definition, integration, settings

__all__ = [
    "GRIDPACK",
    "RECORD",
    "check_definition",
    "kept_gridpack",
    "made_for",
    "make_gridpack",
    "scripts_digest",
    "unpack",
]

GRIDPACK = Path(Paths("").gridpack).name
"""Name of the file."""

RECORD = "jetresim.json"
"""First file of a gridpack that is kept: a `record.Gridpack`."""
_CODE, _INTEGRATION = "definition.mg5", "integration.mg5"
_PACKED = f"{RUN}_gridpack.tar.gz"
_CARDS = ("run_card.dat", "param_card.dat")


def make_gridpack(campaign: Campaign, process: str, program: Program, path: Path, logs: Path | None) -> None:
    """Compile and integrate a process, and keep it as one file.

    Raises
    ------
    HardEventError
        MadGraph refuses the process, the run card or the beams, or fails; with its own reason.
    """
    options = campaign.madgraph
    with scratch() as folder:
        code = _write_code(campaign, process, program, folder, logs)
        with (code / "Cards" / "me5_configuration.txt").open("a", encoding="utf-8") as file:
            file.write("\n" + settings(cores(options)))
        (folder / _INTEGRATION).write_text(integration(campaign, process), encoding="utf-8")
        madevent = program.beside(f"./{FOLDER}/bin/madevent")
        log = None if logs is None else logs / "integration.log"
        run(madevent, [_INTEGRATION], folder, code / _PACKED, options.time_limit, log)
        with tarfile.open(code / _PACKED) as packed:
            packed.extractall(folder / "gridpack", filter="tar")
        record = _record(campaign, process, folder / "gridpack")
        _pack(folder / "gridpack", record, path)


def check_definition(campaign: Campaign, process: str, program: Program) -> None:
    """Have MadGraph write the code of a process, without compiling it.

    Raises
    ------
    HardEventError
        It refuses the process; with its own reason.
    """
    with scratch() as folder:
        _write_code(campaign, process, program, folder, None)


def kept_gridpack(path: Path) -> Gridpack | None:
    """What a gridpack that was kept is; None where there is none.

    Raises
    ------
    DataError
        The file is damaged.
    """
    try:
        with tarfile.open(path) as packed:
            first = packed.next()
            content = packed.extractfile(first) if first and first.name == RECORD else None
            return Gridpack.model_validate_json(content.read() if content else b"")
    except FileNotFoundError:
        return None
    except (tarfile.TarError, EOFError, OSError, ValidationError):
        raise DataError(f"{path}: damaged, or no gridpack of this version; delete it") from None


def made_for(campaign: Campaign, process: str, gridpack: Gridpack) -> bool:
    """Whether a gridpack is of a process as it is configured now."""
    return gridpack.scripts == scripts_digest(campaign, process)


def unpack(path: Path, folder: Path) -> None:
    """Unpack a gridpack, so that ``run.sh`` lies in a folder."""
    with tarfile.open(path) as packed:
        packed.extractall(folder, filter="tar")


def _write_code(campaign: Campaign, process: str, program: Program, folder: Path, logs: Path | None) -> Path:
    asked = campaign.process(process).madgraph
    assert asked is not None  # by validation
    (folder / _CODE).write_text(definition(asked), encoding="utf-8")
    log = None if logs is None else logs / "definition.log"
    code = folder / FOLDER
    run(program, [_CODE], folder, code / "bin" / "madevent", campaign.madgraph.time_limit, log)
    return code


def scripts_digest(campaign: Campaign, process: str) -> str:
    """Digest of all that MadGraph is told of a process."""
    asked = campaign.process(process).madgraph
    assert asked is not None  # by validation
    return digest([definition(asked), integration(campaign, process)])


def _record(campaign: Campaign, process: str, folder: Path) -> Gridpack:
    madevent = folder / "madevent"
    cross_section, error = _cross_section(madevent / "SubProcesses" / f"{RUN}_results.dat")
    cards = [(madevent / "Cards" / name).read_text(encoding="utf-8") for name in _CARDS]
    return Gridpack(
        version=(madevent / "MGMEVersion.txt").read_text(encoding="utf-8").strip(),
        scripts=scripts_digest(campaign, process),
        cards=digest(cards),
        grids=_grids(madevent / "SubProcesses"),
        cross_section=cross_section,
        cross_section_error=error,
    )


def _cross_section(path: Path) -> tuple[float, float]:
    """Cross-section and its error [pb]: the first two numbers of a file of results."""
    try:
        first, second, *_ = path.read_text(encoding="utf-8").split(maxsplit=2)
        cross_section, error = float(first), float(second)
    except (OSError, ValueError):
        raise HardEventError("MadGraph integrated the process without a result") from None
    if not cross_section > 0:
        raise HardEventError("MadGraph finds no cross-section; are the cuts of `run_card` out of reach?")
    return cross_section, error


def _grids(folder: Path) -> str:
    """Digest of the grids of all channels, unpacked: gzip writes the time."""
    whole = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.glob("P*/G*/default_ftn26.gz")):
        whole.update(path.relative_to(folder).as_posix().encode())
        whole.update(gzip.decompress(path.read_bytes()))
    return whole.hexdigest()


def _pack(folder: Path, record: Gridpack, path: Path) -> None:
    """Write a gridpack with its record first, which is read without the rest."""
    content = record.model_dump_json(indent=2).encode()
    entry = tarfile.TarInfo(RECORD)
    entry.size = len(content)
    with atomic_path(path) as temporary, tarfile.open(temporary, "w:gz", compresslevel=6) as packed:
        packed.addfile(entry, io.BytesIO(content))
        for part in sorted(folder.iterdir()):
            packed.add(part, part.name)
