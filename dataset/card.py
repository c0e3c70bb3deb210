"""The dataset card and the manifest: what is in the folder that is handed out."""

import hashlib
import json
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import h5py
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.plugins import EXPORT_NAMES
from jetresim.campaign.processes import LABELS
from jetresim.campaign.provenance import check_one_version, merged_versions, mixed_versions
from jetresim.campaign.status import Status
from jetresim.dataset.assemble import check_split, shard_count, shard_names
from jetresim.dataset.huggingface import front_matter
from jetresim.dataset.process_warnings import warning_lines
from jetresim.dataset.schema import (
    DESCRIPTIONS,
    EVENT_DESCRIPTION,
    EXTRA_DESCRIPTIONS,
    GROUPS_SCHEMA,
    MEMBER,
    WEIGHTS_FIELD,
)
from jetresim.dataset.standardization import STANDARDIZATION
from jetresim.jets.constituents import EVENT_FIELD
from jetresim.jets.files import asked_columns
from jetresim.jets.parquet import (
    METADATA_KEY,
    SHOWER_WEIGHTS,
    batches,
    blaming_damage,
    parquet_files,
    row_count,
)

__all__ = ["data_files", "file_entry", "layout_files", "write_card"]

CITATIONS = (
    ("Re-simulation-based self-supervised learning (RS3L)", "arXiv:2403.07066"),
    ("A comprehensive guide to the physics and usage of Pythia 8.3", "arXiv:2203.11601"),
    ("FastJet user manual", "arXiv:1111.6097"),
)
"""Title and number of what a user of the dataset should cite."""

_ROWS_OF = {
    ".parquet": row_count,
    ".h5": lambda path: _h5_rows(path),
    ".root": lambda path: _root_rows(path),
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8"))["counts"]["jets"],
}

_FILES_OF = {
    "parquet": lambda campaign, split: [f"{split}/{name}" for name in shard_names(campaign, split)],
    "rs3l": lambda campaign, split: [
        f"rs3l/{split}/rs3l_{index}.h5" for index in range(shard_count(campaign, split))
    ],
    "rs3l_pairs": lambda campaign, split: [f"rs3l_pairs/{split}.h5"],
    "jetclass": lambda campaign, split: [
        f"jetclass/{split}/jetclass_{index}.root" for index in range(shard_count(campaign, split))
    ],
    "toptagging": lambda campaign, split: [f"toptagging/{split}.h5"],
    "omnilearned": lambda campaign, split: [
        f"omnilearned/{split}/omnilearned_{index}.h5" for index in range(shard_count(campaign, split))
    ],
    "huggingface": lambda campaign, split: [
        f"huggingface/{split}/{name}" for name in shard_names(campaign, split)
    ],
}
"""Built-in layout to its files of a split, relative to the folder of the dataset."""

_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
)


_EXAMPLES = {
    "parquet": """```python
import awkward as ak
import pyarrow.parquet as pq

groups = ak.from_arrow(pq.read_table("train"))
nominal = groups.realizations[:, ANCHOR]
print(nominal.jet.sdmass, nominal.constituents.pt)
```

```python
import polars as pl

groups = pl.read_parquet("train/*.parquet")
nominal = pl.col("realizations").list.get(ANCHOR).struct.field("jet").struct.field("pt")
print(groups.select("process", "event", nominal))
```

```python
import duckdb

query = "SELECT process, label, count(*), sum(weight) FROM 'train/*.parquet' GROUP BY ALL ORDER BY ALL"
print(duckdb.sql(query))
```""",
    "rs3l": """The folder `rs3l` holds the same groups in the layout of the public RS3L dataset:

```python
import h5py

with h5py.File("rs3l/train/rs3l_0.h5") as file:
    jettype = file["singletons"][:, ANCHOR, 0]
    constituents = file["jet_pflow_cands"][:, ANCHOR]
filled = constituents[:, 0] > 0
```""",
    "rs3l_pairs": """The folder `rs3l_pairs` holds pairs for contrastive training: row 2i is a nominal jet,
row 2i + 1 another realization of the same target.

```python
import h5py

with h5py.File("rs3l_pairs/train.h5") as file:
    anchors, others = file["features"][0::2], file["features"][1::2]
```""",
    "jetclass": """The folder `jetclass` holds one jet an entry, with the branches of JetClass;
weaver-core reads it with `config/weaver/jetclass.yaml` of this software:

```python
import uproot

tree = uproot.open("jetclass/train/jetclass_0.root:tree")
nominal = tree.arrays(["part_px", "label_Hbb"], cut="augmentation == ANCHOR")
```""",
    "toptagging": """The folder `toptagging` holds one jet a row in the layout of the Top Tagging data set:

```python
import pandas as pd

jets = pd.read_hdf("toptagging/train.h5", key="table")
signal = jets["is_signal_new"] == 1
```""",
    "omnilearned": """The folder `omnilearned` holds one jet a row for OmniLearned, as its data set `custom`:

```python
import h5py

with h5py.File("omnilearned/train/omnilearned_0.h5") as file:
    nominal = file["augmentation"][:] == ANCHOR
    particles, label = file["data"][nominal], file["pid"][nominal]
```""",
    "huggingface": """The folder `huggingface` holds one jet a row, flat, for `datasets`:

```python
from datasets import load_dataset

jets = load_dataset("huggingface", split="train")
```""",
}
"""How to read each layout; ANCHOR is the index of the nominal realization."""


