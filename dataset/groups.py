"""Jets of all realizations of a chunk → groups, one row a target of a hard event."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import islice, zip_longest
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.arrays import Integers
from jetresim.campaign.config import Campaign, Groups
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import scratch_path
from jetresim.campaign.provenance import (
    SCHEMA_VERSION,
    check_one_version,
    encode,
    merged_versions,
    versions,
)
from jetresim.campaign.status import Status
from jetresim.dataset.process_warnings import WARNINGS_KEY
from jetresim.dataset.rules import kept_rows, row_identity
from jetresim.dataset.schema import GROUPS_SCHEMA, MEMBER, WEIGHTS_FIELD, groups_schema, weights_metadata
from jetresim.generators.events import HardEvent, TruthTarget
from jetresim.generators.survey import Survey
from jetresim.generators.targets import group_targets
from jetresim.jets.constituents import EVENT_FIELD, extended, extra_columns, with_columns, with_extra
from jetresim.jets.files import jets_metadata
from jetresim.jets.parquet import (
    METADATA_KEY,
    ROW_GROUP,
    SHOWER_WEIGHTS,
    batches,
    blaming_damage,
    columns_of,
    single,
    writer,
)
from jetresim.jets.schema import JETS_SCHEMA, WEIGHTS_TYPE, member_status

__all__ = [
    "GroupsAssembly",
    "HardTruth",
    "build_groups",
    "hard_truths",
    "member_column",
    "truth_row",
]

_TRUTH_SCHEMA = pa.schema([column for column in GROUPS_SCHEMA if column.name != "realizations"])


@dataclass(frozen=True, slots=True)
class HardTruth:
    """What the groups keep of a hard event.

    Attributes
    ----------
    event : int
        Event index within the process.
    weight : float
        Weight [pb], normalized so that its mean over the process is the cross-section.
    weights : dict of str to float
        Named weights in the same normalization.
    targets : list of TruthTarget
        Truth objects, in the order that ``target`` counts; may be empty.
    """

    event: int
    weight: float
    weights: dict[str, float]
    targets: list[TruthTarget]


@dataclass
class _Tally:
    """What became of everything that went in."""

    hard_events: int = 0
    without_target: int = 0
    groups: int = 0
    statuses: dict[str, Counter[str]] = field(default_factory=dict)
    kept: Counter[str] = field(default_factory=Counter)

    def totals(self) -> dict[str, int]:
        """Numbers that all realizations share."""
        targets = max((counts.total() for counts in self.statuses.values()), default=0)
        return {
            "hard_events": self.hard_events,
            "without_target": self.without_target,
            "targets": targets,
            "groups": self.groups,
        }

    def counts(self) -> dict[str, dict[str, int]]:
        """For each realization: targets tried, matched and kept, and how many have each status."""
        return {
            name: {
                "tried": counts.total(),
                "kept": self.kept[name],
                **{str(status): counts[status] for status in Status},
            }
            for name, counts in self.statuses.items()
        }


def build_groups(
    output: Path,
    hard: Iterable[HardTruth],
    jets: Sequence[Path],
    campaign: Campaign,
    process: str,
    warnings: Sequence[str] = (),
    hard_versions: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Bring the realizations of a chunk together, target by target.

    Streams: memory is bounded by `ROW_GROUP` rows of all realizations. A member counts as present when
    its jet is matched and above ``groups.pt_min``; ``groups.require`` decides which rows are kept.

    Parameters
    ----------
    output : Path
        Parquet file with `GROUPS_SCHEMA`.
    hard : iterable of HardTruth
        All hard events of the chunk in order, those without targets included.
    jets : sequence of Path
        Jets table of each realization, in the order of ``campaign.realizations``.
    campaign : Campaign
    process : str
        Name of the process.
    warnings : sequence of str
        What the survey of its hard events warns of, for the metadata.
    hard_versions : mapping of str to str, optional
        Software that the hard events were made by.

    Raises
    ------
    DataError
        The files were made by different versions of a program, see `campaign.provenance.check_one_version`,
        or a jets file is unreadable, belongs to something else, or is not row by row about the targets of
        the hard events.
    """
    names = campaign.realizations
    if len(jets) != len(names):
        raise DataError(
            f"{output}: {len(jets)} jets files given; expected one for each of {', '.join(names)}"
        )
    assembly = GroupsAssembly(jets, campaign, process, hard_versions)
    with blaming_damage(jets):
        check_one_version(output, assembly.made_by, campaign)
    schema = with_extra(groups_schema(campaign), assembly.extra)
    with scratch_path(output) as temporary, writer(temporary, schema) as sink:
        for table in assembly.tables(hard):
            sink.write_table(table)
        metadata = {**assembly.metadata, WARNINGS_KEY: {process: list(warnings)}}
        sink.add_key_value_metadata({METADATA_KEY: encode(metadata)})


