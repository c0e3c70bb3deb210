"""What holds for all hard events of a process, measured once before any chunk is made."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from jetresim.campaign.config import Process
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.model import Strict
from jetresim.campaign.provenance import check_made_with
from jetresim.generators.madgraph.record import Gridpack

__all__ = [
    "MATCHING_WARNING",
    "UNIT_SURVEY",
    "SourceFile",
    "Subprocess",
    "Survey",
    "read_survey",
    "survey_warnings",
    "write_survey",
]

MATCHING_WARNING = (
    "NLO events (negative weights, MC@NLO or POWHEG): give the settings that their matching needs "
    "in `shower_settings`"
)
"""Warning of a process whose events must be matched to the shower."""


class SourceFile(Strict):
    """One of the files that were brought, in the order of the configuration."""

    events: int = Field(gt=0, description="number of events it holds")
    sha256: str = Field(description="digest of its bytes, in hexadecimal digits")
    weight_factor: float = Field(gt=0, description="what its weights are multiplied with to be in pb")


class Subprocess(Strict):
    """One line of the ``<init>`` block."""

    id: int = Field(description="its number, LPRUP and IDPRUP")
    cross_section: float = Field(description="[pb]")
    cross_section_error: float = Field(ge=0, description="[pb]")
    max_weight: float = Field(ge=0, description="largest absolute weight of its events [pb]")


class Survey(Strict):
    """Cross-section, weights and cuts of a process."""

    cross_section: float = Field(description="total cross-section [pb]")
    cross_section_error: float = Field(ge=0, description="its standard error [pb]")
    events: int | None = Field(None, gt=0, description="events that are available; None if there is no limit")
    weight_names: dict[str, str] = Field({}, description="id of a named weight to its name, in their order")
    files: tuple[SourceFile, ...] = Field((), description="`lhe`: the files")
    subprocesses: tuple[Subprocess, ...] = Field((), description="`lhe`: lines of the <init> block")
    failed_cuts: int = Field(0, ge=0, description="available events that fail the cuts of the process")
    lowest_pt: float | None = Field(None, description="lowest target pT in the available events [GeV]")
    without_target: int = Field(0, ge=0, description="available events without a target")
    negative_weights: int = Field(0, ge=0, description="available events of negative weight")
    weight_deviation: float = Field(0.0, ge=0, description="standard deviation of the events' weights [pb]")
    printed_precision: float = Field(
        0.0, ge=0, description="relative difference of weights and cross-section that their digits allow"
    )
    needs_matching: bool = Field(False, description="NLO events, whose shower needs settings of their own")
    warnings: tuple[str, ...] = Field((), description="what a user should know, one line each")
    gridpack: Gridpack | None = Field(
        None, exclude_if=lambda gridpack: gridpack is None, description="`madgraph`: what makes the events"
    )
    pdfs: tuple[int, int] | None = Field(
        None, exclude_if=lambda pdfs: pdfs is None, description="`madgraph`: LHAPDF numbers of the PDF sets"
    )
    made_with: dict[str, Any] = Field({}, description="what it was made for: see `generators.provenance`")
    versions: dict[str, str] = Field({}, description="software that it was made by")


def survey_warnings(survey: Survey, process: Process) -> list[str]:
    """What a user should know of the hard events of a process, as it is configured now.

    Settings of the shower may come and go after the survey, which is not made again for them.
    """
    lasting = [warning for warning in survey.warnings if warning != MATCHING_WARNING]
    unmatched = survey.needs_matching and not process.shower_settings
    return [*lasting, MATCHING_WARNING] if unmatched else lasting


UNIT_SURVEY = Survey(cross_section=1.0, cross_section_error=0.0)
"""Gives generated events weight 1, where no weight is asked for."""


def write_survey(survey: Survey, path: Path) -> None:
    """Write a survey as JSON; floats keep all their digits."""
    with atomic_path(path) as temporary:
        temporary.write_text(survey.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_survey(path: Path, made_with: Mapping[str, Any] | None = None) -> Survey:
    """Read a survey.

    Parameters
    ----------
    path : Path
    made_with : mapping, optional
        What it must have been made for, see `generators.provenance`; not checked if left out.

    Raises
    ------
    DataError
        The file is missing, is not a survey of this version, or was made for something else.
    """
    try:
        survey = Survey.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); make the survey first") from None
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise DataError(
            f"{path}: not a survey ({where or 'text'}: {problem['msg']}); delete the file"
        ) from None
    if made_with and not survey.made_with:
        raise DataError(f"{path}: does not say which campaign it is of; delete it to have it made again")
    if made_with:
        check_made_with(path, survey.made_with, made_with)
    return survey
