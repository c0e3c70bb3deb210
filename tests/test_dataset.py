import json
import math
import re
import tracemalloc
from collections import defaultdict
from hashlib import sha256
from itertools import pairwise

import awkward as ak
import duckdb
import h5py
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic
import yaml
from hypothesis import given
from hypothesis import strategies as st
from synthetic import all_groups, all_splits, groups_file, hard_truths, jets_files, make_campaign

from benchmarks.assembly_memory import StandIns
from jetresim.audit.acceptance import report_acceptance
from jetresim.campaign.errors import DataError
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.seeds import stable_hash, unit_hash
from jetresim.dataset import assemble
from jetresim.dataset import groups as groups_room
from jetresim.dataset.assemble import shard_count, shard_of, split_of, write_split
from jetresim.dataset.card import write_card
from jetresim.dataset.groups import build_groups
from jetresim.dataset.process_warnings import merged_warnings
from jetresim.dataset.reader import open_groups
from jetresim.dataset.rs3l import write_rs3l, write_rs3l_pairs
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.dataset.standardization import write_standardization
from jetresim.jets import parquet
from jetresim.jets.parquet import ROW_GROUP, read_metadata


@pytest.fixture(scope="module")
def campaign():
    return make_campaign(groups={"require": "nominal"})


@pytest.fixture(scope="module")
def groups(tmp_path_factory, campaign):
    return all_groups(tmp_path_factory.mktemp("results"), campaign)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, campaign, groups):
    folder = tmp_path_factory.mktemp("results") / "dataset"
    for split in SPLITS:
        write_split(folder / split, groups, campaign, split)
        shards = sorted((folder / split).glob("*.parquet"))
        write_rs3l(folder / "rs3l" / split, shards, campaign)
        write_rs3l_pairs(folder / "rs3l_pairs" / f"{split}.h5", shards, campaign)
    write_standardization(folder, campaign)
    write_card(folder, campaign)
    return folder


def read_rows(paths):
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def identity(row):
    return row["process"], row["event"], row["target"]


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_group_is_in_exactly_one_split_with_its_weight_normalized(campaign, groups, dataset):
    before = {identity(row): row for row in read_rows(groups)}
    after = read_rows(sorted(dataset.glob("*/*.parquet")))
    assert len(after) == len(before) > 100
    for row in after:
        original = before.pop(identity(row))
        events = campaign.process(row["process"]).events
        assert row["weight"] == original["weight"] / events
        assert row["weights"] == [
            {"name": each["name"], "value": each["value"] / events} for each in original["weights"]
        ]
        assert {key: row[key] for key in ("label", "truth", "realizations")} == {
            key: original[key] for key in ("label", "truth", "realizations")
        }
    assert before == {}


def test_targets_of_a_hard_event_stay_together(dataset):
    places = defaultdict(set)
    targets = defaultdict(set)
    for path in dataset.glob("*/*.parquet"):
        for row in read_rows([path]):
            places[row["process"], row["event"]].add(path)
            targets[row["process"], row["event"]].add(row["target"])
    assert any(len(each) > 1 for each in targets.values())
    assert all(len(each) == 1 for each in places.values())


def test_rows_are_where_the_hashes_say(campaign, dataset):
    for split in SPLITS:
        shards = sorted((dataset / split).iterdir())
        assert [path.name for path in shards] == [
            f"{split}-{n:05d}.parquet" for n in range(shard_count(campaign, split))
        ]
        for index, path in enumerate(shards):
            rows = [identity(row) for row in read_rows([path])]
            assert all(split_of(campaign, *row[:2]) == split for row in rows)
            assert all(shard_of(campaign, *row[:2], len(shards)) == index for row in rows)
            assert rows == sorted(rows, key=lambda row: stable_hash(campaign.seed, "order", *row))


def test_shards_mix_the_processes(dataset):
    for path in (dataset / "train").iterdir():
        names = [row["process"] for row in read_rows([path])]
        changes = sum(one != other for one, other in pairwise(names))
        assert set(names) == {"higgs", "dijet", "top"}
        assert changes > len(names) / 3


