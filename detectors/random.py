"""Random numbers that are a function of what they are for, not of when they are drawn.

Every number is the encryption of a counter that names its use (event, purpose, particle or tower), so
an event gets the same numbers in every batch. The generator is Philox4x32-10 of J. Salmon, M. Moraes,
R. Dror and D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11 (doi:10.1145/2063384.2063405).
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.seeds import stable_hash

__all__ = [
    "PURPOSES_PER_CALORIMETER",
    "CrossingStreams",
    "EventStreams",
    "Purpose",
    "Words",
    "fine_uniform",
    "log_normal",
    "normal",
    "uniform",
]

ROUNDS = 10
MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
WEYL = (0x9E3779B9, 0xBB67AE85)
_WORD = 0xFFFFFFFF
_LOW = np.uint64(_WORD)
_HALF = np.uint64(32)
_BLOCK = 8192  # counters encrypted at a time: all intermediate arrays stay in the processor's cache

Words = tuple[npt.NDArray[np.uint64], ...]
"""Words of random bits."""


class Purpose(IntEnum):
    """What a random number is for. The values are part of the stream: never renumber them."""

    VERTEX = 0
    TRACK = 1
    IMPACT_PARAMETER = 2
    PILEUP_NUMBER = 3
    PILEUP_EVENT = 4
    PILEUP_TIME = 5
    CALORIMETER = 16
    """First of `PURPOSES_PER_CALORIMETER` purposes for each calorimeter, in their order."""


PURPOSES_PER_CALORIMETER = 2
"""Tower energy and position; energy of the neutral candidate."""


def philox(counters: Words, key: tuple[int, int]) -> Words:
    """Encrypt counters with Philox4x32-10.

    Parameters
    ----------
    counters : four ndarrays of uint64, each of shape (N,)
        The four 32-bit words of each counter.
    key : two ints
        The two 32-bit words of the key.

    Returns
    -------
    four ndarrays of uint64, each of shape (N,)
        32-bit random words.
    """
    words = tuple(np.empty(len(counters[0]), dtype=np.uint64) for _ in range(4))
    for start in range(0, len(counters[0]), _BLOCK):
        block = slice(start, start + _BLOCK)
        for word, encrypted in zip(words, _encrypt(tuple(c[block] for c in counters), key), strict=True):
            word[block] = encrypted
    return words


def _encrypt(counters: Words, key: tuple[int, int]) -> Words:
    c0, c1, c2, c3 = counters
    for number in range(ROUNDS):
        k0, k1 = (np.uint64((part + number * step) & _WORD) for part, step in zip(key, WEYL, strict=True))
        product0, product2 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c2 = (product2 >> _HALF) ^ c1 ^ k0, (product0 >> _HALF) ^ c3 ^ k1
        c1, c3 = product2 & _LOW, product0 & _LOW
    return c0, c1, c2, c3


def fine_uniform(high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]) -> Floats:
    """Uniform numbers in the open interval (0, 1) from two words each, on a grid of 2**-52.

    The half step keeps 0 and 1 out; with more than 52 bits it would be rounded away.
    """
    bits = ((high >> np.uint64(6)) << np.uint64(26)) | (low >> np.uint64(6))
    return (bits.astype(np.float64) + 0.5) * 2.0**-52


def uniform(word: npt.NDArray[np.uint64]) -> Floats:
    """Uniform numbers in the open interval (0, 1) from one word each, on a grid of 2**-32."""
    return (word.astype(np.float64) + 0.5) * 2.0**-32


def normal(high: npt.NDArray[np.uint64], low: npt.NDArray[np.uint64]) -> Floats:
    """Standard normal numbers from two words each, by inversion of the distribution function."""
    return ndtri(fine_uniform(high, low))


def log_normal(mean: Floats, sigma: Floats, z: Floats) -> Floats:
    """Log-normal numbers of given mean and standard deviation from standard normal `z`.

    A mean of 0 gives 0.
    """
    relative = np.divide(sigma, mean, out=np.zeros_like(mean), where=mean > 0)
    variance = np.log1p(relative * relative)
    return mean * np.exp(np.sqrt(variance) * z - 0.5 * variance)


class EventStreams:
    """Random numbers of the events of a batch.

    Parameters
    ----------
    campaign_seed : int
    stream : str
        Name of the realization; replicas that share their particles differ in it.
    seeds : ndarray of int64, shape (N,)
        Seeds of the realizations of the events, below 2**32.
    events : ndarray of int64, shape (N,)
        Indices of the hard events: a block of events may share one seed.
    use : str
        What makes use of them: the detector, or what pile-up needs apart from it.
    """

    def __init__(
        self, campaign_seed: int, stream: str, seeds: Integers, events: Integers, use: str = "detector"
    ) -> None:
        key = stable_hash(campaign_seed, use, stream)
        self._key = (key & _WORD, key >> 32)
        self._seeds = np.asarray(seeds, dtype=np.uint64) & _LOW
        events = np.asarray(events, dtype=np.uint64)
        self._events = events & _LOW
        self._events_high = (events >> _HALF) << np.uint64(8)

    def words(self, purpose: int, rows: npt.NDArray[np.intp], index: npt.NDArray[np.integer]) -> Words:
        """Four random words for each of M uses.

        Parameters
        ----------
        purpose : int
            What for, below 256.
        rows : ndarray of int, shape (M,)
            Position of the event in the batch.
        index : ndarray of int, shape (M,)
            Which particle or tower of the event, below 2**32.
        """
        return philox(
            (
                index.astype(np.uint64),
                self._events_high[rows] | np.uint64(purpose),
                self._seeds[rows],
                self._events[rows],
            ),
            self._key,
        )


class CrossingStreams:
    """The detector's random numbers of events with pile-up: what comes from it has numbers of its own.

    So the pile-up is seen in the same way beside another hard event.

    Parameters
    ----------
    hard : EventStreams
    pileup : EventStreams, optional
        None where there is no pile-up.
    """

    def __init__(self, hard: EventStreams, pileup: EventStreams | None) -> None:
        self.hard = hard
        self._pileup = pileup

    def words(
        self,
        purpose: int,
        rows: npt.NDArray[np.intp],
        index: npt.NDArray[np.integer],
        from_pileup: Booleans,
    ) -> Words:
        """As `EventStreams.words`; `from_pileup`, shape (M,), tells which uses are the pile-up's."""
        if self._pileup is None:
            return self.hard.words(purpose, rows, index)
        words = tuple(np.empty(len(rows), dtype=np.uint64) for _ in range(4))
        for streams, chosen in ((self.hard, ~from_pileup), (self._pileup, from_pileup)):
            for word, drawn in zip(words, streams.words(purpose, rows[chosen], index[chosen]), strict=True):
                word[chosen] = drawn
        return words
