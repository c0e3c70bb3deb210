"""The soak finds what it looks for, and one campaign goes through it."""

import os
import signal
import subprocess
import time

import numpy as np

from benchmarks import soak
from jetresim.campaign.config import parse

NUMBERS = [soak.random_numbers(1, index) for index in range(40)]
CONFIGS = [soak.random_config(numbers) for numbers in NUMBERS]
TINY = {**CONFIGS[0], "processes": {"higgs": {"events": 4}}, "augmentations": ["nominal"], "chunk": 4}


def test_shapes_and_moments_follow_from_the_seed():
    again = soak.random_numbers(1, 7)
    assert soak.random_config(again) == CONFIGS[7]
    assert soak.random_moments(again, 12) == soak.random_moments(NUMBERS[7], 12)
    assert soak.random_config(soak.random_numbers(2, 7)) != CONFIGS[7]


def test_campaigns_are_of_many_shapes_and_all_valid():
    campaigns = [parse(config, "soak") for config in CONFIGS]
    assert {len(each.processes) for each in campaigns} == {1, 2}
    assert len({len(list(soak.jobs_of(each))) for each in campaigns}) > 4
    assert {name for each in campaigns for name in each.realizations} == {"nominal", *soak.AUGMENTATIONS}


def test_kills_come_in_order_and_before_the_end():
    moments = soak.random_moments(np.random.default_rng(3), 10)
    jobs = [moment.jobs for moment in moments]
    assert jobs == sorted(jobs)
    assert 0 <= jobs[0] <= jobs[-1] < 10


def test_every_difference_is_found(tmp_path):
    expected = {"groups/a": "1", "groups/b": "2", "groups/c": "3"}
    found = soak.differences(expected, {"groups/a": "1", "groups/b": "9", "groups/d": "4"})
    assert found == {"groups/b differs", "groups/c is missing", "groups/d should not be there"}
    (tmp_path / "results" / "soak" / "jets").mkdir(parents=True)
    (tmp_path / "results" / "soak" / "jets" / ".partial-00000.parquet").touch()
    assert soak.leftovers(tmp_path) == {"results/soak/jets/.partial-00000.parquet was left"}


def test_whole_process_group_is_killed(tmp_path):
    command = ["sh", "-c", "sleep 600 & echo $! > child; wait"]
    process = subprocess.Popen(command, cwd=tmp_path, start_new_session=True)
    assert soak._kill(process, tmp_path, soak.Moment(0, 1.0))
    assert process.returncode == -signal.SIGKILL
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    # an orphan that nobody waits for stays as a zombie where there is no init
    state = (soak.Path("/proc") / str(child) / "stat").read_text().rsplit(")", 1)[1].split()[0]
    assert state == "Z"


def test_run_that_ended_cannot_be_killed(tmp_path):
    process = subprocess.Popen(["true"], cwd=tmp_path, start_new_session=True)
    assert not soak._kill(process, tmp_path, soak.Moment(1, 10.0))


def test_killed_campaign_equals_the_undisturbed_one(tmp_path, monkeypatch):
    monkeypatch.setattr(soak, "random_config", lambda numbers: TINY)
    monkeypatch.setattr(soak, "random_moments", lambda numbers, jobs: [soak.Moment(3, 0.3)])
    found = soak.soak(1, 0, tmp_path)
    assert found.problems == ()
    assert found.kills in ((3,), (4,))
    assert found.files > 5
    groups = next((tmp_path / "disturbed" / "results").rglob("groups/*/*.parquet"))
    groups.write_bytes(groups.read_bytes()[:-1])
    same = soak.digests(found.campaign, tmp_path / "undisturbed")
    assert soak.differences(same, soak.digests(found.campaign, tmp_path / "disturbed")) == {
        "groups/higgs/00000.parquet differs"
    }
