"""Checks of the files that are handed out: shards, further formats, manifest and card."""

import json
import math
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from jetresim.audit.verify.result import Checked, Content, checked
from jetresim.audit.verify.rows import groups_rules
from jetresim.campaign.config import FORMATS, Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.paths import SPLITS, Paths
from jetresim.campaign.plugins import EXPORT_NAMES
from jetresim.dataset.assemble import (
    check_shard,
    identities,
    order_key,
    shard_count,
    shard_names,
    shard_of,
    split_of,
)
from jetresim.dataset.card import data_files, file_entry, layout_files
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.jets.parquet import batches, read_metadata

__all__ = ["check_dataset", "extra_exports"]

_TOLERANCE = 1e-9  # of sums of weights, which are divided before or after they are added


def check_dataset(
    campaign: Campaign, paths: Paths, groups: Mapping[str, Content], quick: bool = False
) -> Iterator[Checked]:
    """Everything in the folder of the dataset.

    Parameters
    ----------
    campaign : Campaign
    paths : Paths
    groups : mapping of str to Content
        What the files of groups add up to, for processes of which all are good.
    quick : bool
        Only what the files say about themselves.
    """
    folder, manifest = Path(paths.dataset), _Manifest(campaign, paths, quick)
    shards = [_Shards(campaign, folder, split, manifest, quick) for split in SPLITS]
    for each in shards:
        yield from each.check()
    if all(each.read for each in shards):
        yield from _whole(campaign, folder, shards, groups)
    for layout, files in data_files(folder, campaign).items():
        for relative in files if layout != "parquet" else ():
            yield checked("exports", folder / relative, partial(manifest.compare, relative))
    yield checked("card", Path(paths.card), partial(_card_problems, Path(paths.card)))
    yield checked("card", manifest.path, manifest.check)


def extra_exports(campaign: Campaign, paths: Paths) -> list[Path]:
    """Files that `jetresim export` wrote in formats that the configuration does not ask for."""
    folder, known = Path(paths.dataset), (*FORMATS, *EXPORT_NAMES.added)
    layouts = [layout for layout in known if layout not in campaign.dataset.formats]
    files = [folder / file for layout in layouts for file in layout_files(folder, campaign, layout)]
    if "huggingface" in layouts:
        files.append(Path(paths.huggingface_card))
    return [file for file in files if file.is_file()]


def _card_problems(path: Path) -> Iterator[str]:
    if not path.stat().st_size:
        yield f"{path}: is empty; delete it to have it made again"


class _Shards:
    """The shards of a split, one after the other; adds up what they hold of each process."""

    def __init__(
        self, campaign: Campaign, folder: Path, split: str, manifest: "_Manifest", quick: bool
    ) -> None:
        self._campaign, self._split, self._quick = campaign, split, quick
        self._folder, self._manifest = folder, manifest
        self.content = {process: Content() for process in campaign.processes}
        self.metadata: dict[str, Any] = {}
        self._read = 0

    def check(self) -> Iterator[Checked]:
        for index, name in enumerate(shard_names(self._campaign, self._split)):
            path = self._folder / self._split / name
            yield checked("dataset", path, partial(self._problems, path, index))

    def _problems(self, path: Path, index: int) -> Iterator[str]:
        metadata = read_metadata(path)
        check_shard(path, metadata, self._campaign)
        if self.metadata and metadata != self.metadata:
            yield f"{path}: has other metadata than the shards before it; write the split again"
        self.metadata = metadata
        yield from self._manifest.compare(f"{self._split}/{path.name}")
        if self._quick:
            return
        last = (-1, ("", 0, 0))
        for table in batches(path, GROUPS_SCHEMA):
            found = identities(table)
            yield from self._misplaced(path, found, index)
            keys = [last, *(order_key(self._campaign.seed, identity) for identity in found)]
            for one, other in pairwise(keys):
                if one >= other:
                    yield f"{path}: {_named(other[1])} is out of order or there twice; write the split again"
                    break
            last = keys[-1]
            for rule, row in groups_rules(table, self._campaign):
                yield f"{path}: {_named(found[row])} has {rule}"
            self._add(table)
        self._read += 1

    @property
    def read(self) -> bool:
        """Whether all shards were read to the end."""
        return self._read == shard_count(self._campaign, self._split)

    def _misplaced(self, path: Path, found: list[tuple[str, int, int]], index: int) -> Iterator[str]:
        campaign, shards = self._campaign, shard_count(self._campaign, self._split)
        for identity in found:
            process, event, _ = identity
            if process not in campaign.processes or event >= campaign.processes[process].events:
                yield f"{path}: {_named(identity)} is not of this campaign; write the split again"
                return
            place = split_of(campaign, process, event), shard_of(campaign, process, event, shards)
            if place != (self._split, index):
                yield f"{path}: {_named(identity)} belongs to another split or shard; write the split again"
                return

    def _add(self, table: pa.Table) -> None:
        for process, content in self.content.items():
            mine = table.filter(pc.equal(table["process"], process))
            if mine.num_rows:
                content.add(mine, self.metadata["totals"][process]["hard_events"])


