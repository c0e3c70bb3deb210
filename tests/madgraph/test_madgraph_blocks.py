"""Blocks of events and the generator around them, with gridpacks that need no MadGraph."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jetresim.audit.merge import merge_campaign
from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.errors import DataError, HardEventError
from jetresim.campaign.paths import Paths
from jetresim.campaign.seeds import block_seed
from jetresim.generators.lhe_files import open_lhe
from jetresim.generators.madgraph.generator import MadGraph
from jetresim.generators.madgraph.program import interruption
from jetresim.generators.survey import read_survey
from jetresim.workflow.stages.hard import make_hard, make_survey
from tests.stand_in_gridpack import CROSS_SECTION, script, write_gridpack

SIZE = 10
ROOT = Path(__file__).parents[2]


def asked(chunk: int = 20, events: int = 40, threads: int = 1, **options) -> Campaign:
    return parse(
        {
            "name": "small",
            "seed": 5,
            "events": events,
            "chunk": chunk,
            "madgraph": {"block_events": SIZE, "threads": threads, **options},
            "processes": {
                "jj": {
                    "generator": "madgraph",
                    "madgraph": {"process": ["generate p p > j j"], "run_card": {"ptj": 700, "mmbb": 7}},
                    "targets": ["parton"],
                }
            },
            "augmentations": ["nominal"],
        },
        "test",
    )


@pytest.fixture(autouse=True)
def scratch(tmp_path, monkeypatch) -> Path:
    """A place for temporary files of its own, so that tests see what is left behind."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def paths(tmp_path) -> Paths:
    return Paths.of(asked(), str(tmp_path / "results"))


def survey_of(campaign: Campaign, paths: Paths):
    output = Path(paths.survey.format(process="jj"))
    make_survey(campaign, "jj", output)
    return read_survey(output)


def scales(campaign: Campaign, paths: Paths, events: range) -> list[int]:
    """Seed of the run and number in it of events, as one number."""
    survey = survey_of(campaign, paths)
    made = list(MadGraph(campaign, "jj", paths).events(events, survey))
    assert [event.index for event in made] == list(events)
    return [int(event.record.eventinfo.scale) for event in made]


def expected(block: int, *counts: int) -> list[int]:
    """Events of a block, by how many come from each of its runs."""
    return [
        block_seed(5, "jj", block, run) * 1000 + place
        for run, count in enumerate(counts)
        for place in range(count)
    ]


@pytest.mark.parametrize(
    ("rule", "counts"), [("", (10,)), ("+ 3", (10,)), ("* 7 / 10", (7, 3)), ("* 3 / 10", (3, 3, 3, 1))]
)
def test_block_has_its_number_of_events_whatever_a_run_makes(paths, rule, counts):
    campaign = asked()
    write_gridpack(campaign, "jj", paths, script(rule))
    assert scales(campaign, paths, range(30)) == [
        scale for block in range(3) for scale in expected(block, *counts)
    ]


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 39), st.integers(1, 40), st.integers(1, 3))
def test_event_does_not_depend_on_chunks_cores_and_those_beside_it(paths, start, number, threads):
    write_gridpack(asked(), "jj", paths, script("* 7 / 10"))
    whole = [scale for block in range(8) for scale in expected(block, 7, 3)]
    events = range(start, start + number)
    assert scales(asked(threads=threads), paths, events) == whole[start : start + number]


def test_files_of_a_campaign_do_not_change_when_it_grows(paths):
    made = []
    for campaign in (asked(events=25), asked(events=40, threads=2)):
        write_gridpack(campaign, "jj", paths, script())
        survey = survey_of(campaign, paths)
        file = Path(paths.hard.format(process="jj", chunk="00000"))
        make_hard(campaign, "jj", 0, Path(paths.survey.format(process="jj")), file)
        made.append(file.read_bytes())
    assert made[0] == made[1]
    assert survey.cross_section == CROSS_SECTION
    with open_lhe(file) as source:
        assert source.provenance["versions"]["madgraph"] == "3.5.7"
        assert source.provenance["made_with"]["process"]["madgraph"]["run_card"] == {"ptj": 700, "mmbb": 7}
        assert {record.eventinfo.weight for record in source.events} == {CROSS_SECTION}
        assert source.init.initInfo.PDFsetA == 247000


