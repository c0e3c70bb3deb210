"""The profiles of batch systems: plans of the shipped campaigns, without any batch system at hand."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.workflow.commands import ENVIRONMENT, ROOT, SNAKEFILE

PROFILES = ROOT / "profiles"
EXECUTORS = {
    "slurm": "snakemake_executor_plugin_slurm",
    "htcondor": "snakemake_executor_plugin_htcondor",
    "generic": "snakemake_executor_plugin_cluster_generic",
}
CAMPAIGNS = ("config/config.yaml", "config/rs3l.yaml")
BATCH_SYSTEM = ("sbatch", "squeue", "sinfo", "sacct", "condor_submit", "qsub")


def load(name):
    return yaml.safe_load((PROFILES / name / "config.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def path_without_batch_system(tmp_path_factory):
    """A PATH on which no command of a batch system is found."""
    folder = tmp_path_factory.mktemp("bin")
    for directory in filter(Path.is_dir, map(Path, os.environ["PATH"].split(os.pathsep))):
        for program in directory.iterdir():
            if program.name not in BATCH_SYSTEM and not (folder / program.name).is_symlink():
                (folder / program.name).symlink_to(program)
    return str(folder)


def snakemake(folder, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "snakemake", *map(str, arguments)],
        cwd=folder,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("name", EXECUTORS)
def test_profile_plans_the_shipped_campaigns_without_its_batch_system(
    tmp_path, path_without_batch_system, name
):
    pytest.importorskip(EXECUTORS[name], reason="the executor of this profile is not installed")
    for campaign in CAMPAIGNS:
        options = ("-s", SNAKEFILE, "--configfile", ROOT / campaign, "--profile", PROFILES / name)
        plan = snakemake(tmp_path, "-n", "--quiet", "rules", *options, PATH=path_without_batch_system)
        assert plan.returncode == 0, plan.stdout + plan.stderr
        assert re.search(r"^jets +\d+$", plan.stdout + plan.stderr, re.MULTILINE)


@pytest.fixture(scope="session")
def options():
    """Every option that Snakemake and the installed executors have."""
    return set(re.findall(r"--([a-z0-9-]+)", snakemake(ROOT, "--help").stdout))


@pytest.mark.parametrize("name", ["default", *EXECUTORS])
def test_every_key_is_an_option_of_snakemake_or_of_the_executor(options, name):
    if name in EXECUTORS:
        pytest.importorskip(EXECUTORS[name], reason="the executor of this profile is not installed")
    assert load(name).keys() - options == set()


@pytest.mark.parametrize("name", EXECUTORS)
def test_batch_profile_repeats_nothing_of_the_default_one(name):
    assert load(name).keys() & load("default").keys() == set()


@pytest.mark.parametrize("name", EXECUTORS)
def test_grouped_rules_exist_and_run_one_after_the_other(name):
    profile = load(name)
    rules = re.findall(r"^rule (\w+):", "".join(map(Path.read_text, ROOT.glob("workflow/rules/*.smk"))), re.M)
    assert profile["groups"].keys() <= set(rules)
    assert profile["group-components"].keys() == set(profile["groups"].values())
    assert profile["resources"]["slot"] == profile["default-resources"]["slot"] == 1
    assert profile["set-resource-scopes"]["slot"] == "local"


def answer(tmp_path, script, commands, job="7"):
    """What a status script says, with stand-ins for the commands of the batch system."""
    for name, text in commands.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    return subprocess.run(
        [PROFILES / "generic" / script, job],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


SCONTROL = "echo JobId=7 JobName=jetresim Priority=1 JobState={} Reason=None"
GONE = "echo slurm_load_jobs error: Invalid job id specified >&2; exit 1"
SILENT = "echo slurm_load_jobs error: Unable to contact slurm controller >&2; exit 1"
SLURM = {
    "completed": ({"scontrol": SCONTROL.format("COMPLETED")}, "success"),
    "pending": ({"scontrol": SCONTROL.format("PENDING")}, "running"),
    "running": ({"scontrol": SCONTROL.format("RUNNING")}, "running"),
    "cancelled": ({"scontrol": SCONTROL.format("CANCELLED")}, "failed"),
    "time": ({"scontrol": SCONTROL.format("TIMEOUT")}, "failed"),
    "memory": ({"scontrol": SCONTROL.format("OUT_OF_MEMORY")}, "failed"),
    "old, completed": ({"scontrol": GONE, "sacct": "echo 'COMPLETED '"}, "success"),
    "old, cancelled": ({"scontrol": GONE, "sacct": "echo 'CANCELLED by 1000 '"}, "failed"),
    "forgotten": ({"scontrol": GONE, "sacct": "exit 1"}, "failed"),
    "controller does not answer": ({"scontrol": SILENT, "sacct": "exit 1"}, "running"),
}


@pytest.mark.parametrize(("commands", "expected"), SLURM.values(), ids=SLURM.keys())
def test_status_of_a_slurm_job(tmp_path, commands, expected):
    assert answer(tmp_path, "status-slurm", commands) == f"{expected}\n"


QSTAT = "printf 'Job Id: 7.host\\n    Job_Name = jetresim\\n    job_state = {}\\n{}'"
PBS = {
    "queued": (QSTAT.format("Q", ""), "running"),
    "running": (QSTAT.format("R", ""), "running"),
    "finished": (QSTAT.format("F", "    Exit_status = 0\\n"), "success"),
    "failed": (QSTAT.format("F", "    Exit_status = 1\\n"), "failed"),
    "killed": (QSTAT.format("F", "    Exit_status = 271\\n"), "failed"),
    "deleted before it ran": (QSTAT.format("F", ""), "failed"),
    "forgotten": ("echo qstat: Unknown Job Id 7 >&2; exit 153", "failed"),
    "server does not answer": ("echo qstat: cannot connect to server pbs >&2; exit 111", "running"),
}


@pytest.mark.parametrize(("qstat", "expected"), PBS.values(), ids=PBS.keys())
def test_status_of_a_pbs_job(tmp_path, qstat, expected):
    assert answer(tmp_path, "status-pbs", {"qstat": qstat}) == f"{expected}\n"