def write_card(dataset_dir: Path, campaign: Campaign) -> None:
    """Write ``README.md`` and ``manifest.json`` beside the splits.

    Both depend on the files alone: no times, hosts or absolute paths.

    Parameters
    ----------
    dataset_dir : Path
        Folder with ``train``, ``val`` and ``test`` and the further formats, all complete.
    campaign : Campaign

    Raises
    ------
    DataError
        A split or a format is missing, or a file is unreadable or was made with other settings.
    """
    shards = {split: _shards(dataset_dir / split) for split in SPLITS}
    metadata = {split: check_split(paths, campaign) for split, paths in shards.items()}
    with blaming_damage(chain.from_iterable(shards.values())):
        made_by = ((split, said["versions"]) for split, said in metadata.items())
        check_one_version(dataset_dir, made_by, campaign)
    versions = merged_versions(said["versions"] for said in metadata.values())
    described = metadata["train"] | {"versions": versions}
    exported_by = {
        package: version
        for layout in campaign.dataset.formats
        for package, version in EXPORT_NAMES.version(layout).items()
    }
    listed = {"versions": versions | exported_by} | manifest(dataset_dir, campaign)
    texts = {
        "manifest.json": json.dumps(listed, indent=1) + "\n",
        "README.md": _card(described, _contents(shards, campaign), campaign),
    }
    for name, text in texts.items():
        with atomic_path(dataset_dir / name) as path:
            path.write_text(text, encoding="utf-8")


def manifest(dataset_dir: Path, campaign: Campaign) -> dict[str, Any]:
    """List the data files that the campaign asks for.

    Returns
    -------
    dict
        ``files``: path relative to the folder, rows, bytes and sha256 of each, in order of the paths;
        ``rows`` counts groups in Parquet and ``rs3l``, jets in the other formats and in what was averaged;
        it is None in a format of another package.
    """
    files = [path for paths in data_files(dataset_dir, campaign).values() for path in paths]
    return {"files": [file_entry(dataset_dir, path) for path in sorted(files)]}


def data_files(dataset_dir: Path, campaign: Campaign) -> dict[str, list[str]]:
    """Layout to its files of all splits, relative to the folder of the dataset."""
    layouts = ("parquet", *campaign.dataset.formats)
    files = {layout: layout_files(dataset_dir, campaign, layout) for layout in layouts}
    return {**files, "standardization": [STANDARDIZATION]}


def layout_files(dataset_dir: Path, campaign: Campaign, layout: str) -> list[str]:
    """Files of all splits in a layout, asked for or not, relative to the folder of the dataset.

    Those of a format of another package are the ones that are there, without hidden ones such as Snakemake's.
    """
    if layout in _FILES_OF:
        return [path for split in SPLITS for path in _FILES_OF[layout](campaign, split)]
    found = [path for split in SPLITS for path in (dataset_dir / layout / split).rglob("*")]
    files = sorted(path.relative_to(dataset_dir) for path in found if path.is_file())
    return [file.as_posix() for file in files if not any(part.startswith(".") for part in file.parts)]


def file_entry(dataset_dir: Path, relative: str) -> dict[str, Any]:
    """A file's line of the manifest.

    Raises
    ------
    DataError
        It is missing or cannot be read.
    """
    path = dataset_dir / relative
    if not path.exists():
        raise DataError(f"{path}: does not exist; the card comes after all it lists")
    try:
        rows = _ROWS_OF[path.suffix](path) if _is_built_in(relative) else None
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read ({error}); remake it") from None
    return {"path": relative, "rows": rows, "bytes": path.stat().st_size, "sha256": digest}


