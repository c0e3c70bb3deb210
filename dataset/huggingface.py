"""Parquet shards → flat Parquet files and a card, as Hugging Face's `datasets` and its Hub expect them."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.processes import LABELS
from jetresim.campaign.provenance import encode
from jetresim.dataset.members import PresentMembers, export_metadata, present_members, write_shards
from jetresim.dataset.schema import EXTRA_DESCRIPTIONS, GROUPS_SCHEMA, TRUTH
from jetresim.jets.constituents import CONSTITUENT_TYPE, extended, extra_columns
from jetresim.jets.parquet import (
    METADATA_KEY,
    SMALL,
    batches,
    columns_of,
    parquet_files,
    row_count,
    single,
    writer,
)
from jetresim.jets.schema import JET_TYPE

__all__ = ["front_matter", "write_huggingface", "write_huggingface_card"]

FOUR_VECTOR = [field for field in TRUTH if field.name != "daughters"]
"""Fields of the target that each row has."""

VIEWS_SCHEMA = pa.schema(
    [
        pa.field("process", pa.string()),
        pa.field("event", pa.int64()),
        pa.field("target", pa.int8()),
        pa.field("augmentation", pa.string()),
        pa.field("label", pa.int8()),
        pa.field("label_name", pa.string()),
        pa.field("weight", pa.float64()),
        pa.field("seed", pa.int64()),
        *(pa.field(f"jet_{field.name}", field.type) for field in JET_TYPE),
        *(pa.field(f"truth_{field.name}", field.type) for field in FOUR_VECTOR),
        *(pa.field(f"part_{field.name}", pa.list_(field.type)) for field in CONSTITUENT_TYPE),
    ]
)
"""One row a jet; ``part_*`` are lists of the same length, in order of falling pT."""

DESCRIPTIONS = {
    "process, event, target": "identity of the group: rows with the same three are the same hard event",
    "augmentation": "name of the realization",
    "label, label_name": "RS3L jettype of the target",
    "weight": "event weight of the group [pb], the same in all its rows",
    "seed": "seed of the realization",
    "jet_pt … jet_nconstituents": "the jet: GeV, radians; nconstituents counts those too that are not stored",
    "truth_pdgid … truth_energy": "the target in the hard event: PDG id; GeV, radians",
    "part_pt … part_dz": "the constituents: pt, energy [GeV], eta, phi, charge [e], pdgid, d0, dz [mm]",
}
"""Columns to their meaning, for the card."""

_HUB_SPLITS = {"train": "train", "val": "validation", "test": "test"}


def views_schema(extra: Iterable[str]) -> pa.Schema:
    """`VIEWS_SCHEMA` with further columns of constituents, see `jets.constituents`."""
    added = [pa.field(f"part_{name}", pa.list_(pa.float32())) for name in extra]
    return pa.schema([*VIEWS_SCHEMA, *added])


def front_matter(campaign: Campaign, rows: Mapping[str, int], **described: object) -> str:
    """The beginning of a card, which the Hub reads: what it is and where the files are, in YAML.

    Parameters
    ----------
    campaign : Campaign
    rows : mapping of str to int
        Split to the number of its rows; those without are left out, since `datasets` does not load them.
    **described
        Further keys.
    """
    files = [{"split": _HUB_SPLITS[split], "path": f"{split}/*.parquet"} for split in SPLITS if rows[split]]
    content = {
        "pretty_name": campaign.name,
        **described,
        "tags": ["physics", "high-energy-physics", "jets", "simulation", "self-supervised-learning"],
        "configs": [{"config_name": "default", "data_files": files}],
    }
    return f"---\n{yaml.safe_dump(content, sort_keys=False)}---"


def write_huggingface(output_dir: Path, shards: Sequence[Path], campaign: Campaign) -> None:
    """Write the shards of a split as flat Parquet, one row for each member that is present.

    The order is that of the groups and within a group of the realizations; columns are `VIEWS_SCHEMA`.

    The files have the names of the shards. See `dataset.members.write_shards` for the parameters and errors.
    """
    write_shards(output_dir, shards, campaign, "{shard}", _write_file)


def write_huggingface_card(folder: Path, campaign: Campaign) -> None:
    """Write ``README.md``, the card that makes the folder a data set of the Hub.

    Parameters
    ----------
    folder : Path
        With ``train``, ``val`` and ``test``, all complete. A split without rows is not in the card, since
        `datasets` does not load it.
    campaign : Campaign

    Raises
    ------
    DataError
        A split is missing.
    """
    rows = {split: _rows(folder / split) for split in SPLITS}
    schema = pq.read_schema(parquet_files(folder / SPLITS[0])[0])
    with atomic_path(folder / "README.md") as path:
        path.write_text(_card(rows, schema, campaign), encoding="utf-8")


def _write_file(output: Path, shard: Path, metadata: dict[str, Any], campaign: Campaign) -> None:
    rows = absent = 0
    with writer(output, views_schema(extra_columns(columns_of(shard))), SMALL) as sink:
        for table in batches(shard, GROUPS_SCHEMA):
            present = present_members(table, len(campaign.realizations))
            sink.write_table(_views(present, campaign, sink.schema))
            rows, absent = rows + len(present), absent + present.absent
        described = export_metadata(metadata, "huggingface", rows, absent)
        sink.add_key_value_metadata({METADATA_KEY: encode(described)})


def _views(present: PresentMembers, campaign: Campaign, schema: pa.Schema) -> pa.Table:
    groups, members = present.groups, present.members
    truth = single(groups["truth"])
    names = pa.array(campaign.realizations, pa.string())
    labels = pa.array(list(LABELS.values()), pa.string())
    offsets = pa.array(np.concatenate([[0], np.cumsum(members.counts)]), pa.int32())
    columns = {
        **{name: groups[name] for name in ("process", "event", "target", "label", "weight")},
        "augmentation": names.take(pa.array(present.places)),
        "label_name": labels.take(pc.index_in(single(groups["label"]), pa.array(list(LABELS), pa.int8()))),
        "seed": present.seeds,
        **{f"jet_{field.name}": pa.array(members.jets[field.name], field.type) for field in JET_TYPE},
        **{f"truth_{field.name}": pc.struct_field(truth, field.name) for field in FOUR_VECTOR},
        **{
            f"part_{field.name}": pa.ListArray.from_arrays(
                offsets, pa.array(members.constituents[field.name], field.type)
            )
            for field in extended(CONSTITUENT_TYPE, members.constituents)
        },
    }
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _rows(folder: Path) -> int:
    files = parquet_files(folder)
    if not files:
        raise DataError(f"{folder}: no Parquet files; `jetresim export --format huggingface` makes them")
    return sum(map(row_count, files))


def _card(rows: dict[str, int], schema: pa.Schema, campaign: Campaign) -> str:
    asked = {
        "license": campaign.dataset.license,
        "task_categories": ["tabular-classification"],
        "dataset_info": {"features": [_feature(field) for field in schema]},
    }
    counted = ", ".join(f"{count} in {_HUB_SPLITS[split]}" for split, count in rows.items())
    extra = {
        f"part_{name}": meaning
        for name, meaning in EXTRA_DESCRIPTIONS.items()
        if f"part_{name}" in schema.names
    }
    meanings = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in (DESCRIPTIONS | extra).items())
    labels = ", ".join(f"{number} {name}" for number, name in LABELS.items())
    return f"""{front_matter(campaign, rows, **asked)}

# {campaign.name}

Simulated jets, one a row: {counted}.
Rows with the same `process`, `event` and `target` are one group: the same hard event, with everything
after it simulated again. Realizations: {", ".join(campaign.realizations)}.
A realization without a jet for the target has no row.

| column | meaning |
|---|---|
{meanings}

Labels: {labels}.

```python
from datasets import load_dataset

jets = load_dataset(".")  # the folder of this file
nominal = jets.filter(lambda row: row["augmentation"] == "nominal")
```
"""


def _feature(field: pa.Field) -> dict[str, Any]:
    """A column as `datasets` types it: labels have names."""
    if field.name == "label":
        return {"name": field.name, "dtype": {"class_label": {"names": list(LABELS.values())}}}
    if pa.types.is_list(field.type):
        return {"name": field.name, "list": _dtype(field.type.value_type)}
    return {"name": field.name, "dtype": _dtype(field.type)}


def _dtype(kind: pa.DataType) -> str:
    return {"float": "float32", "double": "float64"}.get(str(kind), str(kind))
