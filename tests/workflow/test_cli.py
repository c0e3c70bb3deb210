"""The `jetresim` command as a user meets it."""

import re
import shutil
import subprocess
import sys
from itertools import pairwise

import pytest
import typer.main
import yaml

from jetresim.workflow import progress as progress_module
from jetresim.workflow.cli import app
from jetresim.workflow.progress import progress
from tests.workflow.commands import ENVIRONMENT, ROOT, SMALL, write_config

CONFIGS = sorted((ROOT / "config").glob("*.yaml"))
COMMANDS = sorted(typer.main.get_command(app).commands)
UNITS = {"h": 3600, "min": 60, "ms": 1e-3, "kB": 1e3, "MB": 1e6, "GB": 1e9}
STAGES = {"survey", "hard", "jets", "groups", "dataset", "export", "card"}


def test_every_stage_has_a_command():
    assert set(COMMANDS) >= STAGES | {"validate", "estimate"}


@pytest.mark.parametrize("command", COMMANDS)
def test_command_explains_itself(run, tmp_path, command):
    outcome = run.jetresim(tmp_path, command, "--help").succeeded()
    assert f"Usage: jetresim {command}" in outcome.output
    assert outcome.errors == ""
    listed = run.jetresim(tmp_path, "--help").succeeded().output
    assert re.search(rf"│ {command} +\w", listed)
    assert list(tmp_path.iterdir()) == []


def test_without_a_command_there_is_help(run, tmp_path):
    outcome = run.jetresim(tmp_path)
    assert outcome.code == 2
    assert "Usage: jetresim" in outcome.output + outcome.errors


def test_command_runs_as_a_module_and_is_what_gets_installed(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "jetresim", "validate", CONFIGS[0]],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("nothing wrong\n")
    assert 'jetresim = "jetresim.__main__:main"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_interrupt_while_the_command_is_loaded_ends_in_one_line():
    program = (
        "import sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'jetresim.workflow.cli':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "from jetresim.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_validate_says_what_it_saw_in_one_line(run, tmp_path):
    outcome = run.jetresim(tmp_path, "validate", write_config(tmp_path, SMALL)).succeeded()
    assert outcome.output == (
        f"{tmp_path}/config.yaml: campaign small, 2 processes × 3 realizations in 4 chunks: nothing wrong\n"
    )
    assert outcome.errors == ""


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configuration_is_valid_wherever_its_programs_are(run, tmp_path, path):
    outcome = run.jetresim(tmp_path, "validate", path)
    if shutil.which("Herwig") or "herwig7]" not in path.read_text(encoding="utf-8"):
        assert outcome.succeeded().output.endswith("nothing wrong\n")
    else:
        assert re.fullmatch(r"error: .*Herwig.*\n", outcome.errors)
    assert list(tmp_path.iterdir()) == []


def test_estimate_prints_sensible_numbers(run, tmp_path):
    config = yaml.safe_load(yaml.safe_dump(SMALL))
    config["processes"]["qcd"]["events"] = 10_000_000
    config["chunk"] = 100_000
    config["groups"]["survivors_only"] = False
    outcome = run.jetresim(tmp_path, "estimate", write_config(tmp_path, config), "--events", 40).succeeded()
    rows = {
        words[0]: [
            float(number) * UNITS.get(unit, 1)
            for number, unit in pairwise([*words[1:], ""])
            if number[0].isdigit()
        ]
        for words in map(str.split, outcome.output.splitlines())
        if words and words[0] in ("qcd", "higgs", "all")
    }
    events, jobs, cpu_of_event, cpu, cpu_of_job, stored = rows["qcd"]
    assert events == 10_000_000
    assert jobs == 300  # anchor, seed, and rehadronization, which is made ahead and takes a moment
    assert 0.5e-3 < cpu_of_event < 0.5
    assert cpu == pytest.approx(3 * events * cpu_of_event, rel=0.2)
    assert cpu_of_job == pytest.approx(cpu / jobs, rel=0.02)
    assert 200 < stored / (3 * events) < 20e3  # bytes of a jet
    assert rows["higgs"][0] == 15
    assert rows["all"][0] == 10_000_015
    assert rows["all"][2] == pytest.approx(cpu, rel=0.05)
    assert "…" not in outcome.output
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_estimate_of_a_single_event_works(run, tmp_path):
    config = {**SMALL, "processes": {"qcd": {"events": 1}}}
    run.jetresim(tmp_path, "estimate", write_config(tmp_path, config)).succeeded()


def test_results_may_lie_elsewhere(run, tmp_path):
    config = write_config(tmp_path, SMALL)
    run.jetresim(
        tmp_path, "survey", config, "--process", "higgs", "--results", tmp_path / "far" / "away"
    ).succeeded()
    assert (tmp_path / "far" / "away" / "small" / "hard" / "higgs" / "survey.json").is_file()
    assert not (tmp_path / "results").exists()


def test_job_says_how_fast_it_was(run, small, tmp_path):
    folder = shutil.copytree(small, tmp_path / "copy")
    chunk = ("--process", "qcd", "--chunk", 0)
    outcome = run.jetresim(folder, "jets", "config.yaml", *chunk, "--realization", "seed").succeeded()
    assert outcome.output == ""
    speed, cpu = outcome.errors.splitlines()[-2:]
    assert re.search(r"seed of qcd: 10 events in \d:\d\d:\d\d, [\d.]+ events/s$", speed)
    assert re.search(r"used [\d.]+ s of CPU and \d+ MiB$", cpu)


def test_survey_says_cross_section_and_what_is_remarkable(run, tmp_path):
    config = yaml.safe_load(yaml.safe_dump(SMALL))
    config["processes"]["higgs"]["cuts"] = {"pt_min": 500}
    path = write_config(tmp_path, config)
    errors = run.jetresim(tmp_path, "survey", path, "--process", "higgs").succeeded().errors
    assert re.search(r"higgs: \d+ of 15 events fail the cuts \(pT > 500 GeV", errors)
    assert re.search(r"higgs: cross-section 0\.000406 ± \S+ pb\n", errors)


def test_long_stage_tells_its_progress_and_the_time_that_is_left(monkeypatch, caplog):
    clock = iter([0.0, 4.0, 10.0, 16.0, 3620.0, 3630.0, 3640.0])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(clock))
    caplog.set_level("INFO")
    parts = [range(100), range(100), range(50), range(250), range(500)]
    assert list(progress(parts, 1000, "seed of qcd", len)) == parts
    assert [record.getMessage() for record in caplog.records] == [
        "seed of qcd: 200 of 1000 events, 20.0 events/s, 0:00:40 left",
        "seed of qcd: 500 of 1000 events, 0.1 events/s, 1:00:20 left",
        "seed of qcd: 1000 events in 1:00:40, 0.3 events/s",
    ]
