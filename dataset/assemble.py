"""Groups of all chunks → the shards of a split, with the processes mixed and shuffled."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from jetresim.campaign.arrays import Integers
from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.provenance import (
    SCHEMA_VERSION,
    MadeBy,
    check_made_with,
    digest,
    encode,
    groups_inputs,
    jets_inputs,
    merged_versions,
    versions,
)
from jetresim.campaign.seeds import stable_hash, unit_hash
from jetresim.dataset.process_warnings import WARNINGS_KEY, merged_warnings
from jetresim.dataset.schema import GROUPS_SCHEMA, groups_schema, weights_metadata
from jetresim.jets.constituents import extra_columns, with_extra
from jetresim.jets.parquet import (
    METADATA_KEY,
    ROW_GROUP,
    SMALL,
    batches,
    blaming_damage,
    columns_of,
    read_metadata,
    single,
    writer,
)

__all__ = [
    "check_groups_source",
    "check_shard",
    "check_split",
    "identities",
    "order_key",
    "shard_count",
    "shard_names",
    "shard_of",
    "split_of",
    "stored_campaign",
    "write_split",
]


Identity = tuple[str, int, int]
"""Process, event and target of a group."""

_IDENTITY = ("process", "event", "target")

_SCATTER_BYTES = 64 * 2**20
"""Rows are collected up to this size before they are handed out to the shards."""

_TABLE_BYTES = 32 * 2**10
"""What a table takes beside its rows, for the buffers and objects of its many columns; measured."""


def write_split(output_dir: Path, groups: Sequence[Path], campaign: Campaign, split: str) -> None:
    """Write one split of the dataset.

    Which split, shard and place a group gets is a hash of its identity, so the result depends neither on
    the chunks nor on the order of the files. Memory is bounded by one shard, and some hundred bytes a
    file: the metadata of the files are added up one by one, the rows are first scattered into one
    temporary file a shard, then each of these is put in order alone.

    Parameters
    ----------
    output_dir : Path
        Folder for the files of `shard_names`; replaced as a whole.
    groups : sequence of Path
        Groups of all chunks of all processes, in any order.
    campaign : Campaign
    split : str
        ``train``, ``val`` or ``test``.

    Raises
    ------
    DataError
        A file is unreadable or was made with other settings, the files were made by different versions of a
        program, or they do not cover every hard event of the campaign exactly once.
    """
    paths = sorted(groups)
    sources = _Sources(campaign)
    for path in paths:
        sources.add(path, read_metadata(path))
    sources.check_coverage()
    with blaming_damage(paths):
        sources.check_versions(output_dir)
    metadata = sources.metadata(split)
    schema = with_extra(groups_schema(campaign), extra_columns(columns_of(paths[0])))
    with atomic_path(output_dir) as folder:
        folder.mkdir()
        shards = [folder / name for name in shard_names(campaign, split)]
        scattered = [path.with_suffix(".arrows") for path in shards]
        _scatter(paths, campaign, split, scattered)
        for output, path in zip(shards, scattered, strict=True):
            _write_shard(output, path, campaign, metadata, schema)
            path.unlink(missing_ok=True)


def check_split(shards: Sequence[Path], campaign: Campaign) -> dict[str, Any]:
    """Make sure that a split is whole and what the campaign asks for now.

    Parameters
    ----------
    shards : sequence of Path
        All its Parquet files; at least one.
    campaign : Campaign

    Returns
    -------
    dict
        The metadata, which all shards share.

    Raises
    ------
    DataError
        A shard is unreadable, missing, or was made with other settings.
    """
    for path in sorted(shards):
        metadata = read_metadata(path)
        check_shard(path, metadata, campaign)
    for name in shard_names(campaign, metadata["split"]):
        if path.with_name(name) not in shards:
            raise DataError(f"{path.with_name(name)}: is missing; write the split again")
    return metadata


def check_shard(path: Path, metadata: dict[str, Any], campaign: Campaign) -> None:
    """Refuse a shard that was made with anything else than the campaign asks for now.

    Raises
    ------
    DataError
    """
    if missing := {"split", "campaign", "realizations", "totals", "counts", "versions"} - metadata.keys():
        raise DataError(f"{path}: metadata without {', '.join(sorted(missing))}; not a shard of a split")
    if path.name not in shard_names(campaign, metadata["split"]):
        raise DataError(f"{path}: is no file of split {metadata['split']!r}; write the split again")
    _check_realizations(path, metadata, campaign)
    # the dataset does not say how the work was cut into jobs
    stored = stored_campaign(path, metadata)
    check_made_with(path, _split_inputs(stored), _split_inputs(campaign))


def split_of(campaign: Campaign, process: str, event: int) -> str:
    """Split of all groups of a hard event."""
    fractions = campaign.dataset.splits.model_dump()
    place = unit_hash(campaign.seed, "split", process, event)
    for split in SPLITS:
        place -= fractions[split]
        if place < 0:
            return split
    # the fractions may sum to one only up to rounding
    return [split for split in SPLITS if fractions[split] > 0][-1]


def shard_count(campaign: Campaign, split: str) -> int:
    """Shards of a split: at least one, so that every split can be opened."""
    events = sum(process.events for process in campaign.processes.values())
    fraction = getattr(campaign.dataset.splits, split)
    return max(1, round(fraction * events / campaign.dataset.events_per_shard))


def shard_names(campaign: Campaign, split: str) -> list[str]:
    """Names of the Parquet files of a split."""
    return [f"{split}-{index:05d}.parquet" for index in range(shard_count(campaign, split))]


def shard_of(campaign: Campaign, process: str, event: int, shards: int) -> int:
    """Shard of all groups of a hard event within its split."""
    return stable_hash(campaign.seed, "shard", process, event) % shards


def check_groups_source(path: Path, metadata: dict[str, Any], campaign: Campaign) -> None:
    """Refuse groups that were made with anything else than the campaign asks for now.

    Raises
    ------
    DataError
    """
    _check_groups_kind(path, metadata, campaign)
    _check_groups_inputs(path, metadata, campaign)


def _check_groups_kind(path: Path, metadata: dict[str, Any], campaign: Campaign) -> None:
    needed = {"process", "first_event", "events", "campaign", "realizations", "totals", "counts", "versions"}
    if missing := needed - metadata.keys():
        raise DataError(f"{path}: metadata without {', '.join(sorted(missing))}; not a groups file")
    process = metadata["process"]
    if metadata.get("schema") != SCHEMA_VERSION or process not in campaign.processes:
        raise DataError(f"{path}: groups of process {process!r}; expected {', '.join(campaign.processes)}")
    _check_realizations(path, metadata, campaign)


def _check_groups_inputs(path: Path, metadata: dict[str, Any], campaign: Campaign) -> None:
    stored, process = stored_campaign(path, metadata), metadata["process"]
    check_made_with(path, _inputs(stored, process), _inputs(campaign, process))


def _check_realizations(path: Path, metadata: dict[str, Any], campaign: Campaign) -> None:
    if metadata["realizations"] != campaign.realizations:
        raise DataError(
            f"{path}: realizations {metadata['realizations']}, but the campaign has "
            f"{campaign.realizations}; remake the file"
        )


def stored_campaign(path: Path, metadata: Mapping[str, Any]) -> Campaign:
    """Parse the configuration that a file was made with.

    A dataset does not say how the work was cut into jobs.

    Parameters
    ----------
    path : Path
        The file, for the message.
    metadata : mapping
        What it says of itself, see `jets.parquet.read_metadata`.

    Raises
    ------
    DataError
        The configuration is not one of this version.
    """
    try:
        return _parsed(encode(metadata["campaign"]))
    except (KeyError, TypeError, ValidationError):
        raise DataError(f"{path}: its configuration is not one of this version; remake the file") from None


@lru_cache(maxsize=8)
def _parsed(config: str) -> Campaign:
    return Campaign.model_validate_json(config)


def _inputs(campaign: Campaign, process: str) -> dict[str, Any]:
    jets = {name: jets_inputs(campaign, process, name) for name in campaign.realizations}
    return {**groups_inputs(campaign, process), "jets": jets}


def _split_inputs(campaign: Campaign) -> dict[str, Any]:
    """What the rows of a split and their order depend on."""
    asked = campaign.dataset
    return {
        "seed": campaign.seed,
        "dataset": asked.model_dump(mode="json", include={"splits", "events_per_shard"}),
        "events": {name: process.events for name, process in campaign.processes.items()},
        "processes": {name: _inputs(campaign, name) for name in campaign.processes},
    }


class _Sources:
    """What the groups of all chunks add up to, without the metadata of each file.

    Parameters
    ----------
    campaign : Campaign
    """

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._chunks: dict[str, list[tuple[int, int, Path]]] = {name: [] for name in campaign.processes}
        self._versions = versions()
        self._made_by = MadeBy()
        self._made_by.add("this job", self._versions)
        self._sums: dict[str, Any] = {"totals": {}, "counts": {}}
        self._warnings: dict[str, list[str]] = {}
        self._checked: set[tuple[str, str]] = set()

    def add(self, path: Path, metadata: dict[str, Any]) -> None:
        """Count what a file of groups says about itself.

        Raises
        ------
        DataError
            See `check_groups_source`.
        """
        _check_groups_kind(path, metadata, self._campaign)
        # to compare settings takes milliseconds, and most files have the same
        made_with = metadata["process"], digest(metadata["campaign"])
        if made_with not in self._checked:
            _check_groups_inputs(path, metadata, self._campaign)
            self._checked.add(made_with)
        chunk = (metadata["first_event"], metadata["events"], path)
        self._chunks[metadata["process"]].append(chunk)
        self._versions = merged_versions([self._versions, metadata["versions"]])
        self._made_by.add(f"{path.parent.name}/{path.name}", metadata["versions"])
        self._sums = _summed([self._sums, {key: metadata[key] for key in self._sums}])
        self._warnings = merged_warnings([self._warnings, metadata.get(WARNINGS_KEY, {})])

    def check_coverage(self) -> None:
        """Every hard event of every process comes from exactly one file.

        Raises
        ------
        DataError
        """
        for name, process in self._campaign.processes.items():
            covered = 0
            for first, events, path in sorted(self._chunks[name]):
                if first != covered:
                    problem = "missing" if first > covered else "there twice"
                    low, high = sorted((first, covered))
                    raise DataError(f"{path}: groups of {name} events {low} to {high - 1} are {problem}")
                covered += events
            if covered != process.events:
                raise DataError(f"{name}: groups of {covered} hard events; the campaign has {process.events}")

    def check_versions(self, output: Path) -> None:
        """All files were made by the same versions, where the campaign asks for that.

        Raises
        ------
        DataError
        """
        self._made_by.check(output, self._campaign)

    def metadata(self, split: str) -> dict[str, Any]:
        """What the files of a split say about the whole dataset."""
        return {
            "schema": SCHEMA_VERSION,
            # how the work was cut into jobs is no property of the dataset
            "campaign": self._campaign.model_dump(mode="json", exclude={"chunk"}),
            "realizations": self._campaign.realizations,
            "versions": self._versions,
            "split": split,
            **self._sums,
            **weights_metadata(self._campaign),
            WARNINGS_KEY: self._warnings,
        }


def _summed(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Sum nested dictionaries of counts."""
    total: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            if isinstance(value, dict):
                total[key] = _summed([total.get(key, {}), value])
            else:
                total[key] = total.get(key, 0) + value
    return total


