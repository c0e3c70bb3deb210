"""What single files of data are: Parquet, HDF5, ROOT and Les Houches events."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jetresim.campaign.errors import DataError
from jetresim.campaign.processes import LABELS
from jetresim.campaign.provenance import digest
from jetresim.dataset.schema import DESCRIPTIONS
from jetresim.jets.parquet import METADATA_KEY, naming

__all__ = ["Inspection", "inspect_hdf5", "inspect_hepmc", "inspect_lhe", "inspect_parquet", "inspect_root"]

_SIMPLE = re.compile(r"(std::vector<)?(std::)?(bool|float|double|string|u?int\d*_t|char\*)>?(\[\])?")
"""Types of branches that every reader knows."""

_OF_HEPMC = ("process", "realization", "version")
"""Attributes of whole events that are the same in all of a file."""


@dataclass
class Inspection:
    """What was found out.

    Attributes
    ----------
    path : str
    kind : str
    facts : dict
        Numbers and texts, some of them nested.
    columns : list of tuple of str
        Name, type and meaning with units.
    rows : list of dict
        The first rows.
    """

    path: str
    kind: str
    facts: dict[str, Any] = field(default_factory=dict)
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> str:
        """All of it as JSON; what JSON does not know becomes text."""
        return json.dumps(asdict(self), indent=1, default=str)


def inspect_parquet(path: Path, rows: int) -> Inspection:
    """Columns with units, counts, provenance and first rows of a Parquet file."""
    with naming(path), pq.ParquetFile(path, page_checksum_verification=True) as file:
        stored = {key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items()}
        schema = file.schema_arrow.remove_metadata()
        facts = {"rows": file.metadata.num_rows, "row groups": file.metadata.num_row_groups}
        tables = (
            [pa.Table.from_batches([batch]) for batch in islice(file.iter_batches(rows), 1)] if rows else []
        )
        names = [name for name in ("process", "label") if name in schema.names]
        counted = file.read(columns=names) if names else None
    metadata = json.loads(stored[METADATA_KEY]) if METADATA_KEY in stored else {}
    facts |= _counted(counted) | _said(metadata)
    return Inspection(
        str(path),
        _parquet_kind(metadata),
        facts,
        [(each.name, _type_name(each.type), _meaning(each.name, metadata)) for each in schema],
        [row for table in tables for row in table.slice(0, rows).to_pylist()],
    )


def _parquet_kind(metadata: dict[str, Any]) -> str:
    if "realization" in metadata:
        return "jets of one realization of a chunk"
    if "split" in metadata:
        return f"shard of the split {metadata['split']} of a dataset"
    return "groups of a chunk" if "totals" in metadata else "Parquet file"


def _counted(table: pa.Table | None) -> dict[str, Any]:
    """Rows of each process and each label."""
    if table is None:
        return {}
    counts = {name: Counter(table[name].to_pylist()) for name in table.column_names}
    if "label" in counts:
        counts["label"] = {f"{key} ({LABELS.get(key, '?')})": n for key, n in counts["label"].items()}
    return {f"rows of each {name}": dict(found) for name, found in counts.items()}


def _said(metadata: dict[str, Any]) -> dict[str, Any]:
    """What a file of a campaign says about itself, without the long texts of its configuration."""
    asked = metadata.get("campaign") or metadata.get("settings") or {}
    said = {key: metadata[key] for key in metadata if key not in ("campaign", "settings")}
    return (
        {"campaign seed": asked["seed"], "configuration": digest(asked)} if "seed" in asked else {}
    ) | said


def _meaning(column: str, metadata: dict[str, Any]) -> str:
    if not metadata:
        return ""
    return DESCRIPTIONS.get(column) or DESCRIPTIONS.get(f"realizations.{column}", "")


def _type_name(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_type_name(kind.value_type)}"
    if pa.types.is_struct(kind):
        return f"struct of {', '.join(child.name for child in kind)}"
    return str(kind.value_type) if pa.types.is_dictionary(kind) else str(kind)


def inspect_hdf5(path: Path, rows: int) -> Inspection:
    """Datasets, attributes and first rows of an HDF5 file."""
    with _naming(path, "HDF5"), h5py.File(path) as file:
        found: dict[str, h5py.Dataset] = {}
        file.visititems(
            lambda name, item: found.update({name: item} if isinstance(item, h5py.Dataset) else {})
        )
        attributes = {name: _plain(value) for name, value in file.attrs.items()}
        # a table of pandas has it as a node, since the attributes of its file are PyTables' own
        metadata = _json_object(found["metadata"][()] if "metadata" in found else attributes.get("metadata"))
        if metadata is not None:
            found.pop("metadata", None)
            attributes.pop("metadata", None)
        columns = [(name, f"{item.dtype} {item.shape}", _features(item)) for name, item in found.items()]
        length = min((len(item) for item in found.values() if item.shape), default=0)
        first = [
            {name: _plain(item[row]) for name, item in found.items() if item.shape}
            for row in range(min(rows, length))
        ]
        kind = _hdf5_kind(found.keys())
    facts = {"rows": length, **attributes, **_said(metadata or {})}
    return Inspection(str(path), kind, facts, columns, first)


def _json_object(text: Any) -> dict[str, Any] | None:
    """What a text says if it is a JSON object; others may mean something else by ``metadata``."""
    try:
        content = json.loads(text)
    except (TypeError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _hdf5_kind(names: Iterable[str]) -> str:
    names = set(names)
    if {"singletons", "jet_pflow_cands"} <= names:
        return "RS3L HDF5: groups"
    return "pairs for contrastive training (HDF5)" if {"features", "vartype"} <= names else "HDF5 file"


def _features(item: h5py.Dataset) -> str:
    return ", ".join(map(str, _plain(item.attrs["features"]))) if "features" in item.attrs else ""


def _plain(value: Any) -> Any:
    """NumPy and bytes as Python's own."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, np.ndarray):
        return [_plain(each) for each in value.tolist()]
    return value.item() if isinstance(value, np.generic) else value


