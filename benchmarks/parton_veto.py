"""What `groups.parton_veto` saves and what it loses, by its margin: the table of docs/intervention.md.

``python -m benchmarks.parton_veto`` measures it again.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from operator import truediv
from statistics import median

import numpy as np
import pyarrow as pa

from benchmarks.intervention_cost import CONFIG, JOB, Timed, hard_events, side_by_side
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, load
from jetresim.campaign.status import Status
from jetresim.generators.events import HardEvent
from jetresim.jets.schema import surviving_events
from jetresim.jets.simulation import simulate_realization

MARGINS = (0.0, 25.0, 50.0, 100.0)
"""Margins [GeV]."""

EVENTS = 3000


@dataclass(frozen=True, slots=True)
class VetoCost:
    """Effect of a margin on the job of the anchor.

    Attributes
    ----------
    margin : float
        [GeV]
    vetoed : float
        Fraction of the hard events that are not hadronized.
    survivors, lost : int
        Hard events that make a group's jet without the veto, and those among them that it takes.
    saved : float
        Fraction of the CPU that is saved, in the median of the batches.
    """

    margin: float
    vetoed: float
    survivors: int
    lost: int
    saved: float

    @property
    def inefficiency(self) -> tuple[float, float]:
        """Fraction of the survivors that is lost, and its standard error."""
        fraction = self.lost / self.survivors
        return fraction, math.sqrt(max(fraction * (1 - fraction), 1 / self.survivors) / self.survivors)


def veto_costs(config: str, process: str, events: int = EVENTS) -> list[VetoCost]:
    """Simulate the anchor of a shipped configuration without the veto and with each margin, side by side.

    Parameters
    ----------
    config : str
        Name of a file in ``config/``.
    process : str
        A process of it.
    events : int
        Hard events.
    """
    asked = load(CONFIG / config)
    hard = hard_events(asked, process, events)
    anchors = [_Anchor(_with_margin(asked, margin), process) for margin in (None, *MARGINS)]
    plain, *others = side_by_side([Timed(anchor.work, hard) for anchor in anchors])
    survivors = anchors[0].survivors()
    return [
        VetoCost(
            margin,
            vetoed=anchor.vetoed() / events,
            survivors=len(survivors),
            lost=len(survivors - anchor.survivors()),
            saved=1 - median(map(truediv, timed.batches, plain.batches)),
        )
        for margin, anchor, timed in zip(MARGINS, anchors[1:], others, strict=True)
    ]


def _with_margin(campaign: Campaign, margin: float | None) -> Campaign:
    groups = campaign.groups.model_copy(update={"parton_veto": margin})
    return campaign.model_copy(update={"groups": groups})


class _Anchor:
    """The anchor of a campaign, whose jets are kept."""

    def __init__(self, campaign: Campaign, process: str) -> None:
        self._campaign = campaign
        self._process = process
        self._tables: list[pa.Table] = []

    def work(self, events: Iterator[HardEvent]) -> Iterator[int]:
        for part in simulate_realization(self._campaign, self._process, NOMINAL, events, JOB):
            self._tables.append(part.table)
            yield part.events

    def survivors(self) -> frozenset[int]:
        return frozenset().union(*(surviving_events([table], self._campaign) for table in self._tables))

    def vetoed(self) -> int:
        table = pa.concat_tables(self._tables)
        there = np.array(table["status"].to_pylist()) == Status.VETOED
        return len(np.unique(table["event"].to_numpy()[there]))


def print_costs(config: str, process: str, costs: list[VetoCost]) -> None:
    """One line a margin."""
    for cost in costs:
        lost, error = cost.inefficiency
        print(
            f"{config}, {process}: margin {cost.margin:3.0f} GeV: {cost.vetoed:6.1%} of the events vetoed, "
            f"{lost:.2%} ± {error:.2%} of {cost.survivors} survivors lost, "
            f"{cost.saved:.1%} of the anchor's CPU saved"
        )


if __name__ == "__main__":
    for name in ("higgs", "qcd"):
        print_costs("rs3l/pythia.yaml", name, veto_costs("rs3l/pythia.yaml", name))
