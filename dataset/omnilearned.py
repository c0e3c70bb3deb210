"""Parquet shards → HDF5 files that OmniLearned (arXiv:2510.24066) trains on as its data set ``custom``."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Integers
from jetresim.campaign.config import Campaign
from jetresim.campaign.provenance import encode
from jetresim.dataset.features import ELECTRON, MUON, PHOTON
from jetresim.dataset.hdf5 import append_rows, create_hdf5, strings
from jetresim.dataset.members import PresentMembers, export_metadata, present_members, write_shards
from jetresim.dataset.padded import packed, pad
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.jets.parquet import batches

__all__ = ["write_omnilearned"]

DATA_FEATURES = ("deta", "dphi", "ln_pt", "ln_energy", "pid", "tanh_d0", "d0_error", "tanh_dz", "dz_error")
"""Order along the last axis of ``data``."""

GLOBAL_FEATURES = ("pt", "eta", "mass", "sdmass", "nparticles")
"""Order along the last axis of ``global``; generation needs the number of particles to be the last."""

_PION, _K_LONG, _EMPTY = 211, 130, 0

KINDS = (-_PION, -MUON, -ELECTRON, _EMPTY, ELECTRON, MUON, PHOTON, _K_LONG, _PION)
"""PDG ids that a detector tells apart; the place in this list is the ``pid`` of a constituent."""

_KINEMATICS = ("eta", "phi", "pt", "e", "pdgid", "d0", "dz", "charge")
_ERRORS = ("d0err", "dzerr")


def write_omnilearned(output_dir: Path, shards: Sequence[Path], campaign: Campaign) -> None:
    """Write the shards of a split as ``omnilearned_{id}.h5``, ids counting the shards in their order.

    One row for each member that is present, in the order of the groups and within a group of the
    realizations: ``data`` (N, M, 9), see `DATA_FEATURES`, zero-padded; ``pid`` (N,), the label; ``global``
    (N, 5), see `GLOBAL_FEATURES`, pT and masses in GeV. Errors of impact parameters are 0 where no detector
    smears. Identity, index of the realization, ``seed`` and ``weight`` [pb] (N,) are added. Attribute
    ``metadata`` is the JSON of the shard; its key ``export`` counts the rows and the absent members.

    See `dataset.members.write_shards` for the parameters and errors.
    """
    write_shards(output_dir, shards, campaign, "omnilearned_{number}.h5", _write_file)


def particle_kind(pdgid: npt.NDArray[np.number], charge: npt.NDArray[np.number]) -> Integers:
    """Places in `KINDS`: electrons, muons and photons by their id, everything else by its charge.

    So every charged hadron counts as a pion and every neutral one as a K-long, as OmniLearned has it.
    """
    lepton = np.isin(np.abs(pdgid), (ELECTRON, MUON, PHOTON))
    hadron = np.where(charge == 0, _K_LONG, np.sign(charge) * _PION)
    return np.searchsorted(KINDS, np.where(lepton, pdgid, hadron))


def _write_file(output: Path, shard: Path, metadata: dict[str, Any], campaign: Campaign) -> None:
    rows = absent = 0
    with create_hdf5(output) as file:
        for table in (GROUPS_SCHEMA.empty_table(), *batches(shard, GROUPS_SCHEMA)):
            present = present_members(table, len(campaign.realizations))
            append_rows(file, _columns(present, campaign))
            rows, absent = rows + len(present), absent + present.absent
        file["data"].attrs["features"] = strings(DATA_FEATURES)
        file["global"].attrs["features"] = strings(GLOBAL_FEATURES)
        file.attrs["metadata"] = encode(export_metadata(metadata, "omnilearned", rows, absent))
        file.attrs["realizations"] = strings(campaign.realizations)
        file.attrs["processes"] = strings(tuple(campaign.processes))


def _columns(present: PresentMembers, campaign: Campaign) -> dict[str, npt.NDArray[np.generic]]:
    groups, members = present.groups, present.members
    size = campaign.dataset.omnilearned_constituents
    jets = {**members.jets, "nparticles": np.minimum(members.counts, size)}
    return {
        "data": _data(present, size),
        "pid": groups["label"].to_numpy().astype(np.int64),
        "global": np.column_stack([jets[name] for name in GLOBAL_FEATURES]).astype(np.float32),
        "event": groups["event"].to_numpy(),
        "target": groups["target"].to_numpy(),
        "process": present.processes(campaign),
        "augmentation": present.places,
        "seed": present.seeds,
        "weight": groups["weight"].to_numpy(),
    }


def _data(present: PresentMembers, size: int) -> npt.NDArray[np.float32]:
    known = present.members.constituents
    names = [name for name in (*_KINEMATICS, *_ERRORS) if name not in _ERRORS or name in known]
    values, counts = packed(present.members, names, size)
    column = dict(zip(names, values.T, strict=True))
    nothing = np.zeros(len(values), np.float32)
    return pad(
        np.column_stack(
            [
                *(column[name] for name in ("eta", "phi", "pt", "e")),
                particle_kind(column["pdgid"], column["charge"]).astype(np.float32),
                *(column.get(name, nothing) for name in ("d0", "d0err", "dz", "dzerr")),
            ]
        ),
        counts,
        size,
    ).values
