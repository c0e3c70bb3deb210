"""`jetresim herwig`: one line for everything that Herwig needs, exit code 0 only where it works."""

import os
import re
import shutil
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from jetresim.campaign.config import parse
from jetresim.campaign.herwig import HerwigOptions
from jetresim.showers.herwig7.installation import _ch3, lines_to_write
from jetresim.showers.herwig7.pdf_sets import CH3_SETS, copy_pdf_sets
from jetresim.showers.herwig7.program import IMAGE, find_herwig, herwig_version
from jetresim.showers.herwig7.shower import Herwig7
from jetresim.workflow.cli import app
from tests.herwig_samples import ENERGY, SEED, STAND_IN, needs_herwig

MODULE = "jetresim.showers.herwig7.installation"
HERWIG = shutil.which("Herwig")

# Stand-ins that note how they are called. An image of Apptainer is a directory with programs here.
APPTAINER = f"""#!/bin/sh
echo "$@" >> "$0.calls"
if [ "$1" = pull ]; then
    [ -z "$NO_NETWORK" ] || exit 255
    mkdir "$2" && exec ln -s {STAND_IN} "$2/Herwig"
fi
shift
while [ "$1" = --bind ]; do shift 2; done
cd "$2" && image="$3" && shift 4 && exec "$image/Herwig" "$@"
"""
DOCKER = f"""#!/bin/sh
echo "$@" >> "$0.calls"
[ "$1" = run ] || exit 0
shift
while [ "${{1#--}}" != "$1" ]; do case "$1" in --workdir=*) cd "${{1#*=}}" || exit 9;; esac; shift; done
shift
exec {STAND_IN} "$@"
"""


@pytest.fixture(autouse=True)
def bare(tmp_path, monkeypatch):
    """A folder that is all of the PATH: the shell's programs, but no Herwig and no containers."""
    herwig_version.cache_clear()
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python3").symlink_to(sys.executable)  # what is found may be a script of a version manager
    for program in ("sh", "mkdir", "rm", "sleep", "ldd", "ln", "env"):
        if found := shutil.which(program):
            (folder / program).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def recorded_event(monkeypatch, hard_events):
    """The stand-in knows recorded hard events alone."""
    monkeypatch.setattr(f"{MODULE}.z_event", lambda mass: hard_events("higgs", 1)[0].record)


def install(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def herwig(*arguments: str):
    return CliRunner().invoke(app, ["herwig", *arguments])


def printed_options(output: str) -> HerwigOptions:
    """The `herwig` of the printed lines, which a configuration takes as they are."""
    lines = yaml.safe_load(output.partition("write in the configuration:\n")[2])
    asked = {"name": "x", "seed": 1, "events": 10, "processes": {"higgs": None}}
    return parse({**asked, **lines}, "printed").augmentation("herwig7").herwig


@pytest.mark.usefixtures("recorded_event")
def test_a_herwig_that_works_is_told_with_the_lines_to_write(scratch):
    found = herwig("--executable", str(STAND_IN))
    assert found.exit_code == 0, found.output
    told = [line.split()[:3] for line in found.stdout.splitlines()]
    assert told[:2] == [["ok", "program", str(STAND_IN)], ["ok", "version", "Herwig"]]
    assert [line[:3] for line in told[2:4]] == [["ok", "Herwig", "read"], ["ok", "Herwig", "run"]]
    assert printed_options(found.stdout).executable == str(STAND_IN)
    assert not list(scratch.iterdir())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    executable=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1),
    container=st.none() | st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1),
)
def test_the_printed_lines_mean_the_same_whatever_a_path_is_called(executable, container):
    options = HerwigOptions(executable=executable, container=container)
    printed = "write in the configuration:\n" + "\n".join(lines_to_write(options))
    assert printed_options(printed) == options


@pytest.mark.usefixtures("recorded_event")
def test_the_limits_of_an_older_herwig_are_a_note(faults):
    faults("old")
    found = herwig("--executable", str(STAND_IN))
    assert found.exit_code == 0, found.output
    assert "note   limits       older than 7.3: events are told apart by their partons alone" in found.stdout


def test_without_herwig_the_ways_to_get_it_are_told():
    found = herwig()
    assert found.exit_code == 1
    program, container = found.stdout.splitlines()
    assert program.startswith("error  program      Herwig 7: program 'Herwig' not found")
    assert "put `Herwig` on the PATH, set `executable` to its path, or set `container`" in program
    assert (
        container
        == "note   container    neither Apptainer nor Docker is there, one of which would run an image"
    )


def test_a_program_that_is_not_herwig_is_an_error(bare):
    found = herwig("--executable", str(install(bare / "Herwig", "#!/bin/sh\necho this is another\n")))
    assert found.exit_code == 1
    assert found.stdout.splitlines()[-1].endswith("is not Herwig 7: with --version it says 'this is another'")


def test_libraries_that_are_missing_are_named_at_once(bare):
    """Also those of the files that Herwig loads while it runs."""
    install(bare / "Herwig", "")
    unlisted = bare.parent / "lib" / "Herwig" / "HwMPI.so"
    unlisted.parent.mkdir(parents=True)
    unlisted.touch()
    (bare / "ldd").unlink()
    install(
        bare / "ldd", '#!/bin/sh\necho "$2:"; echo "  libgsl.so.27 => not found"; echo "  libc.so.6 => /c"\n'
    )
    found = herwig()
    assert found.exit_code == 1
    assert found.stdout.splitlines()[-1] == (
        "error  libraries    libgsl.so.27 not found; "
        "install their packages, or name their folders in LD_LIBRARY_PATH"
    )


