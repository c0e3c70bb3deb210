"""Pythia 8 as a shower: parton shower, multiparton interactions, hadronization and decays."""

import logging
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import awkward as ak
import numpy as np
import numpy.typing as npt
import pylhe
import pythia8mc

from campaign.config import Beams, Campaign
from campaign.errors import ShowerError
from campaign.pythia import make_pythia
from campaign.seeds import event_seed, stage_seed
from generators.events import HardEvent
from showers.protocol import ParticleBatch, no_particles

BATCH_EVENTS = 200
"""Events per batch: enough that overheads vanish, few enough that memory stays flat."""

_UNIT_WEIGHTS = 3  # Les Houches weighting strategy: accept every event as it comes
_SCALE_OF_EVENT = -1.0  # no shower starting scale of the particle's own

log = logging.getLogger(__name__)


class Pythia8Shower:
    """Shower `pythia8`: every realization of every event has a random stream of its own.

    Parameters
    ----------
    campaign : Campaign
    process, realization : str
        What to shower, and how: names in the campaign.

    Raises
    ------
    ShowerError
        Pythia cannot be initialized with the settings of the realization.
    """

    def __init__(self, campaign: Campaign, process: str, realization: str) -> None:
        def seed_of(event: int) -> int:
            return event_seed(campaign.seed, process, event, realization)

        settings = campaign.shower_settings(process, realization)
        self._seed_of = seed_of
        self._pythia = make_pythia(settings, campaign, {"Beams:frameType": 5})
        self._feed = _Feed(campaign.beams)
        self._reseed = _Reseed(self._pythia, self._feed, seed_of)
        self._pythia.setLHAupPtr(self._feed)
        self._pythia.addUserHooksPtr(self._reseed)
        if not self._pythia.init():
            raise ShowerError(f"{process}, {realization}: Pythia cannot be initialized with these settings")

    def simulate(self, events: Iterable[HardEvent]) -> Iterator[ParticleBatch]:
        """Shower the hard events in their order; see `showers.protocol.Shower`."""
        events = iter(events)
        while batch := list(islice(events, BATCH_EVENTS)):
            yield self._shower(batch)

    def _shower(self, batch: list[HardEvent]) -> ParticleBatch:
        self._feed.load(batch)
        results = self._pythia.nextBatch(len(batch), "none")
        if "prt" in results.fields:
            counts, columns = _final_particles(results.prt, np.array(self._feed.calls), len(batch))
        else:  # every event of the batch failed
            counts, columns = np.zeros(len(batch), dtype=np.int64), no_particles()
        indices = np.array([event.index for event in batch], dtype=np.int64)
        finite = _finite_events(columns, counts)
        succeeded = (counts > 0) & finite
        if not succeeded.all():
            log.warning("Pythia gave up on events %s", indices[~succeeded].tolist())
            columns = {name: column[np.repeat(succeeded, counts)] for name, column in columns.items()}
            counts = np.where(succeeded, counts, 0)
        return ParticleBatch(
            events=indices,
            seeds=np.array([self._seed_of(index) for index in indices.tolist()], dtype=np.int64),
            succeeded=succeeded,
            particles=ak.unflatten(ak.zip(columns), counts),
        )


def _final_particles(
    results: ak.Array, calls: npt.NDArray[np.int64], size: int
) -> tuple[npt.NDArray[np.int64], dict[str, npt.NDArray]]:
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
    record_sizes = ak.to_numpy(ak.fill_none(ak.num(results), 0))
    flat = ak.flatten(results)
    final = np.flatnonzero(ak.to_numpy(flat.status) > 0)
    owner = np.repeat(calls[: len(record_sizes)], record_sizes)[final]
    momentum, vertex = flat.p[final], flat.vProd[final]
    columns = {
        "pdgid": ak.to_numpy(flat.id)[final],
        "px": ak.to_numpy(momentum.px),
        "py": ak.to_numpy(momentum.py),
        "pz": ak.to_numpy(momentum.pz),
        "energy": ak.to_numpy(momentum.e),
    } | {
        name: ak.to_numpy(ak.fill_none(vertex[component], 0.0))
        for name, component in {"x": "px", "y": "py", "z": "pz", "t": "e"}.items()
    }
    return np.bincount(owner, minlength=size), columns


