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
from collections.abc import Iterable
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

_TREE = Path(__file__).parents[1]
"""A source tree, or the package of an installation."""


def start() -> list[str]:
    """Start a server, which ends with this process.

    Returns
    -------
    list of str
        The command that stands for ``python -m jetresim`` while the server is there, and beyond.

    Raises
    ------
    OSError
        The system is another than Linux, or too old, or has no folder for a socket.
    """
    if not hasattr(os, "pidfd_open"):
        raise OSError("processes cannot be waited for beside sockets")
    os.close(os.pidfd_open(os.getpid()))  # Linux before 5.3 refuses
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        # which only its owner may enter
        folder = tempfile.mkdtemp(prefix="jetresim-", dir=_folder_of_sockets())
        address = f"{folder}/jobs"
        try:
            listener.bind(address)
            listener.listen()
            _start_server(listener, folder)
        except OSError:
            shutil.rmtree(folder)
            raise
    # isolated and without site-packages, which would take ten times as long
    return [sys.executable, "-I", "-S", str(_CLIENT), address]


def _start_server(listener: socket.socket, folder: str) -> None:
    # a fork takes none of the threads along that these libraries would start
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if (_TREE / "jetresim" / "__init__.py").is_file():
        environment["PYTHONPATH"] = str(_TREE)  # whichever others are installed
    ends_with_us, _held_open = os.pipe()
    try:
        subprocess.Popen(
            [sys.executable, "-P", "-m", "jetresim.workflow.fork_server", str(listener.fileno()), folder],
            stdin=ends_with_us,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[listener.fileno()],
            env=environment,
            start_new_session=True,  # Ctrl-C is for the clients
        )
    finally:
        os.close(ends_with_us)


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
    if (job := os.fork()) == 0:
        os.setpgid(0, 0)
        client.send(b"+")
        client.close()
        return _become(**json.loads(request), files=files)
    for file in files:
        os.close(file)
    try:
        _keep(client, job)
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


def _keep(client: socket.socket, job: int) -> None:
    """Pass signals on to a job and the programs in its group, and tell the client how it ended."""
    ended = os.pidfd_open(job)
    while ended not in select.select([ended, client], [], [])[0]:
        _pass_on(_sent(client) or [signal.SIGKILL], job)
    _pass_on([signal.SIGKILL], job)  # what it has left behind
    _, status = os.waitpid(job, 0)
    with suppress(OSError):
        client.send(str(os.waitstatus_to_exitcode(status)).encode())


def _sent(client: socket.socket) -> bytes:
    """Signals for a job; none where the client is gone, which can always be read."""
    with suppress(OSError):
        return client.recv(16)
    return b""


def _pass_on(numbers: Iterable[int], job: int) -> None:
    with suppress(ProcessLookupError):  # it has no group yet
        for number in numbers:
            os.killpg(job, number)


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