def test_shards_do_not_depend_on_chunks_order_of_files_or_collected_rows(
    tmp_path, monkeypatch, campaign, groups, dataset
):
    write_split(tmp_path / "reversed", groups[::-1], campaign, "train")
    assert bytes_of(tmp_path / "reversed") == bytes_of(dataset / "train")
    other = make_campaign(groups={"require": "nominal"}, chunk=13)
    monkeypatch.setattr(assemble, "_SCATTER_BYTES", 0)
    write_split(tmp_path / "chunks", all_groups(tmp_path, other), other, "train")
    assert bytes_of(tmp_path / "chunks") == bytes_of(dataset / "train")


def test_metadata_has_the_sums_over_all_chunks(campaign, groups, dataset):
    metadata = read_metadata(dataset / "val" / "val-00000.parquet")
    parts = [read_metadata(path) for path in groups]
    assert metadata["split"] == "val"
    assert metadata["realizations"] == campaign.realizations
    assert metadata["versions"]["pythia8mc"] == "8.317.2"
    assert metadata["campaign"] == campaign.model_dump(mode="json", exclude={"chunk"})
    for process in campaign.processes:
        of_process = [part for part in parts if part["process"] == process]
        for name in campaign.realizations:
            for key, number in metadata["counts"][process][name].items():
                assert number == sum(part["counts"][process][name][key] for part in of_process)
        assert metadata["totals"][process]["hard_events"] == campaign.process(process).events
        assert metadata["totals"][process]["groups"] == sum(
            row["process"] == process for row in read_rows(dataset.glob("*/*.parquet"))
        )


def test_split_without_share_is_a_valid_empty_file(tmp_path):
    campaign = make_campaign(
        dataset={"splits": {"train": 1, "val": 0, "test": 0}}, events=5, processes={"higgs": None}
    )
    paths = all_groups(tmp_path, campaign)
    all_splits(tmp_path, campaign, paths)
    assert (
        pq.read_table(tmp_path / "train").num_rows == read_metadata(paths[0])["totals"]["higgs"]["groups"] > 0
    )
    for empty in (tmp_path / "val" / "val-00000.parquet", tmp_path / "test" / "test-00000.parquet"):
        assert pq.read_table(empty).schema.equals(GROUPS_SCHEMA)
        assert pl.read_parquet(empty).shape == (0, len(GROUPS_SCHEMA))
        assert duckdb.sql(f"SELECT count(*) FROM '{empty}'").fetchall() == [(0,)]


def test_splitting_again_replaces_the_folder_as_a_whole(tmp_path, campaign, groups, dataset):
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "stale.parquet").write_text("stale")
    (tmp_path / ".partial-test").mkdir()
    (tmp_path / ".partial-test" / "test-00000.arrows").write_text("of a killed run")
    write_split(tmp_path / "test", groups, campaign, "test")
    assert bytes_of(tmp_path / "test") == bytes_of(dataset / "test")
    assert [path.name for path in tmp_path.iterdir()] == ["test"]


def without_a_chunk(folder, campaign, groups):
    return groups[:1] + groups[2:], campaign, "groups of higgs events 20 to 39 are missing"


def without_the_last_chunk(folder, campaign, groups):
    return groups[:-1], campaign, "top: groups of 20 hard events; the campaign has 40"


def with_a_chunk_twice(folder, campaign, groups):
    again = groups_file(folder, campaign, "higgs", range(30, 40))
    return [*groups, again], campaign, "groups of higgs events 30 to 39 are there twice"


def with_other_jets(folder, campaign, groups):
    other = make_campaign(groups={"require": "nominal"}, jets={"radius": 0.4})
    return groups, other, "made with jets.fsrRenHi.jets.radius = 0.8, but the campaign has 0.4"


def with_other_seed(folder, campaign, groups):
    other = make_campaign(groups={"require": "nominal"}, seed=12)
    return groups, other, "seed = 11, but the campaign has 12"


