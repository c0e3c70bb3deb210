import json
import os
import shutil
import stat

import pytest

from jetresim.campaign.errors import ShowerError
from jetresim.campaign.herwig import HerwigOptions
from jetresim.showers.herwig7.card import Dialect
from jetresim.showers.herwig7.program import command_line, find_herwig, herwig_version
from jetresim.showers.herwig7.run_file import prepare
from jetresim.showers.herwig7.shower import check_herwig
from tests.herwig_samples import ENERGY, STAND_IN

THREE_WAYS = r"put `Herwig` on the PATH, set `executable` to its path, or set `container` to an image"

# Runs the program where it is told to, as Apptainer does; an image is a directory with programs here.
APPTAINER = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
shift
while [ "$1" = --bind ]; do [ -d "$2" ] || exit 9; shift 2; done
cd "$2" || exit 9
image="$3"
shift 3
PATH="$image:$PATH" exec "$@"
"""


@pytest.fixture(autouse=True)
def _fresh_versions():
    herwig_version.cache_clear()


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """An empty directory at the head of the PATH."""
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
    return directory


@pytest.fixture
def apptainer(programs):
    path = programs / "apptainer"
    path.write_text(APPTAINER)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def image(tmp_path):
    directory = tmp_path / "herwig.sif"
    directory.mkdir()
    (directory / "Herwig").symlink_to(STAND_IN)
    return directory


def test_herwig_is_found_on_the_path(programs):
    (programs / "Herwig").symlink_to(STAND_IN)
    assert find_herwig(HerwigOptions()) == (str(programs / "Herwig"),)


def test_herwig_is_found_where_the_config_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").symlink_to(STAND_IN)
    assert find_herwig(HerwigOptions(executable="./mine")) == (str(tmp_path / "mine"),)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({}, "program 'Herwig' not found or not executable"),
        ({"executable": "/nowhere/Herwig"}, "program '/nowhere/Herwig' not found"),
        (
            {"container": "docker://some/image"},
            "no apptainer, singularity or docker on the PATH to run docker://some/image",
        ),
    ],
)
def test_a_missing_herwig_names_the_three_ways_to_get_it(tmp_path, monkeypatch, options, problem):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ShowerError, match=f"Herwig 7: {problem}.*{THREE_WAYS}") as caught:
        find_herwig(HerwigOptions(**options))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("apptainer")
def test_a_missing_image_is_told():
    with pytest.raises(ShowerError, match=r"container image nowhere\.sif does not exist"):
        find_herwig(HerwigOptions(container="nowhere.sif"))


def test_a_container_sees_the_directories_it_works_in(herwig, hard_events, apptainer, image, tmp_path):
    shower = herwig(container=str(image), executable="Herwig")
    assert [batch.succeeded.all() for batch in shower.simulate(hard_events("higgs", 4))] == [True]
    version, read, run = (apptainer.parent / "calls").read_text().splitlines()
    assert version.endswith(f" {image} Herwig --version")
    assert f" {image} Herwig read herwig-" in read
    assert f"--bind {tmp_path / 'work'} --pwd {tmp_path / 'scratch'}/herwig-" in run
    assert f" {image} Herwig run {tmp_path / 'work'}/herwig-" in run


def test_the_command_line_is_plain_without_a_container(tmp_path):
    assert command_line(("/bin/Herwig",), ["read", "a.in"], [tmp_path]) == ["/bin/Herwig", "read", "a.in"]


def test_the_version_is_that_of_the_program():
    assert herwig_version((str(STAND_IN),)) == "Herwig 7.3.0 / ThePEG 2.3.0"


def test_checking_reads_the_card_and_leaves_nothing(scratch):
    options = HerwigOptions(executable=str(STAND_IN))
    assert check_herwig(options, ENERGY) == "Herwig 7.3.0 / ThePEG 2.3.0"
    wrong = options.model_copy(update={"card": ("set ShowerHandler:MaxPtIsMuF Yes",)})
    with pytest.raises(
        ShowerError,
        match=r"refuses the card at `set ShowerHandler:MaxPtIsMuF Yes`: There was no object named",
    ):
        check_herwig(wrong, ENERGY)
    assert list(scratch.iterdir()) == []


def test_a_run_file_belongs_to_card_program_and_energy(tmp_path, faults):
    options = HerwigOptions(executable=str(STAND_IN))
    command = find_herwig(options)
    first, dialect = prepare(command, options, ENERGY, tmp_path / "work")
    assert dialect is Dialect.NEW
    assert prepare(command, options, ENERGY, tmp_path / "work")[0] == first
    assert prepare(command, options, 14000.0, tmp_path / "work")[0] != first
    assert prepare(command, options.model_copy(update={"mpi": False}), ENERGY, tmp_path / "work")[0] != first
    assert json.loads(first.read_text())["beams"] == ["6500.0", "6500.0"]
    # How Herwig is run is no matter of the card.
    assert (
        prepare(command, options.model_copy(update={"block_events": 7}), ENERGY, tmp_path / "work")[0]
        == first
    )
    herwig_version.cache_clear()
    faults("old")
    other, dialect = prepare(command, options, ENERGY, tmp_path / "work")
    assert (other != first, dialect) == (True, Dialect.OLD)


def test_an_old_herwig_is_told_what_it_cannot_do(herwig, hard_events, faults):
    faults("old")
    with pytest.raises(ShowerError, match=r"too old for fsr_scale and isr_scale to differ: 7\.3 is needed"):
        list(herwig(fsr_scale=0.5).simulate(hard_events("higgs", 2)))


def test_a_refusal_is_quoted(tmp_path, faults):
    faults("refuse")
    options = HerwigOptions(executable=str(STAND_IN))
    with pytest.raises(ShowerError, match=r"^Herwig read refuses the card: told to refuse$"):
        prepare(find_herwig(options), options, ENERGY, tmp_path)
    assert not list(tmp_path.glob("*.run"))
    assert not list(tmp_path.glob(".partial*"))


def test_a_program_that_cannot_be_started_is_told(tmp_path):
    broken = tmp_path / "Herwig"
    broken.write_text("#!/nowhere/sh\n")
    broken.chmod(0o755)
    with pytest.raises(ShowerError, match=r"^Herwig cannot be started: .*Herwig: not found$"):
        herwig_version((str(broken),))


def test_a_program_that_is_not_herwig_is_told():
    with pytest.raises(ShowerError, match=r"^/\S*true is not Herwig 7: with --version it says 'true .*'$"):
        herwig_version((shutil.which("true"),))


def test_a_library_that_is_missing_is_told(tmp_path):
    broken = tmp_path / "Herwig"
    message = "Herwig: error while loading shared libraries: libgsl.so.27: cannot open shared object file"
    broken.write_text(f"#!/bin/sh\necho '{message}' >&2\nexit 127\n")
    broken.chmod(0o755)
    with pytest.raises(ShowerError, match=rf"^Herwig cannot be started: {message}$"):
        herwig_version((str(broken),))


def test_a_read_that_does_not_end_says_what_it_reads(tmp_path, monkeypatch):
    slow = tmp_path / "Herwig"
    slow.write_text('#!/bin/sh\n[ "$1" = read ] && sleep 60\necho Herwig 7.3.0\n')
    slow.chmod(0o755)
    monkeypatch.setattr("jetresim.showers.herwig7.run_file.READ_TIME_LIMIT", 0.3)
    options = HerwigOptions(executable=str(slow), pdf="CT18NLO")
    with pytest.raises(ShowerError, match=r"read is not done after 0\.3 s, reading .*PDF sets, CT18NLO"):
        prepare(find_herwig(options), options, ENERGY, tmp_path / "work")
    assert not list((tmp_path / "work").iterdir())
