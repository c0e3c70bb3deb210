"""What whole events cost on their way to another program, and its candidates on their way back.

``python -m benchmarks.whole_events`` prints CPU [ms] and bytes of an event.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import process_time

import awkward as ak
import uproot

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, parse
from jetresim.detectors.columns import to_columns
from jetresim.detectors.digest import digest_of
from jetresim.detectors.protocol import CANDIDATE_FIELDS
from jetresim.detectors.registry import make_detector
from jetresim.generators.events import HardEvent
from jetresim.generators.registry import make_generator
from jetresim.generators.survey import UNIT_SURVEY
from jetresim.jets.full_events import write_full_events
from jetresim.showers.protocol import ParticleBatch
from jetresim.showers.pythia8 import Pythia8Shower
from jetresim.showers.registry import Job

PROCESS, EVENTS = "higgs", 300


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU [ms] and bytes of an event."""

    milliseconds: float
    bytes: float


def whole_event_costs() -> dict[str, Cost]:
    """Writing in each format, beside the shower, and reading candidates of `cms_phase2` back from ROOT."""
    with TemporaryDirectory() as folder:
        campaign = _campaign({"name": "cms_phase2"})
        hard = list(make_generator(campaign, PROCESS).events(range(EVENTS), UNIT_SURVEY))
        written = dict(_written(Path(folder), campaign, hard))
        return {
            **written,
            "candidates from ROOT": _read_back(Path(folder) / "candidates.root", campaign, hard),
        }


def _campaign(detector: dict[str, str]) -> Campaign:
    raw = {
        "name": "whole_events",
        "seed": 1,
        "events": EVENTS,
        "processes": {PROCESS: {"cuts": {"pt_min": 500}}},
        "augmentations": [NOMINAL],
        "detector": detector,
    }
    return parse(raw, "benchmarks/whole_events.py")


def _written(folder: Path, campaign: Campaign, hard: list[HardEvent]) -> Iterator[tuple[str, Cost]]:
    def write(*formats: str) -> float:
        outputs = {form: folder / form for form in formats}
        return _milliseconds(
            lambda: write_full_events(outputs, campaign, PROCESS, NOMINAL, hard, len(hard), Job(folder, 0))
        )

    write()  # what is loaded once
    simulated = write()
    for form in ("hepmc3", "parquet"):
        yield form, Cost(write(form) - simulated, (folder / form).stat().st_size / EVENTS)


def _read_back(path: Path, campaign: Campaign, hard: list[HardEvent]) -> Cost:
    batch = Pythia8Shower(campaign, PROCESS, NOMINAL).shower(hard)
    _store(path, batch, make_detector(campaign, NOMINAL).candidates(batch))
    reader = make_detector(_campaign({"name": "external", "candidates": str(path)}), NOMINAL)
    reader.candidates(batch)  # what is loaded once
    return Cost(_milliseconds(lambda: reader.candidates(batch)), path.stat().st_size / EVENTS)


def _store(path: Path, batch: ParticleBatch, candidates: ak.Array) -> None:
    rows = [to_columns(batch.particles[place : place + 1])[0] for place in range(EVENTS)]
    names = {"process": PROCESS, "realization": NOMINAL}
    arrays = {
        "event": batch.events,
        "digest": ak.Array([digest_of(columns) for columns in rows]),
        **{name: ak.Array([value] * EVENTS) for name, value in names.items()},
        **{name: candidates[name] for name in CANDIDATE_FIELDS},
    }
    with uproot.recreate(path) as file:
        file.mktree("events", {name: str(ak.type(ak.Array(array)).content) for name, array in arrays.items()})
        file["events"].extend(arrays)


def _milliseconds(work: Callable[[], object]) -> float:
    start = process_time()
    work()
    return 1e3 * (process_time() - start) / EVENTS


if __name__ == "__main__":
    for what, cost in whole_event_costs().items():
        print(f"{what}: {cost.milliseconds:.2f} ms, {cost.bytes:,.0f} bytes")
