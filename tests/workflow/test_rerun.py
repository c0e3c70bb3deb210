"""What is made again when something changes: that which depends on it, and nothing else."""

import copy
import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.commands import (
    ENVIRONMENT,
    ROOT,
    Outcome,
    run_snakemake,
    with_qcd_events,
    write_config,
)

BASE = with_qcd_events(500, chunk=170)
CHUNKS = 4  # three of qcd, one of higgs
CARD = {"card": 1, "cost": 1, "report": 1}
FILES = {"dataset": 3, "rs3l": 3, "rs3l_pairs": 3, "standardization": 1, **CARD}
FROM_GROUPS = {"groups": CHUNKS, **FILES}
FROM_JETS = {"jets_of_anchor": CHUNKS, "jets": 2 * CHUNKS, **FROM_GROUPS}
EVERYTHING = {"survey": 2, "hard": CHUNKS, **FROM_JETS}


def changed(place, value):
    """The configuration of the finished run with one value replaced; the place has dots between keys."""
    config = copy.deepcopy(BASE)
    *parents, last = place.split(".")
    inner = config
    for key in parents:
        inner = inner.setdefault(key, {})
    inner[last] = value
    return config


CHANGES = {
    "nothing": (BASE, {}),
    # what is new
    "more events": (
        changed("processes.qcd.events", 600),  # the last chunk grows, one more is added
        {"hard": 2, "jets_of_anchor": 2, "jets": 4, "groups": 2, **FILES},
    ),
    "fewer events": (
        changed("processes.qcd.events", 400),
        {"hard": 1, "jets_of_anchor": 1, "jets": 2, "groups": 1, **FILES},
    ),
    "another augmentation": (
        changed("augmentations", ["nominal", "seed", "rehadronize", "fsrRenHi"]),
        {"jets": CHUNKS, **FROM_GROUPS},
    ),
    **{
        f"another member of the anchor's family: {number}": (
            changed("augmentations", ["nominal", "seed", "rehadronize", name]),
            {"jets": CHUNKS, **FROM_GROUPS},
        )
        for number, name in enumerate(("redecay", {"name": "hadrons", "intervene": "parton_level"}))
    },
    "another replica of one": (
        changed("augmentations", ["nominal", "seed", {"name": "rehadronize", "replicas": 2}]),
        {"jets": CHUNKS, **FROM_GROUPS},
    ),
    "another replica": (
        changed("augmentations", ["nominal", {"name": "seed", "replicas": 2}, "rehadronize"]),
        {"jets": CHUNKS, **FROM_GROUPS},
    ),
    "another process": (
        changed("processes.dijet", {"events": 100}),
        {"survey": 1, "hard": 1, "jets_of_anchor": 1, "jets": 2, "groups": 1, **FILES},
    ),
    # what is gone
    "one augmentation less": (changed("augmentations", ["nominal", "rehadronize"]), FROM_GROUPS),
    "one member of the anchor's family less": (changed("augmentations", ["nominal", "seed"]), FROM_GROUPS),
    # order; a realization depends on which ones come before it, and not on their order
    "order of augmentations": (changed("augmentations", ["seed", "nominal", "rehadronize"]), FROM_GROUPS),
    "a realization behind another one": (
        changed("augmentations", ["nominal", "rehadronize", "seed"]),
        {"jets": CHUNKS, **FROM_GROUPS},
    ),
    "a realization between others": (
        changed("augmentations", ["nominal", "fsrRenHi", "seed", "rehadronize"]),
        {"jets": 2 * CHUNKS, **FROM_GROUPS},
    ),
    "order of processes": (changed("processes", dict(reversed(BASE["processes"].items()))), {}),
    # physics
    "settings of an augmentation": (
        changed(
            "augmentations",
            ["nominal", {"name": "seed", "settings": {"TimeShower:renormMultFac": 0.9}}, "rehadronize"],
        ),
        {"jets": CHUNKS, **FROM_GROUPS},
    ),
    "settings of the shower of one process": (
        changed("processes.higgs.shower_settings", {"SpaceShower:pTmaxMatch": 1}),
        {"jets_of_anchor": 1, "jets": 2, "groups": 1, **FILES},
    ),
    "settings of everything": (changed("settings", {}), EVERYTHING),
    "tune": (changed("tune", "Monash"), EVERYTHING),
    "cuts of one process": (
        changed("processes.qcd.cuts.pt_min", 510),
        {"survey": 1, "hard": 3, "jets_of_anchor": 3, "jets": 6, "groups": 3, **FILES},
    ),
    "jets": (changed("jets", {"radius": 1.0}), FROM_JETS),
    "seed": (changed("seed", 5), EVERYTHING),
    # what is kept; the realizations are simulated for survivors of those before them only
    "pt of the groups": (changed("groups.pt_min", 450), {"jets": 2 * CHUNKS, **FROM_GROUPS}),
    "another rule for the same survivors": (changed("groups.require", "nominal"), FROM_GROUPS),
    # how it is handed out
    "splits": (changed("dataset.splits", {"train": 0.6, "val": 0.2, "test": 0.2}), FILES),
    "shards": (changed("dataset.events_per_shard", 100), FILES),
    "constituents": (changed("dataset.rs3l_constituents", 50), FILES),
    # how it is cut
    "chunk": (
        changed("chunk", 250),  # higgs has a single chunk before and after
        {"hard": 2, "jets_of_anchor": 2, "jets": 4, "groups": 2, **FILES},
    ),
    # words
    "description of a process": (changed("processes.qcd.description", "in other words"), CARD),
}


