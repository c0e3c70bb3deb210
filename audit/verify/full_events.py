"""Whole events of a campaign: whether they are all there, and each is what its digest says."""

import gzip
import zlib
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from jetresim.audit.verify.result import Checked, checked, differences
from jetresim.campaign.config import Campaign
from jetresim.campaign.paths import Paths, chunk_name
from jetresim.campaign.provenance import check_made_with, full_events_inputs
from jetresim.detectors.digest import digest_of
from jetresim.jets.event_schema import EVENTS_SCHEMA, PARTICLE, SIMULATED
from jetresim.jets.parquet import batches, read_metadata, row_count, single

__all__ = ["check_full_events"]

_FINAL, _END = b"1", b"HepMC::Asciiv3-END_EVENT_LISTING"
"""Status of a particle of the final state, and the last line of a listing; HepMC3, section status codes."""


def check_full_events(
    campaign: Campaign, paths: Paths, process: str, chunk: int, quick: bool = False
) -> list[Checked]:
    """Check the files of whole events of a chunk; nothing where none are asked for.

    Parameters
    ----------
    campaign : Campaign
    paths : Paths
    process : str
    chunk : int
    quick : bool
        Only what Parquet files say about themselves.
    """
    results = []
    for realization in campaign.full_realizations:
        names = {"process": process, "realization": realization, "chunk": chunk_name(chunk)}
        events = campaign.chunks(process)[chunk]
        for form in campaign.full_formats:
            path = Path(paths.full_events(form).format(**names))
            find = partial(_FINDERS[form], path, campaign, process, realization, events, quick)
            results.append(checked("events", path, find))
    return results


def _of_parquet(
    path: Path, campaign: Campaign, process: str, realization: str, events: range, quick: bool
) -> Iterator[str]:
    metadata = read_metadata(path)
    expected = {"process": process, "realization": realization, "first_event": events.start}
    yield from differences(path, metadata, expected)
    yield from differences(path, {"events": row_count(path)}, {"events": len(events)})
    check_made_with(path, metadata["settings"], full_events_inputs(campaign, process, realization))
    if quick:
        return
    place = events.start
    for table in batches(path, EVENTS_SCHEMA):
        lists = single(table["particles"])
        columns = {field.name: lists.flatten().field(field.name).to_numpy() for field in PARTICLE}
        offsets = lists.offsets.to_numpy() - lists.offsets[0].as_py()
        wanted = table.select(["event", "seed", "status", "digest"]).to_pylist()
        for row, start, stop in zip(wanted, offsets[:-1], offsets[1:], strict=True):
            found = digest_of({name: column[start:stop] for name, column in columns.items()})
            seed = campaign.seed_of(process, place, realization)
            if (row["event"], row["seed"], row["digest"]) != (place, seed, found):
                yield f"{path}: event {place} is not what its digest, seed and place say; delete it"
                return
            if (row["status"] == SIMULATED) != (stop > start):
                yield f"{path}: event {place} has particles without being simulated, or none"
            place += 1


def _of_hepmc(
    path: Path, campaign: Campaign, process: str, realization: str, events: range, quick: bool
) -> Iterator[str]:
    if quick:
        return
    last = events.start - 1
    try:
        for number, attributes, particles in _read_hepmc(path):
            expected = {
                "process": process,
                "realization": realization,
                "seed": str(campaign.seed_of(process, number, realization)),
                "digest": digest_of(particles),
            }
            if not last < number < events.stop:
                yield f"{path}: event {number} comes after {last}; expected {events.start} to {events[-1]}"
                return
            yield from differences(path, attributes, expected)
            last = number
    except (EOFError, OSError, ValueError, zlib.error) as error:
        yield f"{path}: cannot be read as HepMC3; delete it to have it made again ({error})"


def _read_hepmc(path: Path) -> Iterator[tuple[int, Mapping[str, str], dict[str, Any]]]:
    """Number, attributes and final state of each event of a listing of HepMC3."""
    with gzip.open(path, "rb") as file:
        beginnings, listed = 0, [b""]

        def event_of(line: bytes) -> int:
            nonlocal beginnings
            beginnings += line.startswith(b"E ")
            return beginnings

        for number, lines in groupby(file, event_of):
            listed = list(lines)
            if number:
                yield _parsed(listed)
        if not any(line.startswith(_END) for line in listed[-2:]):
            raise ValueError("it is cut off")


def _parsed(lines: list[bytes]) -> tuple[int, Mapping[str, str], dict[str, Any]]:
    attributes = [line.decode().split(" ", 3)[2:] for line in lines if line.startswith(b"A 0 ")]
    rows = [line.split() for line in lines if line.startswith(b"P ")]
    final = [row[3:8] for row in rows if row[9:10] == [_FINAL]]
    table = np.array(final, dtype=np.float64).reshape(-1, 5)
    names = ("pdgid", "px", "py", "pz", "energy")
    return (
        int(lines[0].split()[1]),
        {name: value.strip() for name, value in attributes},
        dict(zip(names, table.T, strict=True)),
    )


_FINDERS = {"parquet": _of_parquet, "hepmc3": _of_hepmc}
