"""Hard events through shower, detector and jets, in batches and in memory."""

import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from jetresim.campaign.arrays import Integers
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign
from jetresim.campaign.intervention import Stage
from jetresim.detectors.pool import Pool
from jetresim.generators.events import HardEvent
from jetresim.generators.targets import group_targets, outgoing_partons, passes_cuts
from jetresim.jets.analysis import jets_table
from jetresim.jets.crossing import Crossing
from jetresim.jets.matching import Truth, within_reach
from jetresim.jets.parquet import SHOWER_WEIGHTS
from jetresim.jets.schema import WEIGHTS_TYPE, surviving_events
from jetresim.showers.protocol import ParticleBatch, empty_batch, joined, placed_among, selected
from jetresim.showers.registry import Job, make_shower

if TYPE_CHECKING:  # so that a job of another program does not load Pythia
    from jetresim.showers.pythia8 import Records

__all__ = [
    "Finish",
    "SimulatedPart",
    "continuation",
    "detector_run",
    "find_survivors",
    "hard_truth",
    "kept_stages",
    "showered_batches",
    "simulate_family",
    "simulate_realization",
    "simulate_together",
    "worth_showering",
]

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


def simulate_together(
    campaign: Campaign,
    process: str,
    realizations: Sequence[str],
    events: Iterable[HardEvent],
    job: Job,
    survivors: Collection[int] | None = None,
    pool: Pool | None = None,
) -> Iterator[dict[str, SimulatedPart]]:
    """One realization, or several of the anchor's family side by side."""
    first = realizations[0]
    if len(realizations) > 1 or campaign.continues_anchor(first):
        yield from simulate_family(campaign, process, events, realizations, survivors, pool)
        return
    for part in simulate_realization(campaign, process, first, events, job, survivors, pool):
        yield {first: part}


def simulate_realization(
    campaign: Campaign,
    process: str,
    realization: str,
    events: Iterable[HardEvent],
    job: Job,
    survivors: Collection[int] | None = None,
    pool: Pool | None = None,
) -> Iterator[SimulatedPart]:
    """One realization of hard events, in their order.

    Events that fail the cuts, have no target that a jet can stand for or do not survive are not showered;
    they keep their place.
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
    pool : Pool, optional
        Minimum-bias events of a campaign with pile-up, see `jets.crossing.Crossing`.
    """
    length = detector_run(campaign, [realization])
    waiting = _Waiting(campaign, process, events, survivors, campaign.block_events(realization), length)
    finish = Finish(campaign, process, realization, pool)
    shower = make_shower(campaign, process, realization, job)
    made = ((batch, {}) for batch in shower.simulate(waiting.to_shower()))
    for window, batch, _ in waiting.windows(made, length):
        if survivors is not None:
            batch = selected(batch, np.isin(batch.events, list(survivors)))
        yield finish.part(batch, window)


def simulate_family(
    campaign: Campaign,
    process: str,
    events: Iterable[HardEvent],
    realizations: Collection[str] | None = None,
    survivors: Collection[int] | None = None,
    pool: Pool | None = None,
) -> Iterator[dict[str, SimulatedPart]]:
    """The anchor and the realizations that continue from its event records, side by side.

    The work they share is done once. Only events are continued that survive what `Campaign.followed` names,
    which is made as well if need be.

    Parameters
    ----------
    campaign : Campaign
    process : str
    events : iterable of HardEvent
    realizations : collection of str, optional
        Those to make; the whole family if left out.
    survivors : collection of int, optional
        Indices of the hard events to simulate, where they are known and one realization is to be made.
    pool : Pool, optional
        Minimum-bias events of a campaign with pile-up, see `jets.crossing.Crossing`.
    """
    from jetresim.showers.pythia8 import Pythia8Shower

    names = campaign.anchor_family if realizations is None else list(realizations)
    followed = {name: campaign.followed(name) if survivors is None else [] for name in names}
    made_first = [name for name in campaign.anchor_family if any(name in each for each in followed.values())]
    followed |= {name: campaign.followed(name) for name in made_first}
    steps = sorted(followed, key=lambda name: len(followed[name]))
    members = {name: continuation(campaign, process, name) for name in steps if name != NOMINAL}
    finish = {name: Finish(campaign, process, name, pool) for name in steps}
    length = detector_run(campaign, finish)
    waiting = _Waiting(campaign, process, events, survivors, detector_run=length)
    anchor = Pythia8Shower(campaign, process, NOMINAL, keep=kept_stages(campaign, steps))
    made = ((batch, anchor.records) for batch in anchor.simulate(waiting.to_shower()))
    for everyone, batch, records in waiting.windows(made, length):
        parts: dict[str, SimulatedPart] = {}
        for name in steps:
            before = [parts[each].table for each in followed[name]]
            window = _only(everyone, surviving_events(before, campaign)) if before else everyone
            mine = batch
            if name in members:
                continued = [event for event, truth in window if worth_showering(truth)]
                mine = members[name](continued, batch, records) if continued else empty_batch()
            parts[name] = finish[name].part(mine, window)
        yield {name: parts[name] for name in names}


