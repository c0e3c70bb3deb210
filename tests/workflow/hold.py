"""Stands in for the Python of the jobs: one of them is held just before a file that it wrote gets its name.

``HOLD_AT`` is a pattern for the path, ``HOLD_MARK`` a file that tells that the moment has come.
"""

import os
import runpy
import sys
import time
from fnmatch import fnmatch
from pathlib import Path

_replace = Path.replace


def replace(path: Path, target: Path) -> Path:
    """Rename a file, or wait to be killed."""
    if fnmatch(str(target), os.environ["HOLD_AT"]):
        Path(os.environ["HOLD_MARK"]).touch()
        time.sleep(600)
    return _replace(path, target)


if __name__ == "__main__":
    if "-m" not in sys.argv:  # the client of a job writes nothing itself
        os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
    Path.replace = replace
    module, *arguments = sys.argv[sys.argv.index("-m") + 1 :]
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
