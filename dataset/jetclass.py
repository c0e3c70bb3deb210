"""Parquet shards → ROOT files with the branches of JetClass (arXiv:2202.03772).

Names, units and definitions are those of the program that made JetClass, ``makeNtuples.C`` of
jet-universe/jetclass_generation, unless stated otherwise.
"""

import math
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.arrays import Integers
from jetresim.campaign.config import Campaign
from jetresim.campaign.provenance import digest, encode
from jetresim.dataset.members import PresentMembers, export_metadata, present_members, write_shards
from jetresim.dataset.padded import packed
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.jets.parquet import ROW_GROUP, batches, row_count, single

__all__ = ["write_jetclass"]

Columns = dict[str, npt.NDArray[np.generic]]

PART_FEATURES = MappingProxyType(
    {
        "part_px": "px",
        "part_py": "py",
        "part_pz": "pz",
        "part_energy": "energy",
        "part_deta": "eta",
        "part_dphi": "phi",
        "part_charge": "charge",
        **{f"part_{name}": name for name in ("isChargedHadron", "isNeutralHadron", "isPhoton")},
        **{f"part_{name}": name for name in ("isElectron", "isMuon")},
    }
)
"""Branch to the feature of `dataset.features.FEATURES`; ``part_deta`` times the sign of the jet's eta."""

IMPACT_PARAMETERS = MappingProxyType({"part_d0val": "d0", "part_dzval": "dz"})
"""Branch to the field of the constituents [mm]."""

ERRORS = MappingProxyType({"part_d0err": "d0err", "part_dzerr": "dzerr"})
"""Branch to the further column of the constituents [mm]; 0 where no detector smears, and for neutral ones."""

JET_BRANCHES = MappingProxyType(
    {f"jet_{name}": name for name in ("pt", "eta", "phi", "energy", "sdmass", "tau1", "tau2", "tau3", "tau4")}
)
"""Branch to the field of the jet."""

LABELS = MappingProxyType(
    {
        "label_QCD": (0, 1, 2, 3, 5, 6, 7, 8),
        "label_Hbb": (4,),
        "label_Hcc": (13,),
        "label_Hgg": (14,),
        "label_H4q": (15,),
        "label_Hqql": (16,),
        "label_Zqq": (10, 11),
        "label_Wqq": (9,),
        "label_Tbqq": (12,),
        "label_Tbl": (17,),
    }
)
"""Branch to the RS3L jettypes for which it is 1; every jettype but those of X is in exactly one."""

GENPART_BRANCHES = MappingProxyType(
    {f"aux_genpart_{name}": name for name in ("pt", "eta", "phi")} | {"aux_genpart_pid": "pdgid"}
)
"""Branch to the field of the target."""

_CHARM, _BOTTOM = 4, 5
_ELECTRON = 11
_W, _Z_QQ, _Z_BB, _TOP, _TOP_LEPTONIC = 9, 10, 11, 12, 17
_HIGGS_MATCH = MappingProxyType({4: 41, 13: 42, 14: 44, 15: 45, 16: 46})
"""RS3L jettype of a Higgs boson to JetClass's number for its decay."""

_INTEGERS = ("group_process", "group_target", "augmentation", "jettype", *LABELS)
_FIELDS = ", ".join(
    f"{name.removeprefix('part_')}: float32" for name in (*PART_FEATURES, *IMPACT_PARAMETERS, *ERRORS)
)
_TYPES = {
    "part": f"var * {{{_FIELDS}}}",
    **dict.fromkeys((*JET_BRANCHES, "jet_nparticles", *GENPART_BRANCHES, "aux_truth_match"), "float32"),
    **dict.fromkeys(_INTEGERS, "int32"),
    "group_event": "int64",
    "seed": "int64",
    "weight": "float64",
}
"""Columns as they are given to uproot, which makes branch ``part_px`` of field ``px`` of ``part``."""


def write_jetclass(output_dir: Path, shards: Sequence[Path], campaign: Campaign) -> None:
    """Write the shards of a split as ``jetclass_{id}.root``, ids counting the shards in order of their names.

    TTree ``tree`` has one entry for each member that is present, in the order of the groups and within a
    group of the realizations. Branches are JetClass's (``part_*``, ``jet_*``, ``label_*``, ``aux_*``), then
    ``group_process``, ``group_event`` and ``group_target``, which are equal for members of a group,
    ``augmentation`` (index of the realization), ``jettype``, ``seed`` and ``weight`` [pb] of the group.
    TObjString ``metadata`` is the JSON of the shard, which names processes and realizations; its key
    ``export`` counts the rows and the absent members.

    Everything in a file but the times that ROOT keeps with every object follows from the shard.

    See `dataset.members.write_shards` for the parameters and errors.
    """
    write_shards(output_dir, shards, campaign, "jetclass_{number}.root", _write_file)


