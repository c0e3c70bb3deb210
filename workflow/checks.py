"""Everything that can be refused before an event is simulated."""

from collections.abc import Sequence
from pathlib import Path

from campaign.config import Campaign
from campaign.errors import ConfigError, DataError
from campaign.pythia import check_campaign_settings
from dataset.rs3l import check_export


def check_campaign(campaign: Campaign) -> None:
    """Check Pythia settings, export options and the presence of event files.

    Raises
    ------
    ConfigError
        The first thing that is wrong.
    """
    check_campaign_settings(campaign)
    check_export(campaign)
    for name, process in campaign.processes.items():
        for file in process.files:
            if not file.is_file():
                raise ConfigError(
                    f"processes.{name}.files: {file} does not exist; expected an .lhe or .lhe.gz file"
                )


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
        raise DataError(f"{path}: does not exist; `resim {command}` makes it")
    return path