def _scatter(groups: Iterable[Path], campaign: Campaign, split: str, shards: Sequence[Path]) -> None:
    """Append the rows of a split to the temporary files of their shards.

    A file is a sequence of Arrow streams and open only while one is appended, so the number of shards is
    not limited by that of open files.
    """
    pending: list[tuple[pa.Table, Integers]] = []
    size = 0
    for path in groups:
        for table in batches(path, GROUPS_SCHEMA):
            mine = _share(table, campaign, split, len(shards))
            if not mine[0].num_rows:
                continue
            pending.append(mine)
            size += mine[0].nbytes + _TABLE_BYTES
            if size > _SCATTER_BYTES:
                _append(pending, shards)
                pending, size = [], 0
    if pending:
        _append(pending, shards)


def _share(table: pa.Table, campaign: Campaign, split: str, shards: int) -> tuple[pa.Table, Integers]:
    """Rows of a table that belong to a split, and the shard of each."""
    mine = [
        (row, shard_of(campaign, process, event, shards))
        for row, (process, event, _) in enumerate(identities(table))
        if split_of(campaign, process, event) == split
    ]
    rows, index = np.array(mine, np.int64).reshape(-1, 2).T
    return table.take(rows) if mine else table.slice(0, 0), index


def identities(table: pa.Table) -> list[Identity]:
    """(process, event, target) of each row."""
    return list(zip(*(table[name].to_pylist() for name in _IDENTITY), strict=True))


