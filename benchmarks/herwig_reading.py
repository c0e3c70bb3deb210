"""How fast Herwig's HepMC becomes batches, beside a plain pyhepmc loop over the same text."""

import io
import lzma
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import pyhepmc

from jetresim.showers.hepmc import final_particles, read_events, to_awkward
from jetresim.showers.herwig7.shower import BATCH_EVENTS

RECORDING = Path(__file__).parent.parent / "tests" / "data" / "herwig7" / "qcd_nominal.hepmc.xz"

HERWIG_RATE, HERWIG_RATE_WITHOUT_MPI = 38.0, 95.0
"""Events/s that Herwig 7.3.0 makes of pp → Z + jet, pT-hat > 500 GeV, on one core, with MPI and without."""

_COPIES = 8
_ROUNDS = 5
_PIPE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class ReadingBenchmark:
    """Result of `reading_benchmark`.

    Attributes
    ----------
    events : int
        Events read in each round.
    megabytes : float
        Size of their text.
    plain_rate : float
        Events/s of a loop over `pyhepmc.open` that does nothing with the events.
    batches_rate : float
        Events/s from HepMC text in pieces of a pipe to batches of final-state particles.
    """

    events: int
    megabytes: float
    plain_rate: float
    batches_rate: float

    @property
    def ratio(self) -> float:
        """Rate to batches over the rate of the plain loop."""
        return self.batches_rate / self.plain_rate

    @property
    def over_herwig(self) -> float:
        """Rate to batches over the rate at which Herwig makes events with MPI."""
        return self.batches_rate / HERWIG_RATE


def reading_benchmark() -> ReadingBenchmark:
    """Read recorded events both ways in turn, several times, and keep the best of each."""
    text = _repeated(lzma.decompress(RECORDING.read_bytes()))
    events = _plain(text)
    if _batches(text) != events:
        raise RuntimeError("the two ways of reading see different numbers of events")
    times = [(_seconds(_plain, text), _seconds(_batches, text)) for _ in range(_ROUNDS)]
    plain, batches = (min(column) for column in zip(*times, strict=True))
    return ReadingBenchmark(events, len(text) / 1e6, events / plain, events / batches)


def _repeated(text: bytes) -> bytes:
    start, end = text.index(b"\nE ") + 1, text.rindex(b"HepMC::")
    return text[:start] + text[start:end] * _COPIES + text[end:]


def _plain(text: bytes) -> int:
    with pyhepmc.open(io.BytesIO(text), format="HepMC2") as reader:
        return sum(1 for _ in reader)


def _batches(text: bytes) -> int:
    count, pending = 0, []
    for event in read_events(_pieces(text)):
        pending.append(final_particles(event))
        if len(pending) == BATCH_EVENTS:
            count += len(to_awkward(pending))
            pending = []
    return count + (len(to_awkward(pending)) if pending else 0)


def _pieces(text: bytes) -> Iterator[bytes]:
    for start in range(0, len(text), _PIPE_BYTES):
        yield text[start : start + _PIPE_BYTES]


def _seconds(read: Callable[[bytes], int], text: bytes) -> float:
    start = perf_counter()
    read(text)
    return perf_counter() - start


if __name__ == "__main__":
    result = reading_benchmark()
    print(f"{result.events} events, {result.megabytes:.1f} MB of HepMC")
    print(
        f"pyhepmc alone {result.plain_rate:.0f}/s, to batches {result.batches_rate:.0f}/s: {result.ratio:.2f}"
    )
    print(f"{result.over_herwig:.1f} times as fast as Herwig makes events")
