"""Configuration files."""

from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from jetresim.campaign.config.campaign import Campaign
from jetresim.campaign.config.problems import first_problem
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.seeds import check_streams
from jetresim.campaign.yaml_files import read_yaml

__all__ = ["load", "parse", "save"]


def parse(raw: object, source: str) -> Campaign:
    """Validate a configuration.

    Parameters
    ----------
    raw : object
        What the YAML file holds.
    source : str
        Where it came from, for the message.

    Raises
    ------
    ConfigError
        One line naming the first key that is wrong and what would be right.
    """
    if not isinstance(raw, Mapping):
        raise ConfigError(f"{source}: expected a mapping of keys to values, found {type(raw).__name__}")
    try:
        campaign = Campaign.model_validate(raw)
        check_streams(campaign.seed, campaign.realizations)
    except ValidationError as error:
        raise ConfigError(f"{source}: {first_problem(error, Campaign)}") from None
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from None
    return campaign


def load(path: Path) -> Campaign:
    """Read and validate a configuration file; relative `files` are taken from the current folder.

    Raises
    ------
    ConfigError
        The file cannot be read, is not YAML, or does not describe a campaign.
    """
    return parse(read_yaml(path), str(path))


def save(campaign: Campaign, path: Path) -> None:
    """Write a campaign as a configuration file that `load` reads back to the same campaign."""
    with atomic_path(Path(path)) as temporary:
        temporary.write_text(
            yaml.safe_dump(campaign.model_dump(mode="json"), sort_keys=False), encoding="utf-8"
        )
