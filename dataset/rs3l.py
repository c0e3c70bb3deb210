"""Parquet shards → the HDF5 layouts of the public RS3L dataset and of its authors' training."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign
from jetresim.campaign.files import atomic_path
from jetresim.campaign.processes import LABELS
from jetresim.campaign.provenance import encode
from jetresim.campaign.seeds import stable_hash
from jetresim.dataset.features import JET_FEATURES, PAIR_FEATURES, PFLOW_FEATURES
from jetresim.dataset.hdf5 import append_rows, create_hdf5, strings
from jetresim.dataset.members import process_indices, split_metadata, write_shards
from jetresim.dataset.padded import Members, padded
from jetresim.dataset.rs3l_check import JETTYPES, check_export
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.detectors.kinematics import cartesian
from jetresim.jets.parquet import batches, single

__all__ = ["write_rs3l", "write_rs3l_pairs"]

SINGLETON_FEATURES = (
    "jettype",
    *(f"parton{number}_{name}" for number in (1, 2) for name in ("pt", "eta", "phi", "e")),
    *(f"jet_{name}" for name in JET_FEATURES),
)
"""Order along axis 2 of ``singletons``."""

VARTYPES = MappingProxyType({NOMINAL: -1, "seed": 0, "fsrRenHi": 1, "fsrRenLo": 2, "herwig7": 3})
"""The authors' numbers for their realizations; any others are counted on from these."""

HIGGS, TOP = 4, 6
"""Jettype of H→bb; absolute PDG id of the top."""

CONVENTIONS = (
    "singletons 1 to 8: the two daughters of the target; the parton itself, then zeros, where it has none; "
    "of a top the quark beside the W, then the W; of more than two daughters otherwise the first two",
    "a member that is absent has zeros everywhere; dataset `present` tells",
    "jettype 0 is a single hard gluon; attribute `jettypes` names the others",
    "constituents are ordered by falling pt and zero-padded; a slot is filled where feature 0 is above 0",
    "isNeutralHadron means PDG id 0, as particle flow gives it; candidates at particle level never have it",
)
"""What the published description leaves open, and what is chosen here."""

_FOUR_VECTOR = ("pt", "eta", "phi", "energy")


def _jettypes(table: pa.Table, campaign: Campaign) -> Integers:
    """Jettype of each group, in the numbering that is asked for."""
    label = table["label"].to_numpy().astype(np.int64)
    return np.array([_renumbered(campaign, one) for one in range(max(LABELS) + 1)])[label]


def _renumbered(campaign: Campaign, label: int) -> int:
    return JETTYPES[campaign.dataset.rs3l_jettypes].get(label, label)


def write_rs3l(output_dir: Path, shards: Sequence[Path], campaign: Campaign) -> None:
    """Write the shards of a split as ``rs3l_{id}.h5``, ids counting the shards in order of their names.

    ``singletons`` (N, K, 15) and ``jet_pflow_cands`` (N, K, 11, C) are the published layout, with the K
    realizations in the order of the campaign; ``event``, ``target``, ``process``, ``weight`` (N,),
    ``seed`` and ``present`` (N, K) are added. A member that is absent has zeros everywhere. Every dataset has
    the groups along its first axis; what is about the file is in attributes, such as ``processes``, the names
    that ``process`` counts.

    See `dataset.members.write_shards` for the parameters and errors.

    Raises
    ------
    ConfigError
        See `check_export`.
    """
    check_export(campaign)
    write_shards(output_dir, shards, campaign, "rs3l_{number}.h5", _write_file)


def _write_file(output: Path, shard: Path, metadata: dict[str, Any], campaign: Campaign) -> None:
    with create_hdf5(output) as file:
        _describe(file, metadata, campaign)
        for table in batches(shard, GROUPS_SCHEMA):
            append_rows(file, _group_columns(table, campaign))


def write_rs3l_pairs(output_file: Path, shards: Sequence[Path], campaign: Campaign) -> None:
    """Write a split as the authors' training reads it: jets in pairs.

    Row 2i is a nominal jet, row 2i + 1 one of the other realizations of the same target, drawn by a hash of
    its identity. Groups where either is absent are left out; attribute ``groups_without_pair`` counts them.
    ``features`` (2N, C, 15), ``parton_features`` (2N, 4) of the target, ``jet_features`` (2N, 6),
    ``truth_label``, ``vartype`` and ``jettype`` (2N,); identity, ``weight`` and ``seed`` (2N,) are added.

    Parameters
    ----------
    output_file : Path
    shards : sequence of Path
        All Parquet files of a split.
    campaign : Campaign

    Raises
    ------
    ConfigError
        See `check_export`.
    DataError
        See `dataset.assemble.check_split`.
    """
    check_export(campaign)
    metadata = split_metadata(output_file, shards, campaign)
    groups = pairs = 0
    with atomic_path(output_file) as temporary, create_hdf5(temporary) as file:
        for shard in sorted(shards):
            for table in batches(shard, GROUPS_SCHEMA):
                columns = _pair_columns(table, campaign)
                append_rows(file, columns)
                groups += table.num_rows
                pairs += len(columns["event"]) // 2
        _describe_pairs(file, metadata, campaign)
        file.attrs.update({"groups": groups, "groups_without_pair": groups - pairs})