@pytest.mark.usefixtures("recorded_event")
@pytest.mark.parametrize("fault", ["refuse", "mute", "drop=0"])
def test_a_herwig_that_does_not_read_or_run_is_an_error(faults, fault):
    faults(fault)
    found = herwig("--executable", str(STAND_IN))
    assert found.exit_code == 1
    assert f"error  Herwig {'read' if fault == 'refuse' else 'run'}" in found.stdout.splitlines()[-1]
    assert "write in the configuration" not in found.stdout


@pytest.mark.parametrize(
    "complaint",
    ["Info file not found for PDF set 'CT14lo'", "Error: 'set A:PDFName CT14lo': PDF not installed."],
)
def test_a_pdf_set_that_is_missing_is_named_with_how_to_get_it(bare, complaint):
    script = f'#!/bin/sh\n[ "$1" = read ] && echo "{complaint}" && exit 1\necho Herwig 7.3.0\n'
    found = herwig("--executable", str(install(bare / "Herwig", script)))
    assert found.exit_code == 1
    assert found.stdout.splitlines()[-1].endswith(
        "Herwig read  the PDF set CT14lo is not installed for LHAPDF: `lhapdf install CT14lo`"
    )


@pytest.mark.usefixtures("recorded_event")
@pytest.mark.parametrize(
    ("runtime", "script", "image"),
    [("apptainer", APPTAINER, "herwig-7.3.0.sif"), ("docker", DOCKER, f"docker://{IMAGE}")],
)
def test_the_image_is_pulled_and_runs(bare, runtime, script, image):
    install(bare / runtime, script)
    assert herwig().stdout.splitlines()[-1].startswith("note   container    `jetresim herwig --pull` gets")
    found = herwig("--pull")
    assert found.exit_code == 0, found.output
    pull, version, *runs = (bare / f"{runtime}.calls").read_text().splitlines()
    assert pull.startswith("pull ")
    assert pull.endswith(IMAGE)
    assert version.endswith("--version")
    assert [run.count(" run /") for run in runs] == [0, 1, 0]  # read, run, and read for CH3
    assert printed_options(found.stdout).container == image


def test_a_pull_that_fails_leaves_nothing(bare, monkeypatch):
    install(bare / "apptainer", APPTAINER)
    monkeypatch.setenv("NO_NETWORK", "1")
    found = herwig("--pull")
    assert found.exit_code == 1
    assert re.search(r"error: .*apptainer pull .* ended with exit code 255$", str(found.exception))
    assert not list(bare.parent.glob("*.sif")) + list(bare.parent.glob(".partial*"))


def test_without_containers_nothing_can_be_pulled():
    found = herwig("--pull")
    assert str(found.exception) == (
        f"error: no apptainer, singularity or docker on the PATH to pull docker://{IMAGE} with"
    )


def test_docker_runs_no_file_of_apptainer(bare):
    install(bare / "docker", DOCKER)
    Path("herwig.sif").touch()
    found = herwig("--container", "herwig.sif")
    assert f"docker cannot run herwig.sif; set `container: docker://{IMAGE}`" in found.stdout


def test_the_sets_of_ch3_are_written_once_and_describe_pythia_s_grids(tmp_path):
    assert copy_pdf_sets(tmp_path) == list(CH3_SETS)
    assert copy_pdf_sets(tmp_path) == []
    for name, (_, order, alpha_s) in CH3_SETS.items():
        grid = (tmp_path / name / f"{name}_0000.dat").read_text().split("---\n")
        told = yaml.safe_load((tmp_path / name / f"{name}.info").read_text())
        assert (told["AlphaS_OrderQCD"], told["AlphaS_MZ"]) == (order, alpha_s)
        assert told["Flavors"] == [int(word) for word in grid[1].splitlines()[2].split()]
        scales = [float(word) for part in grid[1:3] for word in part.splitlines()[1].split()]
        assert (told["QMin"], told["QMax"]) == (min(scales), max(scales))


def test_without_pythia_no_sets_are_written(tmp_path, monkeypatch):
    monkeypatch.setattr("jetresim.showers.herwig7.pdf_sets.files", lambda package: None)
    found = herwig("--pdf-sets", str(tmp_path / "sets"))
    assert "the grid NNPDF31_nnlo_as_0118_luxqed of Pythia is not there" in str(found.exception)
    assert not (tmp_path / "sets").exists()


@needs_herwig
def test_the_real_program_works_with_the_sets_of_ch3_from_pythia(tmp_path, monkeypatch, hard_events):
    monkeypatch.setenv("PATH", f"{Path(HERWIG).parent}{os.pathsep}{os.environ['PATH']}")
    sets = tmp_path / "sets"
    monkeypatch.setenv("LHAPDF_DATA_PATH", str(sets))
    without = next(iter(examine_ch3()))
    assert without.works is None
    assert re.search(r"NNPDF31_nnlo_as_0118 is not installed for LHAPDF: .*--pdf-sets FOLDER`$", without.text)
    found = herwig("--pdf-sets", str(sets))
    assert found.exit_code == 0, found.output
    assert [line.split()[0] for line in found.stdout.splitlines()[2:8]] == ["ok"] * 6
    assert found.stdout.splitlines()[7].endswith("NNPDF31_nnlo_as_0118 and NNPDF31_lo_as_0130 are there")
    assert printed_options(found.stdout) == HerwigOptions()
    tune = HerwigOptions(tune="CH3", mpi=False, block_events=12)
    (batch,) = Herwig7("higgs", "herwig7", SEED, ENERGY, tune, tmp_path).simulate(hard_events("higgs", 2))
    assert batch.succeeded.all()


def examine_ch3():
    return _ch3(find_herwig(HerwigOptions()), HerwigOptions())
