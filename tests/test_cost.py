"""Costs collected from Snakemake's benchmark files, and what follows from them."""

import logging
import math
import os
import resource
import subprocess
import sys
import time

import numpy as np
import pyarrow.parquet as pq
import pytest
import synthetic
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from jetresim.audit.cost import (
    ChunkCost,
    JobCost,
    collect,
    extrapolate,
    extrapolations,
    ratio_error,
    read_wall_time,
    total,
)
from jetresim.audit.estimate import Cost, chunk_for
from jetresim.campaign.config import save
from jetresim.campaign.errors import DataError
from jetresim.campaign.paths import Paths
from jetresim.campaign.seeds import stable_hash
from jetresim.campaign.usage import read_usage, tells_usage
from jetresim.workflow.cli import app
from tests.campaigns import campaign

DELPHES = {"name": "delphes", "card": "card.tcl", "events_per_run": 70}

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
CAMPAIGN = synthetic.make_campaign(
    processes={"higgs": {"events": 50}, "dijet": {"events": 20}},
    augmentations=["nominal", "seed", "rehadronize"],
    dataset={"formats": ["rs3l"]},
)
CHUNK_JOBS = 5  # hard, nominal, seed, rehadronize, groups
JOBS = 2 + 4 * CHUNK_JOBS + 6 + 2
KINDS = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
CPU = "used 3.00 s of CPU and 120 MiB"


def write_benchmark(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + "4.00\t0:00:04\t250.00\t1\t1\t1\t0\t0\t75\t1.50\n")


def write_log(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"2026-11-22 22:00:00,123 {line}\n" for line in lines))


@pytest.fixture
def folder(tmp_path):
    """A campaign with groups, without any benchmark."""
    root = tmp_path / "synthetic"
    groups = synthetic.all_groups(tmp_path / "work", CAMPAIGN)
    names = iter(groups)
    for process in CAMPAIGN.processes:
        for chunk in range(len(CAMPAIGN.chunks(process))):
            path = root / "groups" / process / f"{chunk:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            next(names).rename(path)
    save(CAMPAIGN, root / "config.yaml")
    return root


@pytest.fixture
def measured(folder):
    """The same with a benchmark and a log of every job of the chunks."""
    for process in CAMPAIGN.processes:
        for chunk in range(len(CAMPAIGN.chunks(process))):
            for job in ("hard/{}", "jets/{}/nominal", "jets/{}/seed", "jets/{}/rehadronize", "groups/{}"):
                write_benchmark(folder / "benchmarks" / job.format(process) / f"{chunk:05d}.tsv")
                write_log(folder / "logs" / job.format(process) / f"{chunk:05d}.log", "done", CPU)
    return folder


def test_every_job_is_a_row_measured_or_not(measured):
    jobs = collect(CAMPAIGN, Paths(str(measured)))
    assert len(jobs) == JOBS
    assert sum(job.cpu_seconds is not None for job in jobs) == 4 * CHUNK_JOBS
    unmeasured = {"survey", "dataset", "rs3l", "standardization", "card"}
    assert {job.stage for job in jobs if job.wall_seconds is None} == unmeasured
    assert [job.events for job in jobs if (job.stage, job.process) == ("hard", "higgs")] == [20, 20, 10]


def jets_jobs(folder):
    jobs = collect(CAMPAIGN, Paths(str(folder)))
    return [job for job in jobs if (job.stage, job.process) == ("jets", "dijet")]


def test_job_has_the_bytes_of_its_realization(measured):
    for name, size in (("nominal", 100), ("rehadronize", 30), ("seed", 7)):
        path = measured / "jets" / "dijet" / name / "00000.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(size))
    jobs = jets_jobs(measured)
    assert {job.realization: job.bytes for job in jobs} == {"nominal": 100, "rehadronize": 30, "seed": 7}
    assert [job.cpu_seconds for job in jobs] == [3.0, 3.0, 3.0]
    (measured / "jets" / "dijet" / "rehadronize" / "00000.parquet").unlink()
    assert [job.bytes for job in jets_jobs(measured)] == [100, 7, None]


