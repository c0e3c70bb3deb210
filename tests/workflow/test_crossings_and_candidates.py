"""Whole runs of Snakemake with pile-up, and with candidates that another program makes between two runs."""

import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from tests.workflow.commands import ENVIRONMENT, ROOT, files_in, run_snakemake, write_config

EVENTS = 10
BASE = {
    "name": "small",
    "seed": 20240307,
    "events": EVENTS,
    "processes": {"qcd": {"cuts": {"pt_min": 500}}},
    "detector": {"name": "cms_phase2", "vertex_sigma_z": 53},
    "dataset": {"formats": []},
}
PILEUP = {
    **BASE,
    # diffraction takes seconds to set up
    "settings": {"PartonLevel:MPI": False, "Diffraction:mMinPert": 1e6},
    "pileup": {"mean": 20, "pool": 60},
    "augmentations": ["nominal", "seed", {"name": "redrawn", "intervene": "pileup"}],
}
GEANT = {"name": "external", "candidates": "geant/{process}/nominal/{chunk}.root"}
EXTERNAL = {
    **BASE,
    "chunk": EVENTS,
    "detector": {"name": "cms_phase2"},
    "settings": {"PartonLevel:MPI": False},
    "full_events": {"formats": ["hepmc3"], "realizations": ["nominal"]},
    "augmentations": ["nominal", {"name": "geant", "intervene": "nothing", "detector": GEANT}],
}


@pytest.fixture(scope="module")
def one_core(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    run_snakemake(folder, write_config(folder, {**PILEUP, "chunk": EVENTS})).succeeded()
    return folder


def test_cores_and_chunks_do_not_change_a_byte_of_a_dataset_with_pileup(one_core, tmp_path):
    config = write_config(tmp_path, {**PILEUP, "chunk": 3})
    run_snakemake(tmp_path, config, cores=2).succeeded()
    expected = files_in(one_core / "results" / "small" / "dataset")
    assert sum(pq.read_metadata(one_core / "results" / "small" / "dataset" / name).num_rows
               for name in expected if name.endswith(".parquet")) > 3  # fmt: skip
    assert files_in(tmp_path / "results" / "small" / "dataset") == expected
    assert files_in(tmp_path / "results" / "small" / "pileup") == files_in(
        one_core / "results" / "small" / "pileup"
    )


def test_rows_with_pileup_are_made_again_by_the_command(one_core, run):
    told = run.jetresim(one_core, "replay", one_core / "config.yaml", "--verify", 6).succeeded()
    assert "6 of 6 equal" in told.output


def test_another_program_has_its_turn_between_two_runs(tmp_path):
    config = write_config(tmp_path, EXTERNAL)
    early = run_snakemake(tmp_path, config)
    assert early.code
    assert "geant/qcd/nominal/00000.root" in early.errors
    run_snakemake(tmp_path, config, "full_events").succeeded()
    events = tmp_path / "results" / "small" / "events" / "qcd" / "nominal" / "00000.hepmc3.gz"
    output = tmp_path / "geant" / "qcd" / "nominal" / "00000.root"
    output.parent.mkdir(parents=True)
    command = [sys.executable, ROOT / "examples" / "external_detector.py", events, output]
    subprocess.run([*command, "--seed", "20240307"], env=ENVIRONMENT, check=True)
    run_snakemake(tmp_path, config).succeeded()
    jets = tmp_path / "results" / "small" / "jets" / "qcd"
    made, built_in = (pq.read_table(jets / name / "00000.parquet") for name in ("geant", "nominal"))
    there = [place for place, status in enumerate(made["status"].to_pylist()) if status == "matched"]
    assert len(there) > EVENTS / 2
    for column in ("jet", "constituents"):
        assert made[column].take(there).equals(built_in[column].take(there))
