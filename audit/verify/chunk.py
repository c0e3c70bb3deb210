"""Checks of the files of a chunk against the configuration and against each other."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.audit.verify.result import Checked, Content, checked, differences
from jetresim.audit.verify.rows import first_of_each, groups_rules, jets_rules
from jetresim.campaign.arrays import Booleans, Integers
from jetresim.campaign.config import Campaign
from jetresim.campaign.paths import Paths, chunk_name
from jetresim.campaign.status import Status
from jetresim.dataset.assemble import check_groups_source
from jetresim.dataset.fingerprint import row_hashes
from jetresim.dataset.groups import GroupsAssembly, HardTruth, hard_truths
from jetresim.dataset.rules import expected_seeds, row_identity
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.generators.provenance import hard_provenance, survey_provenance
from jetresim.generators.stored import hard_events
from jetresim.generators.survey import Survey, read_survey
from jetresim.generators.targets import passes_cuts
from jetresim.jets.files import jets_metadata, read_survivors
from jetresim.jets.parquet import batches, read_metadata, rebatched, row_count, single
from jetresim.jets.schema import JETS_SCHEMA

__all__ = ["check_chunk", "check_survey"]


@dataclass(frozen=True, slots=True)
class _Truth:
    """Targets of the hard events of a chunk: (event, target), and whether the event passes the cuts."""

    events: list[HardTruth]
    identity: Integers
    passes: Booleans


def check_survey(campaign: Campaign, paths: Paths, process: str) -> tuple[Checked, Survey | None]:
    """The survey of a process, and what it says if it is good."""
    path, found = Path(paths.survey.format(process=process)), []

    def problems() -> Iterator[str]:
        found.append(read_survey(path, survey_provenance(campaign, process)))
        yield from ()

    result = checked("survey", path, problems)
    return result, found[0] if result.good else None


def check_chunk(
    campaign: Campaign, paths: Paths, process: str, chunk: int, survey: Survey | None, quick: bool = False
) -> tuple[list[Checked], Content | None]:
    """Hard events, jets and groups of a chunk.

    Memory is bounded by the hard events of the chunk and `jets.parquet.ROW_GROUP` rows of all realizations.

    Parameters
    ----------
    campaign : Campaign
    paths : Paths
    process : str
    chunk : int
    survey : Survey, optional
        None where there is no good one; the targets of the hard events are not looked at then.
    quick : bool
        Only what the files say about themselves.

    Returns
    -------
    checked : list of Checked
    content : Content or None
        Of the groups, where they are good and were read.
    """
    return _Chunk(campaign, paths, process, chunk, survey, quick).check()


class _Chunk:
    def __init__(
        self, campaign: Campaign, paths: Paths, process: str, chunk: int, survey: Survey | None, quick: bool
    ) -> None:
        self._campaign, self._process, self._survey, self._quick = campaign, process, survey, quick
        self._events = campaign.chunks(process)[chunk]
        names = {"process": process, "chunk": chunk_name(chunk)}
        self._hard = Path(paths.hard.format(**names))
        self._jets = {
            name: Path(paths.jets.format(realization=name, **names)) for name in campaign.realizations
        }
        self._groups = Path(paths.groups.format(**names))
        self._truth: _Truth | None = None
        self._good: set[str] = set()
        self._content = Content()

    def check(self) -> tuple[list[Checked], Content | None]:
        """Each file alone, then against those before it that are good."""
        hard = checked("hard", self._hard, self._hard_problems)
        if not hard.good:
            self._truth = None
        jets = {}
        for name in sorted(self._jets, key=lambda name: len(self._campaign.followed(name))):
            jets[name] = checked("jets", self._jets[name], lambda name=name: self._jets_problems(name))
            if jets[name].good:
                self._good.add(name)
        comparable = self._truth is not None and all(each.good for each in jets.values())
        groups = checked("groups", self._groups, lambda: self._groups_problems(comparable))
        content = self._content if groups.good and not self._quick else None
        return [hard, *(jets[name] for name in self._jets), groups], content

    def _hard_problems(self) -> Iterator[str]:
        campaign, process, events = self._campaign, self._process, self._events
        if self._quick:
            from jetresim.generators.lhe_files import check_provenance, open_lhe  # needs pylhe

            with open_lhe(self._hard) as source:
                check_provenance(source, hard_provenance(campaign, process, events.start, self._survey))
            return
        found = hard_events(campaign, process, self._hard, events, self._survey)
        if self._survey is None:
            for _ in found:
                pass
            return
        truths = list(hard_truths(campaign, process, found, self._survey))
        cuts = campaign.process(process).cuts
        rows = [
            (truth.event, target, passes_cuts(truth.targets, cuts))
            for truth in truths
            for target in range(len(truth.targets))
        ]
        table = np.array(rows, np.int64).reshape(-1, 3)
        self._truth = _Truth(truths, table[:, :2], table[:, 2].astype(np.bool_))
        yield from ()

    def _jets_problems(self, name: str) -> Iterator[str]:
        path = self._jets[name]
        metadata = jets_metadata(path, self._campaign, self._process, name)
        yield from differences(
            path, metadata, {"first_event": self._events.start, "events": len(self._events)}
        )
        if self._quick:
            rows = sum(metadata.get("counts", {}).values())
            yield from differences(path, {"rows": row_count(path)}, {"rows": rows})
            return
        hard_events = ((self._process, event) for event in self._events)
        seeds = expected_seeds(self._campaign, hard_events, [name]).ravel()
        survivors = self._survivors_of(self._campaign.followed(name))
        counts, row, told = Counter[str](), 0, set[str]()
        for table in batches(path, JETS_SCHEMA):
            identity = row_identity(table)
            if problem := self._misplaced(identity, row):
                yield f"{path}: {problem}"
                return
            for rule, place in self._jets_rules(table, identity, seeds, name, row, survivors):
                if rule not in told:
                    told.add(rule)
                    yield "{}: event {} target {} has {}".format(path, *identity[place], rule)
            counts.update(single(table["status"]).cast(pa.string()).to_pylist())
            row += len(identity)
        found: dict[str, Any] = {"counts": dict(counts)}
        if self._truth is not None:
            if row != len(self._truth.identity):
                yield f"{path}: has {row} rows; the hard events have {len(self._truth.identity)} targets"
            found["events_without_target"] = sum(not truth.targets for truth in self._truth.events)
        yield from differences(path, metadata, found)

    def _survivors_of(self, followed: list[str]) -> frozenset[int] | None:
        """Hard events that survive some realizations, if there are any and their jets are good."""
        if not followed or not self._good.issuperset(followed):
            return None
        return read_survivors({name: self._jets[name] for name in followed}, self._campaign, self._process)

    def _misplaced(self, identity: Integers, row: int) -> str | None:
        """Where rows are not about the targets that belong there."""
        outside = (identity[:, 0] < self._events.start) | (identity[:, 0] >= self._events.stop)
        if outside.any():
            event = identity[int(np.argmax(outside)), 0]
            return f"has event {event}; expected {self._events.start} to {self._events.stop - 1}"
        if self._truth is None:
            return None
        expected = self._truth.identity[row : row + len(identity)]
        wrong = np.flatnonzero((identity[: len(expected)] != expected).any(axis=1))
        if len(wrong):
            place = int(wrong[0])
            return (
                f"row {row + place} has event {identity[place, 0]} target {identity[place, 1]}; "
                f"the hard events have event {expected[place, 0]} target {expected[place, 1]}"
            )
        return None

    def _jets_rules(
        self,
        table: pa.Table,
        identity: Integers,
        seeds: Integers,
        name: str,
        row: int,
        survivors: frozenset[int] | None,
    ) -> Iterator[tuple[str, int]]:
        campaign = self._campaign
        event = identity[:, 0]
        yield from jets_rules(table, seeds[event - self._events.start], campaign)
        column = single(table["status"]).cast(pa.string())
        status = {each: pc.equal(column, each).to_numpy(zero_copy_only=False) for each in Status}
        steps = np.diff(event * 2**8 + identity[:, 1], prepend=-1)
        left_out = status[Status.NOT_SIMULATED]
        broken = {
            "a place that is not in order of (event, target)": steps <= 0,
            "status 'vetoed' without a veto": status[Status.VETOED] & (campaign.parton_pt_min(name) is None),
        }
        passes = np.ones(len(event), np.bool_)
        if self._truth is not None:
            passes = self._truth.passes[row : row + len(event)]
            if len(passes) == len(event):
                broken["status 'cut' against the cuts of its hard event"] = status[Status.CUT] == passes
        if not (followed := campaign.followed(name)):
            broken["status 'not simulated' in a realization of all events"] = left_out
        elif survivors is not None:
            expected = ~np.isin(event, list(survivors)) & ~status[Status.CUT]
            rule = f"status 'not simulated' against the survivors of {', '.join(followed)}"
            broken[rule] = left_out != expected
        yield from first_of_each(broken)

    def _groups_problems(self, comparable: bool) -> Iterator[str]:
        campaign, process, path = self._campaign, self._process, self._groups
        metadata = read_metadata(path)
        check_groups_source(path, metadata, campaign)
        expected = {"process": process, "first_event": self._events.start, "events": len(self._events)}
        yield from differences(path, metadata, expected)
        rows = metadata["totals"].get(process, {}).get("groups")
        yield from differences(path, {"rows": row_count(path)}, {"rows": rows})
        if self._quick:
            return
        for table in batches(path, GROUPS_SCHEMA):
            identity = row_identity(table)
            for rule, place in groups_rules(table, campaign):
                yield "{}: event {} target {} has {}".format(path, *identity[place], rule)
            if problem := self._foreign(table):
                yield f"{path}: {problem}"
            self._content.add(table)
        if comparable:
            yield from self._groups_against_jets(metadata)

    def _foreign(self, table: pa.Table) -> str | None:
        other = set(table["process"].to_pylist()) - {self._process}
        return f"has groups of process {other.pop()!r}; expected {self._process!r}" if other else None

    def _groups_against_jets(self, metadata: dict[str, Any]) -> Iterator[str]:
        """Every group again from its hard event and jets."""
        path = self._groups
        assembly = GroupsAssembly(list(self._jets.values()), self._campaign, self._process)
        made = rebatched(assembly.tables(self._truth.events))
        for expected, found in zip_longest(made, batches(path, GROUPS_SCHEMA)):
            if problem := _unlike(expected, found):
                yield f"{path}: {problem}; delete it to have it made again"
                return
        keys = ("realizations", "totals", "counts")
        yield from differences(path, metadata, {key: assembly.metadata[key] for key in keys})


def _unlike(expected: pa.Table | None, found: pa.Table | None) -> str | None:
    """Where groups are not those of their jets."""
    if expected is None or found is None or len(expected) != len(found):
        return "has more groups or fewer than its jets give"
    wrong = np.flatnonzero(row_hashes(expected) != row_hashes(found))
    if not len(wrong):
        return None
    event, target = row_identity(found)[wrong[0]]
    return f"event {event} target {target} is not what the hard events and the jets give"
