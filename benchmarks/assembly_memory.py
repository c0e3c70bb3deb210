"""Peak memory of assembling a split from many files of groups, in a process of its own.

The files are stand-ins: their metadata are those of files of the campaign in config/rs3l/pythia.yaml, each
parsed anew from its JSON, and their rows are small, so that 100 000 of them need no disk. The shards are
real.

``python -m benchmarks.assembly_memory 100000`` assembles once and prints the time that it took.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import pyarrow as pa

from benchmarks.memory import peak_of
from jetresim.campaign.config import Campaign, load, parse
from jetresim.campaign.provenance import SCHEMA_VERSION, encode, versions
from jetresim.campaign.status import Status
from jetresim.dataset import assemble
from jetresim.dataset.schema import GROUPS_SCHEMA

FILES = (10_000, 100_000)
LIMIT = 1000
"""Megabytes that it may take: half of what the workflow asks for."""

CONFIG = Path(__file__).parents[1] / "config" / "rs3l" / "pythia.yaml"


def peak_memory(files: int) -> float:
    """Peak resident memory of assembling the smallest split of some files [MB]."""
    with TemporaryDirectory() as folder:
        return peak_of([sys.executable, "-m", "benchmarks.assembly_memory", str(files)], folder)


class StandIns:
    """Files of groups that exist as text only.

    Parameters
    ----------
    files : int
        Their number; a multiple of that of the processes in `CONFIG`.
    """

    def __init__(self, files: int) -> None:
        self.campaign = _campaign(files)
        self._first = {
            Path(f"{name}-{chunk:06d}.parquet"): (name, events.start)
            for name in self.campaign.processes
            for chunk, events in enumerate(self.campaign.chunks(name))
        }
        self._texts = {name: encode(_metadata(self.campaign, name)) for name in self.campaign.processes}
        self._rows = {
            name: pa.Table.from_pylist([_row(self.campaign, name)], GROUPS_SCHEMA)
            for name in self.campaign.processes
        }

    @property
    def paths(self) -> list[Path]:
        """Their names."""
        return list(self._first)

    def read_metadata(self, path: Path) -> dict[str, Any]:
        """What a file says about itself."""
        process, first = self._first[path]
        return json.loads(self._texts[process]) | {"first_event": first}

    def batches(self, path: Path, _schema: pa.Schema) -> Iterator[pa.Table]:
        """Its rows: the group of its only event."""
        process, event = self._first[path]
        table = self._rows[process]
        place = table.schema.get_field_index("event")
        yield table.set_column(place, table.field("event"), pa.array([event], pa.int64()))

    def assemble(self, output: Path, split: str) -> None:
        """Write a split of them."""
        with (
            patch.object(assemble, "read_metadata", self.read_metadata),
            patch.object(assemble, "batches", self.batches),
            patch.object(assemble, "columns_of", lambda path: GROUPS_SCHEMA),
        ):
            assemble.write_split(output, self.paths, self.campaign, split)


def _campaign(files: int) -> Campaign:
    content = load(CONFIG).model_dump(mode="json")
    for augmentation in content["augmentations"]:
        if augmentation["shower"] == "herwig7":
            augmentation["herwig"]["block_events"] = 1
        else:
            del augmentation["herwig"]
    for process in content["processes"].values():
        process["events"] = files // len(content["processes"])
    return parse(content | {"chunk": 1}, str(CONFIG))


def _metadata(campaign: Campaign, process: str) -> dict[str, Any]:
    counts = {"tried": 1, "kept": 0, **{str(status): int(status is Status.NO_JET) for status in Status}}
    return {
        "schema": SCHEMA_VERSION,
        "campaign": campaign.model_dump(mode="json"),
        "realizations": campaign.realizations,
        "versions": versions(),
        "process": process,
        "events": campaign.chunk,
        "totals": {process: {"hard_events": 1, "without_target": 0, "targets": 1, "groups": 1}},
        "counts": {process: dict.fromkeys(campaign.realizations, counts)},
    }


def _row(campaign: Campaign, process: str) -> dict[str, Any]:
    absent = {"present": False, "status": str(Status.NO_JET), "seed": 0, "jet": None, "constituents": []}
    momentum = {"pdgid": 25, "pt": 500.0, "eta": 0.0, "phi": 0.0, "energy": 515.0}
    return {
        "process": process,
        "event": 0,
        "target": 0,
        "label": 4,
        "weight": 1.0,
        "weights": [],
        "truth": {**momentum, "daughters": []},
        "realizations": [absent] * len(campaign.realizations),
    }


def main(files: int) -> None:
    """Assemble once in the working directory."""
    stand_ins, start = StandIns(files), time.perf_counter()
    stand_ins.assemble(Path("val"), "val")
    print(f"{files} files: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]))