def _whole(
    campaign: Campaign, folder: Path, shards: list[_Shards], groups: Mapping[str, Content]
) -> Iterator[Checked]:
    """Whether all splits together have every group once, unchanged."""
    problems = []
    for process in campaign.processes:
        found = Content()
        for each in shards:
            found.join(each.content[process])
        said = shards[0].metadata["totals"][process]["groups"]
        if found.rows != said:
            problems.append(f"{folder}: {process} has {found.rows} groups; {said} were made")
        if process in groups:
            problems += _unlike(folder, process, found, groups[process])
    if problems:
        yield Checked("dataset", folder, tuple(f"{each}; write the splits again" for each in problems))


def _unlike(folder: Path, process: str, found: Content, groups: Content) -> Iterator[str]:
    if found.rows != groups.rows:
        yield f"{folder}: {process} has {found.rows} groups; groups/ has {groups.rows}"
    elif found.hashes != groups.hashes:
        yield f"{folder}: the groups of {process} are not those in groups/"
    elif not math.isclose(math.fsum(found.weights), math.fsum(groups.weights), rel_tol=_TOLERANCE):
        yield f"{folder}: the weights of {process} do not add up to those in groups/"


class _Manifest:
    """What the manifest says of the files, compared with what they are."""

    def __init__(self, campaign: Campaign, paths: Paths, quick: bool) -> None:
        self.path, self._folder, self._quick = Path(paths.manifest), Path(paths.dataset), quick
        self._expected = {file for files in data_files(self._folder, campaign).values() for file in files}
        cards = [paths.card, paths.manifest]
        if "huggingface" in campaign.dataset.formats:
            cards.append(paths.huggingface_card)
        self._others = {*map(Path, cards), *extra_exports(campaign, paths)}

    @cached_property
    def _listed(self) -> dict[str, dict[str, Any]]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            return {entry["path"]: entry for entry in content["files"]}
        except (ValueError, KeyError, TypeError):
            raise DataError(f"{self.path}: is not a manifest; delete it to have it made again") from None

    def compare(self, relative: str) -> Iterator[str]:
        """Problems of a file that can be read; its checksum is not computed in a quick check."""
        path = self._folder / relative
        found = {"bytes": path.stat().st_size} if self._quick else file_entry(self._folder, relative)
        try:
            listed = self._listed.get(relative, {})
        except (DataError, OSError):
            return  # told where the manifest itself is checked
        for key in found.keys() & listed.keys():
            if found[key] != listed[key]:
                yield f"{path}: {key} is {found[key]!r}; the manifest has {listed[key]!r}"

    def check(self) -> Iterator[str]:
        """Files that it should list and does not, or the reverse."""
        listed = self._listed.keys()
        for relative in sorted(self._expected ^ listed):
            verb = "does not list" if relative in self._expected else "lists"
            yield f"{self.path}: {verb} {relative}; delete it to have it made again"
        known = {self._folder / relative for relative in listed} | self._others
        for file in sorted(self._folder.rglob("*")):
            if file.is_file() and file not in known and not _hidden(file.relative_to(self._folder)):
                yield f"{file}: is not in the manifest; delete it if it is not yours"


def _hidden(relative: Path) -> bool:
    """Files that are being written, and Snakemake's own."""
    return any(part.startswith(".") for part in relative.parts)


def _named(identity: tuple[str, int, int]) -> str:
    return "{} event {} target {}".format(*identity)
