"""Pile-up, overlaid on the particles of hard events before the detector.

Every interaction of a crossing is an event of the pool, turned around the beam and shifted to a vertex of its
own. Which one, by which angle and where to are functions of (campaign seed, process, event, realization).
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.stats import poisson

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.config import Campaign
from jetresim.campaign.pileup import PileUp
from jetresim.detectors.columns import Columns, from_columns, segments, to_columns
from jetresim.detectors.pool import Pool
from jetresim.detectors.random import EventStreams, Purpose, fine_uniform, normal, uniform
from jetresim.showers.protocol import ParticleBatch

__all__ = ["Overlay"]


class Overlay:
    """Lays the pile-up of a realization over batches of its particles.

    Parameters
    ----------
    campaign : Campaign
        One with `pileup`.
    process, realization : str
    pool : Pool
    """

    def __init__(self, campaign: Campaign, process: str, realization: str, pool: Pool) -> None:
        assert campaign.pileup is not None
        self._options: PileUp = campaign.pileup
        self._campaign, self._process, self._pool = campaign, process, pool
        self._stream = campaign.pileup_stream(realization)
        self._detector_stream = campaign.pileup_detector_stream(realization)

    def overlaid(self, batch: ParticleBatch) -> ParticleBatch:
        """The batch with pile-up; events that have not succeeded get none."""
        streams = EventStreams(
            self._campaign.seed, self._stream, self._seeds(batch, self._stream), batch.events, "pileup"
        )
        row, columns = self._interactions(self._numbers(batch, streams), streams)
        return replace(
            batch,
            particles=_joined(batch, row, columns),
            pileup_seeds=self._seeds(batch, self._detector_stream),
        )

    def _seeds(self, batch: ParticleBatch, stream: str) -> Integers:
        seeds = [self._campaign.seed_of(self._process, event, stream) for event in batch.events.tolist()]
        return np.array(seeds, dtype=np.int64)

    def _numbers(self, batch: ParticleBatch, streams: EventStreams) -> Integers:
        """Number of interactions of each event, shape (N,)."""
        if self._options.number == "fixed":
            numbers = np.full(len(batch.events), round(self._options.mean))
        else:
            every = np.arange(len(batch.events))
            words = streams.words(Purpose.PILEUP_NUMBER, every, np.zeros_like(every))
            numbers = poisson.ppf(fine_uniform(words[0], words[1]), self._options.mean).astype(np.int64)
        return np.where(batch.succeeded, numbers, 0)

    def _interactions(self, numbers: Integers, streams: EventStreams) -> tuple[Integers, Columns]:
        """Position of the event in the batch and `PARTICLE_FIELDS` of all particles of the pile-up."""
        row = np.repeat(np.arange(len(numbers)), numbers)
        place = np.arange(len(row)) - np.repeat(np.cumsum(numbers) - numbers, numbers)
        words = streams.words(Purpose.PILEUP_EVENT, row, place)
        times = streams.words(Purpose.PILEUP_TIME, row, place)
        drawn = (uniform(words[0]) * len(self._pool.counts)).astype(np.int64)
        counts = self._pool.counts[drawn]
        particles = segments(self._pool.starts[drawn], counts)
        columns = {name: column[particles] for name, column in self._pool.columns.items()}
        _turn(columns, np.repeat(2 * np.pi * uniform(words[1]), counts))
        columns["z"] = columns["z"] + np.repeat(self._options.sigma_z * normal(words[2], words[3]), counts)
        columns["t"] = columns["t"] + np.repeat(self._options.sigma_t * normal(times[0], times[1]), counts)
        return np.repeat(row, counts), columns


def _turn(columns: Columns, angle: Floats) -> None:
    """Turn momenta and vertices around the beam."""
    cosine, sine = np.cos(angle), np.sin(angle)
    for first, second in (("px", "py"), ("x", "y")):
        a, b = columns[first], columns[second]
        columns[first], columns[second] = cosine * a - sine * b, sine * a + cosine * b


def _joined(batch: ParticleBatch, row: Integers, columns: Columns) -> npt.NDArray:
    """Particles of the hard events, in each event before those of its pile-up."""
    hard, counts = to_columns(batch.particles)
    added = np.bincount(row, minlength=len(counts))
    hard_place = np.arange(counts.sum()) + np.repeat(np.cumsum(added) - added, counts)
    added_place = np.arange(len(row)) + np.repeat(np.cumsum(counts), added)
    from_pileup: Booleans = np.zeros(len(hard_place) + len(row), dtype=np.bool_)
    from_pileup[added_place] = True
    joined: Columns = {"pileup": from_pileup}
    for name, values in hard.items():
        joined[name] = np.empty(len(from_pileup), dtype=values.dtype)
        joined[name][hard_place], joined[name][added_place] = values, columns[name]
    return from_columns(joined, counts + added)
