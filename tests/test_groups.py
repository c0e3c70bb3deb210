import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import all_groups, groups_file, hard_truths, jets_files, jets_row, make_campaign, write_jets

from jetresim.campaign.errors import DataError
from jetresim.campaign.provenance import merged_versions
from jetresim.campaign.status import Status
from jetresim.dataset.groups import _interleaved, build_groups
from jetresim.dataset.rules import kept_rows
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.jets.parquet import ROW_GROUP, batches, read_metadata

EVENTS = range(20, 40)

REQUIRING = {
    require: make_campaign(groups={"require": require, "pt_min": 470})
    for require in ("all", "nominal", "any")
}


def read_rows(path):
    return pq.read_table(path).to_pylist()


def expected_member(campaign, process, event, target, realization):
    row = jets_row(campaign.seed, process, event, target, realization)
    present = row["status"] == "matched" and np.float32(row["jet"]["pt"]) > campaign.groups.pt_min
    if row["status"] == "matched" and not present:
        row |= {"status": "below pt", "jet": None, "constituents": []}
    return {"present": bool(present), **{key: row[key] for key in ("status", "seed", "jet", "constituents")}}


def as_stored(members):
    return pa.array(members, GROUPS_SCHEMA.field("realizations").type.value_type).to_pylist()


@pytest.mark.parametrize("require", ["all", "nominal", "any"])
@pytest.mark.parametrize("process", ["higgs", "dijet"])
def test_rows_are_those_that_are_required_with_every_member_in_its_place(tmp_path, require, process):
    campaign = make_campaign(groups={"require": require, "pt_min": 470})
    rows = read_rows(groups_file(tmp_path, campaign, process, EVENTS))
    expected = []
    for truth in hard_truths(campaign, process, EVENTS):
        for target, of_target in enumerate(truth.targets):
            members = [
                expected_member(campaign, process, truth.event, target, name)
                for name in campaign.realizations
            ]
            present = [member["present"] for member in members]
            if {"all": all(present), "nominal": present[0], "any": any(present)}[require]:
                expected.append((truth, target, of_target, members))
    assert len(expected) > 2
    assert [(row["event"], row["target"]) for row in rows] == [(each[0].event, each[1]) for each in expected]
    for row, (truth, _, target, members) in zip(rows, expected, strict=True):
        assert row["process"] == process
        assert row["label"] == target.label
        assert row["weight"] == truth.weight
        assert row["weights"] == [{"name": name, "value": value} for name, value in truth.weights.items()]
        assert [row["truth"][key] for key in ("pdgid", "pt", "energy")] == [
            target.parton.pdgid,
            target.parton.pt,
            target.parton.energy,
        ]
        assert [each["pdgid"] for each in row["truth"]["daughters"]] == [
            each.pdgid for each in target.daughters
        ]
        assert row["realizations"] == as_stored(members)


def test_absent_member_has_no_jet_no_constituents_and_a_reason(tmp_path):
    campaign = make_campaign(groups={"require": "any", "pt_min": 600})
    rows = read_rows(groups_file(tmp_path, campaign, "higgs", EVENTS))
    absent = [member for row in rows for member in row["realizations"] if not member["present"]]
    assert {member["status"] for member in absent} > {"below pt", "no jet"}
    assert all(member["jet"] is None and member["constituents"] == [] for member in absent)
    assert all(member["seed"] > 0 and member["status"] != "matched" for member in absent)


def test_a_jet_above_the_window_of_pt_is_absent_with_a_reason(tmp_path):
    campaign = make_campaign(groups={"require": "any", "pt_min": 450, "pt_max": 600})
    members = [
        member
        for row in read_rows(groups_file(tmp_path, campaign, "higgs", EVENTS))
        for member in row["realizations"]
    ]
    assert {member["status"] for member in members} >= {"matched", "above pt"}
    assert all(450 < member["jet"]["pt"] <= 600 for member in members if member["present"])
    assert all(member["jet"] is None for member in members if member["status"] == "above pt")


