"""What a gridpack is, as it says itself and as the survey of its process keeps it."""

from pydantic import Field

from jetresim.campaign.model import Strict

__all__ = ["Gridpack"]


class Gridpack(Strict):
    """What a gridpack is."""

    version: str = Field(description="version of MadGraph")
    scripts: str = Field(description="digest of all that MadGraph was told")
    cards: str = Field(description="digest of its complete run card and parameters of the model")
    grids: str = Field(description="digest of its integration grids")
    cross_section: float = Field(description="of the integration [pb]")
    cross_section_error: float = Field(ge=0, description="its standard error [pb]")
