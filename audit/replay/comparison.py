"""Realizations that were made again, compared value by value with what a campaign has stored."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from jetresim.audit.output import listed
from jetresim.audit.replay.realization import Replayed, replay
from jetresim.audit.replay.stored import (
    Identity,
    Row,
    StoredRow,
    check_made_alike,
    find_target,
    groups_files,
    groups_metadata,
    jets_path,
    random_rows,
    stored_row,
    why_not_covered,
)
from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.paths import Paths
from jetresim.campaign.status import Status
from jetresim.dataset.groups import member_column
from jetresim.dataset.rules import kept_rows
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.jets.files import jets_metadata
from jetresim.jets.schema import JETS_SCHEMA

__all__ = ["Comparison", "Difference", "Verdict", "Verified", "compare_stored", "verify_rows"]

_SHOWN = 3
"""Items of a list that are written out."""


class Verdict(StrEnum):
    """Outcome of a comparison."""

    EQUAL = "equal"
    DIFFERS = "differs"
    NOT_STORED = "not stored"


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that is not the same.

    Attributes
    ----------
    place : str
        Where in the row, such as ``constituents[3].pt``.
    stored, replayed : Any
        The two values.
    """

    place: str
    stored: Any
    replayed: Any

    def __str__(self) -> str:
        return f"{self.place} (stored {self.stored!r}, replayed {self.replayed!r})"


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one target of a realization compares with what is stored.

    Attributes
    ----------
    verdict : Verdict
    path : Path or None
        The file it was compared with.
    differences : tuple of Difference
    remark : str
        Why it is not stored, or what goes with a difference.
    """

    verdict: Verdict
    path: Path | None = None
    differences: tuple[Difference, ...] = ()
    remark: str = ""

    def __str__(self) -> str:
        if self.verdict == Verdict.NOT_STORED:
            return f"not stored: {self.remark}"
        text = f"{'equal to' if self.verdict == Verdict.EQUAL else 'differs from'} {self.path}"
        if self.differences:
            text += f" in {listed(self.differences, _SHOWN)}"
        return f"{text}; {self.remark}" if self.remark else text


@dataclass(frozen=True, slots=True)
class Verified:
    """A row of the dataset and how its realization, made again, compares with it."""

    stored: StoredRow
    comparison: Comparison

    def __str__(self) -> str:
        process, event, target = self.stored.identity
        return f"{process}, event {event}, target {target}, {self.stored.realization}: {self.comparison}"


def compare_stored(campaign: Campaign, paths: Paths, replayed: Replayed) -> Comparison:
    """Compare a realization with what is stored in the dataset, or else in the groups, or else in the jets.

    Raises
    ------
    DataError
        A file is damaged or is not what it should be.
    """
    process, event, _ = replayed.identity
    without_it, reasons = [], []
    for path in groups_files(campaign, paths, process, event):
        metadata = groups_metadata(path)
        if reason := why_not_covered(metadata, process, event, replayed.realization):
            reasons.append(f"{path} {reason}")
            continue
        try:
            check_made_alike(path, metadata, campaign, process, [replayed.realization])
        except DataError as error:
            return Comparison(Verdict.NOT_STORED, remark=str(error))
        if (found := find_target(path, GROUPS_SCHEMA, replayed.identity)) is not None:
            (group,) = found.to_pylist()
            return _compare_group(stored_row(path, metadata, group, replayed.realization), replayed)
        without_it.append(path)
    if without_it:
        return _compare_dropped(campaign, paths, without_it[0], replayed)
    return _compare_jets(campaign, paths, replayed, "; ".join(reasons))


def verify_rows(campaign: Campaign, paths: Paths, number: int) -> list[Verified]:
    """Make random rows of the dataset again, each one realization of a group, and compare them.

    Parameters
    ----------
    campaign : Campaign
    paths : Paths
    number : int
        Rows to check, see `audit.replay.stored.random_rows`.

    Returns
    -------
    list of Verified
        In order of process.

    Raises
    ------
    DataError
        There is no dataset, it is damaged, or it was made with another configuration.
    """
    stored = sorted(random_rows(campaign, paths, number), key=lambda each: each.identity)
    again: dict[tuple[Identity, str], Replayed] = {}
    for process, rows in groupby(stored, lambda each: each.identity[0]):
        wanted: dict[str, list[int]] = {}
        for each in rows:
            wanted.setdefault(each.realization, []).append(each.identity[1])
        found = replay(campaign, paths, process, wanted)
        again |= {(replayed.identity, replayed.realization): replayed for replayed in found}
    return [
        Verified(each, _compare_group(each, again.get((each.identity, each.realization)))) for each in stored
    ]


def differences(stored: Any, replayed: Any, place: str = "") -> Iterator[Difference]:
    """Find what is not the same, bit by bit, in two values made of mappings, lists and numbers."""
    if isinstance(stored, Mapping) and isinstance(replayed, Mapping) and stored.keys() == replayed.keys():
        for key in stored:
            yield from differences(stored[key], replayed[key], f"{place}.{key}" if place else key)
    elif isinstance(stored, list) and isinstance(replayed, list):
        if len(stored) != len(replayed):
            yield Difference(f"number of {place}", len(stored), len(replayed))
        for index, values in enumerate(zip(stored, replayed, strict=False)):
            yield from differences(*values, f"{place}[{index}]")
    elif not _same(stored, replayed):
        yield Difference(place, stored, replayed)


def _same(stored: Any, replayed: Any) -> bool:
    if isinstance(stored, float) and isinstance(replayed, float):
        return stored.hex() == replayed.hex()  # tells signed zeros apart, and finds NaN equal to NaN
    return stored == replayed


def _compare_group(stored: StoredRow, replayed: Replayed | None) -> Comparison:
    if replayed is None:
        return Comparison(Verdict.DIFFERS, stored.path, remark="the hard event has no such target")
    found = tuple(differences(stored.row, _normalized(replayed.group, stored.metadata)))
    if found:
        return Comparison(Verdict.DIFFERS, stored.path, found, _other_versions(stored.metadata, replayed))
    remark = "" if stored.row["present"] else f"absent there too ({stored.row['status']})"
    return Comparison(Verdict.EQUAL, stored.path, remark=remark)


def _normalized(group: Row, metadata: Mapping[str, Any]) -> Row:
    """The row with weights as in the file: those of the dataset are divided by the number of hard events."""
    events = metadata["totals"][group["process"]]["hard_events"] if "split" in metadata else 1
    named = [{**each, "value": each["value"] / events} for each in group["weights"]]
    return {**group, "weight": group["weight"] / events, "weights": named}


def _other_versions(metadata: Mapping[str, Any], replayed: Replayed) -> str:
    """What the file was made with, where it was other software, that of other members left aside."""
    here = replayed.versions
    others = [
        f"{package} {version} (here {here.get(package)})"
        for package, version in metadata["versions"].items()
        if version != here.get(package) and (package != "herwig" or package in here)
    ]
    return f"made with {', '.join(others)}" if others else ""


def _compare_dropped(campaign: Campaign, paths: Paths, path: Path, replayed: Replayed) -> Comparison:
    """Compare with the jets, since `path` has no such group, and say why it has none."""
    members = _stored_members(campaign, paths, replayed.identity)
    members.setdefault(replayed.realization, replayed.group)
    absent = {name: member["status"] for name, member in members.items() if not member["present"]}
    complete = len(members) == len(campaign.realizations)
    # members that are not known may be present
    perhaps = np.array([[name not in absent] for name in campaign.realizations])
    dropped = not kept_rows(perhaps, campaign).item()
    if complete and not dropped:
        return Comparison(Verdict.DIFFERS, path, remark="the group is missing there")
    reason = f"{path} has no such group"
    if dropped:
        statuses = listed([f"{name} ({status})" for name, status in absent.items()], _SHOWN)
        reason += f"; `require: {campaign.groups.require}`, and absent are {statuses}"
    compared = _compare_jets(campaign, paths, replayed, reason)
    if compared.verdict == Verdict.EQUAL:
        return replace(compared, verdict=Verdict.NOT_STORED, remark=f"{reason}; equal to {compared.path}")
    return compared


def _compare_jets(campaign: Campaign, paths: Paths, replayed: Replayed, remark: str) -> Comparison:
    """Compare with the row of the jets table, if it is there; `remark` says why it is not in the dataset."""
    process, event, _ = replayed.identity
    path = jets_path(campaign, paths, process, event, replayed.realization)
    if not path.exists():
        remark = remark or f"there is no dataset, groups or jets of it in {paths.root}"
        return Comparison(Verdict.NOT_STORED, remark=remark)
    try:
        metadata = jets_metadata(path, campaign, process, replayed.realization)
    except DataError as error:
        return Comparison(Verdict.NOT_STORED, remark=str(error))
    if not metadata["first_event"] <= event < metadata["first_event"] + metadata["events"]:
        return Comparison(Verdict.NOT_STORED, remark=remark or f"{path} is of other events")
    stored = find_target(path, JETS_SCHEMA, replayed.identity)
    if stored is None:
        return Comparison(Verdict.DIFFERS, path, remark="the target is missing there")
    (row,) = stored.to_pylist()
    if row["status"] == Status.NOT_SIMULATED:
        return Comparison(Verdict.NOT_STORED, path, remark=remark or f"{path} has it as {row['status']}")
    if found := tuple(differences(row, replayed.jets)):
        return Comparison(Verdict.DIFFERS, path, found, _other_versions(metadata, replayed))
    return Comparison(Verdict.EQUAL, path, remark=remark)


def _stored_members(campaign: Campaign, paths: Paths, identity: Identity) -> dict[str, Row]:
    """All realizations of a target whose jets are there, as members of a group."""
    members = {}
    for name in campaign.realizations:
        path = jets_path(campaign, paths, *identity[:2], name)
        found = find_target(path, JETS_SCHEMA, identity) if path.exists() else None
        if found is not None:
            (members[name],) = member_column(found, campaign.groups).to_pylist()
    return members