def test_counts_add_up_to_all_targets(tmp_path):
    campaign = make_campaign(groups={"require": "nominal"})
    path = groups_file(tmp_path, campaign, "dijet", EVENTS)
    metadata, rows = read_metadata(path), read_rows(path)
    truths = hard_truths(campaign, "dijet", EVENTS)
    targets = sum(len(truth.targets) for truth in truths)
    assert metadata["totals"]["dijet"] == {
        "hard_events": len(EVENTS),
        "without_target": sum(not truth.targets for truth in truths),
        "targets": targets,
        "groups": len(rows),
    }
    assert metadata["totals"]["dijet"]["without_target"] > 0
    for place, name in enumerate(campaign.realizations):
        counts = metadata["counts"]["dijet"][name]
        assert counts["tried"] == targets == sum(counts[status] for status in Status)
        assert counts["kept"] == sum(row["realizations"][place]["present"] for row in rows)
        members = [
            expected_member(campaign, "dijet", truth.event, target, name)
            for truth in truths
            for target in range(len(truth.targets))
        ]
        assert counts["matched"] == sum(member["present"] for member in members)
    assert metadata["counts"]["dijet"]["nominal"]["kept"] == metadata["counts"]["dijet"]["nominal"]["matched"]


def test_groups_do_not_depend_on_chunks(tmp_path):
    tables = []
    for chunk in (7, 25, 60):
        campaign = make_campaign(chunk=chunk)
        paths = all_groups(tmp_path / str(chunk), campaign)
        tables.append(pa.concat_tables([pq.read_table(path) for path in paths]))
    assert tables[0].num_rows > 20
    assert tables[0].equals(tables[1])
    assert tables[0].equals(tables[2])


def test_groups_do_not_depend_on_the_order_of_augmentations(tmp_path):
    names = ["nominal", "seed", "fsrRenHi"]
    one = make_campaign(augmentations=names)
    other = make_campaign(augmentations=names[::-1])
    rows = read_rows(groups_file(tmp_path / "one", one, "higgs", EVENTS))
    reversed_rows = read_rows(groups_file(tmp_path / "other", other, "higgs", EVENTS))
    for row in reversed_rows:
        row["realizations"].reverse()
    assert rows == reversed_rows
    assert len(rows) > 5


def test_same_input_gives_same_bytes(tmp_path):
    campaign = make_campaign()
    one = groups_file(tmp_path / "one", campaign, "top", EVENTS)
    two = groups_file(tmp_path / "two", campaign, "top", EVENTS)
    assert one.read_bytes() == two.read_bytes()


