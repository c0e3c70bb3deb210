"""Pile-up: further interactions in the crossing of a hard event."""

from typing import Literal

from pydantic import Field

from jetresim.campaign.model import Strict

__all__ = ["MINIMUM_BIAS", "PileUp"]

MINIMUM_BIAS = {"SoftQCD:all": True}
"""Pythia's processes of a pile-up interaction, elastic and diffractive ones included."""


class PileUp(Strict):
    """Interactions that are overlaid on every hard event before the detector, and what is done about them."""

    mean: float = Field(gt=0, le=1000, description="mean number of interactions beside the hard one")
    number: Literal["poisson", "fixed"] = Field(
        "poisson", description="how their number varies; `fixed`: `mean`, rounded"
    )
    sigma_z: float = Field(53.0, ge=0, description="spread of their vertices along the beam [mm]")
    sigma_t: float = Field(48.0, ge=0, description="spread of their vertices in time [mm/c]")
    pool: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        strict=True,
        description="minimum-bias events that are made once and drawn from, each turned around the beam",
    )
    charged_subtraction: float | None = Field(
        1.0,
        gt=0,
        description="leave out charged candidates whose dz is further from the hard vertex [mm]; null: none",
    )
    mitigation: Literal["none", "area", "softkiller", "puppi"] = Field(
        "none",
        description="what else is done: `area` subtracts the mean density times the area from jets, "
        "`softkiller` leaves out soft candidates, `puppi` scales candidates by their weights",
    )
    puppi_weights: bool = Field(
        False, description="store the PUPPI weight of every constituent, also where it is not used"
    )

    @property
    def fields(self) -> tuple[str, ...]:
        """Further columns of constituents."""
        return ("pileup", "puppi") if self.puppi_weights or self.mitigation == "puppi" else ("pileup",)
