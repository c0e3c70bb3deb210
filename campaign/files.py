"""Writing files so that one that exists is whole."""

import errno
import gzip
import os
import platform
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from jetresim.campaign.errors import DataError

__all__ = ["atomic_path", "existing", "scratch_gzip", "scratch_path"]

SCRATCH = "JETRESIM_SCRATCH"


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it on success, remove it on failure.

    The temporary file or folder keeps the suffix of `path`, since writers choose formats by it. What a
    killed job left is removed first; a job that still runs, though its batch system has given it up, then
    fails instead of renaming half of another's file. A file is replaced by a file, a folder by a folder.

    Raises
    ------
    OSError
        The file cannot be written; names `path` also where the one who noticed does not say which file.
    """
    temporary = path.with_name(f".partial-{platform.node()}.{os.getpid()}-{path.name}")
    try:
        _make_folder(path.parent)
        for left in partial_files(path):
            _remove(left)
        yield temporary
        if temporary.is_dir() and path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):  # the first error is the one to tell
            _remove(temporary)
        if isinstance(error, OSError) and _is_about(error, temporary):
            raise OSError(error.errno, _reason(error), str(path)) from None
        raise


@contextmanager
def scratch_path(path: Path) -> Iterator[Path]:
    """Yield a name in the node's scratch folder; bring the file to `path` on success.

    The folder is what the environment variable `JETRESIM_SCRATCH` names, in which variables are expanded.
    A shared file system thus sees one file being copied instead of many small writes. Without the variable,
    this is `atomic_path`.

    Raises
    ------
    OSError
        A file cannot be written; names `path`, or the scratch folder where that is the one at fault.
    """
    scratch = os.path.expandvars(os.environ.get(SCRATCH, ""))
    if not scratch:
        with atomic_path(path) as temporary:
            yield temporary
        return
    if not Path(scratch).is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{scratch} ({SCRATCH})")
    with TemporaryDirectory(prefix="jetresim-", dir=scratch) as private:
        local = Path(private) / path.name
        try:
            yield local
        except OSError as error:
            if _is_about(error, local):
                raise OSError(error.errno, _reason(error), f"{scratch} ({SCRATCH})") from None
            raise
        with atomic_path(path) as temporary:
            shutil.copyfile(local, temporary)


@contextmanager
def scratch_gzip(path: Path, level: int) -> Iterator[gzip.GzipFile]:
    """Write a gzipped file through `scratch_path`, without name and time: equal contents are equal bytes."""
    with (
        scratch_path(path) as temporary,
        temporary.open("wb") as raw,
        gzip.GzipFile("", "wb", level, raw, mtime=0) as packed,
    ):
        yield packed


def partial_files(path: Path) -> list[Path]:
    """Temporary files and folders of `path`, of this and of other jobs."""
    name = re.compile(rf"\.partial-(?:.+\.\d+-)?{re.escape(path.name)}")
    return [other for other in path.parent.glob(".partial-*") if name.fullmatch(other.name)]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None


def _is_about(error: OSError, temporary: Path) -> bool:
    """Whether an error is about the temporary file, or does not say which file it is about."""
    return error.filename is None or str(error.filename).startswith(str(temporary))


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def existing(path: Path, command: str) -> Path:
    """The path, or an error that names the command that makes it."""
    if not path.exists():
        raise DataError(f"{path}: does not exist; `jetresim {command}` makes it")
    return path
