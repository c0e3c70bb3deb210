"""What a further view of a hard event costs, and what is saved by simulating survivors only.

``python -m benchmarks.intervention_cost`` prints all numbers of docs/intervention.md about time.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import pyarrow as pa

from jetresim.campaign.arrays import Floats, Integers
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, load, parse
from jetresim.generators.events import HardEvent
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.pythia_setup import make_pythia
from jetresim.generators.survey import Survey
from jetresim.jets.schema import surviving_events
from jetresim.jets.simulation import simulate_family, simulate_realization
from jetresim.showers.pythia8 import BATCH_EVENTS
from jetresim.showers.registry import Job

GOAL = 0.25
"""CPU of one more hadronization of a parton level over that of a full re-shower."""

CONFIGS = ("config.yaml", "rs3l/pythia.yaml")
EVENTS = 6 * BATCH_EVENTS
REPLICAS = 4

CONFIG = Path(__file__).parents[1] / "config"
POINTS = ("parton_level", "decays")
JOB = Job(Path(), first_event=0)

Work = Callable[[Iterator[HardEvent]], Iterator[Any]]
"""Takes hard events and does something with them, a piece at a time."""


@dataclass(frozen=True, slots=True)
class ViewCost:
    """CPU of one more realization in the job of the anchor, all the way to jets.

    Attributes
    ----------
    process, point : str
        Process, and where the realization departs from the anchor.
    events, replicas : int
        Hard events, and realizations measured together.
    view, full : float
        CPU of one realization of one event, and that of a full re-shower [ms].
    """

    process: str
    point: str
    events: int
    replicas: int
    view: float
    full: float

    @property
    def ratio(self) -> float:
        """CPU relative to a full re-shower."""
        return self.view / self.full


@dataclass(frozen=True, slots=True)
class CampaignCost:
    """CPU of the simulation of K realizations, per hard event.

    Attributes
    ----------
    campaign, process : str
    events : int
    anchor_showered, chain_showered : ndarray of int64, shape (K,)
        Hard events that each realization is simulated for, where it follows the survivors of the anchor, and
        those of all realizations before it.
    anchor, chain, bare : ndarray of float64, shape (K,)
        CPU of each realization in these two cases, and of bare ``pythia.next()`` of all hard events [ms].
    """

    campaign: str
    process: str
    events: int
    anchor_showered: Integers
    chain_showered: Integers
    anchor: Floats
    chain: Floats
    bare: Floats


def view_costs(process: str, events: int = EVENTS, replicas: int = REPLICAS) -> list[ViewCost]:
    """Measure realizations that continue the anchor's records, beside full re-showers of the same events."""
    again = _with_replicas(process, events, "hard_process", 1)
    hard = hard_events(again, process, events)
    anchor, full = (Timed(_simulation(again, process, name), hard) for name in again.realizations)
    families = {
        point: Timed(_simulation(_with_replicas(process, events, point, replicas), process, NOMINAL), hard)
        for point in POINTS
    }
    side_by_side([anchor, full, *families.values()])
    return [
        ViewCost(
            process,
            point,
            events,
            replicas,
            view=(family.typical - anchor.typical) / replicas,
            full=full.typical,
        )
        for point, family in families.items()
    ]


def campaign_cost(config: str, process: str, events: int = EVENTS) -> CampaignCost:
    """Measure a shipped configuration with survivors only, in both ways, and bare Pythia beside it.

    Vincia stands in for Herwig. No realization may continue from the anchor.

    Parameters
    ----------
    config : str
        Name of a file in ``config/``.
    process : str
        A process of it.
    events : int
        Hard events.
    """
    ways = [_of_pythia(load(CONFIG / config), survivors_only) for survivors_only in (True, "chain")]
    hard = hard_events(ways[0], process, events)
    tables: list[dict[str, pa.Table]] = [{}, {}]
    showered, seconds = [], []
    for name in ways[0].realizations:
        survivors = [_survivors(way, made, name) for way, made in zip(ways, tables, strict=True)]
        showered.append([events if each is None else len(each) for each in survivors])
        jobs = [_Jets(way, process, name, each) for way, each in zip(ways, survivors, strict=True)]
        works = [*(job.work for job in jobs), _bare(ways[0], process, name)]
        seconds.append([timed.seconds for timed in side_by_side([Timed(work, hard) for work in works])])
        for made, job in zip(tables, jobs, strict=True):
            made[name] = pa.concat_tables(job.tables)
    return CampaignCost(
        ways[0].name, process, events, *np.transpose(showered), *(1e3 * np.transpose(seconds) / events)
    )


def _with_replicas(process: str, events: int, point: str, replicas: int) -> Campaign:
    """An anchor and realizations that depart at a point, all of which are simulated."""
    member = {"name": "member", "intervene": point, "replicas": replicas}
    return parse(
        {
            "name": "intervention_cost",
            "seed": 1,
            "events": events,
            "processes": {process: {"cuts": {"pt_min": 500}}},
            "augmentations": [NOMINAL, member],
            "groups": {"survivors_only": False},
        },
        "benchmarks/intervention_cost.py",
    )


