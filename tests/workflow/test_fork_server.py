"""Jobs that are forked from one process: they are what they would be alone, and end as their clients do."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread

import pytest

from jetresim.campaign.files import partial_files
from jetresim.workflow import fork_server
from tests.workflow.commands import ENVIRONMENT, ROOT, SMALL, files_in, write_config

ENDLESS = {**SMALL, "processes": {"qcd": {"events": 10**6, "cuts": {"pt_min": 500}}}, "chunk": 10**6}
HARD = ("hard", "config.yaml", "--process", "qcd", "--chunk", 0)


@pytest.fixture(scope="module")
def command():
    return fork_server.start()


@pytest.fixture
def start(command, tmp_path):
    """Start jobs in a folder; none of them outlives the test."""
    started = []

    def start_one(*arguments, command=command, **options):
        process = subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
            **{"env": ENVIRONMENT, **options},
        )
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()


def wait_for(condition):
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("nothing happened for a minute")


def processes_in(folder):
    """Those with a current folder, other than clients."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            here = (process / "cwd").samefile(folder)
            if here and b"fork_server" in (process / "cmdline").read_bytes():
                found.append(int(process.name))
        except OSError:  # it has ended, or is another's
            continue
    return found


def output_of(code, cwd=None, **environment):
    """What a Python of its own prints, which must succeed."""
    command, environment = [sys.executable, "-c", code], {**ENVIRONMENT, **environment}
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def surveyed(tmp_path_factory, run):
    folder = tmp_path_factory.mktemp("surveyed")
    run.jetresim(folder, "survey", write_config(folder, ENDLESS), "--process", "qcd").succeeded()
    return folder


@pytest.fixture
def endless(start, tmp_path, surveyed):
    """A client whose job writes for minutes, from the moment that it has begun to."""
    shutil.copytree(surveyed, tmp_path, dirs_exist_ok=True)
    client = start(*HARD)
    wait_for(lambda: partial_files(tmp_path / "results/small/hard/qcd/00000.lhe.gz"))
    return client


def test_job_prints_and_ends_as_it_would_alone(start):
    for arguments in (("schema",), ("validate", "nowhere.yaml"), ("hard", "--chunk", "x")):
        alone = start(*arguments, command=[sys.executable, "-m", "jetresim"])
        forked = start(*arguments)
        assert forked.communicate(timeout=60) == alone.communicate(timeout=60)
        assert forked.returncode == alone.returncode


def test_job_has_the_environment_of_its_client(start):
    said = start("--version", env={**ENVIRONMENT, "GIT_DIR": "/", "PATH": "", "JETRESIM_VERSION": "9.8.7"})
    assert said.communicate(timeout=60)[0].strip() == "jetresim 9.8.7"


def test_killed_client_takes_its_job_along_and_no_other(endless, start, tmp_path):
    (job,) = processes_in(tmp_path)
    other = start("schema")
    endless.kill()
    wait_for(lambda: not Path(f"/proc/{job}").exists())
    assert other.communicate(timeout=60)[0].startswith("{")
    assert other.returncode == 0


def test_interrupt_reaches_the_job_which_clears_up(endless, tmp_path):
    endless.send_signal(signal.SIGINT)
    _, errors = endless.communicate(timeout=60)
    assert endless.returncode == 130
    assert errors.splitlines()[-1] == "interrupted"
    assert list(files_in(tmp_path / "results/small/hard/qcd")) == ["survey.json"]


def test_client_of_a_killed_job_ends_of_the_same_signal(endless, tmp_path):
    (job,) = processes_in(tmp_path)
    os.kill(job, signal.SIGKILL)
    assert endless.wait(60) == -signal.SIGKILL


def test_command_runs_where_no_server_listens(start, command, tmp_path):
    alone = start("schema", command=[*command[:-1], str(tmp_path / "nobody")])
    assert alone.communicate(timeout=60)[0].startswith("{")
    assert alone.returncode == 0


def test_server_ends_with_the_process_that_started_it_and_leaves_nothing():
    code = "from jetresim.workflow.fork_server import start; print(start()[-1])"
    address = output_of(code).strip()
    wait_for(lambda: not Path(address).parent.exists())


def test_server_has_an_address_where_the_temporary_folder_has_a_long_name(tmp_path):
    long = tmp_path / ("x" * 120)
    long.mkdir()
    code = (
        "import subprocess; from jetresim.workflow.fork_server import start; "
        "subprocess.run([*start(), 'schema'], check=True)"
    )
    assert output_of(code, TMPDIR=str(long)).startswith("{")


def test_server_runs_the_tree_that_started_it_whichever_is_installed(tmp_path):
    package = tmp_path / "jetresim"
    package.mkdir()
    (package / "__init__.py").write_text("raise ImportError('another one')")
    code = (
        f"import subprocess, sys; sys.path.insert(0, {str(ROOT)!r}); "
        "from jetresim.workflow.fork_server import start; subprocess.run([*start(), 'schema'], check=True)"
    )
    assert output_of(code, cwd=tmp_path, PYTHONPATH=str(tmp_path)).startswith("{")


def keep(job, client):
    """Run the keeper of a job in a thread of its own, which must end."""
    thread = Thread(target=fork_server._keep, args=(client, job.pid), daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()


def test_what_a_killed_job_leaves_behind_ends_with_it():
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    job = subprocess.Popen(["sh", "-c", "sleep 600 & echo $!; wait"], process_group=0, stdout=subprocess.PIPE)
    child = int(job.stdout.readline())
    job.kill()
    keep(job, there)
    assert int(here.recv(16)) == -signal.SIGKILL
    wait_for(lambda: has_ended(child))


def test_job_of_a_client_that_was_killed_before_it_heard_of_it_ends():
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    job = subprocess.Popen(["sleep", "600"], process_group=0)
    there.send(b"+")
    here.close()  # unread, so that the other side is told of a reset
    keep(job, there)
    assert has_ended(job.pid)


def has_ended(process):
    """Whether a process is gone, or is a zombie that nobody waits for."""
    stat = Path(f"/proc/{process}/stat")
    return not stat.exists() or stat.read_text().rsplit(")", 1)[1].split()[0] == "Z"
