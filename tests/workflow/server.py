"""Runs commands in processes forked from one that has imported everything: start-up takes most of their time.

Reads one JSON object a line, the arguments of `become`, and answers each with exit code, standard output and
standard error as a JSON list.
"""

import gc
import json
import os
import resource
import runpy
import signal
import sys
from tempfile import TemporaryFile

import snakemake.cli  # noqa: F401 (imported for the children, as is all that jobs import)


def become(module: str, arguments: list[str], folder: str, file_size: int | None) -> None:
    """Turn this process into ``python -m module arguments``.

    Parameters
    ----------
    module : str
    arguments : list of str
    folder : str
        Current folder of the command.
    file_size : int or None
        Largest file that it can write [bytes].
    """
    os.chdir(folder)
    if file_size is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, file_size))
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def serve(request: dict[str, object]) -> tuple[int, str, str]:
    """Run a command in a child; only the parent returns."""
    # standard error is a pipe, since what it writes must not count as file size
    reading, writing = os.pipe()
    with TemporaryFile() as output:
        if (child := os.fork()) == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(writing, 2)
            os.close(reading)
            become(**request)
            sys.exit()
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as pipe:
            errors = pipe.read()
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read().decode(), errors


def main() -> None:
    """Serve until standard input ends."""
    gc.freeze()  # otherwise every child copies the memory of its parent when it ends
    for line in sys.stdin:
        print(json.dumps(serve(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