def _append(parts: list[tuple[pa.Table, Integers]], shards: Sequence[Path]) -> None:
    index = np.concatenate([each for _, each in parts])
    order = np.argsort(index, kind="stable")
    table = pa.concat_tables([each for each, _ in parts]).combine_chunks().take(order)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    for shard, start, count in zip(
        *np.unique(index[order], return_index=True, return_counts=True), strict=True
    ):
        with (
            shards[shard].open("ab") as sink,
            pa.ipc.new_stream(sink, table.schema, options=options) as stream,
        ):
            stream.write_table(table.slice(start, count))


def _load(path: Path, schema: pa.Schema) -> pa.Table:
    """All rows of a temporary file; one that was never written to has none."""
    tables = [schema.empty_table()]
    if path.exists():
        with pa.OSFile(str(path)) as source:
            while source.tell() < source.size():
                tables.append(pa.ipc.open_stream(source).read_all())
    return pa.concat_tables(tables).combine_chunks()


def _write_shard(
    output: Path, scattered: Path, campaign: Campaign, metadata: dict[str, Any], schema: pa.Schema
) -> None:
    table = _load(scattered, schema)
    order = _shuffled(table, campaign.seed)
    events = {process: totals["hard_events"] for process, totals in metadata["totals"].items()}
    with writer(output, schema, SMALL) as sink:
        for start in range(0, table.num_rows, ROW_GROUP):
            sink.write_table(_normalized(table.take(order[start : start + ROW_GROUP]), events))
        sink.add_key_value_metadata({METADATA_KEY: encode(metadata)})


