"""HepMC 2 text → arrays, one event at a time.

The stream is cut into events here, so that one which is cut off is noticed whatever the parser
makes of it; pyhepmc parses each event. The format is IO_GenEvent of HepMC 2
(Comput. Phys. Commun. 134 (2001) 41; HepMC 2 user manual, section ASCII output).
"""

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import awkward as ak
import numpy as np
import numpy.typing as npt
import pyhepmc

from jetresim.campaign.errors import ShowerError
from jetresim.showers.protocol import PARTICLE_FIELDS

__all__ = [
    "BEAM",
    "FINAL",
    "Columns",
    "GeneratorEvent",
    "final_particles",
    "parse_event",
    "read_events",
    "to_awkward",
]

FINAL, BEAM = 1, 4
"""Status codes of HepMC 2, section particle status codes; those between are the generator's own."""

_FLOAT_FIELDS = PARTICLE_FIELDS[1:]
_VERTEX_FIELDS = ("x", "y", "z", "t")

_START = b"HepMC::IO_GenEvent-START_EVENT_LISTING"
_END = b"HepMC::IO_GenEvent-END_EVENT_LISTING"
_VERSION = b"HepMC::Version"
_FOREIGN_START = re.compile(rb"HepMC::(?!IO_GenEvent)[\w-]*START_EVENT_LISTING")
_BOUNDARY = re.compile(rb"\n(?=E |HepMC::)")
_BOUNDARY_BYTES = len(b"\nHepMC::")
_VERTEX = re.compile(rb"\nV \S+ \S+ \S+ \S+ \S+ \S+ (\d+) (\d+) ")
_VERTEX_COUNT = 8  # place of the number of vertices in the E line

Columns = dict[str, npt.NDArray]
"""Name of a quantity to its values."""


@dataclass(frozen=True)
class GeneratorEvent:
    """A complete event of a generator, with all its particles.

    Attributes
    ----------
    number : int
        Event number.
    weight : float
        First weight.
    particles : structured ndarray, shape (P,)
        Fields pid, status, px, py, pz, e [GeV] among others; see `pyhepmc.GenEventData`.
    vertices : structured ndarray, shape (V,)
        Fields x, y, z, t [mm] among others.
    production : ndarray of int64, shape (P,)
        Index of each particle's production vertex, -1 for none.
    """

    number: int
    weight: float
    particles: npt.NDArray
    vertices: npt.NDArray
    production: npt.NDArray[np.int64]

    @cached_property
    def momenta(self) -> npt.NDArray[np.float64]:
        """px, py, pz and energy [GeV] of all particles, shape (P, 4)."""
        return np.stack([self.particles[name] for name in ("px", "py", "pz", "e")], axis=1)

    @cached_property
    def final(self) -> npt.NDArray[np.int64]:
        """Indices of the final-state particles, in the generator's order."""
        return np.flatnonzero(self.particles["status"] == FINAL)

    @property
    def beam_energies(self) -> npt.NDArray[np.float64]:
        """Energies of the beam particles [GeV]."""
        return self.particles["e"][self.particles["status"] == BEAM]


def read_events(chunks: Iterable[bytes]) -> Iterator[GeneratorEvent]:
    """Read a stream of HepMC 2 text.

    Parameters
    ----------
    chunks : iterable of bytes
        The text, cut anywhere.

    Raises
    ------
    ShowerError
        The stream is empty, cut off, another dialect or unreadable; it says after how many events.
    """
    count, opened, ended = 0, False, False
    for piece, complete in _pieces(chunks):
        if piece.startswith(b"E ") and opened and complete:
            yield parse_event(piece, count)
            count += 1
        elif piece.startswith(_START) and not opened:
            opened = True
        elif piece.startswith(_END):
            ended = True
        elif piece.strip() and not piece.startswith(_VERSION):
            raise ShowerError(_unreadable(piece, count, opened))
    if not opened:
        raise ShowerError("no HepMC output was written")
    if not ended:
        raise ShowerError(f"the HepMC output ends after {count} events without its closing line")


