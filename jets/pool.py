"""The minimum-bias events of a campaign as a Parquet file."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import scratch_path
from jetresim.campaign.provenance import SCHEMA_VERSION, check_made_with, encode, pool_inputs, versions
from jetresim.detectors.pool import Pool
from jetresim.jets.parquet import METADATA_KEY, ROW_GROUP, batches, read_metadata, single, writer
from jetresim.showers.protocol import PARTICLE_FIELDS

__all__ = ["POOL_SCHEMA", "check_pool", "open_pool", "read_pool", "write_pool"]

POOL_SCHEMA = pa.schema(
    [
        pa.field("event", pa.int64()),
        *(
            pa.field(name, pa.list_(pa.int32() if name == "pdgid" else pa.float32()))
            for name in PARTICLE_FIELDS
        ),
    ]
)
"""One row a minimum-bias event: its visible particles, [GeV] and [mm]."""


def write_pool(path: Path, pool: Pool, campaign: Campaign) -> None:
    """Store the minimum-bias events of a campaign."""
    offsets = pa.array(np.concatenate([[0], np.cumsum(pool.counts)]), pa.int32())
    lists = [pa.ListArray.from_arrays(offsets, pa.array(pool.columns[name])) for name in PARTICLE_FIELDS]
    table = pa.Table.from_arrays([pa.array(np.arange(len(pool.counts))), *lists], schema=POOL_SCHEMA)
    stated = {"schema": SCHEMA_VERSION, "settings": pool_inputs(campaign), "versions": versions()}
    with scratch_path(path) as temporary, writer(temporary, POOL_SCHEMA) as sink:
        sink.write_table(table, row_group_size=ROW_GROUP)
        sink.add_key_value_metadata({METADATA_KEY: encode(stated)})


def read_pool(path: Path, campaign: Campaign) -> Pool:
    """Read the minimum-bias events of a campaign.

    Raises
    ------
    DataError
        The file is damaged or was made for something else.
    """
    check_pool(path, campaign)
    table = pa.concat_tables(batches(path, POOL_SCHEMA)).combine_chunks()
    lists = {name: single(table[name]) for name in PARTICLE_FIELDS}
    columns = {name: column.flatten().to_numpy() for name, column in lists.items()}
    return Pool(columns, np.diff(lists["pdgid"].offsets.to_numpy()).astype(np.int64))


def check_pool(path: Path, campaign: Campaign) -> None:
    """Refuse a file of minimum-bias events that were made with other inputs.

    Raises
    ------
    DataError
    """
    metadata = read_metadata(path)
    if "settings" not in metadata:
        raise DataError(f"{path}: no minimum-bias events; delete it to have them made again")
    check_made_with(path, metadata["settings"], pool_inputs(campaign))


def open_pool(path: Path, campaign: Campaign) -> Pool | None:
    """The minimum-bias events of a campaign, made here where the file is missing; None without pile-up."""
    if campaign.pileup is None:
        return None
    if path.exists():
        return read_pool(path, campaign)
    from jetresim.detectors.minimum_bias import make_pool  # needs Pythia, which reading a file does not

    return make_pool(campaign)