def _is_built_in(relative: str) -> bool:
    return relative.split("/")[0] in (*SPLITS, STANDARDIZATION, *EXPORT_NAMES.built_in)


def _h5_rows(path: Path) -> int:
    with h5py.File(path) as file:
        return len(file["table/table"] if "table" in file else file["event"])


def _root_rows(path: Path) -> int:
    import uproot  # not among what reading a dataset needs

    with uproot.open(path) as file:
        return file["tree"].num_entries


def _shards(folder: Path) -> list[Path]:
    shards = parquet_files(folder)
    if not shards:
        raise DataError(f"{folder}: no Parquet files; write the split first")
    return shards


def _contents(shards: dict[str, list[Path]], campaign: Campaign) -> dict[tuple[str, str], tuple[int, float]]:
    """Groups and sum of weights [pb] of each process in each split."""
    found: dict[tuple[str, str], tuple[int, float]] = {}
    for split, paths in shards.items():
        for name in campaign.processes:
            weights = array("d", _weights(paths, name))
            found[name, split] = (len(weights), math.fsum(weights))
    return found


def _weights(shards: list[Path], process: str) -> Iterator[float]:
    for path in shards:
        for table in batches(path, GROUPS_SCHEMA, ["process", "weight"]):
            yield from table["weight"].filter(pc.equal(table["process"], process)).to_pylist()


def _card(
    metadata: dict[str, Any], contents: dict[tuple[str, str], tuple[int, float]], campaign: Campaign
) -> str:
    sections = (
        _front_matter(contents, campaign),
        _introduction(campaign),
        _processes(metadata, contents, campaign),
        *_warnings(metadata),
        _realizations(metadata, campaign),
        _schema(campaign),
        _reading(campaign),
        _reproducing(metadata, campaign),
        _citations(),
    )
    return "\n\n".join(sections) + "\n"


def _front_matter(contents: dict[tuple[str, str], tuple[int, float]], campaign: Campaign) -> str:
    rows = {split: sum(contents[name, split][0] for name in campaign.processes) for split in SPLITS}
    size = next((size for limit, size in _SIZES if sum(rows.values()) < limit), "n>10M")
    return front_matter(campaign, rows, license=campaign.dataset.license, size_categories=[size])


def _up_to(pt_max: float | None) -> str:
    return "" if pt_max is None else f" up to {pt_max:g} GeV"


def _introduction(campaign: Campaign) -> str:
    energy = f"{campaign.beams.energy / 1000:g} TeV"
    jets, groups = campaign.jets, campaign.groups
    required = {
        "all": "every realization has",
        "nominal": "the nominal realization has",
        "any": "at least one realization has",
    }[groups.require]
    row = "a target of a hard event (the object that the jet stands for)"
    kept = "exactly one jet that stands for the target,"
    if groups.whole_events:
        row, kept = "a hard event that has a target", "a jet, the hardest of its event,"
    return f"""# {campaign.name}

Simulated jets at {energy}, in groups. All members of a group come from one and the same hard event: only
what happens after it (parton shower, multiparton interactions, hadronization, decays) was simulated again,
with other random numbers or other settings. What the members of a group share is the physics of the hard
event; a model that learns to recognize it learns that physics.

One row is one group: {row} with all its realizations.
Jets: {jets.algorithm}, R = {jets.radius:g}, pT > {jets.pt_min:g} GeV, |eta| < {jets.eta_max:g},
from {_clustered(campaign)} with pT > {jets.constituent_pt_min:g} GeV.
A group is kept if {required} {kept}
with pT > {groups.pt_min:g} GeV{_up_to(groups.pt_max)}. Tune: {campaign.tune}.

All groups of a hard event are in the same split ({_shares(campaign)})."""


def _clustered(campaign: Campaign) -> str:
    name, pileup = campaign.detector.name, campaign.pileup
    seen = "stable particles" if name == "none" else f"candidates of the detector `{name}`"
    if pileup is None:
        return seen
    mitigation = "" if pileup.mitigation == "none" else f", mitigated by {pileup.mitigation}"
    return f"{seen}, in pile-up of {pileup.mean:g} interactions{mitigation},"


def _shares(campaign: Campaign) -> str:
    return ", ".join(f"{name} {share:.0%}" for name, share in campaign.dataset.splits.model_dump().items())


