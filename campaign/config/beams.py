"""The colliding beams."""

from pydantic import Field

from jetresim.campaign.model import Strict

__all__ = ["Beams"]


class Beams(Strict):
    """The colliding beams."""

    energy: float = Field(13000.0, gt=10, description="centre-of-mass energy [GeV]")
    particles: tuple[int, int] = Field((2212, 2212), description="PDG ids of the two beams")
