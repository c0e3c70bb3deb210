"""What is installed holds all that a campaign needs, wherever it is run."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from synthetic import all_groups, make_campaign
from typer.testing import CliRunner

from jetresim.campaign.config import save
from jetresim.campaign.paths import SPLITS, Paths
from jetresim.dataset.assemble import write_split
from jetresim.dataset.standardization import write_standardization
from jetresim.workflow.cli import app
from jetresim.workflow.stages.dataset import make_card, make_export

ROOT = Path(__file__).parents[1]
COMMANDS = ROOT / "docs" / "commands.md"


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
        re.search(r"```snakemake\n(from importlib.*?)```", COMMANDS.read_text(encoding="utf-8"), re.DOTALL)[1]
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


BASE_ONLY = """
import sys


class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        library = name.partition(".")[0]
        if library in {"torch", *extras.GENERATE}:
            raise ModuleNotFoundError(f"No module named {library!r}", name=library)


from jetresim.campaign import extras

sys.meta_path.insert(0, NotInstalled())
"""
"""The packages that `pip install jetresim` brings, and no others."""


def with_base_only(program, folder=ROOT):
    return subprocess.run(
        [sys.executable, "-c", BASE_ONLY + program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_import_without_its_extra_says_how_to_get_it():
    done = with_base_only("from jetresim import simulate")
    said = done.stderr.splitlines()[-1]
    assert re.search(r"Error: \w+ is not installed; pip install 'jetresim\[generate\]'$", said)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """A campaign of which somebody was given the dataset and the configuration."""
    campaign = make_campaign(
        events=12, processes={"higgs": None}, augmentations=["nominal", "seed"], dataset={"formats": ["rs3l"]}
    )
    made = all_groups(tmp_path_factory.mktemp("made"), campaign)
    paths = Paths.of(campaign, str(tmp_path_factory.mktemp("results")))
    for split in SPLITS:
        write_split(Path(paths.split.format(split=split)), made, campaign, split)
        source = Path(paths.split.format(split=split))
        make_export(campaign, "rs3l", source, Path(paths.export("rs3l").format(split=split)))
    write_standardization(Path(paths.dataset), campaign)
    make_card(campaign, Path(paths.dataset))
    save(campaign, paths.config)
    return Path(paths.root)


def test_dataset_is_read_and_examined_with_the_base_package_alone(dataset):
    # verify reads every row, and finds that these were made up
    examined = {"inspect": 0, "inspect --format json": 0, "verify": 1, "acceptance": 0}
    written = {"export --split val --format rs3l": 0, "standardization": 0, "card": 0}
    gives = examined | written
    commands = f"""
from jetresim import open_groups
from jetresim.workflow.cli import app

assert len(open_groups({str(dataset / "dataset")!r}, split="train"))
for line in {list(gives)!r}:
    command, *options = line.split()
    try:
        app([command, {str(dataset)!r}, *options])
    except SystemExit as end:
        print(line, "gives", end.code or 0)
"""
    done = with_base_only(commands)
    assert done.returncode == 0, done.stderr
    told = [line for line in done.stdout.splitlines() if " gives " in line]
    assert "another number of constituents than its jet has" in done.stdout
    assert told == [f"{command} gives {code}" for command, code in gives.items()]


def test_card_of_a_finished_campaign_has_realizations_of_programs_that_are_not_here(tmp_path):
    elsewhere = {"name": "herwig7", "shower": "herwig7", "optional": True}
    elsewhere["herwig"] = {"executable": "of-another-machine", "block_events": 20}
    campaign = make_campaign(
        events=6,
        processes={"higgs": None},
        augmentations=["nominal", elsewhere],
        dataset={"formats": []},
    )
    paths = Paths.of(campaign, str(tmp_path / "results"))
    made = all_groups(tmp_path, campaign)
    for split in SPLITS:
        write_split(Path(paths.split.format(split=split)), made, campaign, split)
    write_standardization(Path(paths.dataset), campaign)
    save(campaign, paths.config)
    done = CliRunner().invoke(app, ["card", paths.root], catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    assert "herwig7" in (Path(paths.dataset) / "README.md").read_text(encoding="utf-8")


def test_report_is_written_by_what_is_installed(installed, dataset, tmp_path):
    done = jetresim(installed, tmp_path, "report", dataset, "--output", "report.html")
    assert done.returncode == 0, done.stderr
    assert "Campaign synthetic" in (tmp_path / "report.html").read_text(encoding="utf-8")