def _shuffled(table: pa.Table, seed: int) -> Integers:
    """Order of the rows within their shard."""
    keys = [order_key(seed, identity) for identity in identities(table)]
    return np.array(sorted(range(len(keys)), key=keys.__getitem__), np.int64)


def order_key(seed: int, identity: Identity) -> tuple[int, Identity]:
    """What orders the rows of a shard: a hash of the identity, which itself decides between equal ones."""
    return stable_hash(seed, "order", *identity), identity


def _normalized(table: pa.Table, events: dict[str, int]) -> pa.Table:
    """Divide the weights by the hard events of the process: their sum becomes the cross-section."""
    divisor = np.array([events[process] for process in table["process"].to_pylist()], np.float64)
    weights = single(table["weights"])
    named = weights.flatten()
    lengths = pc.list_value_length(weights).to_numpy(zero_copy_only=False)
    values = pc.divide(named.field("value"), pa.array(np.repeat(divisor, lengths)))
    scaled = pa.StructArray.from_arrays([named.field("name"), values], fields=list(weights.type.value_type))
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    columns = {
        "weight": pc.divide(single(table["weight"]), pa.array(divisor)),
        "weights": pa.ListArray.from_arrays(offsets, scaled),
    }
    for name, column in columns.items():
        table = table.set_column(table.schema.get_field_index(name), GROUPS_SCHEMA.field(name), column)
    return table