def _processes(
    metadata: dict[str, Any], contents: dict[tuple[str, str], tuple[int, float]], campaign: Campaign
) -> str:
    rows = []
    for name, process in campaign.processes.items():
        totals = metadata["totals"][name]
        weight = math.fsum(contents[name, split][1] for split in SPLITS)
        groups = [contents[name, split][0] for split in SPLITS]
        rows.append(
            [name, process.description, totals["hard_events"], totals["targets"], *groups, f"{weight:.6g}"]
        )
    header = ["process", "description", "hard events", "targets", *SPLITS, "sum of weights [pb]"]
    labels = ", ".join(f"{number} {label}" for number, label in LABELS.items())
    return f"""## Processes

{_table(header, rows)}

The columns {", ".join(SPLITS)} count groups. Labels (RS3L's jettype): {labels}."""


def _warnings(metadata: dict[str, Any]) -> list[str]:
    lines = [f"- {line}" for line in warning_lines(metadata)]
    return ["## Warnings\n\n" + "\n".join(lines)] if lines else []


def _realizations(metadata: dict[str, Any], campaign: Campaign) -> str:
    described = [
        [index, name, campaign.augmentation(name).description]
        for index, name in enumerate(campaign.realizations)
    ]
    statuses = [str(status) for status in Status]
    counted = [
        [process, name, *(metadata["counts"][process][name][key] for key in ("tried", *statuses, "kept"))]
        for process in campaign.processes
        for name in campaign.realizations
    ]
    return f"""## Realizations

In this order in every group:

{_table(["index", "name", "description"], described)}

What became of the targets, over all splits. Each of those tried has exactly one of the outcomes; `kept` are
the members that are present in a group of this dataset:

{_table(["process", "realization", "tried", *statuses, "kept"], counted)}"""


def _schema(campaign: Campaign) -> str:
    found = {column for name in campaign.realizations for column in asked_columns(campaign, name)}
    extra = [name for name in EXTRA_DESCRIPTIONS if name in found]
    types = {field.name: field.type for field in GROUPS_SCHEMA} | {
        f"realizations.{field.name}": field.type for field in MEMBER
    }
    rows = [[f"`{name}`", _type_name(types[name]), meaning] for name, meaning in DESCRIPTIONS.items()]
    rows += [[f"`realizations.constituents.{name}`", "float", EXTRA_DESCRIPTIONS[name]] for name in extra]
    if EVENT_FIELD.name in found:
        rows += [[f"`realizations.{EVENT_FIELD.name}`", _type_name(EVENT_FIELD.type), EVENT_DESCRIPTION]]
    if campaign.weighted:
        named = "; ".join(f"{name}: {', '.join(weights)}" for name, weights in campaign.weighted.items())
        rows += [
            [f"`{SHOWER_WEIGHTS}`", _type_name(WEIGHTS_FIELD.type), f"weights over `weight`, of {named}"]
        ]
    return f"""## Columns

{_table(["column", "type", "meaning"], rows)}

The metadata of every Parquet file (key `{METADATA_KEY}`) is JSON: full configuration, names of the
realizations, software versions, and the counts above."""


def _type_name(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_type_name(kind.value_type)}"
    return "struct" if pa.types.is_struct(kind) else str(kind)


def _reading(campaign: Campaign) -> str:
    anchor = str(campaign.realizations.index(NOMINAL))
    examples = [
        _EXAMPLES.get(layout) or f"The folder `{layout}` holds what the package {_packages(layout)} writes."
        for layout in ("parquet", *campaign.dataset.formats)
    ]
    return "## Reading\n\n" + "\n\n".join(examples).replace("ANCHOR", anchor)


def _packages(layout: str) -> str:
    return ", ".join(f"{name} {version}" for name, version in EXPORT_NAMES.version(layout).items())


def _reproducing(metadata: dict[str, Any], campaign: Campaign) -> str:
    return f"""## Making it again

Every random number follows from the campaign seed, {campaign.seed}: the stream of a realization is a function
of this seed, the process, the index of the hard event and the name of the realization, and `seed` of every
realization is stored. The same configuration (`campaign` in the metadata of every file) and the versions
below give the same dataset, however the work is cut into jobs. `manifest.json` lists all files with their
checksums.

{_table(["software", "version"], sorted(metadata["versions"].items()))}{_mixed(metadata["versions"])}"""


def _mixed(versions: dict[str, str]) -> str:
    """A warning, where parts of the dataset were made by different versions of a program."""
    mixed = ", ".join(f"{name} ({found})" for name, found in mixed_versions(versions).items())
    warning = f"""

**Parts of this dataset were made by different versions** of {mixed}. The configuration allowed it with
`dataset.mixed_versions`; no single version makes all of these groups again."""
    return warning if mixed else ""


def _citations() -> str:
    return "## Citing\n\n" + "\n".join(f"- {title}, {number}" for title, number in CITATIONS)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Format a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )
