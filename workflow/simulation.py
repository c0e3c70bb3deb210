"""Hard events through shower, detector and jets, in batches and in memory."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from campaign.augmentations import NOMINAL
from campaign.config import Campaign, Process
from campaign.intervention import Stage
from dataset.groups import present
from detectors.registry import make_detector
from generators.events import HardEvent
from generators.targets import find_targets, outgoing_partons, passes_cuts
from jets.analysis import jets_table
from jets.matching import Truth
from showers.protocol import ParticleBatch, empty_batch, placed_among
from showers.pythia8 import Pythia8Resumed, Pythia8Shower, Records
from showers.registry import Job, make_shower

Window = list[tuple[HardEvent, Truth]]
"""Some consecutive hard events."""


@dataclass(frozen=True, slots=True)
class SimulatedPart:
    """Jets of some consecutive hard events.

    Attributes
    ----------
    table : pa.Table
        One row a target, see `jets.schema`.
    events, without_target : int
        Number of hard events, and of those among them that have no target.
    """

    table: pa.Table
    events: int
    without_target: int


def simulate(
    campaign: Campaign,
    process: str,
    realization: str,
    events: Iterable[HardEvent],
    job: Job,
    survivors: Collection[int] | None = None,
) -> Iterator[SimulatedPart]:
    """One realization of hard events, in their order.

    Events that fail the cuts, have no target or do not survive are not showered; they keep their place.
    Where events share a run of the program, those before a survivor are showered and go no further.

    Parameters
    ----------
    campaign : Campaign
    process, realization : str
    events : iterable of HardEvent
    job : Job
        What the shower program needs to know of the job it runs in.
    survivors : collection of int, optional
        Indices of the hard events to simulate; all if left out.
    """
    waiting = _Waiting(campaign.process(process), events, survivors, campaign.block_events(realization))
    finish = _Finish(campaign, process, realization)
    for batch in make_shower(campaign, process, realization, job).simulate(waiting.to_shower()):
        window = waiting.take(batch)
        wanted = [event.index for event, truth in window if truth.wanted]
        yield finish.part(batch if survivors is None else _selected(batch, wanted), window)
    if window := waiting.take_rest():
        yield finish.part(empty_batch(), window)


def simulate_family(
    campaign: Campaign, process: str, events: Iterable[HardEvent]
) -> Iterator[dict[str, SimulatedPart]]:
    """The anchor and the realizations that continue from its event records, side by side.

    The work they share is done once. With `Campaign.survivors_only`, only events whose anchor has a
    jet to group with are continued.
    """
    members = {
        name: continuation(campaign, process, name) for name in campaign.anchor_family if name != NOMINAL
    }
    finish = {name: _Finish(campaign, process, name) for name in campaign.anchor_family}
    waiting = _Waiting(campaign.process(process), events)
    anchor = Pythia8Shower(campaign, process, NOMINAL, keep=kept_stages(campaign))
    for batch in anchor.simulate(waiting.to_shower()):
        window = waiting.take(batch)
        parts = {NOMINAL: finish[NOMINAL].part(batch, window)}
        if campaign.survivors_only:
            window = _only(window, surviving_events(parts[NOMINAL].table, campaign))
        continued = [event for event, truth in window if worth_showering(truth)]
        for name, member in members.items():
            parts[name] = finish[name].part(member(continued, batch, anchor.records), window)
        yield parts
    if window := waiting.take_rest():
        yield {name: each.part(empty_batch(), window) for name, each in finish.items()}


def surviving_events(table: pa.Table, campaign: Campaign) -> frozenset[int]:
    """Hard events of which at least one target has a jet that groups can be made with."""
    return frozenset(table.filter(present(table, campaign.groups.pt_min))["event"].to_pylist())


def hard_truth(event: HardEvent, process: Process) -> Truth:
    """What matching needs of a hard event."""
    targets = find_targets(event.record, process.targets)
    return Truth(
        targets=tuple(targets),
        partons=tuple(outgoing_partons(event.record)),
        passes_cuts=passes_cuts(targets, process.cuts),
    )


def worth_showering(truth: Truth) -> bool:
    """Whether a hard event has anything to be simulated for."""
    return bool(truth.targets) and truth.passes_cuts and truth.wanted


def _only(window: Window, survivors: Collection[int]) -> Window:
    return [(event, replace(truth, wanted=event.index in survivors)) for event, truth in window]


class _Waiting:
    """Hard events on their way: those to shower are handed out, all wait to be placed in a part."""

    def __init__(
        self,
        process: Process,
        events: Iterable[HardEvent],
        survivors: Collection[int] | None = None,
        block_events: int = 1,
    ) -> None:
        self._process = process
        self._events = events
        self._survivors = survivors
        self._block_events = block_events
        self._last = {event // block_events: event for event in sorted(survivors or ())}
        self._queue: deque[tuple[HardEvent, Truth]] = deque()

    def to_shower(self) -> Iterator[HardEvent]:
        """The events that are worth showering, and those that come before them in their blocks."""
        for event in self._events:
            truth = hard_truth(event, self._process)
            if self._survivors is not None:
                truth = replace(truth, wanted=event.index in self._survivors)
            self._queue.append((event, truth))
            if worth_showering(replace(truth, wanted=self._is_needed(event.index))):
                yield event

    def _is_needed(self, index: int) -> bool:
        """Whether a survivor is made of an event or of one after it in its block."""
        return self._survivors is None or index <= self._last.get(index // self._block_events, -1)

    def take(self, batch: ParticleBatch) -> Window:
        """All events up to the last one of a batch."""
        last = int(batch.events[-1])
        window: Window = []
        while self._queue and self._queue[0][0].index <= last:
            window.append(self._queue.popleft())
        return window

    def take_rest(self) -> Window:
        """The events after the last batch, none of which was to be showered."""
        rest = list(self._queue)
        self._queue.clear()
        return rest


class _Finish:
    """Detector, jets and places of the events of one realization."""

    def __init__(self, campaign: Campaign, process: str, realization: str) -> None:
        self._seed_of = lambda event: campaign.seed_of(process, event, realization)
        self._detector = make_detector(campaign, realization)
        self._jets = campaign.jets

    def part(self, batch: ParticleBatch, window: Window) -> SimulatedPart:
        """Jets of all events of a window, of which the batch holds those that were showered."""
        indices = np.array([event.index for event, _ in window], dtype=np.int64)
        seeds = np.array([self._seed_of(index) for index in indices.tolist()], dtype=np.int64)
        batch = placed_among(batch, indices, seeds)
        truths = [truth for _, truth in window]
        table = jets_table(batch, self._detector.candidates(batch), truths, self._jets)
        return SimulatedPart(table, len(window), sum(not truth.targets for truth in truths))


Continuation = Callable[[list[HardEvent], ParticleBatch, Records], ParticleBatch]
"""Hard events, the anchor's batch and its event records → a batch of the realization."""


def continuation(campaign: Campaign, process: str, realization: str) -> Continuation:
    """How a realization continues from the anchor."""
    if campaign.augmentation(realization).intervene.first_stage == Stage.DETECTOR:
        return lambda events, batch, records: _selected(batch, [event.index for event in events])
    resumed = Pythia8Resumed(campaign, process, realization)
    return lambda events, batch, records: resumed.resume(events, records)


def _selected(batch: ParticleBatch, events: list[int]) -> ParticleBatch:
    """Some events of a batch."""
    chosen = np.isin(batch.events, events)
    return ParticleBatch(
        batch.events[chosen],
        batch.seeds[chosen],
        batch.succeeded[chosen],
        batch.particles[chosen],
        batch.vetoed,
    )


def kept_stages(campaign: Campaign) -> frozenset[Stage]:
    """Stages from which a realization continues with the anchor's event record."""
    stages = {campaign.augmentation(name).intervene.first_stage for name in campaign.anchor_family}
    return frozenset(stages & {Stage.HADRONIZATION, Stage.DECAYS})
