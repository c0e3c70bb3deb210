"""Everything that can be refused before an event is simulated."""

from collections.abc import Collection, Sequence
from pathlib import Path

from jetresim.campaign.config import Augmentation, Campaign, load
from jetresim.campaign.errors import ConfigError, DataError, JetresimError, ShowerError
from jetresim.dataset.rs3l import check_export
from jetresim.dataset.toptagging import check_toptagging
from jetresim.generators.brought import with_brought_files, with_remembered_files
from jetresim.generators.pythia_setup import check_campaign_settings, hidden_settings
from jetresim.showers.herwig7_program import find_herwig


def without_missing_programs(campaign: Campaign) -> tuple[Campaign, list[str]]:
    """Leave out the augmentations marked `optional` whose shower program is not installed.

    Returns
    -------
    campaign : Campaign
    notes : list of str
        One line for each augmentation that was left out.
    """
    notes = {}
    for augmentation in _of_herwig(campaign):
        if augmentation.optional:
            try:
                find_herwig(augmentation.herwig)
            except ShowerError as error:
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
        return without_missing_programs(campaign)
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
    """Have every shower program that is not built in say that it is there and accepts its input card.

    Raises
    ------
    ShowerError
        A program is missing or refuses the card.
    """
    from jetresim.showers.herwig7 import (
        check_herwig,
    )  # its readers take time that campaigns without it need not spend

    distinct = {augmentation.herwig.model_dump_json(): augmentation for augmentation in _of_herwig(campaign)}
    for augmentation in distinct.values():
        check_herwig(augmentation.herwig, campaign.beams.energy)


def check_detectors(campaign: Campaign) -> None:
    """Set up the detector of every realization: its file of parameters, its program and card.

    Raises
    ------
    ConfigError, DetectorError
        The first one that cannot be set up.
    """
    from jetresim.detectors.registry import make_detector

    for name in campaign.realizations:
        try:
            make_detector(campaign, name)
        except JetresimError as error:
            raise type(error)(f"detector of {name}: {error}") from None


def check_initialization(campaign: Campaign) -> None:
    """Initialize Pythia for every process, and for every realization of it that Pythia showers.

    Raises
    ------
    HardEventError, ShowerError
        The first one that Pythia refuses, with its own reason.
    """
    from jetresim.generators.registry import make_generator
    from jetresim.showers.registry import Job, make_shower

    tried = set()
    for process in campaign.processes:
        make_generator(campaign, process).check()
        for name in campaign.realizations:
            # Pythia is not told of the process: its hard events come from memory.
            asked = (campaign.shower_settings(process, name), campaign.augmentation(name).intervene.scale)
            if campaign.augmentation(name).shower == "pythia8" and asked not in tried:
                make_shower(campaign, process, name, Job(Path(), 0))
                tried.add(asked)


def notes_on_settings(campaign: Campaign) -> list[str]:
    """Say which settings a later one resets, one line each: see `campaign.pythia.hidden_settings`."""
    layers = {
        f"hard events of {process}": campaign.hard_settings(process)
        for process, each in campaign.processes.items()
        if each.generator == "pythia8"
    }
    layers |= {
        f"{name} of {process}": campaign.shower_settings(process, name)
        for process in campaign.processes
        for name in campaign.realizations
        if campaign.augmentation(name).shower == "pythia8"
    }
    places: dict[str, list[str]] = {}
    for place, settings in layers.items():
        for line in hidden_settings(settings):
            places.setdefault(line, []).append(place)
    return [
        f"{line} ({where[0]}{f' and {len(where) - 1} more' * (len(where) > 1)})"
        for line, where in places.items()
    ]


def _of_herwig(campaign: Campaign) -> list[Augmentation]:
    return [augmentation for augmentation in campaign.augmentations if augmentation.shower == "herwig7"]


def check_campaign(campaign: Campaign) -> None:
    """Check Pythia settings, export options and the presence of event files.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    check_campaign_settings(campaign)
    check_export(campaign)
    check_toptagging(campaign)
    for name, process in campaign.processes.items():
        for file in process.files:
            if not file.is_file():
                raise ConfigError(f"processes.{name}.files: {file} does not exist")


def check_realizations(campaign: Campaign, realizations: Sequence[str]) -> None:
    """Refuse unknown realizations, and several at once that share no work.

    Raises
    ------
    ConfigError
    """
    for name in realizations:
        campaign.augmentation(name)
    apart = [name for name in realizations if name not in campaign.anchor_family]
    if apart and len(realizations) > 1:
        raise ConfigError(
            f"--realization {apart[0]} has a shower of its own; only "
            f"{', '.join(campaign.anchor_family)} can be made together"
        )


def existing(path: Path, command: str) -> Path:
    """The path, or an error that names the command that makes it."""
    if not path.exists():
        raise DataError(f"{path}: does not exist; `jetresim {command}` makes it")
    return path