def test_bytes_of_a_folder_are_those_of_its_files(folder):
    split = folder / "dataset" / "train"
    split.mkdir(parents=True)
    (split / "train-00000.parquet").write_bytes(bytes(50))
    (split / ".snakemake_timestamp").write_bytes(bytes(3))
    (job,) = [
        job for job in collect(CAMPAIGN, Paths(str(folder))) if (job.stage, job.split) == ("dataset", "train")
    ]
    assert job.bytes == 50


def test_memory_is_what_the_job_tells_and_not_what_snakemake_saw(measured):
    assert {job.max_rss_mb for job in jets_jobs(measured)} == {120.0}


@pytest.mark.parametrize("text", ["", HEADER, "a\tb\n1\t2\n", HEADER + "x\n", HEADER + "fast" + "\t1" * 9])
def test_file_that_is_no_benchmark_is_named(tmp_path, text):
    (tmp_path / "job.tsv").write_text(text)
    with pytest.raises(DataError, match=r"job\.tsv: not a benchmark file"):
        read_wall_time(tmp_path / "job.tsv")


@pytest.mark.parametrize("lines", [(), (CPU, "error: disk full"), ("used much of CPU",)])
def test_cpu_of_a_job_that_does_not_tell_it_is_not_made_up(measured, lines):
    write_log(measured / "logs" / "jets" / "dijet" / "seed" / "00000.log", *lines)
    assert [job.cpu_seconds for job in jets_jobs(measured)] == [3.0, None, 3.0]
    done = CliRunner().invoke(app, ["cost", str(measured)])
    assert "1 jobs whose log does not end with their CPU" in " ".join(done.output.split())


@tells_usage
def grow():
    """150 MB here, and as much in another process."""
    subprocess.run([sys.executable, "-c", "b'1' * 150_000_000"], check=True)
    return b"1" * 150_000_000


def test_memory_that_a_job_tells_is_its_own_and_that_of_its_programs(tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        grow()
    (tmp_path / "job.log").write_text(caplog.messages[-1])
    own, programs = (resource.getrusage(kind).ru_maxrss for kind in KINDS)
    assert 300e6 / 2**20 < read_usage(tmp_path / "job.log").max_rss_mb <= (own + programs) / 1024 + 1


@tells_usage
def busy():
    """Half a second of CPU here, and as much in another process."""
    code = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", code], check=True)
    start = time.process_time()
    while time.process_time() < start + 0.5:
        pass


def test_cpu_that_a_job_tells_is_its_own_and_that_of_its_programs(tmp_path, caplog):
    before = sum(os.times()[:4])
    with caplog.at_level(logging.INFO):
        busy()
    after = sum(os.times()[:4])
    (tmp_path / "job.log").write_text(caplog.messages[-1])
    told = read_usage(tmp_path / "job.log").cpu_seconds
    assert before + 0.95 < told <= after + 0.01


@given(st.lists(st.floats(0.1, 1e4), min_size=2, max_size=30), st.integers(1, 1000))
def test_error_of_a_ratio_with_equal_sizes_is_that_of_the_mean(values, size):
    expected = np.std(values, ddof=1) / math.sqrt(len(values)) / size
    assert ratio_error(values, [size] * len(values)) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=30), st.floats(0.1, 10))
def test_cost_proportional_to_events_has_no_scatter(sizes, each):
    assert ratio_error([each * size for size in sizes], sizes) == pytest.approx(0, abs=1e-9)


def toy(index):
    """Twenty chunks of about 200 events at 1 s each, of which 60% are kept."""
    numbers = np.random.default_rng(stable_hash(5, "cost", index))
    events = numbers.integers(150, 250, size=20)
    seconds = events * numbers.normal(1, 0.1, size=20)
    return extrapolate(
        "toy", [ChunkCost(n, n, numbers.binomial(n, 0.6), s) for n, s in zip(events, seconds, strict=True)]
    )


def test_errors_are_those_of_repeated_campaigns():
    toys = [toy(index) for index in range(400)]
    pulls = [(each.core_hours - 1e6 / 0.6 / 3600) / each.error for each in toys]
    # 400 pulls: 0 ± 0.05 and 1 ± 0.035; four standard deviations are allowed
    assert abs(np.mean(pulls)) < 0.2
    assert np.std(pulls) == pytest.approx(1, abs=0.14)


