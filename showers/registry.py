"""The shower programs by the name that the configuration uses; each is imported where it is asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from jetresim.campaign.config import Campaign
from jetresim.showers.protocol import Shower

__all__ = ["SHOWERS", "Job", "make_shower"]


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


SHOWERS: dict[str, Callable[[Campaign, str, str, Job], Shower]] = {"pythia8": _pythia8, "herwig7": _herwig7}
"""Name to what sets up the program for a realization of a process in a job."""


def make_shower(campaign: Campaign, process: str, realization: str, job: Job) -> Shower:
    """Set up the shower program of one realization of one process."""
    return SHOWERS[campaign.augmentation(realization).shower](campaign, process, realization, job)
