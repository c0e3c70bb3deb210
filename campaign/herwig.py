"""What an augmentation can ask of Herwig 7."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from jetresim.campaign.model import Strict

__all__ = ["EVENT_SECONDS", "START_SECONDS", "HerwigOptions", "event_inputs"]

_WHERE_IT_IS = {"executable", "container", "time_limit"}

_WITHOUT_HADRONS = re.compile(r":HadronizationHandler\s+NULL", re.IGNORECASE)

_RESERVED_COMMANDS = ("saverun", "saverunfile", "run", "quit", "exit")

START_SECONDS, EVENT_SECONDS = 6.0, 0.018
"""CPU time of Herwig 7.3 to start a run, and for an event of pp → Z + jet, pT-hat > 500 GeV [s]."""

ScaleFactor = Annotated[float, Field(gt=0, le=100)]


def _one_command(line: str) -> str:
    words = line.split()
    if not words or len(line.splitlines()) != 1:
        raise ValueError("each entry must be one line of a Herwig input card")
    if words[0].lower() in _RESERVED_COMMANDS:
        raise ValueError(f"`{words[0]}` must not stand in the card; the run is saved and started for you")
    if _WITHOUT_HADRONS.search(line):
        raise ValueError("detectors and jets are made for hadrons; leave HadronizationHandler as it is")
    return line


CardLine = Annotated[str, AfterValidator(_one_command)]
ParticleName = Annotated[str, Field(pattern=r"^\S+$")]


class HerwigOptions(Strict):
    """Where Herwig 7 is found and what it is told.

    The scale factors multiply muR or muF themselves; Pythia's `renormMultFac` multiplies pT², that
    is muR². `jetresim.campaign.herwig.scale_factor` converts.
    """

    executable: str = Field("Herwig", min_length=1, description="program, by name on the PATH or by path")
    container: str | None = Field(
        None, min_length=1, description="Apptainer image that holds it: a .sif file or a docker:// address"
    )
    tune: Literal["default", "CH3", "Tune-DotProduct", "Tune-DotProduct-Veto", "Tune-Q2", "Tune-pT"] = Field(
        "default",
        description="Herwig's default, CMS CH3 (arXiv:2011.03422), "
        "or a tune that Herwig ships (arXiv:1904.11866)",
    )
    pdf: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]+$")] | None = Field(
        None, description="LHAPDF set that the incoming partons come from, in place of Herwig's default"
    )
    fsr_scale: ScaleFactor = Field(1.0, description="factor on muR of the final-state shower")
    isr_scale: ScaleFactor = Field(1.0, description="factor on muR of the initial-state shower")
    renormalization_scale: ScaleFactor = Field(1.0, description="factor on muR of both showers")
    factorization_scale: ScaleFactor = Field(1.0, description="factor on muF of the initial-state shower")
    spin_correlations: bool = Field(False, description="spin correlations in the shower; RS3L has them off")
    mpi: bool = Field(True, description="multiparton interactions")
    hadronization: bool = Field(
        True, description="must be true: detectors and jets are made for hadrons, not for partons"
    )
    decays: bool = Field(True, description="decays of particles with c tau0 below 10 mm")
    decay_modes: dict[ParticleName, tuple[ParticleName, ...]] = Field(
        {},
        description="Herwig's name of a particle to the products of the modes it keeps, such as "
        "{tau-: ['pi-,nu_tau']}; an empty list makes it stable",
    )
    card: tuple[CardLine, ...] = Field(
        (), description="further lines of the input card, read last, in /Herwig/EventHandlers"
    )
    block_events: int = Field(
        1000,
        ge=1,
        description="consecutive hard events that share a run and its seed: Herwig takes one seed a run. "
        "The start of a run costs as much as 330 events, a third on top of 1000; to replay an event, those "
        "before it in its block are made. Changing it changes the events",
    )
    time_limit: float = Field(900.0, gt=0, description="longest wait for the next event, in seconds")

    @field_validator("hadronization")
    @classmethod
    def _of_hadrons(cls, value: bool) -> bool:
        if not value:
            raise ValueError("must be true: detectors and jets are made for hadrons, not for partons")
        return value


def event_inputs(options: HerwigOptions) -> dict[str, Any]:
    """What Herwig's events depend on, as files are compared by it.

    Parts of a block were not the beginning of the whole one in files that do not say so.
    """
    asked = options.model_dump(mode="json", exclude=_WHERE_IT_IS)
    return {**asked, "part_of_block": "beginning of the whole block"}


def scale_factor(renorm_mult_fac: float) -> float:
    """Factor on muR in Herwig that answers to Pythia's `renormMultFac`.

    Pythia multiplies pT² with it before it takes the square root (Pythia 8 manual, Timelike Showers).
    """
    return renorm_mult_fac**0.5
