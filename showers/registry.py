"""The shower programs by the name that the configuration uses; each is imported where it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jetresim.campaign.config import Augmentation, Campaign
from jetresim.campaign.plugins import SHOWER_NAMES

__all__ = ["Job", "Program", "make_shower", "program_versions", "shower_program"]

if TYPE_CHECKING:  # so that a command that only checks names loads no arrays
    from jetresim.showers.protocol import Shower


@dataclass(frozen=True, slots=True)
class Job:
    """What a shower program needs to know of the job it runs in.

    Attributes
    ----------
    work_directory : Path
        Where a program keeps input cards and logs.
    first_event : int
        Index of the first hard event of the job, also where that one is not showered.
    """

    work_directory: Path
    first_event: int


def _nothing(*of: object) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Program:
    """A shower program.

    Attributes
    ----------
    make : callable
        Sets it up for a realization of a process in a job.
    find : callable
        Raises `ShowerError` unless the program of an augmentation is installed.
    check : callable
        Raises `ShowerError` unless the program of an augmentation is installed and accepts its input.
    versions : callable
        Its name to its version for an augmentation, beside the packages that every file names.
    milliseconds : int
        Generous time for one event, about three times what was measured.
    """

    make: "Callable[[Campaign, str, str, Job], Shower]"
    find: Callable[[Augmentation], object] = _nothing
    check: Callable[[Campaign, Augmentation], object] = _nothing
    versions: Callable[[Augmentation], dict[str, str]] = lambda augmentation: {}
    milliseconds: int = 40


def _pythia8(campaign: Campaign, process: str, realization: str, job: Job) -> "Shower":
    from jetresim.showers.pythia8 import Pythia8Shower

    return Pythia8Shower(campaign, process, realization)


def _herwig7(campaign: Campaign, process: str, realization: str, job: Job) -> "Shower":
    from jetresim.showers.herwig7.shower import Herwig7

    return Herwig7(
        process,
        realization,
        campaign.seed,
        campaign.beams.energy,
        campaign.augmentation(realization).herwig,
        job.work_directory,
        first_event=job.first_event,
    )


def _find_herwig7(augmentation: Augmentation) -> None:
    from jetresim.showers.herwig7.program import find_herwig

    find_herwig(augmentation.herwig)


def _check_herwig7(campaign: Campaign, augmentation: Augmentation) -> None:
    from jetresim.showers.herwig7.shower import check_herwig

    check_herwig(augmentation.herwig, campaign.beams.energy)


def _herwig7_version(augmentation: Augmentation) -> dict[str, str]:
    from jetresim.showers.herwig7.program import find_herwig, herwig_version

    return {"herwig": herwig_version(find_herwig(augmentation.herwig))}


SHOWERS = {
    "pythia8": Program(_pythia8),
    "herwig7": Program(_herwig7, _find_herwig7, _check_herwig7, _herwig7_version, milliseconds=80),
}
"""Name of a built-in shower program to what is known of it."""


def shower_program(augmentation: Augmentation) -> Program:
    """The shower program of an augmentation; another package gives a `Program`, or its `make` alone.

    Raises
    ------
    ConfigError
        It is that of another package, and cannot be loaded.
    """
    found = SHOWER_NAMES.chosen(augmentation.shower, SHOWERS)
    return found if isinstance(found, Program) else Program(found)


def make_shower(campaign: Campaign, process: str, realization: str, job: Job) -> "Shower":
    """Set up the shower program of one realization of one process."""
    return shower_program(campaign.augmentation(realization)).make(campaign, process, realization, job)


def program_versions(campaign: Campaign, realization: str) -> dict[str, str]:
    """Version of the shower program of a realization where it is no package that every file names."""
    augmentation = campaign.augmentation(realization)
    return SHOWER_NAMES.version(augmentation.shower) | shower_program(augmentation).versions(augmentation)
