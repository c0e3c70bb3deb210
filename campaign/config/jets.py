"""Jet finding, substructure and matching."""

from typing import Literal

from pydantic import Field

from jetresim.campaign.model import Strict

__all__ = ["Jets", "Matching", "SoftDrop"]


class SoftDrop(Strict):
    """Soft drop grooming, arXiv:1402.2657."""

    z_cut: float = Field(0.1, gt=0, lt=0.5, description="symmetry cut")
    beta: float = Field(0.0, description="angular exponent")


class Matching(Strict):
    """When a jet stands for a target."""

    axis_dr: float = Field(
        0.5, gt=0, description="largest distance of the jet axis to a resonance or splitting"
    )
    daughters_dr: float = Field(
        0.8, gt=0, description="largest distance of the jet axis to a parton, or to each daughter"
    )
    first_only: bool = Field(
        False,
        description="of an event keep only the hardest jet that stands for a target, as RS3L's authors did",
    )


class Jets(Strict):
    """Jet finding, substructure and matching."""

    algorithm: Literal["antikt", "cambridge", "kt"] = Field("antikt", description="jet algorithm")
    radius: float = Field(0.8, gt=0, description="jet radius")
    pt_min: float = Field(400.0, gt=0, description="lowest jet pT [GeV]")
    eta_max: float = Field(2.5, gt=0, description="largest jet |eta|")
    stop_at_eta_max: bool = Field(
        False,
        description="look at no softer jet behind the first one outside `eta_max`, as RS3L's authors did",
    )
    constituent_pt_min: float = Field(1.0, ge=0, description="lowest pT of a clustered candidate [GeV]")
    constituents_max: int = Field(
        200, ge=1, strict=True, description="stored constituents per jet, in order of pT"
    )
    soft_drop: SoftDrop = Field(SoftDrop(), description="grooming of the soft-drop mass")
    matching: Matching = Field(Matching(), description="truth matching")
