"""Fetching a published dataset: all files are compared with its manifest, and none is fetched twice."""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote
from urllib.request import Request

from jetresim.campaign.errors import ConfigError, DataError
from jetresim.dataset.publication.folder import MANIFEST, published_files
from jetresim.dataset.publication.http import get_json, opened
from jetresim.dataset.publication.upload import HUB, ZENODO, flat_name

__all__ = ["Fetched", "fetch", "located"]

_BLOCK = 2**20
_ZENODO = re.compile(r"(?:zenodo:|(?:https://doi\.org/)?10\.5281/zenodo\.)(\d+)")
_HUB = re.compile(r"hf:([\w.-]+/[\w.-]+)")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of a file: ``fetched``, ``resumed``, or ``there`` already; and its bytes."""

    path: str
    how: str
    bytes: int


def located(name: str, service: str | None = None) -> Callable[[str], str]:
    """Where the files of a dataset are: a function from their path to their URL.

    Parameters
    ----------
    name : str
        ``zenodo:NUMBER`` or a DOI of Zenodo, ``hf:OWNER/NAME``, or the URL of a folder.
    service : str, optional
        Address of the service in place of its own.

    Raises
    ------
    ConfigError
        It is none of these.
    """
    if found := _ZENODO.fullmatch(name):
        base = f"{service or ZENODO}/records/{found[1]}/files"
        return lambda path: f"{base}/{quote(flat_name(path))}?download=1"
    if found := _HUB.fullmatch(name):
        base = f"{service or HUB}/datasets/{found[1]}/resolve/main"
    elif name.startswith(("http://", "https://")):
        base = name.rstrip("/")
    else:
        raise ConfigError(
            f"{name}: unknown place; expected zenodo:NUMBER, a DOI of Zenodo, hf:OWNER/NAME or a URL"
        )
    return lambda path: f"{base}/{quote(path)}"


def fetch(place: Callable[[str], str], folder: Path) -> Iterator[Fetched]:
    """Fetch all files of a published dataset, one after the other; the manifest is written last.

    A transfer that broke off goes on where it ended, if the server can do that.

    Parameters
    ----------
    place : callable
        See `located`.
    folder : Path

    Raises
    ------
    DataError
        There is no manifest, a file is missing, or one is not what the manifest says, and is removed.
    """
    manifest = get_json(place(MANIFEST))
    files = _listed(manifest, place(MANIFEST))
    for file in files:
        yield _fetched(place(file["path"]), folder / file["path"], file)
    target = folder / MANIFEST
    with opened(place(MANIFEST)) as answer:
        _write_whole(target, answer.read())


def _listed(manifest: dict[str, Any], url: str) -> list[dict[str, Any]]:
    """The files of a manifest, none of which may lie outside of the folder."""
    try:
        files = published_files(manifest)
        paths = [PurePosixPath(file["path"]) for file in files]
        complete = all(isinstance(file["bytes"], int) and len(file["sha256"]) == 64 for file in files)
    except (KeyError, TypeError):
        complete = False
    if not complete:
        raise DataError(f"{url}: is no manifest of a dataset")
    if outside := [path for path in paths if path.is_absolute() or ".." in path.parts]:
        raise DataError(f"{url}: {outside[0]} would lie outside of the folder; nothing was fetched")
    return files


def _fetched(url: str, target: Path, file: dict[str, Any]) -> Fetched:
    if target.exists() and _digest(target) == file["sha256"]:
        return Fetched(file["path"], "there", file["bytes"])
    part = target.with_name(f".part-{target.name}")
    part.parent.mkdir(parents=True, exist_ok=True)
    resumed = _transfer(url, part, file["bytes"])
    if _digest(part) != file["sha256"]:
        part.unlink()
        raise DataError(f"{url}: is not the file in {MANIFEST} (SHA-256); removed, fetch it again")
    part.replace(target)
    return Fetched(file["path"], "resumed" if resumed else "fetched", file["bytes"])


def _transfer(url: str, part: Path, size: int) -> bool:
    """Bring the file to its size; returns whether that began with what was there."""
    have = part.stat().st_size if part.exists() else 0
    if have == size and have:
        return True
    resumes = 0 < have < size
    request = Request(url, headers={"Range": f"bytes={have}-"} if resumes else {})
    with opened(request) as answer:
        resumes = resumes and answer.status == 206
        with part.open("ab" if resumes else "wb") as file:
            while block := answer.read(_BLOCK):
                file.write(block)
    if (got := part.stat().st_size) < size:
        raise DataError(f"{url}: broke off after {got} of {size} bytes; run the command again to go on")
    return resumes


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_whole(target: Path, content: bytes) -> None:
    part = target.with_name(f".part-{target.name}")
    part.write_bytes(content)
    part.replace(target)