def vartypes(campaign: Campaign) -> dict[str, int]:
    """Number of each realization in ``vartype``: the authors', others next in the order of the config."""
    others = [name for name in campaign.realizations if name not in VARTYPES]
    numbers = {**VARTYPES, **{name: len(VARTYPES) - 1 + index for index, name in enumerate(others)}}
    return {name: numbers[name] for name in campaign.realizations}


def truth_vectors(truth: pa.StructArray) -> Floats:
    """Two four-vectors that stand for each target.

    Parameters
    ----------
    truth : pa.StructArray
        Column ``truth`` of N groups.

    Returns
    -------
    ndarray, shape (N, 8)
        pT [GeV], eta, phi, energy [GeV] of both; see `CONVENTIONS` for the choice.
    """
    lists = truth.field("daughters")
    counts = _lengths(lists)
    first = np.cumsum(counts) - counts
    daughters = lists.flatten()
    vectors = _four_vectors(daughters)
    chosen = np.zeros((len(truth), 2, 4))
    chosen[counts == 0, 0] = _four_vectors(truth)[counts == 0]
    for place in (0, 1):
        there = counts > place
        chosen[there, place] = vectors[first[there] + place]
    top = (np.abs(_numbers(truth, "pdgid")) == TOP) & (counts == 3)
    quarks = first[top, np.newaxis] + np.arange(3)
    chosen[top] = _quark_and_w(vectors[quarks], _numbers(daughters, "pdgid")[quarks])
    return chosen.reshape(len(truth), 8)


def _quark_and_w(quarks: Floats, pdgids: Integers) -> Floats:
    """Sum the quarks of the W; shape (N, 3, 4) to (N, 2, 4).

    Of t → b W → b u d̄ and its like, only the quark beside the W is down-type and of the sign of its
    up-type partner.
    """
    down = pdgids % 2 == 1
    sign = np.sign(np.sum(np.where(down, 0, pdgids), axis=1, keepdims=True))
    beside = np.argmax(down & (np.sign(pdgids) == sign), axis=1)
    rows = np.arange(len(quarks))
    of_w = np.ones(pdgids.shape, bool)
    of_w[rows, beside] = False
    w = _sum(quarks[of_w].reshape(-1, 2, 4))
    return np.stack([quarks[rows, beside], w], axis=1)


def _sum(vectors: Floats) -> Floats:
    """Add four-vectors in (pt, eta, phi, energy) along axis 1."""
    pt, eta, phi, energy = np.moveaxis(vectors, -1, 0)
    px, py, pz = (part.sum(axis=1) for part in cartesian(pt, eta, phi).values())
    total = np.hypot(px, py)
    return np.stack([total, np.arcsinh(pz / total), np.arctan2(py, px), energy.sum(axis=1)], axis=1)


def _group_columns(table: pa.Table, campaign: Campaign) -> dict[str, npt.NDArray[np.generic]]:
    """Datasets of the published layout for some groups."""
    realizations = single(table["realizations"]).flatten()
    members = Members.of(realizations)
    constituents, _ = padded(members, PFLOW_FEATURES, campaign.dataset.rs3l_constituents)
    columns = {
        "singletons": _singletons(table, members, campaign),
        "jet_pflow_cands": constituents.swapaxes(1, 2),
        "seed": _numbers(realizations, "seed"),
        "present": members.present,
    }
    shape = (table.num_rows, len(campaign.realizations))
    grouped = {name: values.reshape(*shape, *values.shape[1:]) for name, values in columns.items()}
    return {**grouped, **_identity(table, campaign)}


