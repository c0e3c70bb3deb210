"""The shower programs by the name that the configuration uses."""

from collections.abc import Callable

from campaign.config import Campaign
from showers.protocol import Shower
from showers.pythia8 import Pythia8Shower

SHOWERS: dict[str, Callable[[Campaign, str, str], Shower]] = {"pythia8": Pythia8Shower}


def make_shower(campaign: Campaign, process: str, realization: str) -> Shower:
    """Set up the shower program of one realization of one process."""
    return SHOWERS[campaign.augmentation(realization).shower](campaign, process, realization)
