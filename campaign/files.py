"""Writing files so that one that exists is whole."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
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
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove(temporary)
        yield temporary
        if temporary.is_dir() and path.is_dir():
            shutil.rmtree(path)
        temporary.replace(path)
    except OSError as error:
        _remove(temporary)
        if error.filename in (None, str(temporary)):
            raise OSError(error.errno, _reason(error), str(path)) from None
        raise
    except BaseException:
        _remove(temporary)
        raise


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
