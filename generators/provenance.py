"""What survey and hard events say of their origin, so that none of another campaign is taken for ours."""

from typing import Any

from jetresim.campaign.config import Campaign
from jetresim.campaign.provenance import digest, survey_inputs
from jetresim.generators.survey import Survey

__all__ = ["hard_provenance", "survey_provenance"]


def survey_provenance(campaign: Campaign, process: str) -> dict[str, Any]:
    """Process, campaign seed and settings that the survey and the hard events of a process depend on."""
    return {"name": process, **survey_inputs(campaign, process)}


def hard_provenance(campaign: Campaign, process: str, first: int, survey: Survey | None) -> dict[str, Any]:
    """What the hard events of a chunk depend on.

    Parameters
    ----------
    campaign : Campaign
    process : str
    first : int
        Index of the first event.
    survey : Survey, optional
        The survey that normalizes the weights; left out where it is not at hand to compare with.
    """
    # Warnings name the paths of files, which may move; versions are compared on their own.
    left_out = {"warnings", "versions"}
    normalized = (
        {} if survey is None else {"survey": digest(survey.model_dump(mode="json", exclude=left_out))}
    )
    return {"first_event": first, "made_with": survey_provenance(campaign, process), **normalized}