def with_other_requirement(folder, campaign, groups):
    return groups, make_campaign(), "made with groups.require = 'nominal', but the campaign has 'all'"


def with_one_more_realization(folder, campaign, groups):
    names = ["nominal", "seed", "fsrRenHi", {"name": "mpiOff", "replicas": 3}]
    other = make_campaign(groups={"require": "nominal"}, augmentations=names)
    return groups, other, "but the campaign has"


def of_a_process_that_is_not_asked_for(folder, campaign, groups):
    other = make_campaign(groups={"require": "nominal"}, processes={"higgs": None})
    return groups, other, "groups of process 'dijet'; expected higgs"


def with_jets_in_place_of_groups(folder, campaign, groups):
    groups_file(folder, campaign, "higgs", range(20))
    jets = folder / "jets" / "higgs" / "nominal" / "00000.parquet"
    return [jets, *groups[1:]], campaign, "not a groups file"


def with_a_truncated_file(folder, campaign, groups):
    damaged = folder / "damaged.parquet"
    damaged.write_bytes(groups[0].read_bytes()[:-9])
    return [damaged, *groups[1:]], campaign, "cannot be read as Parquet"


@pytest.mark.parametrize(
    "case",
    [
        without_a_chunk,
        without_the_last_chunk,
        with_a_chunk_twice,
        with_other_jets,
        with_other_seed,
        with_other_requirement,
        with_one_more_realization,
        of_a_process_that_is_not_asked_for,
        with_jets_in_place_of_groups,
        with_a_truncated_file,
    ],
)
def test_groups_that_do_not_make_the_campaign_are_refused(tmp_path, campaign, groups, case):
    made = tmp_path / "made"
    made.mkdir()
    paths, asked, message = case(made, campaign, groups)
    with pytest.raises(DataError) as error:
        write_split(tmp_path / "train", paths, asked, "train")
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


@given(st.integers(0, 2**63 - 1), st.integers(0, 10**7))
def test_split_of_an_event_never_has_no_share(seed, event):
    campaign = make_campaign(seed=seed, dataset={"splits": {"train": 0.7, "val": 0.3, "test": 0}})
    assert split_of(campaign, "higgs", event) in ("train", "val")


def test_split_fractions_are_those_asked_for(campaign):
    # 20 000 binomial trials; 5 standard deviations
    found = [split_of(campaign, "higgs", event) for event in range(20_000)]
    for event in range(500):
        place = unit_hash(campaign.seed, "split", "higgs", event)
        assert found[event] == ("train" if place < 0.8 else "val" if place < 0.9 else "test")
    for split, fraction in campaign.dataset.splits.model_dump().items():
        spread = math.sqrt(20_000 * fraction * (1 - fraction))
        assert abs(found.count(split) - 20_000 * fraction) < 5 * spread


def peak_memory(function, *arguments):
    """Largest size [bytes] of what Arrow allocates."""
    default = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(default)
    pa.set_memory_pool(pool)
    try:
        function(*arguments)
    finally:
        pa.set_memory_pool(default)
    return pool.max_memory()


def test_memory_does_not_grow_with_the_dataset(tmp_path, monkeypatch):
    monkeypatch.setattr(assemble, "_SCATTER_BYTES", 2**16)
    for module in (groups_room, parquet, synthetic):
        monkeypatch.setattr(module, "ROW_GROUP", 50)
    building, splitting = [], []
    for events in (200, 800):
        campaign = make_campaign(events=events, processes={"higgs": None}, augmentations=["nominal"])
        jets = jets_files(tmp_path / "jets", campaign, "higgs", range(events))
        path = tmp_path / "groups.parquet"
        hard = hard_truths(campaign, "higgs", range(events))
        building.append(peak_memory(build_groups, path, hard, jets, campaign, "higgs"))
        splitting.append(peak_memory(write_split, tmp_path / "train", [path], campaign, "train"))
    assert building[1] < 1.5 * building[0]
    assert splitting[1] < 1.5 * splitting[0]


