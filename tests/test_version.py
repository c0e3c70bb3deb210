import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from packaging.version import Version

from jetresim.campaign import __version__
from jetresim.campaign.provenance import versions
from jetresim.campaign.version import ENVIRONMENT, MAKES_DATA, code_version

ROOT = Path(__file__).parents[1]
version = code_version.__wrapped__


def git(root, *arguments):
    identity = ["-c", "user.name=x", "-c", "user.email=x@y", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *identity, "-C", str(root), *arguments], check=True, capture_output=True
    ).stdout


def commit(root, file, text):
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text)
    git(root, "add", ".")
    git(root, "commit", "-m", file)
    return git(root, "rev-parse", "--short=9", "HEAD").decode().strip()


@pytest.fixture(autouse=True)
def _no_workflow(monkeypatch):
    monkeypatch.delenv(ENVIRONMENT, raising=False)


@pytest.fixture
def clone(tmp_path):
    root = tmp_path / "clone"
    root.mkdir()
    git(root, "init")
    for name in (".git_archival.txt", ".gitattributes"):
        (root / name).write_bytes((ROOT / name).read_bytes())
    commit(root, "campaign/a.py", "1")
    return root


def test_version_names_the_commit_that_changed_the_packages(clone):
    changed = commit(clone, "jets/b.py", "1")
    assert version(clone) == f"{__version__}+g{changed}"
    commit(clone, "docs/c.md", "1")
    commit(clone, "config/mine.yaml", "1")
    assert version(clone) == f"{__version__}+g{changed}"


def test_changes_that_are_not_committed_are_named_by_their_content(clone):
    clean = version(clone)
    (clone / "config").mkdir()
    (clone / "config/config.yaml").write_text("mine")
    assert version(clone) == clean
    found = []
    for text in ("2", "3", "2"):
        (clone / "campaign/a.py").write_text(text)
        found.append(version(clone))
    assert found[0] == found[2] != found[1]
    assert all(each.startswith(f"{clean}.dirty.") for each in found)
    assert [str(Version(each)) for each in found] == found


def test_tag_of_the_release_is_the_release(clone):
    git(clone, "tag", "v0.0.1")
    assert version(clone) != __version__
    git(clone, "tag", f"v{__version__}")
    assert version(clone) == __version__
    (clone / "campaign/a.py").write_text("2")
    assert version(clone).startswith(f"{__version__}+dirty.")


def test_exported_tree_names_its_commit(clone, tmp_path):
    (tmp_path / "exported.tar").write_bytes(git(clone, "archive", "HEAD"))
    with tarfile.open(tmp_path / "exported.tar") as archive:
        archive.extractall(tmp_path / "exported", filter="data")
    assert version(tmp_path / "exported") == version(clone)


def test_version_without_git_is_that_of_the_workflow(clone, monkeypatch, tmp_path):
    monkeypatch.setenv(ENVIRONMENT, "1.2.3+gabc")
    assert version(clone).startswith(__version__)  # what is asked is there, and may have changed since
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert version(clone) == "1.2.3+gabc"
    monkeypatch.delenv(ENVIRONMENT)
    assert version(clone) == f"{__version__}+unknown"


def test_installed_package_within_a_foreign_clone_has_the_version_of_its_build(clone):
    packages = clone / "lib/site-packages/jetresim"
    metadata = packages.parent / "jetresim-7.8.dist-info/METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.4\nName: jetresim\nVersion: 7.8\n")
    assert version(packages) == "7.8"


def test_packages_that_make_data_exist():
    assert all((ROOT / name / "__init__.py").exists() for name in MAKES_DATA)


def test_jobs_have_the_version_with_the_source_alone(tmp_path):
    command = [sys.executable, "-m", "jetresim.campaign.version"]
    found = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == code_version() == versions()["jetresim"]


def test_build_reads_the_version_without_what_it_is_building():
    command = [sys.executable, "-I", "-S", ROOT / "campaign" / "version.py"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == code_version()
