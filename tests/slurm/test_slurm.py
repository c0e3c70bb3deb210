"""Campaigns on a real Slurm, in quiet and in trouble: the same bytes as on one machine."""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.slurm.conftest import wait_for
from tests.workflow.commands import (
    ROOT,
    SMALL,
    SNAKEFILE,
    SPLITS,
    files_in,
    make_campaign,
    write_config,
)
from tests.workflow.conftest import once

CONFIG = {
    **SMALL,
    "processes": {"qcd": {"events": 30, "cuts": {"pt_min": 500}}},
    "chunk": 10,
    "augmentations": ["nominal", "seed"],
    "dataset": {"formats": [], "events_per_shard": 10},
}
QUICK = (
    *("--slurm-init-seconds-before-status-checks", 11, "--seconds-between-status-checks", 1),
    *("--latency-wait", 10),
)
"""Ask for the state of jobs more often than the profile does, as they take seconds here.

Each time that none has finished, the executor waits ten seconds longer for the next."""

STAGES = ("hard", "jets", "groups")


def jets(process, chunk):
    """File of the seed realization of a chunk."""
    return f"jets/{process}/seed/{chunk}.parquet"


CANCELLED, TOO_LARGE, TOO_LONG = jets("qcd", "00000"), jets("qcd", "00001"), jets("qcd", "00002")