def test_without_groups_or_with_one_chunk_nothing_is_made_up():
    assert extrapolate("none", [ChunkCost(10, 10, 0, 5.0)]).core_hours is None
    assert extrapolate("none", []).core_hours is None
    single = extrapolate("one", [ChunkCost(10, 10, 5, 36.0)])
    assert single.core_hours == pytest.approx(36 / 5 * 1e6 / 3600)
    # binomial: 5 ± √(10 · ½ · ½) groups of 10 targets
    assert single.acceptance == pytest.approx(single.core_hours * math.sqrt(2.5) / 5)
    assert single.scatter is None
    assert single.error is None


def test_total_is_what_the_campaign_used_over_its_groups():
    chunks = {"a": [ChunkCost(10, 10, 6, 30.0)] * 2, "b": [ChunkCost(10, 20, 8, 90.0)] * 3}
    processes = [extrapolate(name, each) for name, each in chunks.items()]
    splits = [JobCost("dataset", split="train", cpu_seconds=6.0)]
    found = total(processes, splits)
    assert found.core_hours == pytest.approx((60 + 270 + 6) / 36 * 1e6 / 3600)
    assert found.acceptance == pytest.approx(
        math.hypot(processes[0].acceptance * 12, processes[1].acceptance * 24) / 36
    )
    assert total(processes, [JobCost("dataset")]).core_hours is None


def test_whole_campaign_is_extrapolated_only_from_all_of_its_chunks(measured):
    def names():
        paths = Paths(str(measured))
        return [each.name for each in extrapolations(CAMPAIGN, paths, collect(CAMPAIGN, paths))]

    assert names() == ["higgs", "dijet", "all"]
    (measured / "benchmarks" / "hard" / "higgs" / "00001.tsv").unlink()
    assert names() == ["higgs", "dijet"]


def test_chunk_with_an_unmeasured_job_is_left_out_of_the_extrapolation(measured):
    (measured / "benchmarks" / "hard" / "higgs" / "00001.tsv").unlink()
    done = CliRunner().invoke(app, ["cost", str(measured)])
    assert done.exit_code == 0, done.output
    rows = [line.split() for line in done.output.splitlines()]
    assert [row[1] for row in rows if row[:1] == ["higgs"]] == ["2"]
    assert [row[1] for row in rows if row[:1] == ["dijet"]] == ["1"]


def test_command_writes_the_table_and_counts_what_is_missing(measured, tmp_path):
    config = tmp_path / "config.yaml"
    save(CAMPAIGN, config)
    done = CliRunner().invoke(app, ["cost", str(config), "--results", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert f"{JOBS - 4 * CHUNK_JOBS} jobs without a benchmark file" in " ".join(done.output.split())
    table = pq.read_table(measured / "report" / "cost.parquet")
    assert table.num_rows == JOBS
    assert table["cpu_seconds"].null_count == JOBS - 4 * CHUNK_JOBS


def test_campaign_without_benchmarks_is_refused(folder):
    done = CliRunner().invoke(app, ["cost", str(folder)])
    assert done.exit_code == 1
    assert not (folder / "report").exists()


def test_estimate_counts_other_realizations_for_the_survivors_alone():
    cost = Cost(
        events=10,
        realizations=3,
        jobs=6,
        start_seconds=1.0,
        event_seconds=2.0,
        survivors=0.5,
        jet_bytes=100.0,
    )
    assert cost.cpu_seconds == 6 * 1.0 + (10 + 2 * 5) * 2.0


def test_suggested_chunk_holds_whole_runs_of_every_program():
    runs = [{"name": "herwig7", "herwig": {"block_events": 30}}, {"name": "seed", "detector": DELPHES}]
    asked = campaign(augmentations=["nominal", *runs], chunk="auto")
    cost = Cost(10_000, 3, 1, start_seconds=1.0, event_seconds=0.01, survivors=1.0, jet_bytes=1.0)
    chunk = chunk_for(asked, {"qcd": cost}, hours=0.1)
    assert campaign(augmentations=["nominal", *runs], chunk=chunk).chunk == chunk
    assert chunk % 70 == chunk % 30 == 0 < chunk
