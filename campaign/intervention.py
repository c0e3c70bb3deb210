"""Where the random stream of a realization forks from the anchor's."""

from collections.abc import Iterable, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, model_validator

from jetresim.campaign.model import Strict

__all__ = ["ALLOWED_SETTINGS", "Intervention", "Stage", "forbidden_setting", "short_form"]


class Stage(IntEnum):
    """The stages of an event after its hard process, in their order."""

    SHOWER = 0
    HADRONIZATION = 1
    DECAYS = 2
    PILEUP = 3
    DETECTOR = 4


FIRST_STAGE: Mapping[str, Stage] = MappingProxyType(
    {
        "hard_process": Stage.SHOWER,
        "shower_scale": Stage.SHOWER,
        "parton_level": Stage.HADRONIZATION,
        "decays": Stage.DECAYS,
        "pileup": Stage.PILEUP,
        "detector": Stage.DETECTOR,
        "nothing": Stage.DETECTOR,
    }
)
"""Intervention point to the first stage that is simulated again."""

_HADRONIZATION = (
    "StringZ",
    "StringPT",
    "StringFragmentation",
    "MiniStringFragmentation",
    "FragmentationSystems",
    "ClosePacking",
)
_DECAYS = ("ParticleDecays",)

ALLOWED_SETTINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "shower_scale": _HADRONIZATION + _DECAYS,
        "parton_level": _HADRONIZATION + _DECAYS,
        "decays": _DECAYS,
        "pileup": (),
        "detector": (),
        "nothing": (),
    }
)
"""Groups of Pythia settings that leave untouched what is shared at an intervention point."""


class Intervention(Strict):
    """The point of the chain up to which a realization is the anchor's, and after which it is its own."""

    point: Literal[tuple(FIRST_STAGE)] = Field(
        "hard_process", description="what is shared: " + ", ".join(FIRST_STAGE)
    )
    scale: float | None = Field(
        None,
        gt=0,
        description="`shower_scale`: emissions above this pT [GeV] are shared, those below are not",
    )

    @model_validator(mode="after")
    def _scale_where_it_belongs(self) -> "Intervention":
        if (self.point == "shower_scale") != (self.scale is not None):
            raise ValueError("write `shower_scale: <pT in GeV>`, or a point without a scale")
        return self

    @property
    def first_stage(self) -> Stage:
        """First stage that is simulated again."""
        return FIRST_STAGE[self.point]

    @property
    def shares_detector_stream(self) -> bool:
        """Whether the random numbers of the detector are the anchor's."""
        return self.point in ("pileup", "nothing")

    @property
    def shares_pileup(self) -> bool:
        """Whether the pile-up comes before what is simulated again."""
        return self.first_stage > Stage.PILEUP

    @property
    def shares_shower(self) -> bool:
        """Whether any emission is the anchor's."""
        return self.point != "hard_process"


def short_form(value: Any) -> Any:
    """Read ``parton_level`` or ``shower_scale: 10`` as the fields of an `Intervention`."""
    if isinstance(value, str):
        return {"point": value}
    if isinstance(value, Mapping) and set(value) == {"shower_scale"}:
        return {"point": "shower_scale", "scale": value["shower_scale"]}
    return value


def forbidden_setting(intervention: Intervention, settings: Iterable[str]) -> str | None:
    """The first setting that would change what the intervention declares shared, if any."""
    if not intervention.shares_shower:
        return None
    allowed = {group.lower() for group in ALLOWED_SETTINGS[intervention.point]}
    return next((name for name in settings if name.split(":")[0].lower() not in allowed), None)
