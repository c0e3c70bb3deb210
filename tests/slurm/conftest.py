"""A real Slurm on this machine for the time of the tests: munge, one controller and one node, on loopback.

It lives in a folder of its own and leaves an installed Slurm alone. Nothing of systemd or cgroups is needed.
"""

import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.workflow.commands import ENVIRONMENT
from tests.workflow.conftest import run, shared  # noqa: F401 (fixtures)

DAEMONS = ("munged", "slurmctld", "slurmd")
CLIENTS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct")
SEARCHED = os.pathsep.join([os.environ["PATH"], "/usr/sbin", "/usr/local/sbin"])

CONF = """
ClusterName=loop
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={folder}/slurmctld
SlurmdSpoolDir={folder}/slurmd
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SchedulerType=sched/backfill
SchedulerParameters=sched_min_interval=200000,sched_interval=2,bf_interval=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
ReturnToService=2
MinJobAge=3600
KillWait=2
NodeName={host} NodeHostname={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=8000 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class Job:
    """A line of ``squeue``."""

    id: str
    state: str
    memory: str
    comment: str


@dataclass(frozen=True)
class Slurm:
    """A running Slurm: the environment that its commands need, and its node."""

    environment: dict[str, str]
    node: str
    old: set[str] = field(default_factory=set)

    def __call__(self, *command: str, refused: tuple[str, ...] = ()) -> str:
        """Run one of its commands; it may fail with a message that begins with one of `refused`."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 or done.stderr.startswith(refused), done.stderr
        return done.stdout

    def jobs(self, *names: str) -> list[Job]:
        """Jobs of a test in the order of submission whose comment has all these words in it."""
        lines = self("squeue", "--states=all", "--noheader", "--sort=i", "--format=%i|%T|%m|%k").splitlines()
        jobs = [Job(*line.split("|", 3)) for line in lines]
        return [job for job in jobs if job.id not in self.old and all(name in job.comment for name in names)]

    def state(self) -> str:
        """State of the node."""
        return self("sinfo", "--noheader", "--format=%T").strip()

    def clear(self) -> None:
        """Cancel what is left of a test, and forget its jobs."""
        self("scancel", "--user=root")
        wait_for(lambda: not self("squeue", "--noheader"), "end of all jobs", 60)
        if "drain" in self.state():
            self("scontrol", "update", f"NodeName={self.node}", "State=RESUME")
        self.old.update(job.id for job in self.jobs())


def wait_for(condition: Callable[[], object], what: str, seconds: float = 600) -> object:
    """Wait until something is there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.2)
    pytest.fail(f"{what}: not within {seconds} s")


def free_port() -> int:
    with closing(socket.socket()) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def why_not() -> str | None:
    """What keeps Slurm from running here."""
    missing = [name for name in DAEMONS + CLIENTS if shutil.which(name, path=SEARCHED) is None]
    if missing:
        return f"Slurm or munge is not installed ({', '.join(missing)} missing)"
    if os.geteuid() != 0:
        return "only root can start slurmctld, slurmd and munged"
    return None


def with_configuration(folder: Path, conf: Path) -> Path:
    """Commands that find this Slurm without SLURM_CONF, which the executor plugin drops inside of jobs."""
    folder.mkdir()
    for name in CLIENTS:
        program = shutil.which(name, path=SEARCHED)
        script = folder / name
        script.write_text(f'#!/bin/sh\nSLURM_CONF={shlex.quote(str(conf))} exec {program} "$@"\n')
        script.chmod(0o755)
    return folder


def start(command: list[object], pid_file: Path, environment: dict[str, str]) -> Callable[[], None]:
    """Start a daemon; returns what stops it."""
    program, *options = map(str, command)
    done = subprocess.run(
        [shutil.which(program, path=SEARCHED), *options], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    pid = int(wait_for(lambda: pid_file.is_file() and pid_file.read_text().strip(), program, 30))

    def stop() -> None:
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not Path(f"/proc/{pid}").exists(), f"end of {program}", 30)

    return stop


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """A running Slurm of one node with two cores, which enforces memory."""
    if reason := why_not():
        pytest.skip(reason)
    pytest.importorskip("snakemake_executor_plugin_slurm", reason="the Slurm executor is not installed")
    # the name of a socket must be short
    with (
        tempfile.TemporaryDirectory(prefix="slurm-", ignore_cleanup_errors=True) as name,
        ExitStack() as daemons,
    ):
        folder = Path(name)
        folder.chmod(0o711)  # munge wants others to reach its socket
        for one in ("slurmctld", "slurmd"):
            (folder / one).mkdir()
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        host = socket.gethostname().split(".")[0]
        conf = folder / "slurm.conf"
        conf.write_text(
            CONF.format(folder=folder, host=host, controller_port=free_port(), node_port=free_port())
        )
        bin_ = with_configuration(folder / "bin", conf)
        environment = {**ENVIRONMENT, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}"}
        service = {**environment, "SLURM_CONF": str(conf)}
        munge = [
            "munged",
            *(f"--{kind}-file={folder}/munge.{kind}" for kind in ("key", "pid", "log", "seed")),
            f"--socket={folder}/munge.socket",
        ]
        daemons.callback(start(munge, folder / "munge.pid", service))
        daemons.callback(start(["slurmctld", "-c"], folder / "slurmctld.pid", service))
        daemons.callback(start(["slurmd"], folder / "slurmd.pid", service))
        started = Slurm(environment, host)
        wait_for(lambda: "idle" in started("sinfo", "--noheader", "--format=%t"), "node", 60)
        yield started
        started.clear()