def test_memory_does_not_grow_with_the_metadata_of_the_files(tmp_path):
    """A file leaves its place and its range of events; its metadata are 20 kB of Python objects."""
    peaks = []
    for files in (50, 350):
        stand_ins = StandIns(files)
        stand_ins.assemble(tmp_path / "first", "val")  # what is cached once
        tracemalloc.start()
        stand_ins.assemble(tmp_path / "second", "val")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (peaks[1] - peaks[0]) / 300 < 1500


def test_tables_of_few_rows_are_not_collected_without_bound(tmp_path, monkeypatch):
    """A table takes memory beside its rows, and one of another split takes it for nothing."""
    collected = []
    append = assemble._append

    def recorded(parts, shards):
        collected.append([table.num_rows for table, _ in parts])
        append(parts, shards)

    monkeypatch.setattr(assemble, "_append", recorded)
    monkeypatch.setattr(assemble, "_SCATTER_BYTES", 10 * assemble._TABLE_BYTES)
    StandIns(200).assemble(tmp_path / "train", "train")
    assert sum(map(sum, collected)) > 100
    assert max(map(len, collected)) <= 10
    assert all(min(rows) > 0 for rows in collected)


def test_pyarrow_polars_and_duckdb_read_the_same(dataset):
    rows = read_rows(sorted((dataset / "train").iterdir()))
    pattern = str(dataset / "train" / "*.parquet")
    frame = pl.read_parquet(pattern)
    assert frame.drop("weight").rows(named=True)[0]["truth"] == rows[0]["truth"]
    assert frame["weight"].to_list() == [row["weight"] for row in rows]
    pts = [[[c["pt"] for c in member["constituents"]] for member in row["realizations"]] for row in rows]
    jets = [[member["jet"] and member["jet"]["sdmass"] for member in row["realizations"]] for row in rows]
    member = pl.element().struct
    assert (
        frame["realizations"]
        .list.eval(member.field("constituents").list.eval(pl.element().struct.field("pt")))
        .to_list()
        == pts
    )
    assert (
        frame["realizations"]
        .list.eval(pl.when(member.field("present")).then(member.field("jet").struct.field("sdmass")))
        .to_list()
        == jets
    )
    found = duckdb.sql(
        "SELECT event, "
        "list_transform(realizations, lambda m: list_transform(m.constituents, lambda c: c.pt)), "
        f"list_transform(realizations, lambda m: m.jet.sdmass) FROM '{pattern}'"
    ).fetchall()
    assert found == list(zip([row["event"] for row in rows], pts, jets, strict=True))
    assert any(None in each for each in jets)


def test_numbers_take_less_than_in_arrows_own_encodings(dataset, tmp_path):
    stored = max((dataset / "train").glob("*.parquet"), key=lambda path: path.stat().st_size)
    table = pq.read_table(stored)
    pq.write_table(table, tmp_path / "plain.parquet", compression="zstd")
    assert pq.read_table(tmp_path / "plain.parquet").equals(table)
    assert stored.stat().st_size < 0.95 * (tmp_path / "plain.parquet").stat().st_size


def test_hdf5_holds_each_feature_in_chunks_of_its_own(dataset):
    with h5py.File(next((dataset / "rs3l" / "train").glob("*.h5"))) as file:
        candidates = file["jet_pflow_cands"]
        assert candidates.chunks[1:] == (candidates.shape[1], 1, candidates.shape[3])


def test_duckdb_reads_the_metadata(campaign, dataset):
    query = f"SELECT key, value FROM parquet_kv_metadata('{dataset / 'test' / 'test-00000.parquet'}')"
    stored = {bytes(key): bytes(value) for key, value in duckdb.sql(query).fetchall()}
    assert json.loads(stored[b"rs3l"])["realizations"] == campaign.realizations