def parse_event(text: bytes, place: int = 0) -> GeneratorEvent:
    """Parse the lines of one event.

    Parameters
    ----------
    text : bytes
        From its ``E`` line to its last particle.
    place : int
        Number of events before it, for the message.

    Raises
    ------
    ShowerError
        The text is damaged, or in other units than GeV and mm.
    """
    event = None
    if _is_whole(text):
        with pyhepmc.open(io.BytesIO(text), format="HepMC2") as reader:
            event = reader.read()
    if event is None:
        raise ShowerError(
            f"the HepMC event at place {place + 1} is damaged: its vertices and particles do not add up"
        )
    if (event.momentum_unit, event.length_unit) != (pyhepmc.Units.GEV, pyhepmc.Units.MM):
        raise ShowerError(
            f"HepMC event {event.event_number} is in {event.momentum_unit.name} and "
            f"{event.length_unit.name}, expected GEV and MM"
        )
    data = pyhepmc.GenEventData()
    event.write_data(data)
    weights = data.weights
    return GeneratorEvent(
        number=event.event_number,
        weight=float(weights[0]) if len(weights) else 1.0,
        particles=data.particles.copy(),
        vertices=data.vertices.copy(),
        production=_production_vertices(len(data.particles), data.links1, data.links2),
    )


def _is_whole(text: bytes) -> bool:
    """Whether there are as many vertices and particles as announced; where some miss, pyhepmc crashes."""
    head = text.partition(b"\n")[0].split()
    vertices = _VERTEX.findall(text)
    particles = sum(int(incoming) + int(outgoing) for incoming, outgoing in vertices)
    announced = head[_VERTEX_COUNT : _VERTEX_COUNT + 1]
    return announced == [b"%d" % len(vertices)] and text.count(b"\nP ") == particles


def final_particles(event: GeneratorEvent) -> Columns:
    """The final-state particles of an event.

    Returns
    -------
    dict of ndarray
        `showers.protocol.PARTICLE_FIELDS`: int32 PDG id, float64 momentum and energy [GeV] and
        production vertex and time [mm], in the generator's order.
    """
    final = event.final
    momenta = event.momenta[final]
    columns = {"pdgid": event.particles["pid"][final].astype(np.int32)}
    columns |= {name: momenta[:, axis] for axis, name in enumerate(("px", "py", "pz", "energy"))}
    produced = event.production[final]
    for name in _VERTEX_FIELDS:
        columns[name] = np.where(produced >= 0, event.vertices[name][produced], 0.0)
    return columns


def to_awkward(events: Sequence[Columns | None]) -> ak.Array:
    """Join the particles of several events.

    Parameters
    ----------
    events : sequence of (dict of ndarray, or None)
        As `final_particles` returns them; None for an event without particles.

    Returns
    -------
    ak.Array, N * var * record
        Records with `showers.protocol.PARTICLE_FIELDS`.
    """
    counts = [0 if event is None else len(event["pdgid"]) for event in events]
    filled = [event for event in events if event is not None]
    joined = {name: _join([event[name] for event in filled], name) for name in PARTICLE_FIELDS}
    return ak.unflatten(ak.zip(joined), counts)


def _join(columns: list[npt.NDArray], name: str) -> npt.NDArray:
    dtype = np.float64 if name in _FLOAT_FIELDS else np.int32
    return np.concatenate(columns) if columns else np.empty(0, dtype=dtype)


def _production_vertices(
    particles: int, links1: npt.NDArray[np.int32], links2: npt.NDArray[np.int32]
) -> npt.NDArray[np.int64]:
    """Production vertices from HepMC 3's links: pairs (vertex, particle), the vertices counted -1, -2, -3."""
    production = np.full(particles, -1, dtype=np.int64)
    outgoing = links1 < 0
    production[links2[outgoing] - 1] = -links1[outgoing] - 1
    return production


def _pieces(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Events and the lines between them, and whether something follows that bounds them."""
    pending, searched = bytearray(), 0
    for chunk in chunks:
        pending += chunk
        while boundary := _BOUNDARY.search(pending, searched):
            stop = boundary.start() + 1
            yield bytes(pending[:stop]), True
            del pending[:stop]
            searched = 0
        searched = max(len(pending) - _BOUNDARY_BYTES, 0)
    yield bytes(pending), False


def _unreadable(piece: bytes, count: int, opened: bool) -> str:
    """What is wrong with a piece that is neither a whole event nor a line around the events."""
    if opened and piece.startswith(b"E "):
        return f"the HepMC output ends within the event at place {count + 1}"
    if foreign := _FOREIGN_START.search(piece):
        found = foreign.group().removeprefix(b"HepMC::").removesuffix(b"-START_EVENT_LISTING").decode()
        return f"the output is in the HepMC dialect {found}, expected IO_GenEvent (`Format GenEvent`)"
    shown = piece[:40].decode(errors="replace")
    return f"not a HepMC 2 event: {shown!r} after {count} events"
