"""What is installed beside what reading a dataset needs, and how to get it."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["MissingExtraError", "extras_named"]

GENERATE = {
    *("fastjet", "hist", "jinja2", "markupsafe", "matplotlib", "mplhep", "particle", "pyhepmc", "pylhe"),
    *("pythia8mc", "scipy", "snakemake", "uproot"),
}
"""Libraries of the extra `generate`."""

_EXTRAS = {**dict.fromkeys(GENERATE, "generate"), "huggingface_hub": "huggingface", "torch": "torch"}


class MissingExtraError(ImportError):
    """A library is not installed; the message has the command that installs it."""


@contextmanager
def extras_named() -> Iterator[None]:
    """Have an import of a library that is not installed say which extra brings it.

    Raises
    ------
    MissingExtraError
        In place of the ModuleNotFoundError of such a library.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        extra = _EXTRAS[error.name]
        raise MissingExtraError(f"{error.name} is not installed; pip install 'jetresim[{extra}]'") from None