def test_batches_keep_the_alignment_of_files_with_other_row_groups(tmp_path):
    campaign = make_campaign(augmentations=["nominal", "seed"], groups={"require": "any"})
    events = range(2 * ROW_GROUP + 10)
    jets = jets_files(tmp_path, campaign, "higgs", events)
    table, metadata = pq.read_table(jets[1]), pq.read_metadata(jets[1]).metadata
    with pq.ParquetWriter(jets[1], table.schema) as writer:
        writer.write_table(table, row_group_size=77)
        writer.add_key_value_metadata({"rs3l": metadata[b"rs3l"]})
    build_groups(tmp_path / "g.parquet", hard_truths(campaign, "higgs", events), jets, campaign, "higgs")
    file = pq.ParquetFile(tmp_path / "g.parquet")
    assert max(file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)) <= ROW_GROUP
    rows = file.read(columns=["event", "realizations.list.element.seed"]).to_pylist()
    assert len(rows) > 1.8 * ROW_GROUP
    for row in rows[:: len(rows) // 50]:
        seeds = [
            jets_row(campaign.seed, "higgs", row["event"], 0, name)["seed"] for name in campaign.realizations
        ]
        assert [member["seed"] for member in row["realizations"]] == seeds


def test_chunk_without_targets_gives_an_empty_valid_file(tmp_path):
    campaign = make_campaign()
    event = next(truth.event for truth in hard_truths(campaign, "dijet", range(60)) if not truth.targets)
    path = groups_file(tmp_path, campaign, "dijet", range(event, event + 1))
    assert pq.read_table(path).schema.equals(GROUPS_SCHEMA)
    assert pq.read_metadata(path).num_rows == 0
    assert read_metadata(path)["totals"]["dijet"]["without_target"] == 1
    assert list(batches(path, GROUPS_SCHEMA)) == []


def shifted(path, campaign):
    write_jets(path, campaign, "higgs", "seed", range(21, 41), first_event=20)


def shortened(path, campaign):
    write_jets(path, campaign, "higgs", "seed", range(20, 39), events=20)


def prolonged(path, campaign):
    write_jets(path, campaign, "higgs", "seed", range(20, 42), events=20)


def of_other_realization(path, campaign):
    write_jets(path, campaign, "higgs", "nominal", EVENTS)


def of_other_process(path, campaign):
    write_jets(path, campaign, "top", "seed", EVENTS)


def of_other_chunk(path, campaign):
    write_jets(path, campaign, "higgs", "seed", range(0, 20))


def of_other_length(path, campaign):
    write_jets(path, campaign, "higgs", "seed", EVENTS, events=25)


def of_other_campaign(path, campaign):
    write_jets(path, make_campaign(seed=12), "higgs", "seed", EVENTS)


def with_other_settings(path, campaign):
    write_jets(path, make_campaign(settings={"PartonLevel:MPI": False}), "higgs", "seed", EVENTS)


def of_other_version(path, campaign):
    write_jets(path, campaign, "higgs", "seed", EVENTS, schema=0)


def truncated(path, campaign):
    path.write_bytes(path.read_bytes()[:-100])


def with_damaged_pages(path, campaign):
    content = bytearray(path.read_bytes())
    content[4:2000] = bytes(1996)
    path.write_bytes(content)


def missing(path, campaign):
    path.unlink()


def without_metadata(path, campaign):
    pq.write_table(pq.read_table(path), path)


def with_other_columns(path, campaign):
    table, metadata = pq.read_table(path), pq.read_metadata(path).metadata
    table = table.drop_columns("seed")
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({"rs3l": metadata[b"rs3l"]})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (shifted, "row 0 has event 21 target 0; the hard events have event 20 target 0"),
        (shortened, "row 19 has no target left; the hard events have event 39 target 0"),
        (prolonged, "row 20 has event 40 target 0; the hard events have no target left"),
        (of_other_realization, "jets of realization 'nominal'; expected realization 'seed'"),
        (of_other_process, "jets of process 'top'; expected process 'higgs'"),
        (of_other_chunk, "row 0 has event 0 target 0"),
        (of_other_length, "jets of 25 events from event 20; expected 20 events from event 20"),
        (of_other_campaign, "made with seed = 12, but the campaign has 11"),
        (with_other_settings, "made with settings.PartonLevel:MPI = 'off', but the campaign has None"),
        (of_other_version, "jets of schema 0; expected schema 1"),
        (truncated, "cannot be read as Parquet"),
        (with_damaged_pages, "cannot be read as Parquet"),
        (missing, "cannot be read as Parquet"),
        (without_metadata, "no metadata under 'rs3l'"),
        (with_other_columns, "columns event, target, status, jet, constituents; expected event, target"),
    ],
)
def test_shifted_foreign_or_damaged_jets_are_refused(tmp_path, spoil, message):
    campaign = make_campaign()
    jets = jets_files(tmp_path / "jets", campaign, "higgs", EVENTS)
    spoil(jets[1], campaign)
    output = tmp_path / "groups.parquet"
    with pytest.raises(DataError) as error:
        build_groups(output, hard_truths(campaign, "higgs", EVENTS), jets, campaign, "higgs")
    assert message in str(error.value)
    assert str(error.value).startswith(str(jets[1]))
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["jets"]


def test_hard_events_of_another_chunk_are_refused(tmp_path):
    campaign = make_campaign()
    jets = jets_files(tmp_path / "jets", campaign, "higgs", EVENTS)
    with pytest.raises(DataError, match="jets of event 20 come where the hard events have event 0"):
        build_groups(
            tmp_path / "g.parquet", hard_truths(campaign, "higgs", range(20)), jets, campaign, "higgs"
        )