def test_reader_gives_the_rows_that_are_asked_for(dataset):
    rows = read_rows(sorted((dataset / "train").iterdir()))
    batches = list(open_groups(dataset / "train"))
    assert max(len(batch) for batch in batches) <= ROW_GROUP
    assert ak.concatenate(batches).event.tolist() == [row["event"] for row in rows]
    assert batches[0].realizations.constituents.pt[0].tolist() == [
        [c["pt"] for c in member["constituents"]] for member in rows[0]["realizations"]
    ]
    tops = ak.concatenate(
        list(open_groups(dataset / "train", ["event", "label"], processes=["top", "higgs"], labels=[12]))
    )
    assert tops.fields == ["event", "label"]
    assert tops.event.tolist() == [row["event"] for row in rows if row["process"] == "top"]


def test_reader_refuses_what_is_not_there(tmp_path, dataset):
    with pytest.raises(DataError, match="no Parquet files"):
        open_groups(tmp_path)
    with pytest.raises(DataError, match="unknown column 'weigth'; did you mean 'weight'"):
        open_groups(dataset / "train", ["weigth"])


def test_manifest_lists_every_data_file(dataset):
    files = json.loads((dataset / "manifest.json").read_text())["files"]
    paths = [path for path in dataset.rglob("*") if path.suffix in (".parquet", ".h5")]
    paths.append(dataset / "standardization.json")
    assert [entry["path"] for entry in files] == sorted(
        path.relative_to(dataset).as_posix() for path in paths
    )
    for entry in files:
        content = (dataset / entry["path"]).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == sha256(content).hexdigest()
    total = len(read_rows(dataset.glob("*/*.parquet")))
    assert sum(entry["rows"] for entry in files if entry["path"].endswith(".parquet")) == total
    assert sum(entry["rows"] for entry in files if entry["path"].startswith("rs3l/")) == total


def test_card_names_the_splits_and_counts(campaign, dataset):
    card = (dataset / "README.md").read_text()
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["configs"][0]["data_files"] == [
        {"split": "train", "path": "train/*.parquet"},
        {"split": "validation", "path": "val/*.parquet"},
        {"split": "test", "path": "test/*.parquet"},
    ]
    metadata = read_metadata(dataset / "train" / "train-00000.parquet")
    for process in campaign.processes:
        for name in campaign.realizations:
            counts = metadata["counts"][process][name]
            line = next(line for line in card.splitlines() if line.startswith(f"| {process} | {name} |"))
            assert line.startswith(f"| {process} | {name} | {counts['tried']} | {counts['matched']} |")
            assert line.endswith(f"| {counts['kept']} |")
            assert campaign.augmentation(name).description in card
    for number in ("2403.07066", "2203.11601", "1111.6097", str(campaign.seed)):
        assert number in card
    assert str(dataset.parent) not in card
    columns = re.findall(r"^\| `([a-z.]+)` \|", card, flags=re.M)
    assert [name for name in columns if "." not in name] == GROUPS_SCHEMA.names


def test_examples_of_the_card_run(monkeypatch, dataset, capsys):
    monkeypatch.chdir(dataset)
    examples = re.findall(r"```python\n(.*?)```", (dataset / "README.md").read_text(), flags=re.S)
    assert len(examples) == 5
    for example in examples:
        exec(compile(example, "README.md", "exec"), {})
    assert "dijet" in capsys.readouterr().out


def test_card_and_manifest_are_the_same_again(campaign, dataset):
    before = [(dataset / name).read_bytes() for name in ("README.md", "manifest.json")]
    (dataset / "train" / ".timestamp.parquet").touch()
    write_card(dataset, campaign)
    (dataset / "train" / ".timestamp.parquet").unlink()
    assert [(dataset / name).read_bytes() for name in ("README.md", "manifest.json")] == before


