"""What a campaign has stored of a realization: where it lies, and whether the configuration is the same."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate, count, groupby
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import existing
from jetresim.campaign.paths import SPLITS, Paths, chunk_name
from jetresim.campaign.provenance import check_made_with, jets_inputs, survey_inputs
from jetresim.campaign.seeds import stable_hash
from jetresim.dataset.assemble import check_split, shard_of, split_of, stored_campaign
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.jets.parquet import SHOWER_WEIGHTS, batches, parquet_files, read_metadata

__all__ = [
    "Identity",
    "Row",
    "StoredRow",
    "check_made_alike",
    "find_target",
    "groups_files",
    "groups_metadata",
    "jets_path",
    "random_rows",
    "stored_row",
    "why_not_covered",
]

Row = dict[str, Any]
"""Columns of a row and their values, as Arrow gives them to Python."""

Identity = tuple[str, int, int]
"""Process, event and target."""

_NEEDED_METADATA = {"campaign", "realizations", "totals", "versions"}


@dataclass(frozen=True, slots=True)
class StoredRow:
    """One realization of a group.

    Attributes
    ----------
    path : Path
    metadata : dict
        What the file says about itself.
    realization : str
    row : Row
        The group, with the fields of the realization in place of ``realizations``.
    """

    path: Path
    metadata: dict[str, Any]
    realization: str
    row: Row

    @property
    def identity(self) -> Identity:
        """Process, event and target."""
        return self.row["process"], self.row["event"], self.row["target"]


def groups_files(campaign: Campaign, paths: Paths, process: str, event: int) -> Iterator[Path]:
    """The shard of the dataset and the file of groups where an event belongs, as far as they are there."""
    shards = parquet_files(Path(paths.split.format(split=split_of(campaign, process, event))))
    if shards:
        yield shards[shard_of(campaign, process, event, len(shards))]
    groups = Path(paths.groups.format(process=process, chunk=chunk_name(campaign.chunk_of(event))))
    if groups.exists():
        yield groups


def jets_path(campaign: Campaign, paths: Paths, process: str, event: int, realization: str) -> Path:
    """The jets file of a realization where an event belongs."""
    chunk = chunk_name(campaign.chunk_of(event))
    return Path(paths.jets.format(process=process, realization=realization, chunk=chunk))


def groups_metadata(path: Path) -> dict[str, Any]:
    """What a file of the dataset or of the groups says about itself.

    Raises
    ------
    DataError
        It is damaged or something else.
    """
    metadata = read_metadata(path)
    if missing := _NEEDED_METADATA - metadata.keys():
        raise DataError(f"{path}: metadata without {', '.join(sorted(missing))}; not a file of groups")
    return metadata


def why_not_covered(metadata: Mapping[str, Any], process: str, event: int, realization: str) -> str:
    """Why a file of groups cannot have a realization; an empty text where it can."""
    if process not in metadata["totals"]:
        return f"has no process {process}"
    if realization not in metadata["realizations"]:
        return f"has no realization {realization}"
    first = metadata.get("first_event", 0)
    last = first + metadata["totals"][process]["hard_events"] - 1
    return "" if first <= event <= last else f"is of the events {first} to {last}"


def check_made_alike(
    path: Path,
    metadata: Mapping[str, Any],
    campaign: Campaign,
    process: str,
    realizations: Iterable[str],
) -> None:
    """Refuse to compare with groups that were made with another configuration.

    Raises
    ------
    DataError
        Names the first key that differs.
    """
    stored = stored_campaign(path, metadata)
    for name in realizations:
        check_made_with(path, _inputs(stored, process, name), _inputs(campaign, process, name))


def _inputs(campaign: Campaign, process: str, realization: str) -> dict[str, Any]:
    return {
        "hard": survey_inputs(campaign, process),
        "jets": jets_inputs(campaign, process, realization),
        "groups": campaign.groups.window,
        "splits": campaign.dataset.splits.model_dump(),
    }


def find_target(path: Path, schema: pa.Schema, identity: Identity) -> pa.Table | None:
    """The row of a target in a file of groups or jets, if it has one.

    Raises
    ------
    DataError
        The file is damaged or has other columns.
    """
    for table in batches(path, schema):
        for name, value in zip(("process", "event", "target"), identity, strict=True):
            if name in schema.names:
                table = table.filter(pc.equal(table[name], value))
        if table.num_rows:
            return table.slice(0, 1)
    return None


def stored_row(path: Path, metadata: dict[str, Any], group: Row, realization: str) -> StoredRow:
    """One realization out of a group."""
    place = metadata["realizations"].index(realization)
    own = group["realizations"][place]
    if realization in metadata.get(SHOWER_WEIGHTS, {}):
        own = {**own, SHOWER_WEIGHTS: group[SHOWER_WEIGHTS][place]}
    shared = {name: value for name, value in group.items() if name not in ("realizations", SHOWER_WEIGHTS)}
    return StoredRow(path, metadata, realization, {**shared, **own})


def random_rows(campaign: Campaign, paths: Paths, number: int) -> Iterator[StoredRow]:
    """Draw rows of the dataset, each one realization of a group, as a function of the campaign's seed.

    Parameters
    ----------
    campaign : Campaign
    paths : Paths
    number : int
        Rows to draw, which have those of any smaller number among them; all, if there are fewer.

    Raises
    ------
    DataError
        There is no dataset, it is damaged, or it was made with another configuration.
    """
    files = list(_dataset_files(campaign, paths))
    sizes = [_groups(path) * len(metadata["realizations"]) for path, metadata in files]
    ends = list(accumulate(sizes, initial=0))
    if not ends[-1]:
        raise DataError(f"{paths.dataset}: has no groups to verify")
    chosen = sorted(_draw(campaign.seed, ends[-1], number))
    for place, indices in groupby(chosen, lambda index: bisect_right(ends, index) - 1):
        yield from _rows(*files[place], [index - ends[place] for index in indices])


def _dataset_files(campaign: Campaign, paths: Paths) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Shards of all splits, once it is sure that they are whole and made with this configuration."""
    for split in SPLITS:
        folder = existing(Path(paths.split.format(split=split)), "dataset")
        shards = parquet_files(folder)
        if not shards:
            raise DataError(f"{folder}: no Parquet files; `jetresim dataset` makes them")
        metadata = check_split(shards, campaign)
        for process in campaign.processes:
            check_made_alike(shards[0], metadata, campaign, process, campaign.realizations)
        yield from ((path, metadata) for path in shards)


def _groups(path: Path) -> int:
    return sum(table.num_rows for table in batches(path, GROUPS_SCHEMA, ["event"]))


def _draw(seed: int, total: int, number: int) -> set[int]:
    """Draw indices below `total`, no index twice."""
    if number >= total:
        return set(range(total))
    chosen: set[int] = set()
    draws = (stable_hash(seed, "verify", draw) % total for draw in count())
    while len(chosen) < number:
        chosen.add(next(draws))
    return chosen


def _rows(path: Path, metadata: dict[str, Any], indices: Iterable[int]) -> Iterator[StoredRow]:
    """Rows of a shard by increasing index, which counts the realizations of one group after the other."""
    names = metadata["realizations"]
    tables, start = batches(path, GROUPS_SCHEMA), 0
    table = next(tables)
    for index in indices:
        group, member = divmod(index, len(names))
        while group >= start + table.num_rows:
            start += table.num_rows
            table = next(tables)
        (row,) = table.slice(group - start, 1).to_pylist()
        yield stored_row(path, metadata, row, names[member])
