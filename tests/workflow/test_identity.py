"""How a campaign is cut into jobs, and in which order it is written down, does not change what comes out."""

import gzip
import re
import subprocess
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.workflow.commands import (
    ENVIRONMENT,
    SPLITS,
    files_in,
    make_campaign,
    with_qcd_events,
    write_config,
)

NAMES = ["nominal", "seed", "rehadronize"]
IDENTITY = [("process", "ascending"), ("event", "ascending"), ("target", "ascending")]


def groups_of(campaign, process):
    """All groups of a process, in the order of the events."""
    files = sorted((campaign / "groups" / process).iterdir())
    return pa.concat_tables([pq.read_table(path) for path in files])


def jets_of(campaign, process, realization):
    paths = sorted((campaign / "jets" / process / realization).iterdir())
    return pa.concat_tables([pq.read_table(path) for path in paths])


def hard_events_of(campaign, process):
    """The text of all hard events of a process."""
    paths = sorted((campaign / "hard" / process).glob("*.lhe.gz"))
    texts = [gzip.decompress(path.read_bytes()).decode() for path in paths]
    return [event for text in texts for event in re.findall(r"<event>.*?</event>", text, re.DOTALL)]


def split_of(campaign, split):
    return pq.read_table(campaign / "dataset" / split).sort_by(IDENTITY)


def realization(table, name, names):
    return pc.list_element(table["realizations"], names.index(name))


@pytest.fixture(scope="module")
def chunks_of_170(finished):
    return finished / "results" / "small"


@pytest.fixture(scope="module")
def chunks_of_50(tmp_path_factory, run):
    return make_campaign(run, tmp_path_factory.mktemp("fifty"), with_qcd_events(500, chunk=50))


@pytest.fixture(scope="module")
def one_chunk(tmp_path_factory, run):
    return make_campaign(run, tmp_path_factory.mktemp("one"), with_qcd_events(500, chunk=500))


@pytest.fixture(scope="module")
def other_order(tmp_path_factory, run):
    config = {**with_qcd_events(500, chunk=500), "augmentations": NAMES[::-1]}
    return make_campaign(run, tmp_path_factory.mktemp("order"), config)


@pytest.fixture(scope="module")
def doubled(tmp_path_factory, run):
    return make_campaign(run, tmp_path_factory.mktemp("doubled"), with_qcd_events(1000, chunk=500))


@pytest.fixture(scope="module", params=["chunks_of_50", "one_chunk"])
def other_chunks(request):
    return request.getfixturevalue(request.param)


def test_the_campaign_has_groups_to_compare(chunks_of_170):
    assert len(groups_of(chunks_of_170, "qcd")) > 200
    assert len(groups_of(chunks_of_170, "higgs")) > 2
    assert len(hard_events_of(chunks_of_170, "qcd")) == 500


@pytest.mark.parametrize("process", ["qcd", "higgs"])
def test_chunks_do_not_change_any_stage(chunks_of_170, other_chunks, process):
    assert hard_events_of(other_chunks, process) == hard_events_of(chunks_of_170, process)
    for name in NAMES:
        assert jets_of(other_chunks, process, name).equals(jets_of(chunks_of_170, process, name))
    assert groups_of(other_chunks, process).equals(groups_of(chunks_of_170, process))


def test_chunks_cores_and_snakemake_do_not_change_a_byte_of_the_dataset(chunks_of_170, other_chunks):
    expected = files_in(chunks_of_170 / "dataset")
    assert {path.split("/")[0] for path in expected} == {
        *SPLITS,
        "rs3l",
        "rs3l_pairs",
        "README.md",
        "manifest.json",
        "standardization.json",
    }
    assert files_in(other_chunks / "dataset") == expected


@pytest.mark.parametrize("process", ["qcd", "higgs"])
def test_order_of_augmentations_only_orders_the_realizations(one_chunk, other_order, process):
    expected, found = groups_of(one_chunk, process), groups_of(other_order, process)
    for name in NAMES:
        assert realization(found, name, NAMES[::-1]).equals(realization(expected, name, NAMES))
    assert found.drop("realizations").equals(expected.drop("realizations"))


@pytest.mark.parametrize("process", ["qcd", "higgs"])
def test_order_of_augmentations_only_decides_which_events_are_simulated(one_chunk, other_order, process):
    left_out = 0
    for name in NAMES:
        tables = [jets_of(campaign, process, name) for campaign in (one_chunk, other_order)]
        skipped = [pc.equal(table["status"], "not simulated") for table in tables]
        both = pc.invert(pc.or_(*skipped))
        assert tables[0].filter(both).equals(tables[1].filter(both))
        left_out += pc.sum(pc.xor(*skipped)).as_py()
    assert left_out or process == "higgs"  # few of its events are simulated


def test_more_events_leave_the_first_ones_unchanged(one_chunk, doubled):
    before, after = groups_of(one_chunk, "qcd"), groups_of(doubled, "qcd")
    first_half = after.filter(pc.less(after["event"], 500))
    assert first_half.equals(before)
    assert len(after) > 1.5 * len(before)
    assert hard_events_of(doubled, "qcd")[:500] == hard_events_of(one_chunk, "qcd")


@pytest.mark.parametrize("split", SPLITS)
def test_more_events_move_no_group_to_another_split_and_halve_its_weight(one_chunk, doubled, split):
    before, after = split_of(one_chunk, split), split_of(doubled, split)
    first_half = after.filter(pc.less(after["event"], 500))
    weights = ["weight", "weights"]
    assert first_half.drop(weights).equals(before.drop(weights))
    qcd = pc.equal(before["process"], "qcd")
    halved = pc.if_else(qcd, pc.divide(before["weight"], 2.0), before["weight"])
    assert first_half["weight"].equals(halved)


def test_weights_sum_to_the_cross_section_of_what_was_kept(one_chunk):
    groups = groups_of(one_chunk, "qcd")
    cross_section = groups["weight"][0].as_py()
    table = pa.concat_tables([split_of(one_chunk, split) for split in SPLITS])
    weights = table.filter(pc.equal(table["process"], "qcd"))["weight"]
    assert pc.sum(weights).as_py() == pytest.approx(cross_section * len(groups) / 500, rel=1e-12)


def test_machine_and_place_do_not_change_a_byte(one_chunk, tmp_path):
    """Another folder, hash seed, locale and time zone, and a job that was started alone."""
    config = write_config(tmp_path / "elsewhere", with_qcd_events(500, chunk=500), "other name.yaml")
    (tmp_path / "out" / "small").mkdir(parents=True)
    (tmp_path / "out" / "small" / "hard").symlink_to(one_chunk / "hard")
    (tmp_path / "nominal").symlink_to(one_chunk / "jets" / "qcd")
    (tmp_path / "out" / "small" / "jets" / "qcd").mkdir(parents=True)
    (tmp_path / "out" / "small" / "jets" / "qcd" / "nominal").symlink_to(tmp_path / "nominal" / "nominal")
    options = ["--process", "qcd", "--chunk", "0", "--realization", "seed", "--results", tmp_path / "out"]
    subprocess.run(
        [sys.executable, "-m", "jetresim", "jets", config, *options],
        env={**ENVIRONMENT, "PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Tokyo"},
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    made = tmp_path / "out" / "small" / "jets" / "qcd" / "seed" / "00000.parquet"
    assert made.read_bytes() == (one_chunk / "jets" / "qcd" / "seed" / "00000.parquet").read_bytes()
