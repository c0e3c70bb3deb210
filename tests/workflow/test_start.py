"""The first steps of a user: a configuration to begin with, a run, and what it tells."""

import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from snakemake.logging import LogEvent

from jetresim.campaign.config import load, save
from jetresim.campaign.errors import ConfigError
from jetresim.generators.brought import with_brought_files
from jetresim.workflow.checks import check_campaign
from jetresim.workflow.console import Progress, failures, made
from jetresim.workflow.start import examples, run_workflow, write_campaign
from tests.workflow.commands import ENVIRONMENT, ROOT, SMALL, write_config

GOES_ON = "the same command goes on where this run was"


def test_first_configuration_is_a_valid_campaign_and_nothing_is_overwritten(run, tmp_path):
    said = run.jetresim(tmp_path, "init").succeeded().output
    assert said == "campaign.yaml: written; go on with `jetresim run campaign.yaml`\n"
    text = (tmp_path / "campaign.yaml").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if not line.startswith("#")]) == 10
    check_campaign(load(tmp_path / "campaign.yaml"))
    again = run.jetresim(tmp_path, "init")
    assert (again.code, again.errors) == (
        1,
        "error: campaign.yaml: exists; name another file with --output\n",
    )
    assert (tmp_path / "campaign.yaml").read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", examples())
def test_example_is_written_without_what_only_holds_in_its_folder_and_can_be_planned(run, tmp_path, name):
    path = write_campaign(name, tmp_path / f"{name}.yaml")
    assert "$schema" not in path.read_text(encoding="utf-8")
    for process in load(path).processes.values():
        for pattern in process.files:  # what the user brings
            file = tmp_path / str(pattern).replace("*", "mine")
            file.parent.mkdir()
            shutil.copy(ROOT / "tests" / "data" / "lhe" / "zj.lhe.gz", file)
    planned = run.jetresim(tmp_path, "run", path.name, "-n").succeeded()
    assert "This was a dry-run" in planned.output + planned.errors
    assert not (tmp_path / "results").exists()


def test_examples_are_listed_with_what_they_are(run, tmp_path):
    lines = run.jetresim(tmp_path, "init", "--list").succeeded().output.splitlines()
    assert [line.split()[0] for line in lines] == list(examples())
    assert all(len(line.split()) > 3 for line in lines)


def test_unknown_example_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="unknown example 'w-vs-x'; did you mean 'w-vs-z'"):
        write_campaign("w-vs-x", None)


def test_run_without_a_configuration_says_how_to_get_one(run, tmp_path):
    outcome = run.jetresim(tmp_path, "run", "none.yaml")
    assert outcome.code == 1
    assert outcome.errors == (
        "error: none.yaml: cannot be read; `jetresim init` writes a configuration to begin with\n"
    )


def test_schema_is_that_of_the_repository(run, tmp_path):
    schema = json.loads(run.jetresim(tmp_path, "schema").succeeded().output)
    assert schema["title"] == "Campaign of jetresim"


def test_version_names_the_commit(run, tmp_path):
    assert run.jetresim(tmp_path, "--version").succeeded().output.startswith("jetresim 0.1.0")


def test_campaign_is_taken_by_its_folder_or_its_configuration(run, small, tmp_path):
    home = shutil.copytree(small, tmp_path / "home")
    folder = home / "results" / "small"
    save(with_brought_files(load(home / "config.yaml"), {}), folder / "config.yaml")
    for command, *options in (("acceptance",), ("verify", "--quick")):
        by_folder = run.jetresim(home, command, folder, *options)
        by_file = run.jetresim(home, command, folder / "config.yaml", *options)
        assert by_folder.succeeded().output == by_file.succeeded().output


def test_folder_that_is_no_campaign_is_refused(run, tmp_path):
    (tmp_path / "empty").mkdir()
    outcome = run.jetresim(tmp_path, "acceptance", "empty")
    assert outcome.code == 1
    assert outcome.errors == (
        "error: empty: has no config.yaml; expected the folder of a campaign, results/NAME\n"
    )


def record(event, **more):
    made = logging.makeLogRecord({"msg": "", "event": event, **more})
    return made


