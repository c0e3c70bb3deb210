"""Runs commands in processes forked from one that has imported everything: start-up takes most of their time.

Reads one JSON object a line (`module`, `arguments`, `folder`, `output`, `errors` and optionally `file_size`), runs
``python -m module`` with these arguments, and answers with the exit code.
"""

import json
import os
import resource
import runpy
import signal
import sys
from pathlib import Path

import snakemake.cli  # noqa: F401 (imported for the children)

import workflow.cli  # noqa: F401


def become(module: str, arguments: list[str], folder: str, output: str, errors: str, file_size: int = -1) -> None:
    """Turn this process into the command."""
    os.chdir(folder)
    for path, standard in ((output, sys.stdout), (errors, sys.stderr)):
        with Path(path).open("wb") as file:
            os.dup2(file.fileno(), standard.fileno())
    if file_size >= 0:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def main() -> None:
    """Serve until standard input ends."""
    while line := os.read(0, 1 << 20):
        if (child := os.fork()) == 0:
            become(**json.loads(line))
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
