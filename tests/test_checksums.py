"""A changed byte in a file is an error or changes nothing, never other values."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import synthetic
from hypothesis import given, settings
from hypothesis import strategies as st
from lhe_samples import event, les_houches

from jetresim.campaign.errors import DataError
from jetresim.dataset.fingerprint import row_hashes
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_files import open_lhe, read_hard_events, write_lhe
from jetresim.jets.files import jets_metadata
from jetresim.jets.parquet import batches, check_checksum, writer
from jetresim.jets.schema import JETS_SCHEMA

CAMPAIGN = synthetic.make_campaign()
SCHEMAS = {"jets": JETS_SCHEMA, "groups": GROUPS_SCHEMA}

flips = st.lists(st.tuples(st.integers(0, 2**32), st.integers(1, 255)), min_size=1, max_size=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("checksums")


@pytest.fixture(scope="module")
def originals(folder):
    groups = synthetic.groups_file(folder, CAMPAIGN, "higgs", range(20))
    source = folder / "jets" / "higgs" / "seed" / "00000.parquet"
    jets = folder / "jets.parquet"
    with writer(jets, JETS_SCHEMA) as sink:
        sink.write_table(pq.read_table(source).replace_schema_metadata())
        sink.add_key_value_metadata({"rs3l": pq.read_metadata(source).metadata[b"rs3l"].decode()})
    return {"jets": jets, "groups": groups}


@pytest.fixture(scope="module")
def hard(folder):
    text = folder / "three.lhe"
    text.write_text(les_houches([event(), event(), event()]))
    path = folder / "hard.lhe.gz"
    with open_lhe(text) as source:
        events = [HardEvent(index, record) for index, record in enumerate(source.events)]
        write_lhe(path, source.init, source.header, events, {"first_event": 0})
    return path


def damaged(path, changes):
    content = bytearray(path.read_bytes())
    for place, mask in changes:
        content[place % len(content)] ^= mask
    copy = path.with_name(f"damaged-{path.name}")
    copy.write_bytes(content)
    return copy


def attempt(read, *arguments):
    """What is read, and the message of the error if there is one."""
    try:
        return read(*arguments), ""
    except DataError as error:
        return None, str(error)


def hard_events(path):
    return list(read_hard_events(path, 0))


def rows(path, schema):
    return pa.concat_tables(batches(path, schema))


@pytest.mark.parametrize("kind", SCHEMAS)
@settings(max_examples=150)
@given(changes=flips)
def test_flipped_bytes_of_parquet_are_noticed_or_harmless(originals, kind, changes):
    schema, path = SCHEMAS[kind], originals[kind]
    found, message = attempt(rows, damaged(path, changes), schema)
    assert "\n" not in message
    assert message or found.equals(rows(path, schema))


@settings(max_examples=150)
@given(changes=flips)
def test_flipped_bytes_of_hard_events_are_noticed_or_harmless(hard, changes):
    found, message = attempt(hard_events, damaged(hard, changes))
    assert not message or message.endswith(("delete it to have it made again", "delete the file"))
    assert message or found == hard_events(hard)


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_cut_hard_events_are_one_line_that_says_what_to_do(hard, part):
    copy = hard.with_name("cut.lhe.gz")
    copy.write_bytes(hard.read_bytes()[: int(part * hard.stat().st_size)])
    with pytest.raises(DataError, match=r"cut\.lhe\.gz: .*cut off.*delete it to have it made again"):
        hard_events(copy)


def test_page_headers_are_covered(originals):
    """The checksums of pages are not: a flipped bit of a header can change values without an error."""
    first = damaged(originals["jets"], [(6, 1)])
    with pytest.raises(DataError, match=r"is damaged, its checksum is wrong; delete it"):
        rows(first, JETS_SCHEMA)


def test_pages_have_checksums_for_readers_that_know_nothing_of_ours(originals):
    content = originals["groups"].read_bytes()
    refused = 0
    for place in range(1000, len(content) // 2, 500):
        copy = damaged(originals["groups"], [(place, 255)])
        try:
            pq.ParquetFile(copy, page_checksum_verification=True).read()
        except OSError as error:
            refused += "CRC" in str(error)
    assert refused > 0


def test_checksum_is_in_the_file_and_the_bytes_are_reproducible(originals, folder):
    table, copy = rows(originals["jets"], JETS_SCHEMA), folder / "again.parquet"
    metadata = pq.read_metadata(originals["jets"]).metadata
    with writer(copy, JETS_SCHEMA) as sink:
        sink.write_table(table)
        sink.add_key_value_metadata({"rs3l": metadata[b"rs3l"].decode()})
    assert copy.read_bytes() == originals["jets"].read_bytes()
    assert copy.read_bytes().count(b"checksum") == 1
    assert jets_metadata(copy, CAMPAIGN, "higgs", "seed")["realization"] == "seed"


def test_files_of_others_need_no_checksum(folder):
    path = folder / "plain.parquet"
    pq.write_table(pa.table({"a": [1]}), path)
    check_checksum(path)


def test_arrow_gives_the_metadata_where_people_look_first(originals):
    for path in originals.values():
        stored = pq.read_metadata(path).metadata
        for found in (pq.read_schema(path).metadata, pq.read_table(path).schema.metadata):
            assert json.loads(found[b"rs3l"])["schema"] == 1
        assert sum(stored[b"rs3l"][:100] in value for value in stored.values()) == 1


def test_what_others_made_of_a_file_needs_no_checksum(originals, folder):
    """Arrow hands the metadata on, so that the checksum of the file they are from must not be there."""
    table, copy = pq.read_table(originals["groups"]), folder / "filtered.parquet"
    pq.write_table(table.slice(1), copy)
    assert b"rs3l" in pq.read_metadata(copy).metadata
    assert rows(copy, GROUPS_SCHEMA).num_rows == table.num_rows - 1


def test_fingerprint_depends_on_every_value_and_not_on_the_order(originals):
    table = rows(originals["groups"], GROUPS_SCHEMA)
    hashes = row_hashes(table)
    backwards = table.take(list(range(len(table) - 1, -1, -1)))
    assert (row_hashes(backwards) == hashes[::-1]).all()
    assert (row_hashes(table.slice(3, 5)) == hashes[3:8]).all()
    changed = table.to_pylist()
    member = next(each for each in changed[2]["realizations"] if each["present"])
    member["constituents"][-1]["dz"] += 0.5
    different = row_hashes(pa.Table.from_pylist(changed, GROUPS_SCHEMA)) != hashes
    assert different.tolist() == [row == 2 for row in range(len(table))]
