"""What is installed holds all that a campaign needs, wherever it is run."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The files of the wheel, in a folder that is no repository."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    files = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], check=True, capture_output=True, text=True)
    for name in filter(None, files.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "docs/")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder, source], check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def jetresim(installed, folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "jetresim", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_nothing_but_the_package_is_installed(installed):
    assert {path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")} == {"jetresim"}


def test_installed_package_begins_and_plans_a_campaign(installed, tmp_path):
    assert jetresim(installed, tmp_path, "init").returncode == 0
    planned = jetresim(installed, tmp_path, "run", "campaign.yaml", "-n")
    assert planned.returncode == 0, planned.stderr
    assert f"{installed}/jetresim/profiles/default" in planned.stderr
    assert "jets_of_anchor" in planned.stdout + planned.stderr
    assert jetresim(installed, tmp_path, "schema").stdout.startswith("{")


def test_workflow_is_a_module_of_another_one(installed, tmp_path):
    (tmp_path / "campaign.yaml").write_bytes((ROOT / "config" / "campaign.yaml").read_bytes())
    (tmp_path / "Snakefile").write_text(
        f"""
configfile: "campaign.yaml"

module jets:
    snakefile: "{installed}/jetresim/workflow/Snakefile"
    config: config

use rule * from jets
"""
    )
    planned = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert planned.returncode == 0, planned.stderr
    assert "jets_of_anchor" in planned.stdout + planned.stderr
