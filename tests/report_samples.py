"""Campaign folders with made-up groups that are in order, and ways to spoil them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.seeds import stable_hash
from jetresim.campaign.status import Status
from jetresim.dataset.assemble import split_of
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.generators.survey import Survey, write_survey
from jetresim.jets.parquet import METADATA_KEY

CROSS_SECTION = 2.5
HARD_EVENTS = 400
SHIFT = {"fsrRenHi": 1.0, "fsrRenLo": -1.0}
"""Shift of the multiplicity, in units of a tenth of its mean."""


def make_campaign(**changes) -> Campaign:
    config = {
        "name": "made_up",
        "seed": 5,
        "events": HARD_EVENTS,
        "processes": {"higgs": None, "qcd": None},
        "augmentations": ["nominal", "seed", "fsrRenHi", "fsrRenLo"],
    }
    return parse(config | changes, "made_up.yaml")


def groups_of(campaign: Campaign, process: str, groups: int, absent: float = 0.0) -> list[dict]:
    """Groups as rows; a member other than nominal is absent with a probability."""
    rng = np.random.default_rng(stable_hash(campaign.seed, process))
    return [_group(campaign, process, event, absent, rng) for event in range(groups)]


def _group(campaign: Campaign, process: str, event: int, absent: float, rng: np.random.Generator) -> dict:
    truth = {
        "pdgid": 25,
        "pt": float(rng.uniform(500, 900)),
        "eta": float(rng.uniform(-2, 2)),
        "phi": float(rng.uniform(-3.1, 3.1)),
        "energy": 1000.0,
    }
    daughter = {**truth, "pdgid": 5, "eta": truth["eta"] + 0.1}
    higgs = process == "higgs"
    common = float(rng.normal())
    return {
        "process": process,
        "event": event,
        "target": 0,
        "label": 4 if higgs else int(rng.integers(0, 2)),
        "weight": CROSS_SECTION / HARD_EVENTS,
        "weights": [],
        "truth": {**truth, "daughters": [daughter, daughter] if higgs else []},
        "realizations": [
            _member(campaign, process, event, name, truth, common, rng.random() < absent, rng)
            for name in campaign.realizations
        ],
    }


def _member(
    campaign: Campaign, process: str, event: int, name: str, truth: dict, common: float, away: bool, rng
) -> dict:
    present = name == "nominal" or not away
    seed = campaign.seed_of(process, event, name)
    if not present:
        status = str(Status.NO_JET)
        return {"present": False, "status": status, "seed": seed, "jet": None, "constituents": []}
    shift = SHIFT.get(name, 0.0)
    count = max(3, int(40 + 4 * shift + 5 * common + 5 * rng.normal()))
    n2 = float(np.clip(0.3 + 0.02 * shift + 0.03 * common + 0.03 * rng.normal(), 0.02, 0.5))
    eta, phi = truth["eta"] + float(rng.normal(0, 0.02)), truth["phi"]
    taus = np.sort(rng.uniform(0.05, 0.5, 4))[::-1]
    jet = {
        "pt": truth["pt"] * float(rng.normal(1, 0.03)),
        "eta": eta,
        "phi": phi,
        "energy": 1000.0,
        "mass": float(rng.gamma(20, 6)),
        "sdmass": float(rng.gamma(18, 6)),
        "n2": n2,
        "d2": float(rng.gamma(4, 0.5)),
        **{f"tau{index + 1}": float(tau) for index, tau in enumerate(taus)},
        "nconstituents": count,
    }
    return {
        "present": True,
        "status": str(Status.MATCHED),
        "seed": seed,
        "jet": jet,
        "constituents": [_constituent(eta, phi, pt, rng) for pt in np.sort(rng.gamma(1, 20, 4) + 1)[::-1]],
    }


def _constituent(eta: float, phi: float, pt: float, rng: np.random.Generator) -> dict:
    kind = int(rng.integers(3))
    return {
        "pt": float(pt),
        "eta": eta + float(rng.normal(0, 0.1)),
        "phi": float((phi + rng.normal(0, 0.1) + np.pi) % (2 * np.pi) - np.pi),
        "energy": float(2 * pt),
        "charge": (1, 0, 0)[kind],
        "pdgid": (211, 22, 130)[kind],
        "d0": float(rng.normal(0, 0.1)) if kind == 0 else 0.0,
        "dz": 0.0,
    }


def made_up(
    folder: Path,
    campaign: Campaign,
    rows: list[dict],
    splits: Callable[[dict], list[str]] | None = None,
    counts: Callable[[dict], None] | None = None,
) -> Path:
    """Write a campaign folder.

    Parameters
    ----------
    folder : Path
    campaign : Campaign
    rows : list of dict
        Groups.
    splits : callable, optional
        Group to the splits that it goes to; as in a real dataset by default.
    counts : callable, optional
        Changes the metadata.
    """
    metadata = _metadata(campaign, rows)
    if counts is not None:
        counts(metadata)
    own = splits or (lambda row: [split_of(campaign, row["process"], row["event"])])
    for split in SPLITS:
        path = folder / "dataset" / split / f"{split}-00000.parquet"
        path.parent.mkdir(parents=True)
        table = pa.Table.from_pylist([row for row in rows if split in own(row)], GROUPS_SCHEMA)
        text = json.dumps({**metadata, "split": split})
        pq.write_table(table.replace_schema_metadata({METADATA_KEY: text}), path, row_group_size=128)
    for process in campaign.processes:
        survey = Survey(cross_section=CROSS_SECTION, cross_section_error=0.01)
        path = folder / "hard" / process / "survey.json"
        path.parent.mkdir(parents=True)
        write_survey(survey, path)
    return folder


def _metadata(campaign: Campaign, rows: list[dict]) -> dict:
    own = {process: [row for row in rows if row["process"] == process] for process in campaign.processes}
    return {
        "schema": 1,
        "campaign": campaign.model_dump(mode="json", exclude={"chunk"}),
        "realizations": campaign.realizations,
        "versions": {"pythia8mc": "8.317.2"},
        "totals": {
            process: {
                "hard_events": HARD_EVENTS,
                "targets": HARD_EVENTS,
                "groups": len(found),
                "without_target": 0,
            }
            for process, found in own.items()
        },
        "counts": {
            process: {
                name: _outcomes([row["realizations"][index]["present"] for row in found])
                for index, name in enumerate(campaign.realizations)
            }
            for process, found in own.items()
        },
    }


def _outcomes(present: list[bool]) -> dict[str, int]:
    outcomes = dict.fromkeys(map(str, Status), 0)
    outcomes["matched"] = sum(present)
    outcomes["no jet"] = HARD_EVENTS - sum(present)
    return {**outcomes, "tried": HARD_EVENTS, "kept": sum(present)}
