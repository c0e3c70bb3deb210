"""`jetresim inspect`: what a file or folder is, and what it says about itself."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from jetresim.audit.inspect.files import (
    Inspection,
    inspect_hdf5,
    inspect_hepmc,
    inspect_lhe,
    inspect_parquet,
    inspect_root,
)
from jetresim.campaign.config import Campaign, load
from jetresim.campaign.errors import DataError
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.provenance import campaign_digest, digest
from jetresim.generators.survey import Survey, read_survey
from jetresim.jets.parquet import parquet_files, row_count

__all__ = ["inspect"]

_LHE = (".lhe", ".lhe.gz")

_OF_ALL_SHARDS = ("campaign seed", "configuration", "realizations", "totals", "counts", "versions", "schema")
"""What the shards of a dataset say of it as a whole."""


def inspect(path: Path, rows: int = 5) -> Inspection:
    """Find out what a file or folder is.

    Parameters
    ----------
    path : Path
    rows : int
        First rows to read.

    Raises
    ------
    DataError, HardEventError
        It does not exist, cannot be read, or is of no kind that is known here.
    """
    if not path.exists():
        raise DataError(f"{path}: does not exist")
    if path.is_dir():
        return _folder(path)
    for suffixes, look in _KINDS.items():
        if path.name.endswith(suffixes):
            found = look(path, rows)
            found.facts = {"bytes": path.stat().st_size, **found.facts}
            return found
    known = ", ".join(suffix for suffixes in _KINDS for suffix in suffixes)
    raise DataError(f"{path}: of no kind that is known here; expected a folder or one of {known}")


def _folder(path: Path) -> Inspection:
    files = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")]
    sizes: dict[str, list[int]] = {}
    for file in files:
        place = file.relative_to(path)
        with suppress(FileNotFoundError):  # of a campaign that runs
            size = file.stat().st_size
            sizes.setdefault(place.parts[0] if len(place.parts) > 1 else ".", []).append(size)
    content = {name: {"files": len(each), "bytes": sum(each)} for name, each in sorted(sizes.items())}
    if (path / "config.yaml").is_file():
        campaign = load(path / "config.yaml")
        return Inspection(str(path), "folder of a campaign", {**_asked(campaign), "content": content})
    if alike := parquet_files(path):
        first = inspect_parquet(alike[0], 0)
        facts = {"files of this kind": len(alike), "rows": sum(map(row_count, alike)), "content": content}
        return Inspection(str(path), f"folder of: {first.kind}", facts, first.columns)
    shards = [file for split in SPLITS for file in parquet_files(path / split)[:1]]
    if shards:
        first = inspect_parquet(shards[0], 0)
        facts = {key: value for key, value in first.facts.items() if key in _OF_ALL_SHARDS}
        rows = {
            split: sum(map(row_count, parquet_files(path / split)))
            for split in SPLITS
            if (path / split).is_dir()
        }
        return Inspection(
            str(path), "folder of a dataset", {"groups": rows, **facts, "content": content}, first.columns
        )
    made = any((path / stage).is_dir() for stage in ("hard", "jets", "groups"))
    kind = "folder of a campaign, without its configuration" if made else "folder"
    return Inspection(str(path), kind, {"content": content})


def _asked(campaign: Campaign) -> dict[str, object]:
    return {
        "campaign": campaign.name,
        "campaign seed": campaign.seed,
        "hard events": {
            name: process.events or "all in its files" for name, process in campaign.processes.items()
        },
        "chunk": campaign.chunk,
        "realizations": campaign.realizations,
        "configuration": campaign_digest(campaign),
    }


def _config(path: Path, rows: int) -> Inspection:
    return Inspection(str(path), "configuration of a campaign", _asked(load(path)))


def _json(path: Path, rows: int) -> Inspection:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as JSON ({error})") from None
    keys = content.keys() if isinstance(content, dict) else set()
    if "cross_section" in keys:
        return _survey(path)
    if {"split", "counts", "constituents", "jet"} <= keys:
        return _standardization(path, content)
    if "files" not in keys or not all(isinstance(entry, dict) for entry in content["files"]):
        raise DataError(f"{path}: neither a survey, a manifest nor a standardization")
    files = content["files"]
    sums = {key: sum(entry.get(key, 0) for entry in files) for key in ("rows", "bytes")}
    facts = {"files": len(files), "sums": sums, "versions": content.get("versions", {})}
    return Inspection(str(path), "manifest of a dataset", facts, [], files[:rows])


def _standardization(path: Path, content: dict[str, Any]) -> Inspection:
    features = [
        {"of": kind, "feature": name, **values}
        for kind in ("constituents", "jet")
        for name, values in content[kind].items()
    ]
    facts = {key: content[key] for key in ("split", "counts")}
    return Inspection(str(path), "mean and standard deviation of features", facts, [], features)


def _survey(path: Path) -> Inspection:
    survey = read_survey(path)
    said = survey.model_dump(mode="json", exclude={"made_with", "versions"}, exclude_defaults=True)
    columns = [
        (name, str(type(said[name]).__name__), Survey.model_fields[name].description or "") for name in said
    ]
    made = survey.made_with
    known = (
        {"process": made["name"], "campaign seed": made["seed"], "configuration": digest(made)}
        if made
        else {}
    )
    made_by = {"versions": survey.versions} if survey.versions else {}
    return Inspection(str(path), "survey of a process", known | made_by | said, columns)


_KINDS: dict[tuple[str, ...], Callable[[Path, int], Inspection]] = {
    (".parquet",): inspect_parquet,
    (".h5", ".hdf5"): inspect_hdf5,
    (".root",): inspect_root,
    _LHE: inspect_lhe,
    (".hepmc", ".hepmc3", ".hepmc.gz", ".hepmc3.gz"): inspect_hepmc,
    (".json",): _json,
    (".yaml", ".yml"): _config,
}