@pytest.mark.parametrize(("config", "expected"), CHANGES.values(), ids=CHANGES.keys())
def test_change_repeats_what_depends_on_it(run, finished, config, expected):
    path = write_config(finished, config, "changed.yaml")
    assert run.plan(finished, path).succeeded().jobs == expected


@pytest.fixture
def copy_of_finished(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


def plan(run, folder):
    return run.plan(folder, folder / "config.yaml").succeeded().jobs


def test_a_folder_can_be_moved(run, copy_of_finished):
    assert plan(run, copy_of_finished) == {}


def test_touching_a_file_repeats_nothing(run, copy_of_finished):
    for name in ("hard/qcd/00000.lhe.gz", "jets/qcd/nominal/00000.parquet", "groups/qcd/00001.parquet"):
        os.utime(copy_of_finished / "results" / "small" / name)
    os.utime(copy_of_finished / "config.yaml")
    assert plan(run, copy_of_finished) == {}


@pytest.mark.parametrize(
    ("lost", "expected"),
    [
        ("dataset/README.md", CARD),
        ("dataset/val", {"dataset": 1, "rs3l": 1, "rs3l_pairs": 1, **CARD}),
        ("dataset/rs3l/train", {"rs3l": 1, **CARD}),
    ],
)
def test_what_is_lost_from_the_dataset_is_made_again(run, copy_of_finished, lost, expected):
    path = copy_of_finished / "results" / "small" / lost
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    # Snakemake does not miss a file in between as long as what was made from it is there.
    (copy_of_finished / "results" / "small" / "dataset" / "README.md").unlink(missing_ok=True)
    assert plan(run, copy_of_finished) == expected


def with_file(folder, path):
    config = copy.deepcopy(BASE)
    config["processes"]["higgs"]["files"] = [str(path)]
    return write_config(folder, config)


def test_brought_file_that_moved_repeats_nothing(run, copy_of_finished, tmp_path):
    (original,) = BASE["processes"]["higgs"]["files"]
    moved = shutil.copyfile(original, tmp_path / "another_name.lhe.gz")
    assert run.plan(copy_of_finished, with_file(copy_of_finished, moved)).succeeded().jobs == {}


def test_other_content_of_a_brought_file_repeats_its_process(run, copy_of_finished, tmp_path):
    (original,) = BASE["processes"]["higgs"]["files"]
    other = tmp_path / "mine.lhe"
    other.write_bytes(gzip.decompress(Path(original).read_bytes()))
    of_higgs = {"survey": 1, "hard": 1, "jets_of_anchor": 1, "jets": 2, "groups": 1, **FILES}
    assert run.plan(copy_of_finished, with_file(copy_of_finished, other)).succeeded().jobs == of_higgs


def test_new_description_is_in_the_card_at_the_cost_of_the_last_jobs(run, copy_of_finished):
    config = write_config(copy_of_finished, changed("processes.qcd.description", "in other words"))
    assert run_snakemake(copy_of_finished, config).succeeded().jobs == CARD
    assert "in other words" in (copy_of_finished / "results/small/dataset/README.md").read_text()
    assert plan(run, copy_of_finished) == {}


def test_another_copy_of_the_workflow_repeats_nothing(copy_of_finished, tmp_path):
    other = tmp_path / "another place"
    other.mkdir()
    rooms = [path.parent.name for path in ROOT.glob("*/__init__.py")]
    for name in ("Snakefile", "profiles", "envs", *rooms):
        source = ROOT / name
        shutil.copytree(source, other / name) if source.is_dir() else shutil.copy(source, other / name)
    options = ["-n", "-s", other / "Snakefile", "--configfile", copy_of_finished / "config.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *map(str, options)],
        cwd=copy_of_finished,
        env={**ENVIRONMENT, "PYTHONPATH": str(other)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert Outcome(done.returncode, done.stdout, done.stderr).succeeded().jobs == {}