def inspect_root(path: Path, rows: int) -> Inspection:
    """Trees, branches and first entries of a ROOT file."""
    import uproot  # not among what reading a dataset needs

    with _naming(path, "ROOT"), uproot.open(path) as file:
        trees = {
            name: file[name] for name in file.keys(filter_classname=["TTree", "ROOT::RNTuple"], cycle=False)
        }
        facts = {"entries": {name: tree.num_entries for name, tree in trees.items()}}
        columns = [
            (f"{name}/{branch.name}", str(branch.typename), branch.title)
            for name, tree in trees.items()
            if hasattr(tree, "branches")
            for branch in tree.branches
        ]
        first = next((tree for tree in trees.values() if tree.num_entries), None)
        return Inspection(str(path), "ROOT file", facts, columns, _entries(first, rows) if first else [])


def _entries(tree: Any, rows: int) -> list[dict[str, Any]]:
    """The first entries, of the branches that hold numbers or texts; none where uproot cannot read them."""
    plain = [name for name, kind in tree.typenames().items() if _SIMPLE.fullmatch(kind)]
    try:
        return tree.arrays(plain, entry_stop=rows, library="ak").to_list() if rows and plain else []
    except (ValueError, NotImplementedError):
        return []


def inspect_lhe(path: Path, rows: int) -> Inspection:
    """Beams, cross-sections, number of events and the first ones of a Les Houches event file."""
    from jetresim.generators.lhe_files import open_lhe  # needs pylhe

    with open_lhe(path) as source:
        provenance = source.provenance
        lines = source.init.procInfo
        weight_names = list(source.header.initrwgt.list_weights_ids()) if source.header else []
        facts: dict[str, Any] = {
            "beams": [source.init.initInfo.beamA, source.init.initInfo.beamB],
            "beam energies [GeV]": [source.init.initInfo.energyA, source.init.initInfo.energyB],
            "cross-sections [pb]": {str(line.procId): line.xSection for line in lines},
            "named weights": weight_names,
        }
        first, events, negative = [], 0, 0
        for number, record in source.numbered_events:
            if events < rows:
                info = record.eventinfo
                ids = [particle.id for particle in record.particles]
                first.append(
                    {"event": number, "weight [pb]": info.weight, "scale [GeV]": info.scale, "PDG ids": ids}
                )
            events += 1
            negative += record.eventinfo.weight < 0
    facts |= {"events": events, "events of negative weight": negative}
    if not provenance:
        return Inspection(str(path), "Les Houches events", facts, [], first)
    made = provenance.get("made_with", {})
    facts |= {
        "process": made.get("name"),
        "first event": provenance.get("first_event"),
        "campaign seed": made.get("seed"),
        "configuration": digest(made),
        "versions": provenance.get("versions", {}),
    }
    return Inspection(str(path), "hard events of a chunk", facts, [], first)


def inspect_hepmc(path: Path, rows: int) -> Inspection:
    """Number of events, their weights and the first ones of a HepMC file."""
    import pyhepmc  # reading a dataset does without

    facts: dict[str, Any] = {}
    first: list[dict[str, Any]] = []
    events = 0
    with _naming(path, "HepMC"), pyhepmc.open(path) as file:
        for event in file:
            if not events:
                facts = {name: str(event.attributes[name]) for name in _OF_HEPMC if name in event.attributes}
                facts["named weights"] = list(event.weight_names)
            if events < rows:
                final = int(np.count_nonzero(event.numpy.particles.status == 1))
                shown = {"event": event.event_number, "weight": event.weight(), "final particles": final}
                first.append(shown)
            events += 1
    kind = "whole events of a realization of a chunk" if "realization" in facts else "HepMC events"
    return Inspection(str(path), kind, {**facts, "events": events}, [], first)


@contextmanager
def _naming(path: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: cannot be read as {kind} ({reason})") from None