def showered_batches(
    campaign: Campaign, process: str, realization: str, hard: Iterator[HardEvent], job: Job
) -> Iterator[ParticleBatch]:
    """The particles of a realization, before pile-up and detector, be it a shower of its own or not."""
    if not campaign.continues_anchor(realization):
        yield from make_shower(campaign, process, realization, job).simulate(hard)
        return
    from jetresim.showers.pythia8 import BATCH_EVENTS, Pythia8Shower

    anchor = Pythia8Shower(campaign, process, NOMINAL, keep=kept_stages(campaign, [realization]))
    continued = continuation(campaign, process, realization)
    while some := list(islice(hard, BATCH_EVENTS)):
        yield continued(some, anchor.shower(some), anchor.records)


def find_survivors(
    campaign: Campaign,
    process: str,
    realization: str,
    events: Sequence[HardEvent],
    job: Job,
    pool: Pool | None = None,
) -> frozenset[int] | None:
    """Hard events that a realization is simulated for, found by making those that it follows.

    Returns
    -------
    frozenset of int or None
        None where all are simulated, or where `simulate_family` finds them itself.
    """
    if campaign.continues_anchor(realization):
        return None
    made: dict[str, pa.Table] = {}

    def survivors(name: str) -> frozenset[int] | None:
        before = [made[each] for each in campaign.followed(name)]
        return surviving_events(before, campaign) if before else None

    followed = campaign.followed(realization)
    family = [name for name in followed if name in campaign.anchor_family]
    for together in [family] * bool(family) + [[name] for name in followed if name not in family]:
        wanted = survivors(together[0])
        parts = list(simulate_together(campaign, process, together, events, job, wanted, pool))
        made |= {name: pa.concat_tables(part[name].table for part in parts) for name in together}
    return survivors(realization)


Made = tuple[ParticleBatch, "Records"]
"""A batch, and the event records that others continue from."""


def detector_run(campaign: Campaign, realizations: Iterable[str]) -> int:
    """Consecutive hard events that must reach the detectors of some realizations together."""
    return math.lcm(*(campaign.detector_options(name).events_per_run for name in realizations))


def in_whole_runs(made: Iterable[Made], length: int) -> Iterator[Made]:
    """Cut batches in another way, so that none ends within a run of a detector.

    Parameters
    ----------
    made : iterable of (ParticleBatch, Records)
    length : int
        A run is a block of so many consecutive event indices, whichever of them were showered.
    """
    if length == 1:
        yield from made
        return
    held: Made | None = None
    for batch, records in made:
        if held is not None:
            batch, records = joined(held[0], batch), _merged(held[1], records)
        run = batch.events // length
        complete = run < run[-1]
        if complete.any():
            yield selected(batch, complete), records
        left = selected(batch, ~complete)
        held = left, _records_of(records, left.events.tolist())
    if held is not None:
        yield held


def _records_of(records: "Records", events: Iterable[int]) -> "Records":
    return {stage: {one: kept[one] for one in events if one in kept} for stage, kept in records.items()}


def _merged(earlier: "Records", later: "Records") -> "Records":
    return {stage: earlier.get(stage, {}) | events for stage, events in later.items()}


def hard_truth(event: HardEvent, campaign: Campaign, process: str) -> Truth:
    """What matching needs of a hard event."""
    targets = group_targets(event.record, campaign, process)
    return Truth(
        targets=tuple(targets),
        partons=tuple(outgoing_partons(event.record)),
        passes_cuts=passes_cuts(targets, campaign.process(process).cuts),
    )


def worth_showering(truth: Truth) -> bool:
    """Whether a hard event has anything to be simulated for."""
    return bool(truth.targets) and truth.passes_cuts and truth.wanted and truth.reachable


def _only(window: Window, survivors: Collection[int]) -> Window:
    return [(event, replace(truth, wanted=event.index in survivors)) for event, truth in window]


