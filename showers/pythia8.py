"""Pythia 8 as a shower: parton shower, multiparton interactions, hadronization and decays."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import islice
from typing import Any

import awkward as ak
import numpy as np
import numpy.typing as npt
import pythia8mc

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Beams, Campaign
from jetresim.campaign.errors import ShowerError
from jetresim.campaign.intervention import Stage
from jetresim.campaign.seeds import event_seed, stage_seed
from jetresim.campaign.variations import variation_settings
from jetresim.generators.events import HardEvent
from jetresim.generators.feed import EventFeed
from jetresim.generators.pythia_setup import failure_reason, make_pythia
from jetresim.showers.parton_veto import PartonVeto
from jetresim.showers.protocol import ParticleBatch, empty_batch, joined, no_particles, placed_among

__all__ = ["BATCH_EVENTS", "Pythia8Resumed", "Pythia8Shower", "Records", "Streams", "final_particles"]

BATCH_EVENTS = 400
"""Events per batch: enough that overheads vanish, few enough that memory stays flat."""

_NO_SHOWER = {
    "PartonLevel:MPI": False,
    "PartonLevel:ISR": False,
    "PartonLevel:FSRinProcess": False,
    "PartonLevel:FSRinResonances": False,
    "Check:beams": False,  # the beams of the record that is put in are the anchor's
}

Records = dict[Stage, dict[int, pythia8mc.Event | None]]
"""Event records at the beginning of a stage, by event index; None for an event that was vetoed before."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Streams:
    """Seeds of one realization of one event, stage by stage.

    Attributes
    ----------
    own : int
        Seed of the realization.
    anchor : int
        Seed of the anchor, which is used before `first_own`.
    first_own : Stage
        First stage with a stream of its own.
    """

    own: int
    anchor: int
    first_own: Stage

    def seed(self, stage: Stage, name: str | None = None) -> int:
        """Seed of a stage; `name` tells the streams within and after the shower apart."""
        base = self.own if stage >= self.first_own else self.anchor
        return base if name is None else stage_seed(base, name)


