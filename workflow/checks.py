"""Everything that can be refused before an event is simulated."""

import os
from collections.abc import Sequence
from pathlib import Path

from jetresim.campaign.config import Campaign, load
from jetresim.campaign.errors import ConfigError, JetresimError
from jetresim.campaign.plugins import EXPORT_NAMES
from jetresim.campaign.printing import nothing_printed
from jetresim.campaign.provenance import campaign_digest
from jetresim.dataset.rs3l_check import check_export


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
            if campaign.augmentation(name).by_pythia and asked not in tried:
                with nothing_printed():  # Vincia has a banner
                    make_shower(campaign, process, name, Job(Path(), 0))
                tried.add(asked)


def notes_on_settings(campaign: Campaign) -> list[str]:
    """Say which settings a later one resets, see `generators.pythia_settings.hidden_settings`."""
    from jetresim.generators.pythia_settings import hidden_settings

    layers = {
        f"hard events of {process}": campaign.hard_settings(process)
        for process, each in campaign.processes.items()
        if each.generator == "pythia8"
    }
    layers |= {
        f"{name} of {process}": campaign.shower_settings(process, name)
        for process in campaign.processes
        for name in campaign.realizations
        if campaign.augmentation(name).by_pythia
    }
    places: dict[str, list[str]] = {}
    for place, settings in layers.items():
        for line in hidden_settings(settings):
            places.setdefault(line, []).append(place)
    return [
        f"{line} ({where[0]}{f' and {len(where) - 1} more' * (len(where) > 1)})"
        for line, where in places.items()
    ]


CAMPAIGN_VARIABLE = "JETRESIM_CAMPAIGN"
"""Digest of the campaign whose rules are a module of another workflow, in the environment of its jobs."""


def check_saved(config: Path) -> None:
    """Refuse jobs that would read another campaign than that of their workflow.

    Snakemake calls no handlers of a module: a workflow that uses the rules as one may not have saved it.

    Raises
    ------
    ConfigError
        The configuration is missing or another one.
    """
    expected = os.environ.get(CAMPAIGN_VARIABLE)
    if expected and not (config.is_file() and campaign_digest(load(config)) == expected):
        raise ConfigError(
            f"{config}: is not the campaign of this workflow, which has to save it: its Snakefile needs "
            "`onstart: jetresim.onstart()`"
        )


def check_campaign(campaign: Campaign) -> None:
    """Check Pythia settings, exports and the presence of event files.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    from jetresim.generators.pythia_settings import check_campaign_settings  # so that help needs no Pythia

    check_campaign_settings(campaign)
    check_exports(campaign)
    for name, process in campaign.processes.items():
        for file in process.files:
            if not file.is_file():
                raise ConfigError(f"processes.{name}.files: {file} does not exist")


def check_exports(campaign: Campaign) -> None:
    """Check that the dataset can be written in the formats that are asked for.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    check_export(campaign)
    if "toptagging" in campaign.dataset.formats:  # reading it in costs every job a tenth of a second
        from jetresim.dataset.toptagging import check_toptagging

        check_toptagging(campaign)
    for layout in campaign.dataset.formats:
        if layout not in EXPORT_NAMES.built_in:
            EXPORT_NAMES.chosen(layout, {})


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