class _Waiting:
    """Hard events on their way: those to shower are handed out, all wait to be placed in a part."""

    def __init__(
        self,
        campaign: Campaign,
        process: str,
        events: Iterable[HardEvent],
        survivors: Collection[int] | None = None,
        block_events: int = 1,
        detector_run: int = 1,
    ) -> None:
        self._campaign, self._process = campaign, process
        # where events share a run, one that is left out changes those after it
        self._skips = survivors is None and block_events == detector_run == 1
        self._events = events
        self._survivors = survivors
        self._block_events = block_events
        self._last = {event // block_events: event for event in sorted(survivors or ())}
        self._queue: deque[tuple[HardEvent, Truth]] = deque()

    def to_shower(self) -> Iterator[HardEvent]:
        """The events that are worth showering, and those that come before them in their blocks."""
        for event in self._events:
            truth = hard_truth(event, self._campaign, self._process)
            if self._survivors is not None:
                truth = replace(truth, wanted=event.index in self._survivors)
            if self._skips:
                reachable = any(within_reach(target, self._campaign.jets) for target in truth.targets)
                truth = replace(truth, reachable=reachable)
            self._queue.append((event, truth))
            if worth_showering(replace(truth, wanted=self._is_needed(event.index))):
                yield event

    def _is_needed(self, index: int) -> bool:
        """Whether a survivor is made of an event or of one after it in its block."""
        return self._survivors is None or index <= self._last.get(index // self._block_events, -1)

    def windows(self, made: Iterable[Made], length: int) -> Iterator[tuple[Window, ParticleBatch, "Records"]]:
        """All events in their order, in windows, and the batch of those that were showered of each.

        Parameters
        ----------
        made : iterable of (ParticleBatch, Records)
            What became of the events of `to_shower`.
        length : int
            Events of a run of a detector, which no window cuts in two.
        """
        for batch, records in in_whole_runs(made, length):
            last = int(batch.events[-1]) // length * length + length - 1
            window: Window = []
            while self._queue and self._queue[0][0].index <= last:
                window.append(self._queue.popleft())
            yield window, batch, records
        if self._queue:  # none of these was to be showered
            yield list(self._queue), empty_batch(), {}


class Finish:
    """Detector, jets and places of the events of one realization."""

    def __init__(self, campaign: Campaign, process: str, realization: str, pool: Pool | None = None) -> None:
        self._seed_of = lambda event: campaign.seed_of(process, event, realization)
        stream = campaign.detector_stream(realization)
        self._detector_seed_of = lambda event: campaign.seed_of(process, event, stream)
        self._crossing = Crossing(campaign, process, realization, pool)
        self._jets, self._whole_events = campaign.jets, campaign.groups.whole_events
        self._weighted = bool(campaign.weight_names(realization))

    def part(self, batch: ParticleBatch, window: Window) -> SimulatedPart:
        """Jets of all events of a window, of which the batch holds those that were showered."""
        indices = np.array([event.index for event, _ in window], dtype=np.int64)
        batch = placed_among(batch, indices, _seeds(indices, self._seed_of))
        truths = [truth for _, truth in window]
        partons = [truth.partons for truth in truths]
        before = replace(batch, seeds=_seeds(indices, self._detector_seed_of), partons=partons)
        candidates = self._crossing.candidates(before)
        table = jets_table(
            batch,
            candidates,
            truths,
            self._jets,
            subtract=self._crossing.subtracts_areas,
            given_up=self._crossing.given_up,
            whole_events=self._whole_events,
        )
        if self._weighted:
            weights = [batch.weights.get(event, ()) for event in table["event"].to_pylist()]
            table = table.append_column(SHOWER_WEIGHTS, pa.array(weights, WEIGHTS_TYPE))
        return SimulatedPart(table, len(window), sum(not truth.targets for truth in truths))


def _seeds(indices: Integers, seed_of: Callable[[int], int]) -> Integers:
    return np.array([seed_of(index) for index in indices.tolist()], dtype=np.int64)


Continuation = Callable[[list[HardEvent], ParticleBatch, "Records"], ParticleBatch]
"""Hard events, the anchor's batch and its event records → a batch of the realization."""


def continuation(campaign: Campaign, process: str, realization: str) -> Continuation:
    """How a realization continues from the anchor."""
    if campaign.augmentation(realization).intervene.first_stage >= Stage.PILEUP:
        return lambda events, batch, records: selected(
            batch, np.isin(batch.events, [event.index for event in events])
        )
    from jetresim.showers.pythia8 import Pythia8Resumed

    resumed = Pythia8Resumed(campaign, process, realization)
    return lambda events, batch, records: resumed.resume(events, records)


def kept_stages(campaign: Campaign, realizations: Iterable[str]) -> frozenset[Stage]:
    """Stages from which realizations continue with the anchor's event record."""
    stages = {campaign.augmentation(name).intervene.first_stage for name in realizations}
    return frozenset(stages & {Stage.HADRONIZATION, Stage.DECAYS})
