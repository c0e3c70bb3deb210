"""Writing files so that one that exists is whole."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it on success, remove it on failure.

    The temporary file or folder keeps the suffix of `path`, since writers choose formats by it. A
    stale one of a killed run is removed first; a file is replaced by a file, a folder by a folder.

    Raises
    ------
    OSError
        The file cannot be written; names `path` also where the one who noticed does not say which file.
    """
    temporary = path.with_name(f".partial-{path.name}")
    try:
        _make_folder(path.parent)
        _remove(temporary)
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
