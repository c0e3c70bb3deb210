"""The files that are handed out."""

from typing import Literal

from pydantic import Field, model_validator

from jetresim.campaign.config.fields import Label
from jetresim.campaign.model import PluginOptions, Strict
from jetresim.campaign.plugins import EXPORT_NAMES

__all__ = ["FORMATS", "Dataset", "Splits"]

FORMATS = EXPORT_NAMES.built_in
"""Built-in formats beside Parquet."""


class Splits(Strict):
    """Fractions of the hard events, by hash."""

    train: float = Field(0.8, ge=0, le=1, description="fraction for training")
    val: float = Field(0.1, ge=0, le=1, description="fraction for validation")
    test: float = Field(0.1, ge=0, le=1, description="fraction for testing")

    @model_validator(mode="after")
    def _sum_to_one(self) -> "Splits":
        if abs(self.train + self.val + self.test - 1) > 1e-9:
            raise ValueError(f"train + val + test = {self.train + self.val + self.test:g}, must be 1")
        return self


class Dataset(Strict):
    """The files that are handed out."""

    splits: Splits = Field(Splits(), description="train, validation and test fractions")
    events_per_shard: int = Field(
        10_000, gt=0, strict=True, description="hard events per Parquet file, on average over all processes"
    )
    formats: tuple[EXPORT_NAMES.field, ...] = Field(
        ("rs3l",),
        description="formats beside Parquet: the public HDF5 layout, the authors' paired training file, "
        "JetClass's ROOT files, the table of the Top Tagging data set, flat Parquet for Hugging Face, "
        "OmniLearned's HDF5",
    )
    options: PluginOptions = Field({}, description="what formats of other packages are told")
    rs3l_constituents: int = Field(
        100, ge=1, strict=True, description="constituents per jet in RS3L's HDF5 files, zero-padded"
    )
    rs3l_jettypes: Literal["reader", "authors"] = Field(
        "reader",
        description="numbers of W, Z and top in RS3L's HDF5 files: `reader` as the independent reader of the "
        "public files has them (9 W, 10 Z→qq, 11 Z→bb; 12 top is ours), `authors` as the authors' later "
        "loader (9 Z→bb, 10 Z→qq, 11 top or W)",
    )
    omnilearned_constituents: int = Field(
        150, ge=1, strict=True, description="constituents per jet in OmniLearned's HDF5 files, zero-padded"
    )
    toptagging_signal: tuple[Label, ...] = Field(
        (12,), description="labels that are signal (`is_signal_new`) in the format `toptagging`"
    )
    mixed_versions: Literal["refuse", "allow"] = Field(
        "refuse",
        description="files made by different versions of Pythia, Herwig, FastJet or this software: `refuse` "
        "to make a dataset of them, or `allow` it and name them on its card",
    )
    license: str = Field(
        "unknown", min_length=1, description="licence of the data, as the Hugging Face Hub abbreviates it"
    )

    @model_validator(mode="after")
    def _formats_of_other_packages(self) -> "Dataset":
        if taken := sorted(set(self.formats) & Splits.model_fields.keys()):
            raise ValueError(f"`formats`: {taken[0]!r} is the name of a split, and of its folder")
        if self.options and not set(self.formats) - set(FORMATS):
            raise ValueError("`options` are for formats of other packages, and `formats` has none")
        return self
