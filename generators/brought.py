"""Files of hard events that are brought: which they are and what they hold, told before anything is made.

A campaign is completed with it where it is opened: patterns become files, their events are counted, and
their content is known by its SHA-256. From then on it is the content that files are known by, not the path.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError

from jetresim.campaign.config import Campaign, Process
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.model import Strict

__all__ = [
    "Content",
    "Contents",
    "file_digest",
    "read_contents",
    "with_brought_files",
    "with_remembered_files",
    "write_contents",
]


class Content(Strict):
    """What a file holds, and how to notice that it may have changed."""

    size: int = Field(ge=0, description="bytes")
    modified: int = Field(description="time of modification [ns]")
    sha256: str = Field(description="digest of its bytes, in hexadecimal digits")
    events: int = Field(gt=0, description="number of events")


Contents = dict[str, Content]
"""Absolute path to what the file held when it was read last."""

_PATTERN = re.compile(r"[*?[]")
_CONTENTS = TypeAdapter(Contents)


def file_digest(path: Path) -> str:
    """SHA-256 of the bytes of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def with_brought_files(campaign: Campaign, contents: Contents) -> Campaign:
    """Complete the processes that are brought: files for patterns, numbers of events, digests.

    A process that is complete stays as it is, and its files are not read; so jobs need not read what
    the start of their campaign has read.

    Parameters
    ----------
    campaign : Campaign
    contents : Contents
        What is known already. Files are read again where they look changed, and what is found is added.

    Raises
    ------
    ConfigError
        A file or what a pattern stands for is missing, has another digest than the configuration says, or
        holds fewer events than are asked for.
    HardEventError
        A file is cut off or no Les Houches event file.
    """
    completed = {
        name: _completed(name, process, contents)
        for name, process in campaign.processes.items()
        if process.generator == "lhe" and not is_complete(process)
    }
    return _replaced(campaign, completed)


def with_remembered_files(campaign: Campaign, made: Sequence[Campaign]) -> Campaign:
    """Complete the processes whose files are not at hand with what a campaign was made with.

    Parameters
    ----------
    campaign : Campaign
    made : sequence of Campaign
        The campaign as it was completed elsewhere; the first that has a process decides.
    """
    remembered = {}
    for name, process in campaign.processes.items():
        then = next((one.processes[name] for one in made if name in one.processes), None)
        if process.generator == "lhe" and not _at_hand(process) and then is not None:
            known = then.model_dump(mode="json", include={"files", "sha256", "events"})
            remembered[name] = known if process.events is None else {**known, "events": process.events}
    return _replaced(campaign, remembered)


def is_complete(process: Process) -> bool:
    """Whether nothing has to be read of the files of a process to plan with it."""
    return process.events is not None and len(process.sha256) == len(process.files)


def read_contents(path: Path) -> Contents:
    """Read what was noted of files; nothing where there is no note, or one of another version."""
    try:
        return _CONTENTS.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return {}


def write_contents(contents: Contents, path: Path) -> None:
    """Note what files hold, so that they need not be read again."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(_CONTENTS.dump_json(contents, indent=2) + b"\n")


def _replaced(campaign: Campaign, processes: Mapping[str, Mapping[str, Any]]) -> Campaign:
    """The campaign with some fields of some processes replaced."""
    if not processes:
        return campaign
    raw = campaign.model_dump(mode="json")
    for name, fields in processes.items():
        raw["processes"][name].update(fields)
    return Campaign.model_validate(raw)


def _completed(name: str, process: Process, contents: Contents) -> dict[str, Any]:
    files = [file for given in process.files for file in _expanded(name, given)]
    held = [_content(file, contents) for file in files]
    _refuse_other_digests(name, files, held, process.sha256)
    events = sum(one.events for one in held)
    if process.events is not None and process.events > events:
        raise ConfigError(f"processes.{name}.events: {process.events} asked for, `files` hold {events}")
    return {
        "files": [str(file) for file in files],
        "sha256": [one.sha256 for one in held],
        "events": process.events or events,
    }


def _expanded(name: str, given: Path) -> list[Path]:
    if given.is_file():
        return [given]
    if not _PATTERN.search(str(given)):
        raise ConfigError(
            f"processes.{name}.files: {given} does not exist; expected an .lhe or .lhe.gz file, or LHEH5"
        )
    if not (files := _matching(given)):
        raise ConfigError(f"processes.{name}.files: no file matches {given}")
    return files


def _matching(pattern: Path) -> list[Path]:
    """Files that a pattern stands for, in the order of their names."""
    found = Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
    return sorted(path for path in found if path.is_file())


def _content(path: Path, contents: Contents) -> Content:
    """What a file holds, from the notes where it looks as it did then."""
    from jetresim.generators.lhe_files import (
        count_events,
    )  # takes time that jobs whose files are known need not spend

    key, now = str(path.resolve()), path.stat()
    known = contents.get(key)
    if known is None or (known.size, known.modified) != (now.st_size, now.st_mtime_ns):
        contents[key] = known = Content(
            size=now.st_size,
            modified=now.st_mtime_ns,
            sha256=file_digest(path),
            events=count_events(path),
        )
    return known


def _refuse_other_digests(
    name: str, files: Sequence[Path], held: Sequence[Content], expected: Sequence[str]
) -> None:
    if not expected:
        return
    if len(expected) != len(files):
        raise ConfigError(f"processes.{name}.sha256: has {len(expected)} digests for {len(files)} files")
    for file, one, digest in zip(files, held, expected, strict=True):
        if one.sha256 != digest:
            raise ConfigError(f"processes.{name}.sha256: {file} has {one.sha256}, not {digest}")


def _at_hand(process: Process) -> bool:
    return is_complete(process) or all(file.is_file() or _matching(file) for file in process.files)