def test_cuts_that_events_do_not_fulfil_are_told_with_their_number(paths):
    write_gridpack(asked(), "jj", paths, script())
    (warning, *_) = survey_of(asked(), paths).warnings
    assert warning.startswith("`run_card` has ptj = 700, which 10 of 10 events do not fulfil")


def test_gridpack_of_another_definition_is_not_taken(paths, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    write_gridpack(asked(), "jj", paths, script(), scripts="other")
    with pytest.raises(
        HardEventError, match=r"^process jj: MadGraph: program 'mg5_aMC' not found"
    ) as refused:
        survey_of(asked(), paths)
    assert "\n" not in str(refused.value)


def test_gridpack_with_other_grids_than_those_of_the_survey_is_refused(paths):
    write_gridpack(asked(), "jj", paths, script())
    survey = survey_of(asked(), paths)
    write_gridpack(asked(), "jj", paths, script(), grids="other")
    with pytest.raises(DataError, match=r"its gridpack \(other\) is not the one of its survey \(0\)"):
        list(MadGraph(asked(), "jj", paths).events(range(10), survey))


def test_damaged_gridpack_is_refused(paths):
    file = write_gridpack(asked(), "jj", paths, script())
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(DataError, match="damaged, or no gridpack of this version; delete it"):
        survey_of(asked(), paths)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "#!/bin/sh\necho 'MadEventError : A compilation Error occurs'; exit 0\n",
            "process jj, events of the survey: MadGraph made no events.lhe.gz: A compilation Error occurs",
        ),
        (
            "#!/bin/sh\necho no libgfortran.so.5\nexit 127\n",
            "process jj, events of the survey: MadGraph ended with exit code 127: no libgfortran.so.5",
        ),
        (
            "#!/bin/sh\necho hello\n",
            "process jj, events of the survey: MadGraph made no events.lhe.gz: hello",
        ),
        (
            "#!/bin/sh\nsleep 60\n",
            "process jj, events of the survey: MadGraph is not done after 0.5 s (time_limit)",
        ),
    ],
)
def test_failure_is_one_line_with_the_reason_and_leaves_no_folder(paths, scratch, text, message):
    campaign = asked(time_limit=0.5 if "sleep" in text else 60)
    write_gridpack(campaign, "jj", paths, text)
    with pytest.raises(HardEventError) as failed:
        survey_of(campaign, paths)
    assert str(failed.value) == message
    assert not list(scratch.iterdir())
    assert not Path(paths.survey.format(process="jj")).exists()


def test_block_that_stays_too_short_is_told_with_what_to_do(paths):
    campaign = asked(block_events=40, chunk=40)
    write_gridpack(campaign, "jj", paths, script("* 0 + 1"))
    survey = survey_of(campaign, paths)
    with pytest.raises(HardEventError) as failed:
        list(MadGraph(campaign, "jj", paths).events(range(10), survey))
    assert str(failed.value) == (
        "process jj, block 0 of events: MadGraph made 32 of 40 in 32 runs; ask for a smaller `block_events`, "
        "or for cuts that are easier to meet"
    )


def test_gridpacks_of_two_sites_are_merged_where_they_make_the_same_events(tmp_path):
    parts = []
    for site in "ab":
        paths = Paths.of(asked(), str(tmp_path / site))
        write_gridpack(asked(), "jj", paths, script())
        survey_of(asked(), paths)
        write_gridpack(asked(), "jj", paths, f"# {site}\n")
        parts.append(Path(paths.root))
    merged = merge_campaign(asked(), parts, tmp_path / "merged")
    assert (merged.folder / "hard" / "jj" / "gridpack.tar.gz").exists()
    write_gridpack(asked(), "jj", paths, script(), grids="other")
    with pytest.raises(DataError, match=r"gridpack\.tar\.gz: is not the one of its survey"):
        merge_campaign(asked(), parts, tmp_path / "again")


