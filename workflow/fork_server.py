"""The process that the jobs of a run on one machine are forked from, so that libraries are loaded once.

``workflow/Snakefile`` starts it; `jetresim.workflow.fork_client` takes the place of a job in the shell.
Between them stands a keeper, one for each job: it kills the job and the programs that it started when the
client ends without it, passes signals on, and tells how the job ended. The server itself ends with the
process that started it; jobs that run then are their clients' still.
"""

import gc
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path

__all__ = ["start"]

_LOADED = (
    *("workflow.cli", "workflow.stages.hard", "workflow.stages.jets", "workflow.stages.groups"),
    *("showers.pythia8", "detectors.parametrized", "dataset.assemble"),
)
"""Modules that most jobs need, which import all others that do."""

_LARGEST_REQUEST = 2**20  # more than a socket sends in one message

_LONGEST_FOLDER = 80
"""Bytes that leave room for what comes behind them: an address has 107 (unix(7), ``sun_path``)."""

_FILES = 4  # the standard ones and the current folder

_CLIENT = Path(__file__).with_name("fork_client.py")


def start() -> list[str]:
    """Start a server, which ends with this process.

    Returns
    -------
    list of str
        The command that stands for ``python -m jetresim`` while the server is there, and beyond.

    Raises
    ------
    OSError
        The system knows no such sockets (macOS), or has no folder for one.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        # which only its owner may enter
        folder = tempfile.mkdtemp(prefix="jetresim-", dir=_folder_of_sockets())
        address = f"{folder}/jobs"
        listener.bind(address)
        listener.listen()
        ends_with_us, _held_open = os.pipe()
        subprocess.Popen(
            [sys.executable, "-m", "jetresim.workflow.fork_server", str(listener.fileno()), folder],
            stdin=ends_with_us,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            # with one thread there is nothing that a fork could leave half-done
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for the clients
        )
        os.close(ends_with_us)
    # isolated and without site-packages, which would take ten times as long
    return [sys.executable, "-I", "-S", str(_CLIENT), address]


def _folder_of_sockets() -> str:
    """Where the folder of a socket is made: in the system's own one where `TMPDIR` is too long."""
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) <= _LONGEST_FOLDER else "/tmp"


def serve(listener: socket.socket) -> list[str] | None:
    """Fork a job for every client until standard input ends.

    Returns
    -------
    list of str or None
        In a job, its arguments; in the end, None.
    """
    gc.freeze()  # otherwise every job copies the memory of its parent when it ends
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for keepers
    while listener in select.select([listener, sys.stdin], [], [])[0]:
        client, _ = listener.accept()
        with client:
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return _begin(client)
    return None


def _begin(client: socket.socket) -> list[str]:
    """Turn a process into the keeper of a job, and another, which returns, into the job."""
    request, files, *_ = socket.recv_fds(client, _LARGEST_REQUEST, _FILES)
    alive, held = os.pipe()
    if (job := os.fork()) == 0:
        os.setpgid(0, 0)
        client.send(b"+")
        client.close()
        os.close(alive)
        return _become(**json.loads(request), files=files)
    for file in (*files, held):
        os.close(file)
    try:
        _keep(client, job, alive)
    finally:
        os._exit(0)


def _become(arguments: list[str], environment: dict[str, str], files: list[int]) -> list[str]:
    os.fchdir(files[-1])
    for standard, file in enumerate(files[:-1]):
        os.dup2(file, standard)
    for file in files:
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    return arguments


def _keep(client: socket.socket, job: int, alive: int) -> None:
    """Pass signals on to a job and the programs in its group, and tell the client how it ended."""
    while alive not in select.select([alive, client], [], [])[0]:
        # a client that is gone can always be read, and reads as nothing
        numbers = client.recv(16) or [signal.SIGKILL]
        with suppress(ProcessLookupError):  # it has no group yet
            for number in numbers:
                os.killpg(job, number)
    _, status = os.waitpid(job, 0)
    with suppress(OSError):
        client.send(str(os.waitstatus_to_exitcode(status)).encode())


def main(listener: str, folder: str) -> None:
    """Be the server, and then, in every process that it forks, the command line."""
    server = os.getpid()
    try:
        for module in _LOADED:
            import_module(f"jetresim.{module}")
        arguments = serve(socket.socket(fileno=int(listener)))
    finally:
        if os.getpid() == server:
            shutil.rmtree(folder, ignore_errors=True)
    if arguments is not None:
        sys.argv[1:] = arguments
        import_module("jetresim.__main__").main()


if __name__ == "__main__":
    main(*sys.argv[1:])