def test_progress_is_one_line_and_errors_stay():
    stream = io.StringIO()
    progress = Progress(stream)
    assert not progress.filter(record(LogEvent.JOB_INFO))
    assert not progress.filter(record(LogEvent.PROGRESS, done=1, total=2))
    assert progress.filter(record(LogEvent.JOB_ERROR, rule_name="jets", log=["none.log"]))
    assert progress.filter(record(None))
    assert not progress.filter(record(LogEvent.PROGRESS, done=2, total=2))
    assert stream.getvalue() == "2 of 2 jobs done, 0:00:00 left\n"
    assert list(failures(progress.failed * 2)) == [
        "failed: jets: nothing was written to its log (none.log)",
        f"once the reasons are gone, {GOES_ON}",
    ]


def test_failed_job_is_told_last_with_its_reason(run, tmp_path):
    without_target = {**SMALL["processes"]["higgs"], "targets": ["top"], "cuts": {"pt_min": 0}}
    path = write_config(tmp_path, {**SMALL, "processes": {"higgs": without_target}})
    outcome = run.jetresim(tmp_path, "run", path.name, "--until", "survey")
    assert outcome.code == 1
    *_, line, last = outcome.errors.splitlines()
    assert last == f"once the reasons are gone, {GOES_ON}"
    assert line.startswith("failed: survey: process higgs: none of 15 hard events has a target")
    assert line.endswith("(results/small/logs/survey/higgs.log)")


def interrupted(command, folder):
    """Press Ctrl-C once the first job runs; returns exit code and what was printed."""
    started = subprocess.Popen(
        [*map(str, command)],
        cwd=folder,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    while not list(folder.rglob("logs/*/*.log")):
        assert started.poll() is None, started.stdout.read()
        time.sleep(0.05)
    os.killpg(started.pid, signal.SIGINT)
    printed, _ = started.communicate(timeout=60)
    return started.returncode, printed


def test_interrupted_run_ends_in_one_line_and_of_the_signal(tmp_path):
    path = write_config(tmp_path, SMALL)
    command = (sys.executable, "-m", "jetresim", "run", path.name, "--cores", 1)
    code, printed = interrupted(command, tmp_path)
    assert code == -signal.SIGINT
    assert printed.splitlines()[-1] == f"interrupted; {GOES_ON}"
    for line in ("Traceback", "Error", "failed", "Terminating"):
        assert line not in printed


def test_interrupted_make_adds_nothing_and_ends_of_the_signal(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    pins = tmp_path / "envs" / "requirements"
    pins.mkdir(parents=True)
    for name in ("envs/requirements/build.txt", "envs/requirements/run.txt", "pyproject.toml"):
        (tmp_path / name).touch()
    program = tmp_path / ".venv" / "bin" / "snakemake"
    program.parent.mkdir(parents=True)
    program.write_text(
        f"#!{sys.executable}\n"
        "import os, pathlib, signal, time\n"
        "def end(*_):\n"
        "    print('interrupted', flush=True)\n"
        "    signal.signal(signal.SIGINT, signal.SIG_DFL)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "signal.signal(signal.SIGINT, end)\n"
        "pathlib.Path('logs/survey').mkdir(parents=True)\n"
        "pathlib.Path('logs/survey/a.log').touch()\n"
        "time.sleep(60)\n"
    )
    program.chmod(0o755)
    (tmp_path / ".venv" / "run.stamp").touch()
    code, printed = interrupted(("make", "run"), tmp_path)
    assert code == -signal.SIGINT
    assert printed.splitlines()[-1] == "interrupted"


def test_end_of_a_run_says_what_was_made_and_where(small, tmp_path):
    from jetresim.campaign.paths import Paths

    home = shutil.copytree(small, tmp_path / "home")
    paths = Paths(str(home / "results" / "small"))
    assert list(made(paths)) == []  # a run that went --until groups has no report
    Path(paths.report).parent.mkdir()
    Path(paths.report).touch()
    lines = list(made(paths))
    assert [line.split(":")[0] for line in lines if "groups" in line] == ["higgs", "qcd"]
    assert lines[-1] == f"next: jetresim verify {paths.root}"


@pytest.mark.parametrize("cores", ["0", "-1", "x", "1.5"])
def test_a_run_on_no_cores_is_refused(run, tmp_path, cores):
    said = run.jetresim(tmp_path, "run", write_config(tmp_path, SMALL), "--cores", cores)
    assert said.code == 2
    assert "is neither a number from 1 nor `all`" in said.errors


def test_a_run_where_nothing_may_be_written_is_refused_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)
    with pytest.raises(ConfigError, match="may not be written"):
        run_workflow(write_config(tmp_path, SMALL), "1", [])
