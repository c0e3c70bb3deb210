"""The rules as a module of another workflow, as docs/commands.md shows it."""

import re
import subprocess
import sys

import yaml

from jetresim.campaign.config import load
from tests.workflow.commands import ENVIRONMENT, ROOT, SMALL, write_config

TINY = {
    **SMALL,
    "processes": {"qcd": {"events": 6, "cuts": {"pt_min": 500}}},
    "augmentations": ["nominal", "seed"],
    "dataset": {"formats": []},
}


def shown_snakefile():
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```snakemake\n(.*?)```", text, re.DOTALL)
    return shown


def test_what_is_published_is_what_is_shown():
    published = (ROOT / "workflow" / "as_module.smk").read_text(encoding="utf-8")
    assert "".join(published.split()) == "".join(shown_snakefile().split())


def snakemake(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "snakemake", "--cores", "1", *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )


def test_a_workflow_of_ones_own_makes_its_campaign_and_the_next_one(tmp_path):
    (tmp_path / "Snakefile").write_text(shown_snakefile())
    for seed in (1, 2):
        write_config(tmp_path, {**TINY, "seed": seed}, "campaign.yaml")
        done = snakemake(tmp_path)
        assert done.returncode == 0, done.stderr
        assert "next: jetresim verify results/small" in done.stderr
        assert load(tmp_path / "results" / "small" / "config.yaml").seed == seed
        again = snakemake(tmp_path, "-n")
        assert "Nothing to be done" in again.stdout + again.stderr
    verified = subprocess.run(
        [sys.executable, "-m", "jetresim", "verify", "results/small", "--config", "campaign.yaml"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert verified.returncode == 0, verified.stdout


def test_jobs_of_a_workflow_that_saves_no_campaign_refuse_to_begin(tmp_path):
    (tmp_path / "Snakefile").write_text(shown_snakefile().partition("onstart:")[0])
    write_config(tmp_path, TINY, "campaign.yaml")
    message = "is not the campaign of this workflow"
    assert message in snakemake(tmp_path).stderr + logs(tmp_path)
    (saved := tmp_path / "results" / "small" / "config.yaml").write_text(yaml.safe_dump({**TINY, "seed": 7}))
    assert snakemake(tmp_path).returncode == 1
    assert message in logs(tmp_path)
    assert load(saved).seed == 7
    assert not list(tmp_path.rglob("*.lhe.gz"))


def logs(folder):
    return "".join(path.read_text() for path in folder.rglob("*.log"))
