"""The shower programs by the name that the configuration uses; each is imported where it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jetresim.campaign.config import Campaign
from jetresim.showers.protocol import Shower

__all__ = ["SHOWERS", "Job", "Program", "make_shower", "program_versions"]


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


def _pythia8(campaign: Campaign, process: str, realization: str, job: Job) -> Shower:
    from jetresim.showers.pythia8 import Pythia8Shower

    return Pythia8Shower(campaign, process, realization)


def _herwig7(campaign: Campaign, process: str, realization: str, job: Job) -> Shower:
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


def _herwig7_version(campaign: Campaign, realization: str) -> dict[str, str]:
    from jetresim.showers.herwig7.program import find_herwig, herwig_version

    return {"herwig": herwig_version(find_herwig(campaign.augmentation(realization).herwig))}


@dataclass(frozen=True, slots=True)
class Program:
    """A shower program.

    Attributes
    ----------
    make : callable
        Sets it up for a realization of a process in a job.
    versions : callable
        Its name to its version for a realization, beside the packages that every file names.
    """

    make: Callable[[Campaign, str, str, Job], Shower]
    versions: Callable[[Campaign, str], dict[str, str]] = lambda campaign, realization: {}


SHOWERS = {"pythia8": Program(_pythia8), "herwig7": Program(_herwig7, _herwig7_version)}
"""Name of a shower program to what is known of it."""


def make_shower(campaign: Campaign, process: str, realization: str, job: Job) -> Shower:
    """Set up the shower program of one realization of one process."""
    return SHOWERS[campaign.augmentation(realization).shower].make(campaign, process, realization, job)


def program_versions(campaign: Campaign, realization: str) -> dict[str, str]:
    """Version of the shower program of a realization where it is no package that every file names."""
    return SHOWERS[campaign.augmentation(realization).shower].versions(campaign, realization)
