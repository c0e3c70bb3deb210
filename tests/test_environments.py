import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
import yaml
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from jetresim import campaign
from jetresim.campaign.extras import GENERATE
from jetresim.campaign.version import code_version
from tests.sources import imported

ROOT = Path(__file__).parents[1]
ENVS = ROOT / "envs"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DIRECT = {
    "build": PYPROJECT["dependency-groups"]["build"],
    **PYPROJECT["project"]["optional-dependencies"],
    "run": PYPROJECT["project"]["dependencies"] + PYPROJECT["project"]["optional-dependencies"]["generate"],
}
REQUIREMENTS = ENVS / "requirements"
FILES = {
    name: (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    for name in ("build", "run", "test", "docs")
}
ON_TOP_OF_RUN = ("test", "docs")
PINNED = {name: FILES["run"] * (name in ON_TOP_OF_RUN) + text for name, text in FILES.items()}
"""What is installed for each purpose: tests and documentation on top of what runs."""
TORCH = (REQUIREMENTS / "torch.txt").read_text(encoding="utf-8")
PACKAGES = PYPROJECT["tool"]["setuptools"]["packages"]
FOLDERS = {"jetresim": "jetresim", **PYPROJECT["tool"]["setuptools"]["package-dir"]}
ROOMS = [ROOT / folder for folder in FOLDERS.values() if (ROOT / folder / "__init__.py").is_file()]
PYTHONS = ["3.11", "3.12", "3.13"]


def load_conda():
    spec = importlib.util.spec_from_file_location("conda", ENVS / "conda.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def entries(text):
    """The requirements of a pinned file, each with its continuation lines."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    return [entry.replace("\\\n", "") for entry in re.split(r"\n(?=\S)", "\n".join(lines))]


def versions(text, python="3.11"):
    """Package name to version, as pip would choose them on Linux with a given Python."""
    where = {
        **default_environment(),
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "platform_machine": "x86_64",
    }
    found = {}
    for entry in entries(text):
        requirement = Requirement(entry.split(" --hash")[0].strip())
        if requirement.marker is None or requirement.marker.evaluate(where):
            (pin,) = requirement.specifier
            assert pin.operator == "=="
            assert found.setdefault(canonicalize_name(requirement.name), pin.version) == pin.version
    return found


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", PINNED)
def test_every_direct_dependency_is_pinned_within_its_range(name, python):
    pinned = versions(TORCH) | versions(PINNED[name], python)
    wanted = DIRECT[name] + ([] if name == "build" else DIRECT["run"] + DIRECT["build"])
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), str(requirement)


def test_torch_is_pinned_apart_as_its_builds_have_no_common_hash():
    pinned = versions(TORCH)
    assert pinned.keys() == {"torch"}
    assert not pinned.keys() & versions(PINNED["test"]).keys()
    needed = {
        canonicalize_name(Requirement(line).name) for line in requires("torch") if "extra ==" not in line
    }
    on_any_processor = {name for name in needed if not name.startswith(("nvidia", "cuda", "triton"))}
    assert on_any_processor <= versions(PINNED["test"]).keys()


@pytest.mark.parametrize("python", PYTHONS)
def test_pinned_files_agree_and_say_nothing_twice(python):
    run = versions(FILES["run"], python)
    everywhere = {name for name in run if re.search(rf"^{name}==[^;]*$", FILES["run"], re.MULTILINE)}
    assert len(everywhere) > 80
    assert versions(FILES["build"], python).items() <= run.items()
    for name in ON_TOP_OF_RUN:
        pinned = versions(FILES[name], python)
        assert not pinned.keys() & everywhere
        assert all(run.get(package, version) == version for package, version in pinned.items())


@pytest.mark.parametrize("name", PINNED)
def test_every_pin_has_hashes(name):
    for entry in entries(PINNED[name]):
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:60]


@pytest.mark.parametrize("path", sorted((ENVS).rglob("*.*")), ids=lambda path: path.name)
def test_environments_name_no_host_and_no_folder_of_a_machine(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links", text)
    assert not re.search(r"(?<![\w.])/(home|tmp|root|work|usr|opt/(?!jetresim))", text)


def test_conda_environment_is_that_of_the_pinned_requirements():
    text = (ENVS / "jetresim.yaml").read_text(encoding="utf-8")
    assert text == load_conda().environment(PINNED["run"]), "out of date: run `make pins`"
    conda, (pip,) = (
        [item for item in yaml.safe_load(text)["dependencies"] if isinstance(item, kind)]
        for kind in (str, dict)
    )
    assert versions("\n".join(pip["pip"])) == versions(PINNED["run"])
    assert conda == ["python =3.11", "pip"]


def test_container_has_the_python_of_the_conda_environment_and_the_pinned_requirements():
    text = (ENVS / "jetresim.def").read_text(encoding="utf-8")
    assert "From: python:3.11-slim\n" in text
    assert "--require-hashes" in text
    for room in ROOMS:
        assert f"    {room.name} /opt/jetresim/{room.name}\n" in text


def foreign(folders):
    """Top-level names that the modules in some folders import, their own and Python's left out."""
    files = [path for folder in folders for path in folder.rglob("*.py")]
    names = {name.split(".")[0] for path in files for name in imported(path)}
    scripts = [path.stem for folder in ("tests", "examples") for path in (ROOT / folder).iterdir()]
    ours = {path.name for path in ROOT.iterdir()} | set(scripts)
    return names - ours - sys.stdlib_module_names


@pytest.mark.parametrize(
    ("folders", "groups"),
    [
        (ROOMS, ["run", "huggingface", "torch", "toptagging"]),
        ([*ROOMS, ROOT / "tests", ENVS], ["run", "test"]),
    ],
    ids=["run", "test"],
)
def test_every_import_is_a_direct_dependency(folders, groups):
    direct = {canonicalize_name(Requirement(line).name) for group in groups for line in DIRECT[group]}
    owners = packages_distributions()
    missing = {
        name
        for name in foreign(folders)
        if not direct & {canonicalize_name(owner) for owner in owners.get(name, [])}
    }
    assert not missing


def test_packages_are_the_rooms_that_exist_and_all_that_is_in_them():
    rooms = {path.parent for path in ROOT.glob("*/__init__.py")} - {ROOT / "benchmarks", ROOT / "tests"}
    assert set(ROOMS) == rooms
    inside = {path.parent for room in ROOMS for path in room.rglob("__init__.py")}
    names = {folder: name for name, folder in FOLDERS.items()}
    expected = {
        ".".join([names[path.parts[0]], *path.parts[1:]])
        for path in (each.relative_to(ROOT) for each in inside)
    }
    assert set(PACKAGES) == expected | {"jetresim.config", "jetresim.envs", "jetresim.profiles"}


def test_build_requirements_are_pinned_ones():
    assert PYPROJECT["build-system"]["requires"] == DIRECT["build"]


def test_commands_know_what_the_extra_for_making_data_brings():
    generate = PYPROJECT["project"]["optional-dependencies"]["generate"]
    assert {canonicalize_name(Requirement(line).name) for line in generate} == GENERATE


def test_pythia_is_one_exact_release():
    (pythia,) = [Requirement(line) for line in DIRECT["run"] if line.startswith("pythia8mc")]
    assert str(pythia.specifier) == "==8.317.2"


def test_version_is_the_same_everywhere():
    assert PYPROJECT["tool"]["setuptools"]["dynamic"]["version"] == {
        "attr": "jetresim.campaign.version.code_version"
    }
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == campaign.__version__
    assert code_version().partition("+")[0] == campaign.__version__
    assert citation["license"] == PYPROJECT["project"]["license"]


def test_pinned_snakemake_has_no_requirement_outside_the_pins():
    needed = {Requirement(line) for line in requires("snakemake") if "extra ==" not in line}
    assert {canonicalize_name(requirement.name) for requirement in needed} <= versions(PINNED["run"]).keys()


@pytest.fixture
def checkout(tmp_path):
    """A folder in which make can start to set up, and a Python that says what the test wants."""
    if shutil.which("make") is None:
        pytest.skip("make is missing")
    for name in ("Makefile", "pyproject.toml", "envs/requirements"):
        source, copy = ROOT / name, tmp_path / name
        copy.parent.mkdir(exist_ok=True)
        shutil.copytree(source, copy) if source.is_dir() else shutil.copy(source, copy)

    def make(script, *arguments):
        python = tmp_path / "python"
        python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        python.chmod(0o755)
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "MFLAGS"))}
        return subprocess.run(
            ["make", *(arguments or [f"PYTHON={python}"]), ".venv/run.stamp"],
            cwd=tmp_path,
            env=clean,
            capture_output=True,
            text=True,
            check=False,
        )

    return make


def test_make_refuses_an_unsupported_python_by_its_version(checkout):
    result = checkout('test "$1" = --version && echo Python 3.9.18 || exit 1')
    assert result.returncode
    assert "is Python 3.9.18, expected 3.11, 3.12 or 3.13; name another: make PYTHON=" in result.stderr


def test_make_says_when_no_python_fits(checkout):
    result = checkout("exit 1", "PYTHON=")
    assert result.returncode
    assert "no Python 3.11, 3.12 or 3.13 found; name one: make PYTHON=" in result.stderr


def test_make_says_that_the_venv_module_is_missing(checkout):
    result = checkout('case "$2" in *ensurepip*) exit 1;; esac')
    assert result.returncode
    assert "cannot make virtual environments; install its venv module" in result.stderr
