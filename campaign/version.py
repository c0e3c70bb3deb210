"""Which code runs: its release, its commit, and the changes that are not committed."""

import hashlib
import os
import subprocess
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

__all__ = ["ENVIRONMENT", "RELEASE", "code_version"]

RELEASE = "0.1.0"
"""The release that this code is, or follows. This module imports nothing of ours: builds run it alone."""

ENVIRONMENT = "JETRESIM_VERSION"
"""Environment variable by which a workflow tells its jobs the version, for where they cannot ask Git."""

MAKES_DATA = ("campaign", "dataset", "detectors", "generators", "jets", "showers", "workflow")
"""Packages that decide what is in the files. A commit to anything else makes no other version."""

_ROOT = Path(__file__).parents[1]
_EXPORTED = ".git_archival.txt"
_UNKNOWN = f"{RELEASE}+unknown"
_DIGITS = 9  # of a commit, so that all machines shorten it alike
_TIME_LIMIT = 60.0


@cache
def code_version(root: Path = _ROOT) -> str:
    """Version of this code, as PEP 440 writes it.

    ``0.1.0`` is the release of that tag; ``0.1.0+gbb80507ab`` the last commit that changed the packages of
    `MAKES_DATA`; ``0.1.0+gbb80507ab.dirty.5f3a9c21`` has changes that are not committed, with their
    fingerprint. Git is asked where there is a clone; otherwise the workflow that started the job, the commit
    that ``git archive`` wrote, and what was built and installed, in this order.

    Parameters
    ----------
    root : Path
        Folder that holds the packages.
    """
    return _of_clone(root) or os.environ.get(ENVIRONMENT) or _of_export(root) or _of_build(root) or _UNKNOWN


def _of_clone(root: Path) -> str | None:
    if not (root / ".git").exists():  # an environment may lie within a clone of something else
        return None
    packages = [name for name in MAKES_DATA if (root / name).is_dir()]
    try:
        tags = _git(root, "tag", "--points-at", "HEAD").decode().split()
        commit = (
            _git(root, "log", "-1", f"--abbrev={_DIGITS}", "--format=%h", "--", *packages).decode().strip()
        )
        changes = _git(root, "diff", "--no-ext-diff", "--binary", "HEAD", "--", *packages)
    except (OSError, subprocess.SubprocessError):  # no Git, as in most containers, or not a whole clone
        return None
    local = [] if f"v{RELEASE}" in tags else [f"g{commit}"]
    if changes:
        local += ["dirty", hashlib.blake2b(changes, digest_size=4).hexdigest()]
    return f"{RELEASE}+{'.'.join(local)}" if local else RELEASE


def _git(root: Path, *arguments: str) -> bytes:
    # jobs may run as another user than the owner of the clone, and side by side
    command = ["git", "--no-optional-locks", "-c", f"safe.directory={root}", "-C", str(root), *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(
        command, env=environment, capture_output=True, check=True, timeout=_TIME_LIMIT
    ).stdout


def _of_export(root: Path) -> str | None:
    """The commit that ``git archive`` wrote into its archive, or the release."""
    try:
        lines = (root / _EXPORTED).read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = dict(line.split(": ", 1) for line in lines if ": " in line)
    if found.get("describe-name") == f"v{RELEASE}":
        return RELEASE
    commit = found.get("node", "$")
    return None if commit.startswith("$") else f"{RELEASE}+g{commit[:_DIGITS]}"


def _of_build(root: Path) -> str | None:
    """What the build wrote beside the packages."""
    return next(
        (found.version for found in distributions(name="jetresim", path=[str(root), str(root.parent)])), None
    )


if __name__ == "__main__":
    print(code_version())
