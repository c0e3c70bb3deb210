"""Shower programs that a campaign asks for: which are there, and what it is without the others."""

from collections.abc import Collection, Sequence
from pathlib import Path

from jetresim.campaign.config import Campaign, load
from jetresim.campaign.config.chunks import AUTO
from jetresim.campaign.errors import JetresimError
from jetresim.generators.brought import with_brought_files, with_remembered_files
from jetresim.showers.chunks import cores_of_machine, with_chunk
from jetresim.showers.registry import shower_program

__all__ = ["as_made", "check_programs", "without_missing_programs"]


def without_missing_programs(campaign: Campaign) -> tuple[Campaign, list[str]]:
    """Leave out the augmentations marked `optional` whose shower program is not installed.

    Returns
    -------
    campaign : Campaign
    notes : list of str
        One line for each augmentation that was left out.
    """
    notes = {}
    for augmentation in campaign.augmentations:
        if augmentation.optional:
            try:
                shower_program(augmentation).find(augmentation)
            except JetresimError as error:
                notes[augmentation.name] = f"realization {augmentation.name} is left out: {error}"
    return _without(campaign, notes), list(notes.values())


def as_made(campaign: Campaign, folders: Sequence[Path]) -> tuple[Campaign, list[str]]:
    """The campaign as it was made: without optional augmentations that were left out, of the files then.

    Parameters
    ----------
    campaign : Campaign
    folders : sequence of Path
        Folders of the campaign or of parts of it. Where none holds the configuration that Snakemake saves,
        the programs of this machine decide.

    Returns
    -------
    campaign : Campaign
    notes : list of str
        One line for each augmentation that was left out.
    """
    saved = [load(path) for folder in folders if (path := folder / "config.yaml").is_file()]
    campaign = with_brought_files(with_remembered_files(campaign, saved), {})
    if not saved:
        campaign, notes = without_missing_programs(campaign)
        return with_chunk(campaign, Path(), cores_of_machine()), notes
    if campaign.chunk == AUTO:
        campaign = campaign.model_copy(update={"chunk": saved[0].chunk})
    made = {augmentation.name for each in saved for augmentation in each.augmentations}
    absent = [one.name for one in campaign.augmentations if one.optional and one.name not in made]
    notes = [f"realization {name} is left out: it is optional and was not made" for name in absent]
    return _without(campaign, absent), notes


def _without(campaign: Campaign, names: Collection[str]) -> Campaign:
    """The campaign without some augmentations."""
    if not names:
        return campaign
    kept = [one.model_dump(mode="json") for one in campaign.augmentations if one.name not in names]
    return Campaign.model_validate({**campaign.model_dump(mode="json"), "augmentations": kept})


def check_programs(campaign: Campaign) -> None:
    """Have every shower program that is not built in say that it is there and accepts its input.

    Raises
    ------
    ConfigError, ShowerError
        A program is missing or refuses its input, or that of another package cannot be loaded.
    """
    asked = {"shower", "herwig", "options"}
    distinct = {one.model_dump_json(include=asked): one for one in campaign.augmentations}
    for augmentation in distinct.values():
        shower_program(augmentation).check(campaign, augmentation)