class GroupsAssembly:
    """The groups of a chunk, as they come from its jets and hard events; see `build_groups`.

    Parameters
    ----------
    jets : sequence of Path
        Jets table of each realization, in the order of ``campaign.realizations``.
    campaign : Campaign
    process : str
    hard_versions : mapping of str to str, optional
        Software that the hard events were made by.
    """

    def __init__(
        self,
        jets: Sequence[Path],
        campaign: Campaign,
        process: str,
        hard_versions: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        names = campaign.realizations
        self._jets, self._campaign, self._process = jets, campaign, process
        self._sources = [
            jets_metadata(path, campaign, process, name) for path, name in zip(jets, names, strict=True)
        ]
        self._hard_versions = hard_versions
        self._tally = _Tally(statuses={name: Counter() for name in names})

    def tables(self, hard: Iterable[HardTruth]) -> Iterator[pa.Table]:
        """Groups of at most `ROW_GROUP` targets at a time, once for all hard events."""
        jets, process, tally = self._jets, self._process, self._tally
        truth = _truth_batches(_counted(hard, self._sources[0], jets[0], tally), process)
        members = (batches(path, JETS_SCHEMA) for path in jets)
        for step, (rows, *tables) in enumerate(zip_longest(truth, *members)):
            for path, table in zip(jets, tables, strict=True):
                _check_aligned(path, step * ROW_GROUP, table, rows)
            yield _grouped(rows, tables, self._campaign, tally, self.extra)
        _check_ranges(self._sources, jets, tally)

    @cached_property
    def extra(self) -> frozenset[str]:
        """Further columns of constituents that any realization has; 0 in the others."""
        return frozenset(name for path in self._jets for name in extra_columns(columns_of(path)))

    @property
    def made_by(self) -> list[tuple[str, Mapping[str, str]]]:
        """What goes into the groups, and the software that each of it was made by."""
        jets = [(f"jets of {source['realization']}", source["versions"]) for source in self._sources]
        return [("hard events", self._hard_versions), *jets, ("this job", versions())]

    @property
    def metadata(self) -> dict[str, Any]:
        """What the file says about itself, once all tables are made."""
        made_by = merged_versions(found for _, found in self.made_by)
        return _metadata(self._campaign, self._process, self._sources, self._tally, made_by)


def _metadata(
    campaign: Campaign,
    process: str,
    sources: list[dict[str, Any]],
    tally: _Tally,
    made_by: dict[str, str],
) -> dict[str, Any]:
    return {
        "schema": SCHEMA_VERSION,
        "campaign": campaign.model_dump(mode="json"),
        "realizations": campaign.realizations,
        "versions": made_by,
        "process": process,
        "first_event": sources[0]["first_event"],
        "events": tally.hard_events,
        "totals": {process: tally.totals()},
        "counts": {process: tally.counts()},
        **weights_metadata(campaign),
    }


def _counted(
    hard: Iterable[HardTruth], source: dict[str, Any], path: Path, tally: _Tally
) -> Iterator[tuple[HardTruth, int, TruthTarget]]:
    """Targets of the hard events, which must be the ones that the jets were made from."""
    for expected, truth in enumerate(hard, source["first_event"]):
        if truth.event != expected:
            raise DataError(
                f"{path}: jets of event {expected} come where the hard events have event {truth.event}"
            )
        tally.hard_events += 1
        tally.without_target += not truth.targets
        for index, target in enumerate(truth.targets):
            yield truth, index, target


def _check_ranges(sources: list[dict[str, Any]], jets: Sequence[Path], tally: _Tally) -> None:
    """All files must be about the same hard events; those without a target leave no row to notice it by."""
    expected = (sources[0]["first_event"], tally.hard_events)
    for source, path in zip(sources, jets, strict=True):
        found = (source["first_event"], source["events"])
        if found != expected:
            raise DataError(
                f"{path}: jets of {found[1]} events from event {found[0]}; "
                f"expected {expected[1]} events from event {expected[0]}"
            )


def _truth_batches(targets: Iterator[tuple[HardTruth, int, TruthTarget]], process: str) -> Iterator[pa.Table]:
    while rows := [truth_row(process, *each) for each in islice(targets, ROW_GROUP)]:
        yield pa.Table.from_pylist(rows, _TRUTH_SCHEMA)


def truth_row(process: str, truth: HardTruth, index: int, target: TruthTarget) -> dict[str, Any]:
    """Row of the groups table about a target, without its realizations."""
    return {
        "process": process,
        "event": truth.event,
        "target": index,
        "label": target.label,
        "weight": truth.weight,
        "weights": [{"name": name, "value": value} for name, value in truth.weights.items()],
        "truth": {**asdict(target.parton), "daughters": [asdict(each) for each in target.daughters]},
    }


def _check_aligned(path: Path, start: int, table: pa.Table | None, truth: pa.Table | None) -> None:
    """Every row of the jets must be about the target that the hard events have there."""
    found, expected = row_identity(table), row_identity(truth)
    length = min(len(found), len(expected))
    wrong = np.flatnonzero((found[:length] != expected[:length]).any(axis=1))
    if not len(wrong) and len(found) == len(expected):
        return
    row = int(wrong[0]) if len(wrong) else length
    raise DataError(
        f"{path}: row {start + row} has {_described(found, row)}; "
        f"the hard events have {_described(expected, row)}"
    )


def _described(identity: Integers, row: int) -> str:
    if row >= len(identity):
        return "no target left"
    return "event {} target {}".format(*identity[row])


def _grouped(
    truth: pa.Table, tables: list[pa.Table], campaign: Campaign, tally: _Tally, extra: frozenset[str]
) -> pa.Table:
    """Rows of a batch that are kept, with their realizations; counts all of them."""
    members = [member_column(table, campaign.groups, extra) for table in tables]
    there = np.stack([member.field("present").to_numpy(zero_copy_only=False) for member in members])
    kept = kept_rows(there, campaign)
    for name, member, here in zip(campaign.realizations, members, there, strict=True):
        tally.statuses[name].update(member.field("status").to_pylist())
        tally.kept[name] += int((here & kept).sum())
    tally.groups += int(kept.sum())
    rows = np.flatnonzero(kept)
    column = with_extra(GROUPS_SCHEMA, extra).field("realizations")
    found = truth.filter(pa.array(kept)).append_column(column, _interleaved(members, rows))
    if not campaign.weighted:
        return found
    return found.append_column(
        WEIGHTS_FIELD, _interleaved([_shower_weights(table) for table in tables], rows)
    )


def _shower_weights(table: pa.Table) -> pa.ListArray:
    """Weights of the variations of a realization, none where it was not asked for any."""
    if SHOWER_WEIGHTS in table.column_names:
        return single(table[SHOWER_WEIGHTS])
    return pa.array([[]] * len(table), WEIGHTS_TYPE)


def member_column(table: pa.Table, groups: Groups, extra: Iterable[str] | None = None) -> pa.StructArray:
    """One realization of the rows: a jet outside the window of pT is recorded as such and taken out.

    Its constituents have the further columns `extra`, or those of the rows if left out.
    """
    extra = frozenset(extra_columns(table.schema) if extra is None else extra)
    jet, constituents = single(table["jet"]), with_columns(single(table["constituents"]), extra)
    status = member_status(table, groups)
    there = pc.equal(status, Status.MATCHED)
    columns = {
        "present": there,
        "status": status,
        "seed": single(table["seed"]),
        "jet": pc.if_else(there, jet, pa.scalar(None, jet.type)),
        "constituents": pc.if_else(there, constituents, pa.scalar([], constituents.type)),
    }
    if EVENT_FIELD.name in extra:
        event = single(table[EVENT_FIELD.name])
        columns[EVENT_FIELD.name] = pc.if_else(there, event, pa.scalar(None, event.type))
    fields = list(extended(MEMBER, extra))
    return pa.StructArray.from_arrays([columns[each.name] for each in fields], fields=fields)


def _interleaved(members: Sequence[pa.Array], rows: Integers) -> pa.ListArray:
    """Bring the K members of each of the given rows together in a list."""
    count, length = len(members), len(members[0])
    indices = (np.arange(count) * length + rows[:, np.newaxis]).ravel()
    offsets = pa.array(np.arange(len(rows) + 1) * count, pa.int32())
    return pa.ListArray.from_arrays(offsets, pa.concat_arrays(members).take(pa.array(indices)))


def hard_truths(
    campaign: Campaign, process: str, events: Iterable[HardEvent], survey: Survey
) -> Iterator[HardTruth]:
    """What the groups keep of hard events; named weights have the names of the survey."""
    names = survey.weight_names
    for event in events:
        weights = {names.get(id_, id_): value for id_, value in event.record.weights.items()}
        targets = group_targets(event.record, campaign, process)
        yield HardTruth(event.index, event.record.eventinfo.weight, weights, targets)
