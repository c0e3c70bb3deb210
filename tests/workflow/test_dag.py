"""What Snakemake makes of the shipped configurations, without running anything."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from jetresim.campaign.config import load
from jetresim.showers.chunks import BATCH, cores_of_machine, with_chunk
from jetresim.showers.programs import without_missing_programs
from tests.workflow.commands import ENVIRONMENT, ROOT, SMALL, SNAKEFILE, write_config

CONFIGS = sorted([*(ROOT / "config").glob("*.yaml"), *(ROOT / "config" / "rs3l").glob("*.yaml")])
RULES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))
DIRECTIVES = [
    "input",
    "output",
    "log",
    "benchmark",
    "wildcard_constraints",
    "conda",
    "threads",
    "resources",
    "params",
    "message",
    "shell",
]
LAST = dict.fromkeys(("standardization", "card", "cost", "report"), 1)
"""Jobs at the end of every campaign."""
OPTIONAL = {"wildcard_constraints", "threads"}


def expected_jobs(path):
    """Jobs of each rule, from the configuration alone."""
    campaign = with_chunk(without_missing_programs(load(path))[0], Path(), cores_of_machine())
    processes = campaign.processes
    chunks = sum(len(campaign.chunks(name)) for name in processes)
    beside_anchor = len(campaign.realizations) - 1
    jobs = {
        "survey": len(processes) - len(campaign.madgraph_processes),
        "madgraph": len(campaign.madgraph_processes),
        "hard": chunks,
        "jets_of_anchor": chunks,
        "jets": chunks * beside_anchor,
        "groups": chunks,
        "dataset": 3,
        **LAST,
        **dict.fromkeys(campaign.dataset.formats, 3),
    }
    return {rule: count for rule, count in jobs.items() if count}


def rules():
    """Name of each rule that runs a job to the text of its body."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in RULES)
    return dict(re.findall(r"^rule (\w+):\n((?:(?:    .*)?\n)+)", text + "\n", re.MULTILINE))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configuration_resolves_to_the_expected_jobs(run, tmp_path, path):
    assert run.plan(tmp_path, path).succeeded().jobs == expected_jobs(path)


def test_public_dataset_resolves_within_a_minute(tmp_path):
    options = ["-n", "--quiet", "-s", SNAKEFILE, "--configfile", ROOT / "config" / "rs3l.yaml"]
    command = [sys.executable, "-m", "snakemake", *map(str, options)]
    subprocess.run(command, cwd=tmp_path, env=ENVIRONMENT, check=True, capture_output=True, timeout=60)


def test_public_dataset_has_jobs_of_one_or_two_hours_on_a_cluster():
    campaign = with_chunk(load(ROOT / "config" / "rs3l.yaml"), Path(), BATCH)
    assert sum(process.events for process in campaign.processes.values()) == 5_000_000
    assert 1 < campaign.chunk * 0.027 / 3600 < 2  # Herwig's job


def test_a_small_version_has_the_first_events_of_every_process(run, tmp_path):
    path = ROOT / "config" / "rs3l" / "z_top.yaml"
    plan = run.snakemake(tmp_path, "-n", "--configfile", path, "--config", "events_at_most=100")
    assert plan.succeeded().jobs["jets_of_anchor"] == 2
    wrong = run.snakemake(tmp_path, "-n", "--configfile", path, "--config", "events_at_most=few")
    assert (
        "--config events_at_most: expected a number of hard events, found 'few'"
        in wrong.output + wrong.errors
    )


def test_default_configuration_is_the_demo(run, tmp_path):
    (tmp_path / "config").symlink_to(ROOT / "config")
    assert run.snakemake(tmp_path, "-n").succeeded().jobs == expected_jobs(ROOT / "config" / "config.yaml")


def test_rules_appear_only_where_they_are_asked_for(run, tmp_path):
    plain = {**SMALL, "augmentations": ["nominal"], "dataset": {"formats": []}}
    jobs = run.plan(tmp_path, write_config(tmp_path, plain)).succeeded().jobs
    assert jobs.keys() == {"survey", "hard", "jets_of_anchor", "groups", "dataset", *LAST}
    full = {**SMALL, "dataset": {"formats": ["rs3l_pairs"]}}
    jobs = run.plan(tmp_path, write_config(tmp_path, full)).succeeded().jobs
    assert jobs == {
        **dict.fromkeys(("hard", "jets_of_anchor", "groups"), 4),
        "jets": 8,
        "survey": 2,
        "dataset": 3,
        "rs3l_pairs": 3,
        **LAST,
    }


def test_one_file_of_the_dataset_can_be_asked_for(run, tmp_path):
    config = write_config(tmp_path, SMALL)
    target = "results/small/groups/qcd/00001.parquet"
    jobs = run.snakemake(tmp_path, "-n", target, "--configfile", config).succeeded().jobs
    assert jobs == {**dict.fromkeys(("survey", "hard", "jets_of_anchor", "groups"), 1), "jets": 2}


def test_dry_run_writes_nothing(run, tmp_path):
    config = write_config(tmp_path, SMALL)
    run.plan(tmp_path, config).succeeded()
    assert {path.name for path in tmp_path.iterdir()} <= {config.name, ".snakemake"}
    assert not [path for path in (tmp_path / ".snakemake").rglob("*") if path.suffix in (".json", ".parquet")]


def test_lint_finds_nothing(run, tmp_path):
    config = write_config(tmp_path, SMALL)
    outcome = run.snakemake(tmp_path, "--lint", "--configfile", config).succeeded()
    assert "your workflow is in a good condition" in outcome.output + outcome.errors


def test_snakefmt_finds_nothing():
    command = [sys.executable, "-m", "snakefmt", "--check", "Snakefile", "workflow"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_rule_says_what_it_makes_and_what_it_needs():
    found = rules()
    assert found.keys() >= {"survey", "hard", "jets", "groups", "dataset", "rs3l", "card"}
    for name, body in found.items():
        assert re.match(r'    """.+\."""\n', body), f"{name}: no docstring"
        directives = re.findall(r"^    (\w+):", body, re.MULTILINE)
        # brought files are known by content, not by path; others begin with the configuration
        begins = {"input"} if name in ("survey", "madgraph", "pileup") else set()
        assert set(DIRECTIVES) - OPTIONAL - begins <= set(directives), name
        assert "mem_mb=" in body, name
        assert "runtime=" in body, name


@pytest.mark.parametrize("name", rules())
def test_directives_stand_in_one_order(name):
    directives = re.findall(r"^    (\w+):", rules()[name], re.MULTILINE)
    assert directives == [directive for directive in DIRECTIVES if directive in directives]


@pytest.mark.parametrize("name", rules())
def test_what_a_job_says_goes_into_its_log(name):
    assert "> {log} 2>&1" in rules()[name]
