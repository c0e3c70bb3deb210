"""Runs that are killed, and what it takes to go on."""

import os
import shlex
import signal
import subprocess
import sys
import time
from fnmatch import fnmatch

import pytest

from jetresim.campaign.files import partial_files
from tests.workflow.commands import (
    ENVIRONMENT,
    ROOT,
    SMALL,
    SNAKEFILE,
    files_in,
    make_campaign,
    run_snakemake,
    write_config,
)

QCD = {"qcd": {**SMALL["processes"]["qcd"], "events": 12}}
CONFIG = {**SMALL, "processes": QCD, "chunk": 6, "dataset": {"formats": ["rs3l"]}}
HOLD = ROOT / "tests" / "workflow" / "hold.py"

# as `python -m snakemake`, but with another interpreter for the jobs
SNAKEMAKE = "import sys; sys.executable = sys.argv.pop(1); from snakemake.cli import main; main()"

STAGES = (
    "hard/qcd/survey.json",
    "hard/qcd/*.lhe.gz",
    "jets/qcd/nominal/*.parquet",
    "jets/qcd/seed/*.parquet",
    "groups/qcd/*.parquet",
    "dataset/train",
    "dataset/rs3l/train",
    "dataset/README.md",
)
"""Files whose job is killed when it has written one of them under its temporary name. Of the two that the
job of the card writes, one is then there and the other is not; of that of the anchor, `rehadronize` waits
for its own."""


def wait_for(condition, process):
    for _ in range(6000):
        if condition():
            return
        assert process.poll() is None, "ended before it could be killed"
        time.sleep(0.05)
    pytest.fail("nothing happened for five minutes")


def kill_in(folder, config, pattern, *arguments):
    """Run until a file is about to get its name, then kill Snakemake and all its jobs."""
    mark = folder / "mark"
    interpreter = folder / "python"
    interpreter.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(HOLD))} "$@"\n')
    interpreter.chmod(0o755)
    options = [interpreter, "-s", SNAKEFILE, "--configfile", config, "--cores", 1, *arguments]
    process = subprocess.Popen(
        [sys.executable, "-c", SNAKEMAKE, *map(str, options)],
        cwd=folder,
        env={**ENVIRONMENT, "HOLD_AT": f"*/{pattern}", "HOLD_MARK": str(mark)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(mark.exists, process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    mark.unlink()
    partial = list((folder / "results").rglob(".partial-*"))
    missing = [path.with_name(path.name.rpartition("-")[2]) for path in partial]
    assert any(fnmatch(str(path), f"*/{pattern}") and not path.exists() for path in missing)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, run):
    return make_campaign(run, tmp_path_factory.mktemp("undisturbed"), CONFIG)


def test_run_killed_in_every_stage_ends_as_an_undisturbed_one(tmp_path, run, undisturbed):
    config = write_config(tmp_path, CONFIG)
    kill_in(tmp_path, config, STAGES[0])
    refused = run.snakemake(tmp_path, "--configfile", config, "--cores", 1)
    assert refused.code == 1
    assert "It can be removed with the --unlock argument" in refused.output + refused.errors
    for pattern in STAGES[1:]:
        kill_in(tmp_path, config, pattern, "--nolock")
    run.snakemake(tmp_path, "--unlock", "--configfile", config).succeeded()
    run_snakemake(tmp_path, config, "--until", "card").succeeded()
    made = tmp_path / "results" / "small"
    for stage in ("hard", "jets", "groups", "dataset"):
        assert files_in(made / stage) == files_in(undisturbed / stage)
    assert list(made.rglob(".partial-*")) == []
    assert run.plan(tmp_path, config).succeeded().jobs == {"cost": 1, "report": 1}


def start(folder, *arguments):
    """Start a command of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "jetresim", *map(str, arguments)],
        cwd=folder,
        env=ENVIRONMENT,
        stderr=subprocess.PIPE,
        text=True,
        # a shell that runs the tests in the background has all of them ignore interrupts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.fixture
def long_job(tmp_path, run):
    """A job that writes for minutes, from the moment that it has begun to."""
    config = write_config(
        tmp_path, {**CONFIG, "processes": {"qcd": {**QCD["qcd"], "events": 10**6}}, "chunk": 10**6}
    )
    run.jetresim(tmp_path, "survey", config, "--process", "qcd").succeeded()
    process = start(tmp_path, "hard", config, "--process", "qcd", "--chunk", 0)
    folder = tmp_path / "results" / "small" / "hard" / "qcd"
    wait_for(lambda: partial_files(folder / "00000.lhe.gz"), process)
    yield process, folder
    process.kill()


def test_interrupt_leaves_nothing_half_written(long_job):
    process, folder = long_job
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert [path.name for path in folder.iterdir()] == ["survey.json"]


def test_what_a_killed_command_left_is_cleared_away(long_job, run, tmp_path):
    process, folder = long_job
    process.kill()
    process.wait()
    (left,) = partial_files(folder / "00000.lhe.gz")
    assert set(folder.iterdir()) == {folder / "survey.json", left}
    config = write_config(tmp_path, CONFIG)
    run.jetresim(tmp_path, "hard", config, "--process", "qcd", "--chunk", 0).succeeded()
    assert {path.name for path in folder.iterdir()} == {"survey.json", "00000.lhe.gz"}


def test_failed_job_says_why_and_what_does_not_need_it_is_made(tmp_path):
    higgs = {**SMALL["processes"]["higgs"], "targets": ["top"], "cuts": {"pt_min": 0}}
    config = write_config(tmp_path, {**CONFIG, "processes": {**QCD, "higgs": higgs}, "chunk": 20})
    outcome = run_snakemake(tmp_path, config, "--retries", 1)
    assert outcome.code == 1
    assert "error: process higgs: none of 15 hard events has a target" in outcome.errors
    assert "Trying to restart job" in outcome.errors
    made = tmp_path / "results" / "small"
    assert [path.name for path in made.glob("groups/*/*")] == ["00000.parquet"]
    assert not list(made.glob("hard/higgs/*"))
    assert not (made / "dataset").exists()
