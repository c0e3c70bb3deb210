"""What a configuration has to be for RS3L's layouts, apart from the libraries that write them."""

from types import MappingProxyType

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.processes import LABELS

__all__ = ["JETTYPES", "check_export"]

JETTYPES = MappingProxyType({"reader": {}, "authors": {11: 9, 10: 10, 12: 11, 9: 11}})
"""Numbering to what it changes in the jettypes of `campaign.processes.LABELS`."""


def check_export(campaign: Campaign) -> None:
    """Refuse a configuration whose jets the HDF5 layouts cannot hold.

    Raises
    ------
    ConfigError
        Constituents may be softer than 1 GeV, where ln pT is no longer positive; or there is nothing to
        pair the nominal realization with.
    """
    formats = [name for name in campaign.dataset.formats if name in ("rs3l", "rs3l_pairs", "omnilearned")]
    softest = campaign.jets.constituent_pt_min
    if formats and softest < 1:
        raise ConfigError(
            f"jets.constituent_pt_min: {softest:g} GeV; dataset.formats {formats[0]!r} marks a constituent "
            "by ln pT > 0 and needs at least 1 GeV"
        )
    _check_jettypes(campaign)
    if "rs3l_pairs" in formats and len(campaign.realizations) < 2:
        raise ConfigError("dataset.formats: 'rs3l_pairs' needs an augmentation beside 'nominal'")


def _check_jettypes(campaign: Campaign) -> None:
    renumbered = JETTYPES[campaign.dataset.rs3l_jettypes]
    targets = (target for process in campaign.processes.values() for target in process.targets)
    owners: dict[int, int] = {}
    for label in sorted({target.label for target in targets if target.label in renumbered}):
        number = renumbered[label]
        if (other := owners.setdefault(number, label)) != label:
            raise ConfigError(
                f"dataset.rs3l_jettypes: 'authors' has {number} for both {LABELS[other]} and {LABELS[label]}"
                "; make a campaign of each, or keep 'reader'"
            )
