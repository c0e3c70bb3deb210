"""What the descriptions of a published dataset have in common."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from jetresim.campaign.config import Augmentation, Campaign
from jetresim.campaign.errors import DataError
from jetresim.campaign.files import existing
from jetresim.campaign.paths import SPLITS, Paths
from jetresim.dataset.assemble import stored_campaign
from jetresim.jets.parquet import parquet_files, read_metadata

__all__ = ["GENERATORS", "KEYWORDS", "Described", "describe"]

GENERATORS = ("pythia8mc", "herwig", "madgraph", "fastjet", "delphes", "jetresim")
"""Software that decides what the events look like, by its name among the versions."""

KEYWORDS = ("high-energy physics", "jets", "simulation", "self-supervised learning", "re-simulation")
"""What the dataset is found by."""


@dataclass(frozen=True)
class Described:
    """A dataset and who publishes it.

    Attributes
    ----------
    folder : Path
        Of the dataset.
    campaign : Campaign
    manifest : dict
        See `dataset.card.manifest`.
    text : str
        The introduction of its card.
    creators : tuple of str
    license : str
    published : date
    """

    folder: Path
    campaign: Campaign
    manifest: Mapping[str, Any]
    text: str
    creators: tuple[str, ...]
    license: str
    published: date

    @property
    def name(self) -> str:
        """Name of the campaign."""
        return self.campaign.name

    @property
    def version(self) -> str:
        """Version of the software that made the dataset, which another dataset of its name may differ in."""
        return self.manifest["versions"]["jetresim"]

    @property
    def generators(self) -> dict[str, str]:
        """Name to version of `GENERATORS`, as far as they were used."""
        versions = self.manifest["versions"]
        return {name: versions[name] for name in GENERATORS if name in versions}

    def realizations(self) -> list[dict[str, Any]]:
        """What makes the members of a group different, one entry a realization."""
        return [
            self._realization(place, name, self.campaign.augmentation(name))
            for place, name in enumerate(self.campaign.realizations)
        ]

    def _realization(self, place: int, name: str, augmentation: Augmentation) -> dict[str, Any]:
        return {
            "index": place,
            "name": name,
            "description": augmentation.description,
            "shower": augmentation.shower,
            "tune": augmentation.tune or self.campaign.tune,
            "intervention": augmentation.intervene.point,
            "settings": "; ".join(augmentation.settings.lines),
            "detector": json.dumps(augmentation.detector) if augmentation.detector else "",
            "random_stream": f"BLAKE2b(campaign seed {self.campaign.seed}, process, event, {name})",
        }


def describe(folder: Path, creators: Sequence[str], published: date, license: str | None = None) -> Described:
    """Read what a finished campaign says of its dataset.

    Parameters
    ----------
    folder : Path
        Of the campaign, ``results/NAME``.
    creators : sequence of str
        Names, at least one.
    published : date
    license : str, optional
        That of the configuration if left out.

    Raises
    ------
    DataError
        There is no dataset with card and manifest, or nobody who made it.
    """
    paths = Paths(str(folder))
    manifest = existing(Path(paths.manifest), "card")
    if not creators:
        raise DataError(
            "publish: nobody is named; expected --creator 'Family name, Given name', once or more"
        )
    shards = [file for split in SPLITS for file in parquet_files(Path(paths.split.format(split=split)))]
    if not shards:
        raise DataError(f"{paths.dataset}: no Parquet files; the manifest is not that of what is there")
    metadata = read_metadata(shards[0])
    campaign = stored_campaign(shards[0], metadata)
    return Described(
        folder=Path(paths.dataset),
        campaign=campaign,
        manifest=json.loads(manifest.read_text(encoding="utf-8")),
        text=_introduction(existing(Path(paths.card), "card").read_text(encoding="utf-8")),
        creators=tuple(creators),
        license=license or campaign.dataset.license,
        published=published,
    )


def _introduction(card: str) -> str:
    """The text of a card between its title and the first section, one line a paragraph."""
    text = card.partition("\n# ")[2].partition("\n")[2].partition("\n## ")[0]
    return "\n".join(" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n"))
