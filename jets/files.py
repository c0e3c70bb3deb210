"""Jets tables as files: written part by part, and asked which hard events survived."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import scratch_path
from jetresim.campaign.plugins import DETECTOR_NAMES
from jetresim.campaign.provenance import SCHEMA_VERSION, check_made_with, encode, jets_inputs, versions
from jetresim.detectors.registry import extra_fields
from jetresim.jets.constituents import EVENT_FIELD, with_extra
from jetresim.jets.parquet import METADATA_KEY, ROW_GROUP, batches, read_metadata, writer
from jetresim.jets.schema import JETS_SCHEMA, jets_schema, surviving_events
from jetresim.showers.registry import program_versions

__all__ = ["JetsFile", "asked_columns", "jets_file", "jets_metadata", "read_survivors", "software_versions"]

_OF_MEMBERS = ["event", "target", "status", "jet"]
"""Columns that tell whether a jet is a member of a group."""

if TYPE_CHECKING:
    from jetresim.jets.simulation import SimulatedPart


class JetsFile:
    """Collects parts into row groups of `ROW_GROUP` rows, whatever the size of the parts."""

    def __init__(self, sink: pq.ParquetWriter) -> None:
        self._sink = sink
        self._pending = sink.schema.empty_table()
        self._counts: Counter[str] = Counter()
        self._events = self._without_target = 0

    def add(self, part: "SimulatedPart") -> None:
        """Append the rows of a part."""
        self._events += part.events
        self._without_target += part.without_target
        self._counts.update(part.table["status"].to_pylist())
        table = pa.concat_tables([self._pending, part.table])
        full = len(table) - len(table) % ROW_GROUP
        if full:
            self._sink.write_table(table.slice(0, full), row_group_size=ROW_GROUP)
        self._pending = table.slice(full)

    def finish(self, identity: dict[str, object]) -> None:
        """Write the rest, and the metadata with the counts."""
        self._sink.write_table(self._pending)
        found = {
            "events": self._events,
            "events_without_target": self._without_target,
            "counts": dict(self._counts),
        }
        self._sink.add_key_value_metadata({METADATA_KEY: encode({**identity, **found})})


@contextmanager
def jets_file(
    path: Path, campaign: Campaign, process: str, realization: str, first: int
) -> Iterator[JetsFile]:
    """Open a jets file for writing; it exists only once it is complete."""
    identity = {
        "schema": SCHEMA_VERSION,
        "process": process,
        "realization": realization,
        "first_event": first,
        "settings": jets_inputs(campaign, process, realization),
        "versions": software_versions(campaign, realization),
    }
    schema = with_extra(jets_schema(campaign, realization), asked_columns(campaign, realization))
    with scratch_path(path) as temporary, writer(temporary, schema) as sink:
        file = JetsFile(sink)
        yield file
        file.finish(identity)


def asked_columns(campaign: Campaign, realization: str) -> tuple[str, ...]:
    """Which of `jets.constituents.EXTRA_COLUMNS` the jets of a realization have."""
    return (*extra_fields(campaign, realization), *[EVENT_FIELD.name] * campaign.groups.whole_events)


def software_versions(campaign: Campaign, realization: str) -> dict[str, str]:
    """Versions of the software that makes a realization, shower program and detector among them."""
    detector = DETECTOR_NAMES.version(campaign.detector_options(realization).name)
    return versions() | detector | program_versions(campaign, realization)


def read_survivors(followed: Mapping[str, Path], campaign: Campaign, process: str) -> frozenset[int]:
    """Hard events with a target for which some realizations all have a jet that groups can be made with.

    Parameters
    ----------
    followed : mapping of str to Path
        Jets file of each of these realizations of a chunk; at least one.

    Raises
    ------
    DataError
        A file is damaged or belongs to something else.
    """
    for name, path in followed.items():
        jets_metadata(path, campaign, process, name)
    paths = list(followed.values())
    side_by_side = zip_longest(*(batches(path, JETS_SCHEMA, _OF_MEMBERS) for path in paths))
    return frozenset().union(*(surviving_events(_aligned(each, paths), campaign) for each in side_by_side))


def _aligned(tables: Sequence[pa.Table | None], paths: Sequence[Path]) -> Iterator[pa.Table]:
    """The tables, which must have the same targets in their rows."""
    for table, path in zip(tables, paths, strict=True):
        if table is None or tables[0] is None or not _targets(table).equals(_targets(tables[0])):
            raise DataError(f"{path}: has jets of other targets than {paths[0]}; make both again")
        yield table


def _targets(table: pa.Table) -> pa.Table:
    return table.select(["event", "target"]).combine_chunks()


def jets_metadata(path: Path, campaign: Campaign, process: str, realization: str) -> dict[str, Any]:
    """Metadata of a jets file, once it is sure that it is the one that was asked for."""
    metadata = read_metadata(path)
    expected = {"schema": SCHEMA_VERSION, "process": process, "realization": realization}
    for key, value in expected.items():
        if metadata.get(key) != value:
            raise DataError(f"{path}: jets of {key} {metadata.get(key)!r}; expected {key} {value!r}")
    if missing := {"first_event", "events", "settings", "versions"} - metadata.keys():
        raise DataError(f"{path}: metadata without {', '.join(sorted(missing))}; remake the file")
    check_made_with(path, metadata["settings"], jets_inputs(campaign, process, realization))
    return metadata
