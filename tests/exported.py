"""A split with every kind of member that an export meets, and what its rows should be."""

import pyarrow as pa
import pyarrow.parquet as pq
from synthetic import all_groups, make_campaign

from jetresim.dataset.assemble import write_split
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.jets.parquet import METADATA_KEY, writer


def make_split(folder, campaign, split="train"):
    write_split(folder / split, all_groups(folder, campaign), campaign, split)
    return sorted((folder / split).iterdir())


def empty_split(folder):
    """A split without rows, and its campaign."""
    campaign = make_campaign(
        dataset={"splits": {"train": 1, "val": 0, "test": 0}}, events=5, processes={"higgs": None}
    )
    return make_split(folder, campaign, "val"), campaign


def varied(shard):
    """Turn every second jet to negative eta and take all constituents from the first one that is present."""
    metadata = pq.read_metadata(shard).metadata[METADATA_KEY.encode()]
    rows = pq.read_table(shard).to_pylist()
    members = [member for row in rows for member in row["realizations"] if member["present"]]
    for member in members[::2]:
        member["jet"]["eta"] *= -1
    members[0]["constituents"] = []
    with writer(shard, GROUPS_SCHEMA) as sink:
        sink.write_table(pa.Table.from_pylist(rows, GROUPS_SCHEMA))
        sink.add_key_value_metadata({METADATA_KEY: metadata})


def views(shards):
    """(group, index of the realization, member) of every member that is present, in the order of rows."""
    return [
        (group, place, member)
        for shard in shards
        for group in pq.read_table(shard).to_pylist()
        for place, member in enumerate(group["realizations"])
        if member["present"]
    ]


def members_absent(shards):
    return sum(
        not member["present"]
        for shard in shards
        for group in pq.read_table(shard).to_pylist()
        for member in group["realizations"]
    )