def test_log_of_every_run_is_kept(paths):
    write_gridpack(asked(), "jj", paths, "#!/bin/sh\necho a word; ./rest.sh 2>&1; true\n" + script()[10:])
    scales(asked(), paths, range(20))
    folder = Path(paths.madgraph.format(process="jj"))
    assert {file.name for file in folder.iterdir()} == {
        "survey.log",
        "block-000000-0.log",
        "block-000001-0.log",
    }
    assert all("a word" in file.read_text() for file in folder.iterdir())


RUNTIME = """\
#!/bin/sh
echo "$@" >> {note}
while [ "$1" != /image.sif ]; do last=$1; shift; done
shift
cd "$last" && exec "$@"
"""


def test_gridpack_runs_in_the_container_that_its_folder_is_bound_to(paths, tmp_path, monkeypatch):
    note, program = tmp_path / "note", tmp_path / "bin" / "apptainer"
    program.parent.mkdir()
    program.write_text(RUNTIME.format(note=note).replace("/image.sif", str(tmp_path / "image.sif")))
    program.chmod(0o755)
    (tmp_path / "image.sif").touch()
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    campaign = asked(container=str(tmp_path / "image.sif"))
    write_gridpack(campaign, "jj", paths, script())
    assert scales(campaign, paths, range(10)) == expected(0, 10)
    words = note.read_text().splitlines()[0].split()
    folder = words[2]
    image = str(tmp_path / "image.sif")
    assert words[:7] == ["exec", "--bind", folder, "--pwd", folder, image, "./run.sh"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"executable": "nosuchprogram"},
            "MadGraph: program 'nosuchprogram' not found or not executable; put",
        ),
        (
            {"container": "/nosuch.sif"},
            "MadGraph: no apptainer or singularity on the PATH to run /nosuch.sif",
        ),
    ],
)
def test_missing_program_is_told_with_the_ways_to_get_it(monkeypatch, changes, message):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(HardEventError) as refused:
        MadGraph(asked(**changes), "jj").check()
    assert str(refused.value).startswith(f"process jj: {message}")
    assert "docs/madgraph.md" in str(refused.value)


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text()


def wait_until(condition) -> bool:
    for _ in range(200):
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks at processes in /proc")
def test_nothing_is_left_of_a_job_that_was_killed(paths, tmp_path, scratch):
    note = tmp_path / "pid"
    write_gridpack(asked(), "jj", paths, f"#!/bin/sh\nsleep 300 &\necho $! > {note}; wait\n")
    config = tmp_path / "c.yaml"
    config.write_text(asked().model_dump_json())
    results = str(Path(paths.root).parent)
    job = subprocess.Popen(
        [sys.executable, "-m", "jetresim", "survey", str(config), "--process", "jj", "--results", results],
        env={**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert wait_until(lambda: note.exists() and note.read_text().strip())
    finally:
        job.send_signal(signal.SIGKILL)
        job.wait()
    assert wait_until(lambda: not alive(int(note.read_text())))
    assert wait_until(lambda: not list(scratch.iterdir()))


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            'Command "import x.mg5" interrupted in sub-command:\n"define vl~ = ve~" with error:\n'
            "InvalidCmd : No particle gg in model\ncommand not executed: output a\nquit\n",
            "No particle gg in model",
        ),
        (
            "Error detected in sub-command import model a\nwrite debug file MG5_debug \n"
            "str : Model not found locally and Impossible to connect any of us servers.\n"
            "\t        Please check your internet connection or retry later\ncommand not executed: a\n",
            "Model not found locally and Impossible to connect any of us servers. Please check your internet "
            "connection or retry later",
        ),
        (
            "set run_card nosuchcut 3\nWARNING: invalid set command run_card nosuchcut 3  \nset run_card a",
            "there is no such parameter: `run_card nosuchcut 3`",
        ),
        (
            'Command "generate_events run_01" interrupted with error:\n'
            "InvalidCmd : abc can not be mapped to a float\nINFO:  \nquit",
            "abc can not be mapped to a float",
        ),
        ("INFO: End Parton \nERROR: no jpg\nquit\n", None),
    ],
)
def test_complaint_of_madgraph_is_found_in_what_it_prints(output, reason):
    assert interruption(output) == reason
