"""Fields that sections have in common."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from jetresim.campaign.processes import LABELS
from jetresim.campaign.settings import Settings
from jetresim.campaign.tunes import TUNES

__all__ = [
    "HYPHENATED",
    "WORD",
    "CampaignName",
    "Label",
    "Name",
    "SettingValue",
    "Sha256",
    "TuneName",
    "merged_settings",
]

WORD = r"^[A-Za-z][A-Za-z0-9_]*$"
"""Names that are part of file names and of seeds."""

HYPHENATED = r"^[A-Za-z][A-Za-z0-9_-]*$"
"""Names that are only shown."""

Name = Annotated[str, Field(pattern=WORD, max_length=40)]
"""Name of a process or an augmentation."""

CampaignName = Annotated[str, Field(pattern=HYPHENATED, max_length=40)]
"""Name of a campaign, and of its folder."""

SettingValue = bool | int | float | str
"""Value of an option."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""Digest in hexadecimal digits."""

TuneName = Literal[tuple(TUNES)]
"""Name of a tune."""

Label = Literal[tuple(LABELS)]
"""RS3L jettype."""


def merged_settings(entry: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, with the settings of the catalogue entry under its own."""
    if "settings" not in entry or "settings" not in given:
        return dict(given)
    try:
        return {**given, "settings": Settings(entry["settings"]).then(Settings(given["settings"]))}
    except ValueError:  # the field's own validation says where
        return dict(given)
