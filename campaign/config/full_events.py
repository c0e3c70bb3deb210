"""Events as a whole, for programs that go on with them."""

from typing import Literal

from pydantic import Field

from jetresim.campaign.config.fields import Name
from jetresim.campaign.model import Strict

__all__ = ["FullEvents"]


class FullEvents(Strict):
    """Hard process and final state of every event, before pile-up and detector."""

    formats: tuple[Literal["hepmc3", "parquet"], ...] = Field(
        ("parquet",), min_length=1, description="`hepmc3` (compressed text) and `parquet`"
    )
    realizations: tuple[Name, ...] | None = Field(
        None, min_length=1, description="realizations to write; all if left out"
    )
