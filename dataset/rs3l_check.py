"""What a configuration has to be for RS3L's layouts, apart from the libraries that write them."""

from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import ConfigError

__all__ = ["check_export"]


def check_export(campaign: Campaign) -> None:
    """Refuse a configuration whose jets the HDF5 layouts cannot hold.

    Raises
    ------
    ConfigError
        Constituents may be softer than 1 GeV, where ln pT is no longer positive; or there is nothing to
        pair the nominal realization with.
    """
    formats = [name for name in campaign.dataset.formats if name in ("rs3l", "rs3l_pairs")]
    softest = campaign.jets.constituent_pt_min
    if formats and softest < 1:
        raise ConfigError(
            f"jets.constituent_pt_min: {softest:g} GeV; dataset.formats {formats[0]!r} marks a constituent "
            "by ln pT > 0 and needs at least 1 GeV"
        )
    if "rs3l_pairs" in formats and len(campaign.realizations) < 2:
        raise ConfigError("dataset.formats: 'rs3l_pairs' needs an augmentation beside 'nominal'")