@dataclass(frozen=True)
class Run:
    """A Snakemake that was started in a folder."""

    process: subprocess.Popen
    log: Path

    @property
    def said(self):
        return self.log.read_text()

    def ended(self, code):
        assert self.process.wait(timeout=900) == code, self.said
        return self.said

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture
def launch(slurm, tmp_path):
    """Start Snakemake with a profile; what still runs at the end of a test is killed, with its jobs."""
    runs = []

    def start(*options, profile="slurm", **environment):
        log = tmp_path / f"snakemake-{len(runs)}.log"
        everything = [
            "-s",
            SNAKEFILE,
            "--configfile",
            "config.yaml",
            "--profile",
            ROOT / "profiles" / profile,
        ]
        with log.open("w") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "snakemake", *map(str, (*everything, *options))],
                cwd=tmp_path,
                env={**slurm.environment, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        runs.append(Run(process, log))
        return runs[-1]

    yield start
    for run in runs:
        run.kill()
    slurm.clear()


@pytest.fixture(scope="session")
def local(slurm, shared, run):
    """The campaign made without a batch system."""
    return (
        once(shared / "slurm-local", lambda folder: make_campaign(run, folder, CONFIG)) / "results" / "small"
    )


@pytest.fixture
def campaign(local, tmp_path):
    """A copy of it, of which files are to be removed and made again."""
    write_config(tmp_path, CONFIG)
    return shutil.copytree(local, tmp_path / "results" / "small")


def pids(slurm, job):
    """Processes of a job that simulate."""
    # A job that runs for its controller may not have reached its node yet.
    refused = ("There are no steps for job", f"JobId={job.id} does not exist on node")
    rows = slurm("scontrol", "listpids", job.id, refused=refused).splitlines()[1:]
    commands = {int(row.split()[0]): Path(f"/proc/{row.split()[0]}/cmdline") for row in rows}
    return [
        pid for pid, path in commands.items() if path.exists() and b"\0-m\0jetresim\0" in path.read_bytes()
    ]


def running(slurm, *names, attempt=1):
    """Wait until an attempt of a job runs."""

    def look():
        jobs = slurm.jobs(*names)[attempt - 1 :]
        return jobs[0] if jobs and jobs[0].state == "RUNNING" else None

    return wait_for(look, f"job {names}")


def words(path):
    """What the comment of the job that makes a file of jets has in it."""
    _, process, _, chunk = Path(path).with_suffix("").parts
    return "rule_jets", process, "seed", chunk


def test_campaign_on_slurm_has_the_bytes_of_a_local_run(slurm, launch, local, tmp_path):
    write_config(tmp_path, CONFIG)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    used = []
    snakemake = launch(*QUICK, "--until", "dataset", TMPDIR=str(scratch))
    wait_for(lambda: slurm.jobs("rule_jets_of_anchor"), "jets")
    slurm("scontrol", "update", f"NodeName={slurm.node}", "State=DRAIN", "Reason=test")
    wait_for(lambda: used.extend(scratch.glob("jetresim-*")) or "drained" in slurm.state(), "drained node")
    assert snakemake.process.poll() is None
    slurm("scontrol", "update", f"NodeName={slurm.node}", "State=RESUME")
    wait_for(
        lambda: used.extend(scratch.glob("jetresim-*")) or snakemake.process.poll() is not None, "end", 900
    )
    said = snakemake.ended(0)
    made = tmp_path / "results" / "small"
    for stage in (*STAGES, *(f"dataset/{split}" for split in SPLITS)):
        assert files_in(made / stage) == files_in(local / stage)
    jobs = slurm.jobs()
    assert {job.state for job in jobs} == {"COMPLETED"}, said
    assert sum("hard" in job.comment for job in jobs) == 1, "three short jobs share one"
    assert len(jobs) == 3 + 6 + 3, "three groups of short jobs, one for every file of jets and every split"
    assert used, "the jobs wrote elsewhere"
    assert list(scratch.glob("jetresim-*")) == list(made.rglob(".partial-*")) == []


def test_jobs_that_are_cancelled_or_ask_for_too_little_are_tried_again(
    slurm, launch, local, campaign, tmp_path
):
    for path in (CANCELLED, TOO_LARGE, TOO_LONG):
        (campaign / path).unlink()
    memory = "jets:mem_mb=150 if attempt == 1 and wildcards.chunk == '00001' else 2000 * attempt"
    targets = [f"results/small/{path}" for path in (TOO_LONG, CANCELLED, TOO_LARGE)]
    snakemake = launch(*QUICK, "--set-resources", memory, "--", *targets)

    slow = running(slurm, *words(TOO_LONG))
    simulating = wait_for(lambda: pids(slurm, slow), "simulation")
    for pid in simulating:
        os.kill(pid, signal.SIGSTOP)
    # A time that is over once it arrives can be refused as invalid.
    slurm("scontrol", "update", f"JobId={slow.id}", "EndTime=now+2")
    slurm("scancel", running(slurm, *words(CANCELLED)).id)

    said = snakemake.ended(0)
    for path, state in ((CANCELLED, "CANCELLED"), (TOO_LARGE, "FAILED"), (TOO_LONG, "TIMEOUT")):
        assert [job.state for job in slurm.jobs(*words(path))] == [state, "COMPLETED"], said
        assert (campaign / path).read_bytes() == (local / path).read_bytes()
        first, second = slurm.jobs(*words(path))
        assert int(second.memory.rstrip("M")) > int(first.memory.rstrip("M"))
    (killed,) = tmp_path.rglob(f"slurm_logs/**/{slurm.jobs(*words(TOO_LARGE))[0].id}.log")
    assert "exceeded memory limit" in killed.read_text()


def test_killed_snakemake_goes_on_after_its_lock_is_removed(slurm, launch, local, campaign):
    (campaign / CANCELLED).unlink()
    target = f"results/small/{CANCELLED}"
    first = launch(*QUICK, "--", target)
    job = running(slurm, *words(CANCELLED))
    for pid in wait_for(lambda: pids(slurm, job), "simulation"):
        os.kill(pid, signal.SIGSTOP)

    assert "LockException" in launch(*QUICK, "--", target).ended(1)
    first.kill()
    refused = launch(*QUICK, "--", target).ended(1)
    assert "It can be removed with the --unlock argument" in refused
    (orphan,) = [one for one in slurm.jobs() if one.state == "RUNNING"]
    assert orphan.id == job.id
    slurm("scancel", orphan.id)
    launch("--unlock").ended(0)
    launch(*QUICK, "--", target).ended(0)
    assert (campaign / CANCELLED).read_bytes() == (local / CANCELLED).read_bytes()
    assert list(campaign.rglob(".partial-*")) == []


def test_generic_profile_sees_that_a_job_was_cancelled(slurm, launch, local, campaign):
    (campaign / CANCELLED).unlink()
    options = ("--latency-wait", 10, "--seconds-between-status-checks", 2)
    snakemake = launch(*options, "--", f"results/small/{CANCELLED}", profile="generic")
    first = wait_for(lambda: [job for job in slurm.jobs() if job.state == "RUNNING"], "job")
    slurm("scancel", first[0].id)
    snakemake.ended(0)
    assert [job.state for job in slurm.jobs()] == ["CANCELLED", "COMPLETED"]
    assert (campaign / CANCELLED).read_bytes() == (local / CANCELLED).read_bytes()
