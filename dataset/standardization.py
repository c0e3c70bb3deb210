"""Mean and standard deviation of every feature, stored with the dataset."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Booleans, Floats
from jetresim.campaign.config import Campaign, unknown
from jetresim.campaign.detector import EXTRA_FIELDS
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import atomic_path
from jetresim.dataset.assemble import check_split
from jetresim.dataset.features import FEATURES, IMPACT_PARAMETERS
from jetresim.dataset.padded import Members, feature_names, packed
from jetresim.dataset.schema import GROUPS_SCHEMA
from jetresim.jets.parquet import batches, parquet_files, single
from jetresim.jets.schema import JET_TYPE

__all__ = ["STANDARDIZATION", "Standardization", "read_standardization", "write_standardization"]

STANDARDIZATION = "standardization.json"
"""Name of the file in the folder of a dataset."""

SPLIT = "train"
"""The split that is looked at: the others must not leak into what is learnt."""

_AS_THEY_ARE = ("pdgid", *IMPACT_PARAMETERS, *EXTRA_FIELDS)
"""A code has no mean; what has the units of a convention, or stands in some data sets only, keeps them."""

CONSTITUENT_FEATURES = tuple(name for name in FEATURES if name not in _AS_THEY_ARE)
"""Features that have a mean."""

JET_FIELDS = tuple(each.name for each in JET_TYPE)

_DIGITS = 9
"""Significant digits that are stored: fewer than two machines' mathematical libraries agree on."""


@dataclass(frozen=True, slots=True)
class Standardization:
    """Mean and standard deviation of features.

    Attributes
    ----------
    constituents, jet : dict of str to (float, float)
        Mean and standard deviation by the name of the feature of `dataset.features.FEATURES`, and by that of
        the field of the groups' jets.
    """

    constituents: Mapping[str, tuple[float, float]]
    jet: Mapping[str, tuple[float, float]]

    def apply(
        self,
        values: npt.NDArray[np.float32],
        features: str | Sequence[str],
        mask: Booleans | None = None,
    ) -> npt.NDArray[np.float32]:
        """Subtract the mean and divide by the standard deviation.

        Parameters
        ----------
        values : ndarray of float32, shape (..., F)
        features : str or sequence of str
            What the last axis holds, see `dataset.padded.feature_names`.
        mask : ndarray of bool, shape (...), optional
            Where there is a constituent; the other slots stay zero.

        Returns
        -------
        ndarray of float32, shape (..., F)
            A feature that is a code (the PDG id) or never varies is only shifted by its mean, if it has one.
        """
        return _applied(values, feature_names(features), self.constituents, mask)

    def apply_jet(
        self,
        values: npt.NDArray[np.float32],
        fields: Sequence[str],
        present: Booleans | None = None,
    ) -> npt.NDArray[np.float32]:
        """Do the same with fields of jets, shape (..., J); absent members stay zero."""
        return _applied(values, fields, self.jet, present)


def write_standardization(dataset_dir: Path, campaign: Campaign) -> None:
    """Write ``standardization.json`` into the folder of a dataset.

    Every present constituent and jet of the train split counts once, in all realizations and without its
    weight, as a network sees them. The result is rounded to 9 digits and depends on the rows alone.

    Parameters
    ----------
    dataset_dir : Path
        Folder with a complete ``train``.
    campaign : Campaign

    Raises
    ------
    DataError
        The split is missing, or see `dataset.assemble.check_split`.
    """
    shards = parquet_files(dataset_dir / SPLIT)
    if not shards:
        raise DataError(f"{dataset_dir / SPLIT}: no Parquet files; write the split first")
    check_split(shards, campaign)
    content = _measured(shards)
    with atomic_path(dataset_dir / STANDARDIZATION) as path:
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_standardization(dataset_dir: Path) -> Standardization:
    """Read ``standardization.json`` from the folder of a dataset.

    Raises
    ------
    DataError
        It does not exist or is not such a file.
    """
    path = dataset_dir / STANDARDIZATION
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Standardization(_pairs(content["constituents"]), _pairs(content["jet"]))
    except FileNotFoundError:
        raise DataError(f"{path}: does not exist; make the dataset again, or do not standardize") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path}: cannot be read ({error}); make the dataset again") from None


@dataclass
class _Moments:
    """Running count, mean and sum of squared deviations of some columns.

    Batches are merged as in T. Chan, G. Golub and R. LeVeque, "Updating formulae and a pairwise algorithm
    for computing sample variances" (1979).
    """

    columns: int
    count: Floats = field(init=False)
    mean: Floats = field(init=False)
    squares: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.count, self.mean, self.squares = (np.zeros(self.columns) for _ in range(3))

    def add(self, values: Floats) -> None:
        """Add rows of shape (n, columns); what is not finite does not count."""
        there = np.isfinite(values)
        count = there.sum(axis=0).astype(float)
        mean = np.where(there, values, 0).sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(there, values - mean, 0) ** 2).sum(axis=0)
        total = np.maximum(self.count + count, 1)
        distance = mean - self.mean
        self.squares += squares + distance**2 * self.count * count / total
        self.mean += distance * count / total
        self.count += count

    def described(self, names: Iterable[str]) -> dict[str, dict[str, float]]:
        """Rounded mean and standard deviation by name."""
        deviations = np.sqrt(self.squares / np.maximum(self.count, 1))
        return {
            name: {"mean": _rounded(mean), "std": _rounded(deviation)}
            for name, mean, deviation in zip(names, self.mean, deviations, strict=True)
        }


def _measured(shards: Iterable[Path]) -> dict[str, Any]:
    constituents, jets = _Moments(len(CONSTITUENT_FEATURES)), _Moments(len(JET_FIELDS))
    for shard in shards:
        for table in batches(shard, GROUPS_SCHEMA, ["realizations"]):
            members = Members.of(single(table["realizations"]).flatten())
            values, _ = packed(members, CONSTITUENT_FEATURES)
            constituents.add(values.astype(np.float64))
            columns = np.column_stack([members.jets[name].astype(np.float64) for name in JET_FIELDS])
            jets.add(columns[members.present])
    return {
        "split": SPLIT,
        "counts": {"constituents": int(constituents.count.max()), "jets": int(jets.count.max())},
        "constituents": constituents.described(CONSTITUENT_FEATURES),
        "jet": jets.described(JET_FIELDS),
    }


def _applied(
    values: npt.NDArray[np.float32],
    names: Sequence[str],
    moments: Mapping[str, tuple[float, float]],
    there: Booleans | None,
) -> npt.NDArray[np.float32]:
    for name in names:
        if name not in moments and name not in _AS_THEY_ARE:
            raise DataError(f"{STANDARDIZATION}: " + unknown("feature", name, moments))
    mean, deviation = np.array([moments.get(name, (0, 1)) for name in names], np.float32).reshape(-1, 2).T
    scaled = (values - mean) / np.where(deviation > 0, deviation, np.float32(1))
    return scaled if there is None else np.where(there[..., np.newaxis], scaled, np.float32(0))


def _pairs(moments: Mapping[str, Mapping[str, float]]) -> dict[str, tuple[float, float]]:
    return {name: (float(each["mean"]), float(each["std"])) for name, each in moments.items()}


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