def _of_pythia(campaign: Campaign, survivors_only: bool | str) -> Campaign:
    """A campaign with Vincia in place of other shower programs."""
    fields = campaign.model_dump(mode="json")
    fields["augmentations"] = [
        each if each["shower"] == "pythia8" else "vincia" for each in fields["augmentations"]
    ]
    fields["groups"]["survivors_only"] = survivors_only
    return Campaign.model_validate(fields)


def hard_events(campaign: Campaign, process: str, events: int) -> list[HardEvent]:
    """The first hard events of a process."""
    survey = Survey(cross_section=1.0, cross_section_error=0.0)
    return list(Pythia8Generator(campaign, process).events(range(events), survey))


def _survivors(campaign: Campaign, made: Mapping[str, pa.Table], realization: str) -> frozenset[int] | None:
    followed = [made[name] for name in campaign.followed(realization)]
    return surviving_events(followed, campaign) if followed else None


class _Jets:
    """The job that makes a realization, and its jets."""

    def __init__(
        self, campaign: Campaign, process: str, realization: str, survivors: Collection[int] | None
    ) -> None:
        self._asked = (campaign, process, realization)
        self._survivors = survivors
        self.tables: list[pa.Table] = []

    def work(self, events: Iterator[HardEvent]) -> Iterator[int]:
        for part in simulate_realization(*self._asked, events, JOB, self._survivors):
            self.tables.append(part.table)
            yield part.events


def _simulation(campaign: Campaign, process: str, realization: str) -> Work:
    """The job that makes a realization; the anchor's also makes those that continue its records."""
    if realization == NOMINAL:
        return lambda events: simulate_family(campaign, process, events)
    return lambda events: simulate_realization(campaign, process, realization, events, JOB)


def _bare(campaign: Campaign, process: str, realization: str) -> Work:
    """As many events of the same kind from Pythia alone, with its own hard process."""

    def work(events: Iterator[HardEvent]) -> Iterator[int]:
        asked = campaign.process(process)
        settings = asked.settings.then(campaign.shower_settings(process, realization))
        pythia = make_pythia(settings, campaign, {"PhaseSpace:pTHatMin": asked.cuts.pt_min})
        pythia.init()
        for count, _ in enumerate(events):
            pythia.next()
            if count % BATCH_EVENTS == 0:
                yield count

    return work


class Timed:
    """Work on hard events, and the CPU time it takes from the first event on."""

    def __init__(self, work: Work, hard: Iterable[HardEvent]) -> None:
        self._pieces: list[float] = []
        self._since = 0.0
        self._steps = work(self._events(hard))

    def _events(self, hard: Iterable[HardEvent]) -> Iterator[HardEvent]:
        self._since = process_time()  # programs are initialized before they ask for an event
        yield from hard

    def step(self) -> bool:
        """Do the next piece of the work; returns whether there was one."""
        self._since = process_time()
        done = next(self._steps, None) is None
        self._pieces.append(process_time() - self._since)
        return not done

    @property
    def seconds(self) -> float:
        """Time of all pieces [s]."""
        return sum(self._pieces)

    @property
    def batches(self) -> list[float]:
        """Time of each piece but the last, in which the work just ends [s]."""
        return self._pieces[:-1]

    @property
    def typical(self) -> float:
        """Time of an event in the median of the pieces, all of which must be full batches [ms]."""
        return 1e3 * median(self.batches) / BATCH_EVENTS


def side_by_side(works: Sequence[Timed]) -> Sequence[Timed]:
    """Do pieces in turn, so that what else the machine does meets all alike."""
    waiting = list(works)
    while waiting:
        waiting = [work for work in waiting if work.step()]
    return works


def _print_views(costs: Iterable[ViewCost]) -> None:
    for cost in costs:
        print(
            f"{cost.process}, {cost.point}, {cost.replicas} replicas, {cost.events} events: "
            f"{cost.view:.2f} ms a view, full re-shower {cost.full:.2f} ms, ratio {cost.ratio:.3f}"
        )


def _print_campaign(cost: CampaignCost) -> None:
    bare = cost.bare.sum()
    print(f"{cost.campaign}, {cost.process}, {cost.events} events, bare Pythia {bare:.1f} ms an event")
    for way in ("anchor", "chain"):
        showered, spent = getattr(cost, f"{way}_showered"), getattr(cost, way).sum()
        print(
            f"  survivors of the {way}: events simulated {', '.join(map(str, showered))}, "
            f"{showered.mean() / cost.events:.1%} of all; CPU {spent:.1f} ms, {spent / bare:.3f} of bare"
        )


if __name__ == "__main__":
    for name in ("higgs", "qcd"):
        _print_views(view_costs(name))
    print(f"goal of parton_level: {GOAL}")
    for file in CONFIGS:
        for name in ("higgs", "qcd"):
            _print_campaign(campaign_cost(file, name))
