"""Re-simulated jets in groups: hard events once, showers many times, one dataset."""

from pathlib import Path

_ROOT = Path(__file__).parents[1]

# The rooms (campaign, generators, …) lie at the top of the repository. A wheel puts them inside this package
# (`package-dir` in pyproject.toml); where this folder is still in its repository, be it an editable install
# or a source tree on PYTHONPATH, the line below finds them beside it.
if (_ROOT / "pyproject.toml").is_file() and (_ROOT / "campaign" / "seeds.py").is_file():
    __path__ = [*__path__, str(_ROOT)]