class Pythia8Shower:
    """Shower `pythia8`: every realization of every event has random streams of its own.

    Parameters
    ----------
    campaign : Campaign
    process, realization : str
        What to shower, and how: names in the campaign.
    keep : set of Stage
        Stages before which the event records of a batch are kept in `records`.

    Attributes
    ----------
    realization : str
        Name that the random streams follow from; may be set to another realization of the same augmentation.

    Raises
    ------
    ShowerError
        Pythia cannot be initialized with the settings of the realization.
    """

    def __init__(
        self, campaign: Campaign, process: str, realization: str, keep: frozenset[Stage] = frozenset()
    ) -> None:
        augmentation = campaign.augmentation(realization)
        pt_min = campaign.parton_pt_min(realization)
        veto = None if pt_min is None else PartonVeto(campaign.jets, pt_min)
        stage = variation_settings(augmentation.weights)
        self._init(campaign, process, realization, stage, _Keep(keep, veto), augmentation.intervene.scale)
        names = list(self._pythia.infoPython().weightNameVector())
        self._weights = [names.index(f"v{place}") for place in range(len(augmentation.weights))]

    def _init(
        self,
        campaign: Campaign,
        process: str,
        realization: str,
        stage: Mapping[str, Any],
        records: "_Records",
        scale: float | None = None,
    ) -> None:
        first = campaign.augmentation(realization).intervene.first_stage
        first = Stage.HADRONIZATION if scale is not None else first

        def streams(event: int) -> Streams:
            names = self.realization, NOMINAL
            own, anchor = (event_seed(campaign.seed, process, event, name) for name in names)
            return Streams(own, anchor, first)

        settings = campaign.shower_settings(process, realization)
        stage = {"Beams:frameType": 5, "Check:abortIfVeto": True, **stage}
        self.realization = realization
        self._streams = streams
        self._records = records
        self._pythia = make_pythia(settings, campaign, stage)
        self._feed = _Feed(campaign.beams)
        self._hooks = _Hooks(self._pythia, self._feed, streams, records, scale)
        self._pythia.setLHAupPtr(self._feed)
        self._pythia.addUserHooksPtr(self._hooks)
        if not self._pythia.init():
            reason = failure_reason(settings, campaign, stage, self._feed)
            raise ShowerError(f"{process}, {realization}: Pythia cannot be initialized: {reason}")

    @property
    def records(self) -> "Records":
        """Event records of the batch that was made last, by stage and event index."""
        return self._records.kept

    def simulate(self, events: Iterable[HardEvent]) -> Iterator[ParticleBatch]:
        """Shower the hard events in their order; see `showers.protocol.Shower`."""
        events = iter(events)
        while batch := list(islice(events, BATCH_EVENTS)):
            yield self.shower(batch)

    def shower(self, batch: list[HardEvent]) -> ParticleBatch:
        """Shower some hard events in one batch.

        Raises
        ------
        ShowerError
            Pythia raises an error for every one of several events.
        """
        self._records.clear()
        raised: dict[int, Exception] = {}
        done = reduce(joined, self._parts(batch, raised))
        if len(raised) == len(batch) > 1:
            raise ShowerError(f"Pythia fails on every event: {_one_line(raised[batch[0].index])}")
        return done

    def _parts(self, batch: list[HardEvent], raised: dict[int, Exception]) -> Iterator[ParticleBatch]:
        """The batch, in halves where an event raises an error, until that event is alone."""
        try:
            yield self._shower(batch)
        except Exception as error:  # anything that Pythia or a callback trips over in one event
            if len(batch) > 1:
                half = len(batch) // 2
                yield from self._parts(batch[:half], raised)
                yield from self._parts(batch[half:], raised)
                return
            index = batch[0].index
            raised[index] = error
            log.warning("Pythia fails on event %d: %s", index, _one_line(error))
            for kept in self._records.kept.values():
                kept.pop(index, None)
            yield placed_among(empty_batch(), np.array([index]), np.array([self._streams(index).own]))

    def _shower(self, batch: list[HardEvent]) -> ParticleBatch:
        self._feed.load(batch)
        self._records.begin()
        results = self._pythia.nextBatch(len(batch), "none")
        if "prt" in results.fields:
            counts, columns = final_particles(results.prt, np.array(self._feed.calls), len(batch))
        else:  # every event of the batch failed
            counts, columns = np.zeros(len(batch), dtype=np.int64), no_particles()
        indices = np.array([event.index for event in batch], dtype=np.int64)
        finite = _finite_events(columns, counts)
        succeeded = (counts > 0) & finite
        vetoed = frozenset(self._records.vetoed & set(indices.tolist()))
        if failed := sorted(set(indices[~succeeded].tolist()) - vetoed):
            log.warning("Pythia gave up on events %s", failed)
        if not succeeded.all():
            columns = {name: column[np.repeat(succeeded, counts)] for name, column in columns.items()}
            counts = np.where(succeeded, counts, 0)
        return ParticleBatch(
            weights=_relative_weights(results, self._feed.calls, indices, self._weights),
            events=indices,
            seeds=np.array([self._streams(index).own for index in indices.tolist()], dtype=np.int64),
            succeeded=succeeded,
            particles=ak.unflatten(ak.zip(columns), counts),
            vetoed=vetoed,
        )


class Pythia8Resumed(Pythia8Shower):
    """Hadronization and decays, or decays alone, of the anchor's event records.

    Pythia runs through the hard event with all showers off, and its record is replaced by the
    anchor's where the stage to simulate again begins. So everything before it is the anchor's bit
    by bit, and everything after it is Pythia's own chain.

    Parameters
    ----------
    campaign : Campaign
    process, realization : str
        A realization that intervenes at `parton_level` or `decays`.
    """

    def __init__(self, campaign: Campaign, process: str, realization: str) -> None:
        stage = campaign.augmentation(realization).intervene.first_stage
        self._replaced = _Replace(stage)
        self._weights = []
        self._init(campaign, process, realization, _NO_SHOWER, self._replaced)

    def resume(self, batch: list[HardEvent], records: "Records") -> ParticleBatch:
        """Continue from the anchor's records.

        Parameters
        ----------
        batch : list of HardEvent
        records : Records
            `Pythia8Shower.records` of the anchor. An event without one has failed there, and fails; one
            that was vetoed there is vetoed.
        """
        self._replaced.source = records
        known = records[self._replaced.stage]
        resumed = [event for event in batch if known.get(event.index) is not None]
        done = self.shower(resumed) if resumed else empty_batch()
        done = replace(done, vetoed=frozenset(event for event, record in known.items() if record is None))
        indices = np.array([event.index for event in batch], dtype=np.int64)
        seeds = np.array([self._streams(index).own for index in indices.tolist()], dtype=np.int64)
        return placed_among(done, indices, seeds)


