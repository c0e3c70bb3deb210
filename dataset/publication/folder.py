"""The folder that is published: data files, their card and manifest, and the descriptions."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from jetresim.campaign.config import save
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import atomic_path
from jetresim.dataset.publication.crate import CAMPAIGN, WORKFLOW, crate
from jetresim.dataset.publication.croissant import croissant
from jetresim.dataset.publication.described import KEYWORDS, Described

__all__ = ["DESCRIBING", "MANIFEST", "plan", "published_files", "write_folder", "zenodo_metadata"]

MANIFEST = "manifest.json"
"""The list of all files with their checksums; what fetches a dataset reads it first."""

_CARD = "README.md"

DESCRIBING = (CAMPAIGN, WORKFLOW, _CARD, "croissant.json", "ro-crate-metadata.json", ".zenodo.json")
"""What is published beside the data."""


def write_folder(described: Described, workflow: Path, output: Path) -> list[str]:
    """Write the folder as a whole, or not at all; data files are hard links where that is possible.

    Parameters
    ----------
    described : Described
    workflow : Path
        A Snakefile that makes the dataset from its configuration.
    output : Path

    Returns
    -------
    list of str
        All files but the manifest, relative to the folder.

    Raises
    ------
    DataError
        A data file is missing or not as long as the manifest says.
    """
    with atomic_path(output) as folder:
        for file in described.manifest["files"]:
            _take(described.folder / file["path"], folder / file["path"], file["bytes"])
        card = (described.folder / _CARD).read_text(encoding="utf-8")
        (folder / _CARD).write_text(_licensed(card, described.license), encoding="utf-8")
        save(described.campaign, folder / CAMPAIGN)
        shutil.copyfile(workflow, folder / WORKFLOW)
        for name, content in _descriptions(described).items():
            _write(folder / name, content)
        listed = {file["path"] for file in described.manifest["files"]}
        others = [_entry(folder, name) for name in sorted(_names(folder) - listed)]
        _write(folder / MANIFEST, described.manifest | {"described_by": others})
    return [*sorted(listed), *(file["path"] for file in others)]


def plan(described: Described, to: str, repository: str | None) -> list[str]:
    """What would be published, in lines for people."""
    files = [(file["path"], file["bytes"]) for file in described.manifest["files"]]
    place = f"{to} {repository}" if repository else to
    lines = [f"{path}  {size} bytes" for path, size in files]
    metadata = json.dumps(zenodo_metadata(described), indent=1, ensure_ascii=False)
    total = (
        f"{len(files)} data files, {sum(size for _, size in files) / 1e6:.1f} MB, to {place}; beside them:"
    )
    # the Hub takes its description from the card
    return [*lines, total, ", ".join((*DESCRIBING, MANIFEST)), *([] if to == "huggingface" else [metadata])]


def published_files(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """All files that a published manifest lists: data, and what describes them."""
    return [*manifest["files"], *manifest.get("described_by", [])]


def zenodo_metadata(described: Described) -> dict[str, Any]:
    """The content of ``.zenodo.json``, which is also what a deposit is described with."""
    software = ", ".join(f"{name} {version}" for name, version in described.generators.items())
    return {
        "title": f"{described.name}: re-simulated jets in groups",
        "upload_type": "dataset",
        "description": "".join(
            f"<p>{line}</p>" for line in [*described.text.split("\n"), f"Made with {software}."]
        ),
        "creators": [{"name": name} for name in described.creators],
        "license": described.license,
        "keywords": list(KEYWORDS),
        "version": described.version,
        "publication_date": described.published.isoformat(),
    }


def _descriptions(described: Described) -> dict[str, Any]:
    return {
        "croissant.json": croissant(described),
        "ro-crate-metadata.json": crate(described),
        ".zenodo.json": zenodo_metadata(described),
    }


def _licensed(card: str, license: str) -> str:
    """A card with a licence among what stands in YAML at its beginning, where the Hub reads it."""
    _, head, text = card.split("---\n", 2)
    content = yaml.safe_load(head) | {"license": license}
    return "---\n".join(["", yaml.safe_dump(content, sort_keys=False), text])


def _write(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _take(source: Path, target: Path, size: int) -> None:
    if not source.exists() or source.stat().st_size != size:
        raise DataError(
            f"{source}: is not the file of {size} bytes in {MANIFEST}; `jetresim verify` tells more"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copyfile(source, target)


def _names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _entry(folder: Path, name: str) -> dict[str, Any]:
    content = (folder / name).read_bytes()
    return {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