def test_warnings_of_a_process_stand_once_in_metadata_card_and_at_the_end_of_a_run(tmp_path, capsys):
    """Also that nothing is left of a process, which none of its files can be blamed for."""
    campaign = make_campaign(
        processes={"higgs": None}, groups={"pt_min": 2000}, events=60, chunk=20, dataset={"formats": []}
    )
    warnings, paths = ["emissions are counted twice", "a cut was not applied"], []
    for events in campaign.chunks("higgs"):
        paths.append(tmp_path / f"{events.start}.parquet")
        jets = jets_files(tmp_path / "jets", campaign, "higgs", events)
        hard = hard_truths(campaign, "higgs", events)
        build_groups(paths[-1], hard, jets, campaign, "higgs", warnings)
        assert read_metadata(paths[-1])["warnings"] == {"higgs": warnings}
    folder = tmp_path / "dataset"
    all_splits(folder, campaign, paths)
    metadata = read_metadata(folder / "val" / "val-00000.parquet")
    assert metadata["warnings"] == {"higgs": warnings}
    targets = metadata["totals"]["higgs"]["targets"]
    lines = [*warnings, f"no group is kept, of {targets} targets in 60 hard events"]
    write_standardization(folder, campaign)
    write_card(folder, campaign)
    section = (folder / "README.md").read_text().split("## Warnings\n\n")[1].split("\n\n")[0]
    assert section.splitlines() == [f"- higgs: {line}" for line in lines]
    report_acceptance(folder)
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning: ")]
    assert printed == [f"warning: higgs: {line}" for line in lines]


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.lists(st.sampled_from("xyz")))))
def test_merged_warnings_are_all_that_were_there_each_once(parts):
    merged = merged_warnings(parts)
    assert {(key, line) for key, lines in merged.items() for line in lines} == {
        (key, line) for part in parts for key, lines in part.items() for line in lines
    }
    assert all(len(lines) == len(set(lines)) for lines in merged.values())


def test_card_without_warnings_has_no_section_for_them(dataset):
    assert "## Warnings" not in (dataset / "README.md").read_text()


def test_card_needs_the_splits(tmp_path, campaign):
    with pytest.raises(DataError, match="write the split first"):
        write_card(tmp_path, campaign)


def with_another_version(groups, folder):
    """The groups of a campaign, of which another Pythia has made the first two files."""
    paths = []
    for number, path in enumerate(groups):
        copy = folder / path.parent.name / path.name
        copy.parent.mkdir(parents=True, exist_ok=True)
        metadata = read_metadata(path)
        metadata["versions"]["pythia8mc"] = "8.316.0" if number < 2 else "8.317.2"
        with parquet.writer(copy, GROUPS_SCHEMA) as sink:
            sink.write_table(pq.read_table(path))
            sink.add_key_value_metadata({"rs3l": json.dumps(metadata)})
        paths.append(copy)
    return paths


def test_groups_of_different_versions_are_refused_or_named_on_the_card(tmp_path, groups):
    paths = with_another_version(groups, tmp_path / "groups")
    asked = {"events_per_shard": 40, "formats": []}
    strict, allowed = (
        make_campaign(groups={"require": "nominal"}, dataset={**asked, "mixed_versions": key})
        for key in ("refuse", "allow")
    )
    with pytest.raises(DataError) as error:
        write_split(tmp_path / "train", paths, strict, "train")
    listed = re.search(r"pythia8mc 8\.316\.0 \((.*?)\), 8\.317\.2 \((.*?)\); ", str(error.value))
    assert listed[1] == ", ".join(f"higgs/{path.name}" for path in paths[:2])
    assert listed[2].endswith(" more")
    assert not (tmp_path / "train").exists()
    all_splits(tmp_path, allowed, paths)
    write_standardization(tmp_path, allowed)
    with pytest.raises(DataError, match="different versions"):
        write_card(tmp_path, strict)
    write_card(tmp_path, allowed)
    mixed = "8.316.0, 8.317.2"
    assert f"made by different versions** of pythia8mc ({mixed})" in (tmp_path / "README.md").read_text()
    assert json.loads((tmp_path / "manifest.json").read_text())["versions"]["pythia8mc"] == mixed


def test_card_of_one_version_has_no_warning(dataset):
    assert "different versions" not in (dataset / "README.md").read_text()
