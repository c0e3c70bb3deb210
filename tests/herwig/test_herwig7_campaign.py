"""A campaign of five realizations through Snakemake, Herwig's played back by the stand-in."""

import math
import os
import subprocess
import sys
from pathlib import Path

import fastjet
import pyarrow.parquet as pq
import pytest
import yaml

from tests.herwig_samples import DATA, STAND_IN

ROOT = Path(__file__).parents[2]
PROCESSES = ("higgs", "qcd")
EVENTS = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("campaign")
    config = {
        "name": "five",
        "seed": 20240703,
        "events": EVENTS,
        "chunk": EVENTS,
        "settings": {"PartonLevel:MPI": False},
        "processes": {
            name: {"generator": "lhe", "files": [str(DATA / f"{name}.lhe.gz")]} for name in PROCESSES
        },
        "augmentations": [
            "nominal",
            "seed",
            "fsrRenHi",
            "fsrRenLo",
            {"name": "herwig7", "herwig": {"executable": str(STAND_IN), "block_events": EVENTS}},
        ],
        "groups": {"require": "any"},
    }
    (folder / "five.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "2"]
    done = subprocess.run(
        [*command, "--configfile", "five.yaml"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def groups(folder: Path, process: str) -> list[dict]:
    return pq.read_table(folder / "results" / "five" / "groups" / process / "00000.parquet").to_pylist()


def visible(particle) -> bool:
    return abs(particle.pid) not in (12, 14, 16)


def leading_jets(events, pt_min: float) -> list[list[fastjet.PseudoJet]]:
    """AK8 jets of visible particles above 1 GeV, read without this project's code."""
    jets = []
    for event in events:
        finals = [
            particle.momentum
            for particle in event.particles
            if particle.status == 1 and visible(particle) and particle.momentum.pt() > 1
        ]
        cluster = fastjet.ClusterSequence(
            [fastjet.PseudoJet(p.px, p.py, p.pz, p.e) for p in finals],
            fastjet.JetDefinition(fastjet.antikt_algorithm, 0.8),
        )
        found = fastjet.sorted_by_pt(cluster.inclusive_jets(pt_min))
        jets.append([sorted((c.pt() for c in jet.constituents()), reverse=True) for jet in found])
    return jets


@pytest.mark.parametrize("process", PROCESSES)
def test_groups_hold_five_members_that_stand_for_the_same_truth(folder, process):
    rows = groups(folder, process)
    assert rows
    for row in rows:
        assert len(row["realizations"]) == 5
        for member in row["realizations"]:
            if not member["present"]:
                assert member["status"] != "matched"
                continue
            jet, truth = member["jet"], row["truth"]
            dphi = math.remainder(jet["phi"] - truth["phi"], 2 * math.pi)
            assert math.hypot(jet["eta"] - truth["eta"], dphi) < 0.8
    herwig = [row["realizations"][4]["present"] for row in rows]
    assert sum(herwig) >= 0.6 * EVENTS
    assert len({row["realizations"][4]["seed"] for row in rows}) == 1  # one Herwig run is one seed


@pytest.mark.parametrize("process", PROCESSES)
def test_herwig_jets_equal_an_independent_reading_constituent_by_constituent(folder, process, recorded):
    read = leading_jets(recorded(f"{process}_nominal"), 400.0)
    compared = 0
    for row in groups(folder, process):
        member = row["realizations"][4]
        if member["present"]:
            stored = [constituent["pt"] for constituent in member["constituents"]]
            assert any(stored == pytest.approx(jet[:200], rel=1e-6) for jet in read[row["event"]])
            compared += 1
    assert compared >= 6


def test_no_hepmc_file_stays(folder):
    assert not [path for path in folder.rglob("*") if "hepmc" in path.name]
    assert list((folder / "results" / "five" / "logs" / "herwig7").glob("herwig-*.in"))