def final_particles(results: ak.Array, calls: Integers, size: int) -> tuple[Integers, dict[str, npt.NDArray]]:
    """Final-state particles of a batch, and their number in each of its events.

    Parameters
    ----------
    results : ak.Array, option[var * record]
        Event records, None where Pythia failed.
    calls : ndarray of int64
        Place in the batch of the event that each result belongs to, -1 for none.
    size : int
        Number of events in the batch.

    Returns
    -------
    counts : ndarray of int64, shape (size,)
    columns : dict of ndarray
        The `showers.protocol.PARTICLE_FIELDS`, flat over the batch.
    """
    # Layouts, since the high-level functions cost milliseconds a batch with Pythia's nested records.
    found, lists = results.layout.index.data >= 0, results.layout.content
    records = lists.content
    final = np.flatnonzero(records["status"].data > 0)
    owner = np.repeat(calls[: len(found)][found], np.diff(lists.offsets.data))[final]
    momentum = {"px": "px", "py": "py", "pz": "pz", "energy": "e"}
    vertex = {"x": "px", "y": "py", "z": "pz", "t": "e"}
    columns = {"pdgid": records["id"].data[final]}
    columns |= {ours: records["p"][theirs].data[final] for ours, theirs in momentum.items()}
    columns |= {ours: _or_zero(records["vProd"], theirs, final) for ours, theirs in vertex.items()}
    return np.bincount(owner, minlength=size), columns


def _relative_weights(
    results: ak.Array, calls: Sequence[int], events: Integers, places: Sequence[int]
) -> dict[int, Floats]:
    """Some of Pythia's weights over that of the event, for each event that has any."""
    if not places or "info" not in results.fields:
        return {}
    found = results.info.weights.to_list()
    return {
        int(events[call]): np.array([weights[place] for place in places]) / weights[0]
        for call, weights in zip(calls, found, strict=False)
        if call >= 0 and weights
    }


def _or_zero(records: ak.contents.IndexedOptionArray, field: str, places: Integers) -> npt.NDArray:
    """A field of some records, 0 where there is no record: Pythia leaves out vertices at the origin."""
    index = records.index.data[places]
    there = np.flatnonzero(index >= 0)
    column = np.zeros(len(places))
    column[there] = records.content[field].data[index[there]]
    return column


def _finite_events(columns: dict[str, npt.NDArray], counts: Integers) -> Booleans:
    """Whether all particles of an event have finite four-momenta, for each event."""
    bad = ~np.isfinite(columns["px"] + columns["py"] + columns["pz"] + columns["energy"])
    return np.bincount(np.repeat(np.arange(len(counts)), counts)[bad], minlength=len(counts)) == 0


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


class _Feed(EventFeed):
    """Remembers which call of Pythia got which event of the batch."""

    def __init__(self, beams: Beams) -> None:
        super().__init__(beams)
        self.calls: list[int] = []

    def load(self, batch: list[HardEvent]) -> None:
        super().load(batch)
        self.calls = []

    def setEvent(self, process: int = 0) -> bool:  # noqa: N802 (name given by Pythia)
        place = self._next
        if not super().setEvent(process):
            return False
        self.calls[-1] = place
        return True


class _Records:
    """What is done with the event record where a stage begins: nothing."""

    def __init__(self) -> None:
        self.kept: Records = {}
        self.vetoed: set[int] = set()

    def clear(self) -> None:
        """Forget the batch before."""
        self.kept = {stage: {} for stage in self.kept}
        self.vetoed = set()

    def begin(self) -> None:
        """Prepare for events that are to be showered, perhaps not for the first time."""

    def at(self, stage: Stage, event: int, pythia: pythia8mc.Pythia) -> bool:
        """Act on the record of an event; returns whether the event can go on."""
        return True


