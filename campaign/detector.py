"""Which detector a campaign asks for, and what a variation of it changes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from jetresim.campaign.candidates import OWN_COLUMNS, Meaning, check_columns, check_pattern
from jetresim.campaign.model import PluginOptions, Strict
from jetresim.campaign.plugins import DETECTOR_NAMES

__all__ = ["EXTRA_FIELDS", "PARAMETRIZED", "DetectorOptions", "overridden"]

PARAMETRIZED = ("cms_phase2", "atlas")
"""Detectors that are built in as numbers."""

EXTRA_FIELDS = ("d0err", "dzerr", "pileup", "puppi")
"""What candidates may have beyond the fields of all: errors of d0 and dz [mm], fraction of the pT from
pile-up, PUPPI weight."""

APPLIES_TO: Mapping[str, tuple[str, ...]] = {
    "efficiency": PARAMETRIZED,
    "track_resolution": PARAMETRIZED,
    "calorimeter_resolution": PARAMETRIZED,
    "calorimeter_scale": PARAMETRIZED,
    "vertex_sigma_z": PARAMETRIZED,
    "d0_resolution": PARAMETRIZED,
    "dz_resolution": PARAMETRIZED,
    "parameters": PARAMETRIZED,
    "executable": ("delphes",),
    "card": ("delphes",),
    "branch": ("delphes",),
    "events_per_run": ("delphes",),
    "time_limit": ("delphes",),
    "candidates": ("external",),
    "tree": ("external",),
    "columns": ("external",),
    "impact_parameters": ("external",),
}
"""Option to the detectors that have it."""


class DetectorOptions(Strict):
    """The detector between particles and jets."""

    name: DETECTOR_NAMES.field = Field(
        "none",
        description="`none` (particle level), `cms_phase2` (RS3L's detector, built in), `atlas` (ATLAS-like, "
        "built in), `delphes` (the program) or `external` (files that any other program made)",
    )
    efficiency: float = Field(
        1.0, ge=0, description="factor on every tracking efficiency; the product ends at 1"
    )
    track_resolution: float = Field(1.0, ge=0, description="factor on the momentum resolution of tracks")
    calorimeter_resolution: float = Field(1.0, gt=0, description="factor on the energy resolution of towers")
    calorimeter_scale: float = Field(1.0, gt=0, description="factor on the measured energy of towers")
    vertex_sigma_z: float = Field(
        0.0,
        ge=0,
        description="spread of the collision along the beam [mm]; dz keeps the shift, as RS3L's does",
    )
    d0_resolution: float = Field(
        0.0, ge=0, description="Gaussian smearing of d0 [mm] on top of the detector's own; RS3L has none"
    )
    dz_resolution: float = Field(
        0.0, ge=0, description="Gaussian smearing of dz [mm] on top of the detector's own; RS3L has none"
    )
    parameters: Path | None = Field(
        None, description="`cms_phase2`, `atlas`: file with other numbers, in the form of theirs"
    )
    executable: str = Field(
        "DelphesHepMC3",
        min_length=1,
        description="`delphes`: DelphesHepMC3 or DelphesHepMC2, by name or path",
    )
    card: Path | None = Field(None, description="`delphes`: its Tcl card")
    branch: str = Field(
        "ParticleFlowCandidate",
        min_length=1,
        description="`delphes`: branch of its tree that holds the candidates",
    )
    events_per_run: int = Field(
        1,
        ge=1,
        description="`delphes`: consecutive hard events that share one run and its seed. 1 starts the "
        "program for each event; with more, changing it changes the candidates, and `chunk` must be a "
        "multiple of it",
    )
    time_limit: float = Field(900.0, gt=0, description="`delphes`: longest run of the program, in seconds")
    candidates: str | None = Field(
        None,
        exclude_if=lambda pattern: pattern is None,
        description="`external`: `.parquet` or `.root` files of its candidates; `{process}`, `{realization}` "
        "and `{chunk}` stand for what they are in the files of `full_events`",
    )
    tree: str | None = Field(
        None,
        min_length=1,
        exclude_if=lambda tree: tree is None,
        description="`external`: tree of its ROOT files, `events` if left out",
    )
    columns: dict[Meaning, Annotated[str, Field(min_length=1)]] = Field(
        {},
        exclude_if=lambda columns: not columns,
        description="`external`: what its files call each quantity, see docs/detector.md; they have the "
        "names of the quantities if left out",
    )
    impact_parameters: Literal["delphes", "cms"] = Field(
        "delphes",
        exclude_if=lambda convention: convention == "delphes",
        description="`external`: convention of d0 and dz in its files: `delphes` (mm, this package's sign) "
        "or `cms` (cm, d0 is `dxy`, of the other sign)",
    )
    options: PluginOptions = Field({}, description="what a detector of another package is told")

    @model_validator(mode="after")
    def _options_of_this_detector(self) -> "DetectorOptions":
        defaults = type(self).model_fields
        for option, names in APPLIES_TO.items():
            if self.name not in names and getattr(self, option) != defaults[option].default:
                raise ValueError(
                    f"detector `{self.name}` has no {option} (that is for {' and '.join(names)})"
                )
        if self.options and self.name in DETECTOR_NAMES.built_in:
            raise ValueError(f"detector `{self.name}` has no options (they are for one of another package)")
        if self.name == "delphes" and self.card is None:
            raise ValueError("detector `delphes` needs its `card`")
        if self.name == "external":
            if self.candidates is None:
                raise ValueError("detector `external` needs its `candidates`")
            check_pattern(self.candidates)
            check_columns(self.candidate_columns)
        return self

    @property
    def candidate_columns(self) -> Mapping[str, str]:
        """What the files of candidates call each quantity that they are read for."""
        return self.columns or OWN_COLUMNS


def overridden(campaign: DetectorOptions, changes: Mapping[str, Any]) -> DetectorOptions:
    """The detector of an augmentation: the campaign's with some options changed.

    An augmentation that names another detector starts from that detector's defaults.

    Raises
    ------
    pydantic.ValidationError
        The changes do not describe a detector.
    """
    same = changes.get("name", campaign.name) == campaign.name
    base = campaign.model_dump(exclude_unset=True) if same else {}
    return DetectorOptions.model_validate({**base, **changes})
