"""Jets tables and truth made from random numbers, so that tests of the dataset need no simulation.

Every row is a function of (campaign seed, process, event, target, realization) alone, as real ones are.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.provenance import SCHEMA_VERSION, encode, jets_inputs
from jetresim.campaign.seeds import event_seed, stable_hash
from jetresim.campaign.status import Status
from jetresim.dataset.assemble import write_split
from jetresim.dataset.groups import HardTruth, build_groups
from jetresim.generators.events import Parton, TruthTarget
from jetresim.jets.schema import JET_TYPE, JETS_SCHEMA, STATUSES

ROW_GROUP = 1000

OUTCOMES = [Status.MATCHED] * 30 + [Status.NO_JET, Status.AMBIGUOUS, Status.SHARED, Status.FAILED]

HADRONS = np.array([211, -211, 321, 22, 130, 2212, 11, -13, 0])
CHARGES = np.array([1, -1, 1, 0, 0, 1, -1, 1, 0])


def make_campaign(**changes) -> Campaign:
    config = {
        "name": "synthetic",
        "seed": 11,
        "events": 60,
        "chunk": 20,
        "processes": {"higgs": None, "dijet": None, "top": {"events": 40}},
        "augmentations": ["nominal", "seed", "fsrRenHi", {"name": "mpiOff", "replicas": 2}],
        "dataset": {"events_per_shard": 40, "rs3l_constituents": 20, "formats": ["rs3l", "rs3l_pairs"]},
    }
    return parse(config | changes, "synthetic.yaml")


def generator(*key) -> np.random.Generator:
    return np.random.default_rng(stable_hash(*key))


def hard_truths(campaign: Campaign, process: str, events: range) -> list[HardTruth]:
    return [hard_truth(campaign.seed, process, event) for event in events]


def hard_truth(seed: int, process: str, event: int) -> HardTruth:
    rng = generator(seed, process, event)
    targets = {"higgs": [higgs], "top": [top, top], "dijet": [gluon] * int(rng.integers(0, 3))}[process]
    weight = float(rng.normal(2, 1))
    return HardTruth(
        event, weight, {"muR=2": 0.9 * weight, "muR=0.5": 1.1 * weight}, [make(rng) for make in targets]
    )


def parton(rng: np.random.Generator, pdgid: int) -> Parton:
    pt, eta, phi = rng.uniform(450, 900), rng.uniform(-2, 2), rng.uniform(-np.pi, np.pi)
    return Parton(pdgid, float(pt), float(eta), float(phi), float(pt * np.cosh(eta)))


def higgs(rng: np.random.Generator) -> TruthTarget:
    return TruthTarget("resonance", 4, parton(rng, 25), (parton(rng, 5), parton(rng, -5)))


def gluon(rng: np.random.Generator) -> TruthTarget:
    return TruthTarget("parton", 0, parton(rng, 21), ())


def top(rng: np.random.Generator) -> TruthTarget:
    return TruthTarget("resonance", 12, parton(rng, -6), tuple(parton(rng, pdgid) for pdgid in (1, -2, -5)))


def write_jets(
    path: Path, campaign: Campaign, process: str, realization: str, events: range, /, **metadata
) -> Path:
    truths = hard_truths(campaign, process, events)
    rows = [
        jets_row(campaign.seed, process, truth.event, target, realization)
        for truth in truths
        for target in range(len(truth.targets))
    ]
    content = {
        "schema": SCHEMA_VERSION,
        "process": process,
        "realization": realization,
        "first_event": events.start,
        "events": len(events),
        "events_without_target": sum(not truth.targets for truth in truths),
        "counts": {status: sum(row["status"] == status for row in rows) for status in STATUSES},
        "versions": {"pythia8mc": "8.317.2"},
        "settings": jets_inputs(campaign, process, realization),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, JETS_SCHEMA) as writer:
        writer.write_table(pa.Table.from_pylist(rows, JETS_SCHEMA), row_group_size=ROW_GROUP)
        writer.add_key_value_metadata({"rs3l": encode(content | metadata)})
    return path


def jets_row(seed: int, process: str, event: int, target: int, realization: str) -> dict:
    rng = generator(seed, process, event, target, realization)
    status = OUTCOMES[rng.integers(len(OUTCOMES))]
    matched = status == Status.MATCHED
    return {
        "event": event,
        "target": target,
        "status": str(status),
        "seed": event_seed(seed, process, event, realization),
        "jet": jet(rng) if matched else None,
        "constituents": constituents(rng) if matched else [],
    }


def jet(rng: np.random.Generator) -> dict:
    values = {field.name: float(rng.uniform(0, 1)) for field in JET_TYPE}
    return values | {
        "pt": float(rng.uniform(430, 900)),
        "phi": float(rng.uniform(-np.pi, np.pi)),
        "energy": float(rng.uniform(900, 2000)),
        "nconstituents": 40,
    }


def constituents(rng: np.random.Generator) -> list[dict]:
    count = int(rng.integers(5, 40))
    kind = rng.integers(len(HADRONS), size=count)
    columns = {
        "pt": np.sort(1 + rng.exponential(20, count))[::-1],
        "eta": rng.uniform(-3, 3, count),
        "phi": rng.uniform(-np.pi, np.pi, count),
        "energy": 1000 + rng.exponential(20, count),
        "charge": CHARGES[kind],
        "pdgid": HADRONS[kind],
        "d0": rng.normal(0, 1, count),
        "dz": rng.normal(0, 1, count),
    }
    return [
        dict(zip(columns, values, strict=True))
        for values in zip(*map(np.ndarray.tolist, columns.values()), strict=True)
    ]


def jets_files(folder: Path, campaign: Campaign, process: str, events: range) -> list[Path]:
    return [
        write_jets(folder / process / name / f"{events.start:05d}.parquet", campaign, process, name, events)
        for name in campaign.realizations
    ]


def groups_file(folder: Path, campaign: Campaign, process: str, events: range) -> Path:
    output = folder / "groups" / process / f"{events.start:05d}.parquet"
    jets = jets_files(folder / "jets", campaign, process, events)
    build_groups(output, hard_truths(campaign, process, events), jets, campaign, process)
    return output


def all_splits(dataset: Path, campaign: Campaign, groups: list[Path] | None = None) -> Path:
    """A dataset, of these files of groups or of those of the whole campaign."""
    groups = groups or all_groups(dataset.parent / "work", campaign)
    for split in SPLITS:
        write_split(dataset / split, groups, campaign, split)
    return dataset


def all_groups(folder: Path, campaign: Campaign) -> list[Path]:
    return [
        groups_file(folder, campaign, process, events)
        for process in campaign.processes
        for events in campaign.chunks(process)
    ]
