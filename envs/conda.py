"""Write envs/jetresim.yaml, the conda environment of the rules, from the pinned requirements.

Conda brings Python alone. Everything else comes as the wheels that `make run` installs, since
another build of NumPy or Pythia may differ in the last bit and the dataset with it.
"""

import re
from pathlib import Path

import yaml

ENVS = Path(__file__).parent
HEADER = "# Made by `make pins` from requirements/run.txt; the rules name it in `conda:`.\n"


def pinned(requirements: str) -> list[str]:
    """Requirements of a pinned file, one a package, with their markers and without hashes and comments."""
    return re.findall(r"^([A-Za-z0-9].*?)\s*\\$", requirements, flags=re.MULTILINE)


def environment(requirements: str) -> str:
    """Text of the conda environment that holds the pinned requirements."""
    content = {
        "name": "jetresim",
        "channels": ["conda-forge", "nodefaults"],
        "dependencies": ["python =3.11", "pip", {"pip": pinned(requirements)}],
    }
    return HEADER + yaml.safe_dump(content, sort_keys=False, width=1000)


if __name__ == "__main__":
    requirements = (ENVS / "requirements" / "run.txt").read_text(encoding="utf-8")
    (ENVS / "jetresim.yaml").write_text(environment(requirements), encoding="utf-8")
