"""Which groups are kept."""

from typing import Any, Literal

from pydantic import Field, model_validator

from jetresim.campaign.model import Strict

__all__ = ["Groups"]


class Groups(Strict):
    """Which groups are kept."""

    of: Literal["jets", "events"] = Field(
        "jets",
        exclude_if=lambda of: of == "jets",
        description="`jets` that stand for targets, or whole `events`: one group for each that has a target, "
        "with its hardest jet, all its candidates, its missing pT and all its jets",
    )
    require: Literal["all", "nominal", "any"] = Field(
        "all", description="members that must be present for a group to be kept"
    )
    pt_min: float = Field(450.0, ge=0, description="lowest pT of a jet to count as present [GeV]")
    pt_max: float | None = Field(None, gt=0, description="highest pT of a jet to count as present [GeV]")
    survivors_only: bool | Literal["chain"] = Field(
        "chain",
        description="with `all` and `nominal`: simulate the other realizations only where the nominal jet is "
        "present (`true`), or with `all` only where those of all realizations before them are (`chain`); the "
        "groups are the same",
    )
    parton_veto: float | None = Field(
        None,
        ge=0,
        description="give an event of Pythia up before hadronization when its hardest jet of partons is more "
        "than this below `pt_min` [GeV]; not exact, see docs/intervention.md",
    )

    @model_validator(mode="after")
    def _ordered(self) -> "Groups":
        if self.pt_max is not None and self.pt_max <= self.pt_min:
            raise ValueError(f"pt_max ({self.pt_max:g}) must be above pt_min ({self.pt_min:g})")
        return self

    @property
    def whole_events(self) -> bool:
        """Whether a group is of an event, not of a jet."""
        return self.of == "events"

    @property
    def window(self) -> dict[str, Any]:
        """The limits of pT that are set [GeV], by name."""
        return self.model_dump(include={"pt_min", "pt_max"}, exclude_none=True)
