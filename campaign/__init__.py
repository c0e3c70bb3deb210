"""What is asked for: configuration, process catalogue, tunes, seeds, provenance."""

from jetresim.campaign.version import RELEASE

__version__ = RELEASE