class _Keep(_Records):
    """Keeps a copy of the record, the last one where Pythia tries again, if the partons are worth it."""

    def __init__(self, stages: frozenset[Stage], veto: PartonVeto | None) -> None:
        super().__init__()
        self.kept = {stage: {} for stage in stages}
        self._veto = veto

    def at(self, stage: Stage, event: int, pythia: pythia8mc.Pythia) -> bool:
        if stage == Stage.HADRONIZATION and self._veto is not None and self._veto(pythia.event):
            self.vetoed.add(event)
            for kept in self.kept.values():
                kept[event] = None
            return False
        if stage in self.kept:
            self.kept[stage][event] = pythia8mc.Event(pythia.event)
        return True


class _Replace(_Records):
    """Puts the anchor's record in place of Pythia's own, once an event."""

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self.stage = stage
        self.source: Records = {}
        self._done: set[int] = set()

    def clear(self) -> None:
        self.begin()

    def begin(self) -> None:
        self._done = set()

    def at(self, stage: Stage, event: int, pythia: pythia8mc.Pythia) -> bool:
        if stage != self.stage:
            return True
        if event in self._done:  # Pythia tries again with another parton level, which is not shared
            return False
        self._done.add(event)
        pythia.event.assign(self.source[stage][event])
        # The copy still points to the particle data, and so to the random numbers, of the anchor's Pythia.
        pythia.event.init("(complete event)", pythia.particleData)
        pythia.event.restorePtrs()
        return True


class _Hooks(pythia8mc.UserHooks):
    """Starts the stream of each stage of an event: shower, resonance decays, hadronization, decays."""

    def __init__(
        self,
        pythia: pythia8mc.Pythia,
        feed: _Feed,
        streams: Callable[[int], Streams],
        records: _Records,
        scale: float | None = None,
    ) -> None:
        super().__init__()
        self._pythia = pythia
        self._feed = feed
        self._streams_of = streams
        self._records = records
        self._scale = scale
        self._streams = Streams(0, 0, Stage.SHOWER)
        self._resonances = 0
        self._hadronized = False

    def onBeginEvent(self) -> bool:  # noqa: N802 (names given by Pythia)
        self._feed.calls.append(-1)
        return True

    def canVetoProcessLevel(self) -> bool:  # noqa: N802
        return True

    def doVetoProcessLevel(self, record: pythia8mc.Event) -> bool:  # noqa: N802
        self._streams = self._streams_of(self._feed.current.index)
        self._resonances = 0
        self._start(self._streams.seed(Stage.SHOWER))
        return False

    def canSetResonanceScale(self) -> bool:  # noqa: N802
        return True

    def scaleResonance(self, resonance: int, record: pythia8mc.Event) -> float:  # noqa: N802
        # Called before each resonance is showered; the scale returned is Pythia's own default.
        self._resonances += 1
        self._start(self._streams.seed(Stage.SHOWER, f"resonance {self._resonances}"))
        return record[resonance].m()

    def canVetoPT(self) -> bool:  # noqa: N802
        return self._scale is not None

    def scaleVetoPT(self) -> float:  # noqa: N802
        return self._scale or 0.0

    def doVetoPT(self, step: int, record: pythia8mc.Event) -> bool:  # noqa: N802
        # Called once for the hard process and once for each resonance, when the evolution passes the scale.
        own = self._streams.own
        self._start(stage_seed(own, f"resonance {self._resonances}") if self._resonances else own)
        return False

    def canVetoPartonLevel(self) -> bool:  # noqa: N802
        return True

    def doVetoPartonLevel(self, record: pythia8mc.Event) -> bool:  # noqa: N802
        self._hadronized = False
        return not self._begin(Stage.HADRONIZATION)

    def canVetoAfterHadronization(self) -> bool:  # noqa: N802
        return True

    def doVetoAfterHadronization(self, record: pythia8mc.Event) -> bool:  # noqa: N802
        # Called again where decay products are hadronized, which belongs to the decays.
        if self._hadronized:
            return False
        self._hadronized = True
        return not self._begin(Stage.DECAYS)

    def _begin(self, stage: Stage) -> bool:
        self._start(self._streams.seed(stage, stage.name.lower()))
        return self._records.at(stage, self._feed.current.index, self._pythia)

    def _start(self, seed: int) -> None:
        self._pythia.rndm.init(seed)
