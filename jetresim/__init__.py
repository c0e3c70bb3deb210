"""Re-simulated jets in groups: hard events once, showers many times, one dataset."""

from importlib import import_module
from pathlib import Path

_ROOT = Path(__file__).parents[1]

# The rooms (campaign, generators, …) lie at the top of the repository. A wheel puts them inside this package
# (`package-dir` in pyproject.toml); where this folder is still in its repository, be it an editable install
# or a source tree on PYTHONPATH, the line below finds them beside it.
if (_ROOT / "pyproject.toml").is_file() and (_ROOT / "campaign" / "seeds.py").is_file():
    __path__ = [*__path__, str(_ROOT)]

_OFFERED = {"open_groups": "jetresim.dataset.reader", "simulate": "jetresim.jets.chain"}
"""Name to the module that it is imported from where it is asked for."""


def __getattr__(name: str) -> object:
    if name not in _OFFERED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jetresim.campaign.extras import extras_named

    with extras_named():
        return getattr(import_module(_OFFERED[name]), name)