def _write_file(output: Path, shard: Path, metadata: dict[str, Any], campaign: Campaign) -> None:
    import uproot  # not among what reading a dataset needs

    identity = uuid.uuid5(uuid.NAMESPACE_OID, digest([output.name, metadata]))
    steps = math.ceil(row_count(shard) / ROW_GROUP)
    rows = absent = 0
    # LZ4 as in JetClass; a UUID of its own would hold the time and the network address of this machine
    with uproot.recreate(output, compression=uproot.LZ4(4), uuid_function=lambda: identity) as file:
        tree = file.mktree("tree", _TYPES, title="tree", initial_basket_capacity=max(1, steps))
        for table in batches(shard, GROUPS_SCHEMA):
            present = present_members(table, len(campaign.realizations))
            rows, absent = rows + len(present), absent + present.absent
            if len(present):
                tree.extend(_entries(present, campaign))
        file["metadata"] = encode(export_metadata(metadata, "jetclass", rows, absent))


def _entries(present: PresentMembers, campaign: Campaign) -> dict[str, Any]:
    """Entries of the tree for some members, by the names of `_TYPES`."""
    groups, members = present.groups, present.members
    label = groups["label"].to_numpy()
    return {
        "part": _particles(present),
        **{branch: members.jets[field] for branch, field in JET_BRANCHES.items()},
        "jet_nparticles": members.counts.astype(np.float32),
        **_truth(single(groups["truth"]), label),
        **{branch: np.isin(label, types).astype(np.int32) for branch, types in LABELS.items()},
        "group_process": present.processes(campaign).astype(np.int32),
        "group_event": groups["event"].to_numpy(),
        "group_target": groups["target"].to_numpy().astype(np.int32),
        "augmentation": present.places.astype(np.int32),
        "jettype": label.astype(np.int32),
        "seed": present.seeds,
        "weight": groups["weight"].to_numpy(),
    }


def _particles(present: PresentMembers) -> ak.Array:
    """Constituents of each member as records."""
    members = present.members
    values, counts = packed(members, tuple(PART_FEATURES.values()))
    columns: Columns = dict(zip(PART_FEATURES, values.T, strict=True))
    forward = np.repeat(members.jets["eta"] > 0, counts)
    columns["part_deta"] = np.where(forward, columns["part_deta"], -columns["part_deta"])
    columns |= {branch: members.constituents[field] for branch, field in IMPACT_PARAMETERS.items()}
    nothing = np.zeros(len(values), np.float32)
    columns |= {branch: members.constituents.get(field, nothing) for branch, field in ERRORS.items()}
    return ak.unflatten(ak.zip({name.removeprefix("part_"): one for name, one in columns.items()}), counts)


def _truth(truth: pa.StructArray, label: npt.NDArray[np.int8]) -> Columns:
    """Branches ``aux_*``."""
    genpart = {
        branch: pc.struct_field(truth, field).to_numpy(zero_copy_only=False).astype(np.float32)
        for branch, field in GENPART_BRANCHES.items()
    }
    daughters = truth.field("daughters")
    pdgids = np.abs(pc.struct_field(daughters.flatten(), "pdgid").to_numpy(zero_copy_only=False))
    parent = pc.list_parent_indices(daughters).to_numpy()
    counts = (
        np.bincount(parent[pdgids == flavour], minlength=len(truth))
        for flavour in (_CHARM, _BOTTOM, _ELECTRON)
    )
    return {**genpart, "aux_truth_match": truth_match(label, *counts).astype(np.float32)}


def truth_match(
    label: npt.NDArray[np.int8], charm: Integers, bottom: Integers, electron: Integers
) -> Integers:
    """JetClass's number for what a jet is.

    Parameters
    ----------
    label : ndarray of int8, shape (M,)
        RS3L jettype.
    charm, bottom, electron : ndarray of int64, shape (M,)
        Daughters of the target that are of this kind.

    Returns
    -------
    ndarray of int64, shape (M,)
        ``FatJetLabel`` of ``makeNtuples.C``: 11 t → b c q, 12 t → b q q, 15 t → b e ν, 16 t → b μ ν,
        21 W → c q, 22 W → q q, 31 Z → b b, 32 Z → c c, 33 Z → q q, 41 H → b b, 42 H → c c, 44 H → g g,
        45 H → 4 q, 46 H → ℓ ν q q, 50 QCD; 0 a scalar X, which JetClass does not have. The quark beside the
        W of a top is never charm, so a charm quark or a second bottom quark is the W's; JetClass counts both
        as 11, and as 21 without a top.
    """
    z = np.isin(label, (_Z_QQ, _Z_BB))
    heavy = charm + bottom > 0
    return np.select(
        [
            (label == _TOP) & ((charm > 0) | (bottom > 1)),
            label == _TOP,
            (label == _TOP_LEPTONIC) & (electron > 0),
            label == _TOP_LEPTONIC,
            (label == _W) & heavy,
            label == _W,
            z & (bottom == 2),
            z & (charm == 2),
            z,
            *(label == jettype for jettype in _HIGGS_MATCH),
            np.isin(label, LABELS["label_QCD"]),
        ],
        [11, 12, 15, 16, 21, 22, 31, 32, 33, *_HIGGS_MATCH.values(), 50],
        default=0,
    )
