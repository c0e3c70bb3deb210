"""HDF5 files on a file system that may be full."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

__all__ = ["create_hdf5"]


class _Sink(io.FileIO):
    """Keeps the first error of writing to itself, and drops whatever would come after it."""

    failure: OSError | None = None

    def write(self, data: bytes | memoryview) -> int:
        """Write all of the data, as HDF5 expects."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        while len(rest) and self.failure is None:
            try:
                rest = rest[super().write(rest) :]
            except OSError as error:
                self.failure = error
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the length of the file."""
        try:
            return super().truncate(size)
        except OSError as error:
            self.failure = self.failure or error
            return size or 0


@contextmanager
def create_hdf5(path: Path) -> Iterator[h5py.File]:
    """Create an HDF5 file.

    The HDF5 library crashes the process when it cannot write what it still holds at the end. So it never
    learns of an error; the context raises it.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        The file could not be written.
    """
    with _Sink(path, "w+") as sink:
        try:
            with h5py.File(sink, "w") as file:
                yield file
        except Exception:
            if sink.failure is None:
                raise
        if sink.failure is not None:
            raise OSError(sink.failure.errno, sink.failure.strerror, str(path))
