"""Stands for a job that is forked from `jetresim.workflow.fork_server`: ``fork_client.py ADDRESS ARGUMENTS``.

Hands its arguments, environment, folder and open files over, passes signals on, and ends as the job does.
Where nobody listens it turns into ``python -m jetresim ARGUMENTS``. It is started for every job, so that it
imports nothing but a few modules of Python itself.
"""

import json
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_STANDARD_FILES = (0, 1, 2)
_KILLED = 128 + signal.SIGKILL  # what a shell gives


def ask(server: socket.socket, address: str, arguments: list[str]) -> None:
    """Have a job begin.

    Raises
    ------
    OSError
        There is no server, or it ended before the job began.
    """
    server.connect(address)
    request = {"arguments": arguments, "environment": dict(os.environ)}
    folder = os.open(".", os.O_RDONLY)
    socket.send_fds(server, [json.dumps(request).encode()], [*_STANDARD_FILES, folder])
    if not server.recv(1):
        raise ConnectionError("the server has ended")


def follow(server: socket.socket) -> int:
    """Wait for the end of the job; returns its exit code, negative where a signal ended it."""
    for number in PASSED_ON:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, frame: server.send(bytes([number])))
    return int(server.recv(16) or _KILLED)


def main(address: str, *arguments: str) -> None:
    """Run a job."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is a job to pass it on to
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        ask(server, address, list(arguments))
    except OSError:
        os.execv(sys.executable, [sys.executable, "-m", "jetresim", *arguments])
    code = follow(server)
    if -code in PASSED_ON:
        signal.signal(-code, signal.SIG_DFL)
    if code < 0:
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main(*sys.argv[1:])