def _finite_events(columns: dict[str, npt.NDArray], counts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether all particles of an event have finite four-momenta, for each event."""
    bad = ~np.isfinite(columns["px"] + columns["py"] + columns["pz"] + columns["energy"])
    return np.bincount(np.repeat(np.arange(len(counts)), counts)[bad], minlength=len(counts)) == 0


class _Feed(pythia8mc.LHAup):
    """Hands hard events to Pythia from memory and remembers which call got which."""

    def __init__(self, beams: Beams) -> None:
        super().__init__()
        self._beams = beams
        self._batch: list[HardEvent] = []
        self._next = 0
        self.calls: list[int] = []

    def load(self, batch: list[HardEvent]) -> None:
        """Make a batch the events to come."""
        self._batch, self._next, self.calls = batch, 0, []

    @property
    def current(self) -> HardEvent:
        """The event handed over last."""
        return self._batch[self._next - 1]

    def setInit(self) -> bool:  # noqa: N802 (name given by Pythia)
        for particle, set_beam in zip(self._beams.particles, (self.setBeamA, self.setBeamB), strict=True):
            set_beam(particle, self._beams.energy / 2)
        self.setStrategy(_UNIT_WEIGHTS)
        self.addProcess(0, 1.0, 0.0, 1.0)
        return True

    def setEvent(self, process: int = 0) -> bool:  # noqa: N802
        if self._next == len(self._batch):
            return False
        self.calls[-1] = self._next
        self._next += 1
        self._copy(self.current.record)
        return True

    def _copy(self, record: pylhe.LHEEvent) -> None:
        info = record.eventinfo
        self.setProcess(0, 1.0, info.scale, info.aqed, info.aqcd)
        for particle in record.particles:
            self.addParticle(
                particle.id, particle.status, particle.mother1, particle.mother2,
                particle.color1, particle.color2, particle.px, particle.py, particle.pz,
                particle.e, particle.m, particle.lifetime, particle.spin, _SCALE_OF_EVENT,
            )  # fmt: skip
        first, second = (particle for particle in record.particles if particle.status == -1)
        energy = self._beams.energy / 2
        self.setIdX(first.id, second.id, first.e / energy, second.e / energy)


class _Reseed(pythia8mc.UserHooks):
    """Starts the stream of each stage of an event: shower, resonance decays, hadronization, decays."""

    def __init__(self, pythia: pythia8mc.Pythia, feed: _Feed, seed_of: Callable[[int], int]) -> None:
        super().__init__()
        self._random = pythia.rndm
        self._feed = feed
        self._seed_of = seed_of
        self._seed = 0
        self._resonances = 0
        self._decaying = False

    def onBeginEvent(self) -> bool:  # noqa: N802 (names given by Pythia)
        self._feed.calls.append(-1)
        return True

    def canVetoProcessLevel(self) -> bool:  # noqa: N802
        return True

    def doVetoProcessLevel(self, record: pythia8mc.Event) -> bool:  # noqa: N802
        self._seed = self._seed_of(self._feed.current.index)
        self._resonances = 0
        self._random.init(self._seed)
        return False

    def canSetResonanceScale(self) -> bool:  # noqa: N802
        return True

    def scaleResonance(self, resonance: int, record: pythia8mc.Event) -> float:  # noqa: N802
        # Called before each resonance is showered; the scale returned is Pythia's own default.
        self._start(f"resonance {self._resonances}")
        self._resonances += 1
        return record[resonance].m()

    def canVetoPartonLevel(self) -> bool:  # noqa: N802
        return True

    def doVetoPartonLevel(self, record: pythia8mc.Event) -> bool:  # noqa: N802
        self._start("hadronization")
        self._decaying = False
        return False

    def canVetoAfterHadronization(self) -> bool:  # noqa: N802
        return True

    def doVetoAfterHadronization(self, record: pythia8mc.Event) -> bool:  # noqa: N802
        # Called again where decay products are hadronized; the stream of the decays then goes on.
        if not self._decaying:
            self._start("decays")
        self._decaying = True
        return False

    def _start(self, stage: str) -> None:
        self._random.init(stage_seed(self._seed, stage))
