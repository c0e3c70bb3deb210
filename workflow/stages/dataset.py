"""Other layouts of a split, and the card of the whole."""

from pathlib import Path

from jetresim.campaign.config import Campaign
from jetresim.campaign.files import atomic_path
from jetresim.campaign.plugins import EXPORT_NAMES
from jetresim.dataset.card import write_card
from jetresim.dataset.huggingface import write_huggingface, write_huggingface_card
from jetresim.dataset.jetclass import write_jetclass
from jetresim.dataset.omnilearned import write_omnilearned
from jetresim.dataset.rs3l import write_rs3l, write_rs3l_pairs
from jetresim.dataset.toptagging import write_toptagging
from jetresim.jets.parquet import parquet_files


def make_export(campaign: Campaign, layout: str, split: Path, output: Path) -> None:
    """Write a split in another layout, whether or not the configuration asks for it.

    A layout of another package is a folder.

    Raises
    ------
    ConfigError
        The layout cannot hold the jets of the campaign.
    """
    asked = campaign.dataset.model_copy(update={"formats": (layout,)})
    chosen = campaign.model_copy(update={"dataset": asked})
    write = EXPORT_NAMES.chosen(layout, EXPORTS)
    if layout in EXPORTS:
        write(output, parquet_files(split), chosen)
        return
    with atomic_path(output) as folder:
        folder.mkdir()
        write(folder, parquet_files(split), chosen)


def make_card(campaign: Campaign, dataset: Path) -> None:
    """Write the dataset card and the manifest, and the card of the layout that has one of its own."""
    if "huggingface" in campaign.dataset.formats:
        write_huggingface_card(dataset / "huggingface", campaign)
    write_card(dataset, campaign)


EXPORTS = {
    "rs3l": write_rs3l,
    "rs3l_pairs": write_rs3l_pairs,
    "jetclass": write_jetclass,
    "toptagging": write_toptagging,
    "huggingface": write_huggingface,
    "omnilearned": write_omnilearned,
}
"""Layouts beside Parquet, by the name that the configuration uses."""
