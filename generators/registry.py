"""The generators by the name that the configuration uses."""

from collections.abc import Callable, Iterator
from typing import Protocol

import pylhe

from jetresim.campaign.config import Campaign
from jetresim.campaign.paths import Paths
from jetresim.campaign.plugins import GENERATOR_NAMES
from jetresim.generators.events import HardEvent
from jetresim.generators.gun import ParticleGun
from jetresim.generators.lhe import LHEFiles
from jetresim.generators.madgraph.generator import MadGraph
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey

__all__ = ["Generator", "make_generator"]


class Generator(Protocol):
    """A source of hard events of one process."""

    def check(self) -> None:
        """Refuse what can be found out within seconds, before anything runs."""
        ...

    def survey(self) -> Survey:
        """Measure or read what holds for the whole process: cross-section, weights, cuts."""
        ...

    def init(self, survey: Survey) -> pylhe.LHEInit:
        """The ``<init>`` block of the files to write."""
        ...

    def header(self) -> pylhe.LHEHeader | None:
        """The ``<header>`` block of the files to write."""
        ...

    def events(self, events: range, survey: Survey) -> Iterator[HardEvent]:
        """The hard events of a range of indices, in order."""
        ...


GENERATORS: dict[str, Callable[[Campaign, str], Generator]] = {
    "pythia8": Pythia8Generator,
    "lhe": LHEFiles,
    "madgraph": MadGraph,
    "gun": ParticleGun,
}
"""Name of a generator to what sets it up for a process of a campaign."""


def make_generator(campaign: Campaign, process: str, paths: Paths | None = None) -> Generator:
    """Set up the generator of a process.

    Parameters
    ----------
    campaign : Campaign
    process : str
        Name of the process.
    paths : Paths, optional
        Of the campaign, for a generator that keeps files there.
    """
    make = GENERATOR_NAMES.chosen(campaign.process(process).generator, GENERATORS)
    return make(campaign, process, paths) if make is MadGraph else make(campaign, process)