def test_missing_realization_is_refused(tmp_path):
    campaign = make_campaign()
    jets = jets_files(tmp_path / "jets", campaign, "higgs", EVENTS)
    with pytest.raises(DataError, match="4 jets files given; expected one for each of nominal, seed"):
        build_groups(tmp_path / "g.parquet", [], jets[:-1], campaign, "higgs")


@given(st.integers(1, 6), st.integers(0, 20), st.data())
def test_interleaving_brings_members_of_a_row_together(count, length, data):
    rows = data.draw(st.lists(st.integers(0, length - 1), unique=True).map(sorted)) if length else []
    members = [
        pa.array(
            [{"row": row, "member": member} for row in range(length)],
            pa.struct([("row", "int64"), ("member", "int64")]),
        )
        for member in range(count)
    ]
    lists = _interleaved(members, np.array(rows, np.int64)).to_pylist()
    assert lists == [[{"row": row, "member": member} for member in range(count)] for row in rows]


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=8))
def test_requirements_are_nested(rows):
    present = np.array(rows).T
    kept = {require: kept_rows(present, campaign) for require, campaign in REQUIRING.items()}
    assert (kept["all"] <= kept["nominal"]).all()
    assert (kept["nominal"] <= kept["any"]).all()


def test_versions_that_differ_are_all_named():
    found = merged_versions([{"a": "1", "b": "2"}, {"a": "1, 3"}, {"a": "1"}])
    assert found == {"a": "1, 3", "b": "2"}


OTHER = {"pythia8mc": "8.316.0"}


def test_jets_of_different_versions_are_refused_with_a_list(tmp_path):
    campaign = make_campaign()
    jets = jets_files(tmp_path / "jets", campaign, "higgs", EVENTS)
    write_jets(jets[1], campaign, "higgs", "seed", EVENTS, versions=OTHER)
    with pytest.raises(DataError) as error:
        build_groups(tmp_path / "g.parquet", hard_truths(campaign, "higgs", EVENTS), jets, campaign, "higgs")
    assert str(error.value).startswith(
        f"{tmp_path / 'g.parquet'}: made from files of different versions: pythia8mc 8.316.0 (jets of seed), "
        "8.317.2 (jets of nominal, "
    )
    assert "mixed_versions: allow" in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["jets"]


@pytest.mark.parametrize("program", ["pythia8mc", "fastjet", "jetresim"])
def test_hard_events_of_another_version_are_refused(tmp_path, program):
    campaign = make_campaign()
    jets = jets_files(tmp_path / "jets", campaign, "higgs", EVENTS)
    truths = hard_truths(campaign, "higgs", EVENTS)
    with pytest.raises(DataError, match=rf"{program} 0\.0\.1 \(hard events\)"):
        build_groups(tmp_path / "g.parquet", truths, jets, campaign, "higgs", (), {program: "0.0.1"})


def test_other_libraries_may_differ(tmp_path):
    campaign = make_campaign()
    jets = jets_files(tmp_path / "jets", campaign, "higgs", EVENTS)
    truths = hard_truths(campaign, "higgs", EVENTS)
    build_groups(tmp_path / "g.parquet", truths, jets, campaign, "higgs", (), {"numpy": "0.0.1"})
    assert read_metadata(tmp_path / "g.parquet")["versions"]["numpy"].startswith("0.0.1, ")


def test_different_versions_that_are_allowed_are_named(tmp_path):
    campaign = make_campaign(dataset={"mixed_versions": "allow"})
    jets = jets_files(tmp_path / "jets", campaign, "higgs", EVENTS)
    write_jets(jets[1], campaign, "higgs", "seed", EVENTS, versions=OTHER)
    output = tmp_path / "g.parquet"
    build_groups(output, hard_truths(campaign, "higgs", EVENTS), jets, campaign, "higgs")
    assert read_metadata(output)["versions"]["pythia8mc"] == "8.316.0, 8.317.2"