def _pair_columns(table: pa.Table, campaign: Campaign) -> dict[str, npt.NDArray[np.generic]]:
    """Datasets of the paired training file for some groups."""
    names = campaign.realizations
    realizations = single(table["realizations"]).flatten()
    present = realizations.field("present").to_numpy(zero_copy_only=False).reshape(-1, len(names))
    chosen = np.array(list(_pairs(table, present, campaign)), np.int64).reshape(-1, 2)
    rows = np.repeat(chosen[:, 0], 2)
    nominal = np.full(len(chosen), names.index(NOMINAL))
    place = np.stack([nominal, chosen[:, 1]], axis=1).ravel()
    table = table.take(rows)
    realizations = realizations.take(rows * len(names) + place)
    members = Members.of(realizations)
    jettype = _jettypes(table, campaign)
    codes = np.array(list(vartypes(campaign).values()))
    return {
        "features": padded(members, PAIR_FEATURES, campaign.dataset.rs3l_constituents).values,
        "parton_features": _four_vectors(single(table["truth"])).astype(np.float32),
        "jet_features": _jet_features(members),
        "truth_label": (jettype == HIGGS).astype(np.int64),
        "vartype": codes[place],
        "jettype": jettype,
        **_identity(table, campaign),
        "seed": _numbers(realizations, "seed"),
    }


def _pairs(table: pa.Table, present: Booleans, campaign: Campaign) -> Iterator[tuple[int, int]]:
    """Row of each group that makes a pair, and the realization that goes with the nominal one.

    Each realization draws a lot of its own, so the winner does not depend on the order of the config.
    """
    names = campaign.realizations
    nominal = names.index(NOMINAL)
    identities = zip(*(table[name].to_pylist() for name in ("process", "event", "target")), strict=True)
    for row, identity in enumerate(identities):
        lots = {
            place: stable_hash(campaign.seed, "pair", *identity, names[place])
            for place in np.flatnonzero(present[row]).tolist()
            if place != nominal
        }
        if lots and present[row, nominal]:
            yield row, min(lots, key=lots.__getitem__)


def _identity(table: pa.Table, campaign: Campaign) -> dict[str, npt.NDArray[np.generic]]:
    return {
        "event": table["event"].to_numpy(),
        "target": table["target"].to_numpy(),
        "process": process_indices(table, campaign),
        "weight": table["weight"].to_numpy(),
    }


def _singletons(table: pa.Table, members: Members, campaign: Campaign) -> npt.NDArray[np.float32]:
    """Jettype, truth and jet of each member, shape (M, 15)."""
    jettype = _jettypes(table, campaign).astype(np.float32)
    shared = np.column_stack([jettype, truth_vectors(single(table["truth"])).astype(np.float32)])
    copies = len(members.present) // max(1, table.num_rows)
    columns = np.column_stack([np.repeat(shared, copies, axis=0), _jet_features(members)])
    return np.where(members.present[:, np.newaxis], columns, np.float32(0))


def _jet_features(members: Members) -> npt.NDArray[np.float32]:
    columns = [members.jets[field] for field in JET_FEATURES.values()]
    return np.column_stack(columns).astype(np.float32)


def _numbers(structs: pa.StructArray, field: str, dtype: npt.DTypeLike = np.int64) -> npt.NDArray[np.generic]:
    return pc.struct_field(structs, field).to_numpy(zero_copy_only=False).astype(dtype)


def _lengths(lists: pa.ListArray) -> Integers:
    return pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)


def _four_vectors(structs: pa.StructArray) -> Floats:
    return np.column_stack([_numbers(structs, name, np.float64) for name in _FOUR_VECTOR])


def _describe(file: h5py.File, metadata: dict[str, Any], campaign: Campaign) -> None:
    """Create the datasets, so that a file without rows has them too, and say what is in them."""
    append_rows(file, _group_columns(GROUPS_SCHEMA.empty_table(), campaign))
    file["singletons"].attrs["features"] = strings(SINGLETON_FEATURES)
    file["jet_pflow_cands"].attrs["features"] = strings(PFLOW_FEATURES)
    _describe_file(file, metadata, campaign)


def _describe_pairs(file: h5py.File, metadata: dict[str, Any], campaign: Campaign) -> None:
    append_rows(file, _pair_columns(GROUPS_SCHEMA.empty_table(), campaign))
    file["features"].attrs["features"] = strings(PAIR_FEATURES)
    file["parton_features"].attrs["features"] = strings(("pt", "eta", "phi", "e"))
    file["jet_features"].attrs["features"] = strings(tuple(JET_FEATURES))
    file["vartype"].attrs["names"] = strings(tuple(vartypes(campaign)))
    file["vartype"].attrs["values"] = np.array(list(vartypes(campaign).values()))
    _describe_file(file, metadata, campaign)


def _describe_file(file: h5py.File, metadata: dict[str, Any], campaign: Campaign) -> None:
    file.attrs["realizations"] = strings(campaign.realizations)
    file.attrs["processes"] = strings(tuple(campaign.processes))
    file.attrs["jettypes"] = strings([f"{_renumbered(campaign, one)} {jet}" for one, jet in LABELS.items()])
    file.attrs["conventions"] = strings(CONVENTIONS)
    # not a dataset, since readers take every dataset for rows; a string of variable length may exceed 64 kB
    file.attrs["metadata"] = encode(metadata)
