"""Parts of a campaign that are made in different places and joined."""

import errno
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jetresim.campaign.config import parse
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.files import scratch_path
from jetresim.campaign.paths import CHUNK_PATTERN, chunk_name, chunk_number
from jetresim.workflow.run_options import RunOptions, check_run_options, take_run_options
from tests.workflow.commands import SMALL, files_in, run_snakemake, write_config


def campaign_of(qcd, higgs, chunk):
    events = {"qcd": qcd, "higgs": higgs}
    processes = {name: {**SMALL["processes"][name], "events": count} for name, count in events.items()}
    return parse({**SMALL, "chunk": chunk, "processes": processes}, "test")


@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 50), st.integers(1, 20))
def test_every_chunk_is_in_exactly_one_shard_and_shards_are_of_equal_size(qcd, higgs, chunk, whole):
    campaign = campaign_of(qcd, higgs, chunk)
    shards = [list(RunOptions(shard=f"{part}/{whole}").chunks(campaign)) for part in range(1, whole + 1)]
    together = [chunk for shard in shards for chunk in shard]
    assert sorted(together) == sorted(RunOptions().chunks(campaign))
    assert len(set(together)) == len(together) == len(campaign.chunks("qcd")) + len(campaign.chunks("higgs"))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


def test_shards_of_one_process_are_that_part_of_the_shards_of_all():
    campaign = campaign_of(70, 50, 10)
    shard = set(RunOptions(shard="2/3").chunks(campaign))
    apart = [set(RunOptions(shard="2/3", process=name).chunks(campaign)) for name in ("qcd", "higgs")]
    assert apart[0] | apart[1] == shard
    assert {process for process, _ in apart[0]} == {"qcd"}


@given(st.integers(0, 5_000_000))
def test_name_of_a_chunk_gives_its_number_and_matches_the_pattern(chunk):
    name = chunk_name(chunk)
    assert chunk_number(name) == chunk
    assert re.fullmatch(CHUNK_PATTERN, name)


def test_no_folder_has_more_than_a_thousand_chunks():
    folders = [chunk_name(chunk).rpartition("/")[0] for chunk in range(0, 100_000)]
    assert max(folders.count(folder) for folder in set(folders)) == 1000


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shard": 3}, "--config shard: expected a part of a whole such as 1/16 … 16/16, found 3"),
        ({"shard": None}, "--config shard: expected a part of a whole such as 1/16 … 16/16, found None"),
        ({"shard": "١/٢"}, "--config shard: expected a part of a whole such as 1/16 … 16/16, found '١/٢'"),
        ({"shard": "0/4"}, "--config shard: expected a part of a whole such as 1/16 … 16/16, found '0/4'"),
        ({"shard": "5/4"}, "--config shard: expected a part of a whole such as 1/16 … 16/16, found '5/4'"),
        ({"shard": "5/5"}, "--config shard=5/5: has no chunk; ask for fewer shards or a smaller `chunk`"),
        ({"process": "zjets"}, "--config process: unknown process 'zjets'; known: qcd, higgs"),
        ({"scratch": 5}, "--config scratch: expected a text (found 5)"),
    ],
)
def test_wrong_option_of_a_run_is_refused_in_one_line(given, message):
    with pytest.raises(ConfigError) as refused:
        check_run_options(take_run_options(dict(given)), campaign_of(20, 20, 10))
    assert str(refused.value) == message


def test_options_of_a_run_are_no_part_of_the_campaign():
    config = {**SMALL, "shard": "1/2", "process": "qcd", "scratch": "$TMPDIR"}
    options = take_run_options(config)
    assert config == SMALL
    assert (options.shard, options.process, options.scratch) == ((1, 2), ("qcd",), "$TMPDIR")


def test_a_run_of_one_process_makes_its_groups_and_no_dataset(run, tmp_path):
    config = write_config(tmp_path, SMALL)
    jobs = run.snakemake(tmp_path, "-n", "--configfile", config, "--config", "process=qcd").succeeded().jobs
    assert jobs == {"survey": 1, "hard": 2, "jets_of_anchor": 2, "jets": 4, "groups": 2}


def test_merged_shards_equal_a_single_run(run, small, tmp_path):
    config = write_config(tmp_path / "whole", SMALL)
    parts = []
    for part in (1, 2):
        folder = tmp_path / f"site_{part}"
        folder.mkdir()
        run_snakemake(folder, config, "--config", f"shard={part}/2").succeeded()
        assert len(files_in(folder / "results" / "small" / "groups")) == 2
        assert not (folder / "results" / "small" / "dataset").exists()
        parts.append(folder / "results")
    run.jetresim(tmp_path / "whole", "merge", config, *parts).succeeded()
    jobs = run_snakemake(tmp_path / "whole", config, "--until", "card").succeeded().jobs
    assert jobs.keys() == {"dataset", "rs3l", "rs3l_pairs", "standardization", "card"}
    whole = tmp_path / "whole" / "results" / "small"
    for folder in ("hard", "jets", "groups", "dataset"):
        assert files_in(whole / folder) == files_in(small / "results" / "small" / folder)


def test_jobs_write_in_the_scratch_folder_and_leave_nothing_there(tmp_path, small):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    config = write_config(tmp_path, SMALL)
    target = "results/small/groups/qcd/00001.parquet"
    options = (target, "--config", f"scratch={scratch}")
    run_snakemake(tmp_path, config, *options).succeeded()
    assert (tmp_path / target).read_bytes() == (small / target).read_bytes()
    assert list(scratch.iterdir()) == []


def test_missing_scratch_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("BASE", str(tmp_path))
    monkeypatch.setenv("JETRESIM_SCRATCH", "$BASE/nowhere")
    with pytest.raises(FileNotFoundError) as refused, scratch_path(tmp_path / "file"):
        pass
    assert refused.value.filename == f"{tmp_path}/nowhere (JETRESIM_SCRATCH)"
    assert list(tmp_path.iterdir()) == []


def fill_the_disk(path):
    with scratch_path(path) as local:
        local.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device", str(local))


def test_full_scratch_folder_is_named_and_nothing_is_left(tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("JETRESIM_SCRATCH", str(scratch))
    with pytest.raises(OSError, match="No space left") as refused:
        fill_the_disk(tmp_path / "file")
    assert refused.value.filename == f"{scratch} (JETRESIM_SCRATCH)"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
