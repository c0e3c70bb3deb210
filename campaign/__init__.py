"""What is asked for: configuration, process catalogue, tunes, seeds, provenance."""

from jetresim.campaign.version import RELEASE as __version__

__all__ = ["__version__"]
