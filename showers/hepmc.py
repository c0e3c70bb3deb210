"""HepMC 2 text → arrays, one event at a time.

The stream is cut into events here, so that one which is cut off is noticed. Arrow parses the lines of
an event: pyhepmc builds its graph, which takes longer and which nobody asks for. The format is
IO_GenEvent of HepMC 2 (Comput. Phys. Commun. 134 (2001) 41; HepMC 2 user manual, section ASCII output).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import awkward as ak
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import csv

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.errors import ShowerError
from jetresim.showers.protocol import PARTICLE_FIELDS

__all__ = ["Columns", "GeneratorEvent", "final_particles", "read_events", "to_awkward"]

FINAL, BEAM = 1, 4
"""Status codes of HepMC 2, section particle status codes; those between are the generator's own."""

_FLOAT_FIELDS = PARTICLE_FIELDS[1:]

_START = b"HepMC::IO_GenEvent-START_EVENT_LISTING"
_END = b"HepMC::IO_GenEvent-END_EVENT_LISTING"
_VERSION = b"HepMC::Version"
_FOREIGN_START = re.compile(rb"HepMC::(?!IO_GenEvent)[\w-]*START_EVENT_LISTING")
_BOUNDARY = re.compile(rb"\n(?=E |HepMC::)")
_BOUNDARY_BYTES = len(b"\nHepMC::")
_VERTEX_COUNT, _RANDOM_COUNT = 8, 11  # places in the E line

_COLUMNS = ("line", "barcode", "id", "x", "y", "z", "t", "mass", "status", "rest")
"""Of a particle, whose x, y, z, t are its momentum. In the places of mass and status a vertex has its numbers
of incoming particles that have no other vertex, and of outgoing ones."""

_TYPES = {"id": pa.int32(), **dict.fromkeys(("x", "y", "z", "t", "mass"), pa.float64()), "status": pa.int32()}
_PARSE = csv.ParseOptions(delimiter=" ", quote_char='"', double_quote=False)
_CONVERT = csv.ConvertOptions(
    column_types=_TYPES, include_columns=list(_TYPES), null_values=[], check_utf8=False
)

Columns = dict[str, npt.NDArray]
"""Name of a quantity to its values."""


@dataclass(frozen=True)
class GeneratorEvent:
    """A complete event of a generator, with all its particles in the order of the text.

    Attributes
    ----------
    number : int
        Event number.
    weight : float
        First weight.
    pdgids, status : ndarray of int32, shape (P,)
        PDG ids and status codes.
    momenta : ndarray of float64, shape (P, 4)
        px, py, pz and energy [GeV].
    vertices : ndarray of float64, shape (V, 4)
        x, y, z and time [mm].
    production : ndarray of int64, shape (P,)
        Index of each particle's production vertex, -1 for none.
    """

    number: int
    weight: float
    pdgids: npt.NDArray[np.int32]
    status: npt.NDArray[np.int32]
    momenta: Floats
    vertices: Floats
    production: Integers

    @cached_property
    def final(self) -> Integers:
        """Indices of the final-state particles, in the generator's order."""
        return np.flatnonzero(self.status == FINAL)

    @property
    def beam_energies(self) -> Floats:
        """Energies of the beam particles [GeV]."""
        return self.momenta[self.status == BEAM, 3]


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
    head, _, body = text.partition(b"\nV ")
    try:
        return _event(head, b"V " + body)
    except (ValueError, IndexError):  # of which Arrow's errors are one kind
        reason = "its vertices and particles do not add up"
        raise ShowerError(f"the HepMC event at place {place + 1} is damaged: {reason}") from None


def _event(head: bytes, body: bytes) -> GeneratorEvent:
    """An event from the lines before its vertices and from those with its vertices and particles."""
    first, *others = head.split(b"\n")
    words = first.split()
    _check_units(words, others)
    lines, is_particle = _table(body)
    particles, vertices = lines.filter(pa.array(is_particle)), lines.filter(pa.array(~is_particle))
    incoming, outgoing = vertices["mass"].to_numpy().astype(np.int64), vertices["status"].to_numpy()
    counts = np.diff(np.append(np.flatnonzero(~is_particle), len(is_particle))) - 1
    if len(counts) != int(words[_VERTEX_COUNT]) or not np.array_equal(counts, incoming + outgoing):
        raise ValueError
    # A vertex is followed by the particles that come from nowhere into it and by those that leave it.
    place = np.arange(len(particles)) - np.repeat(np.cumsum(counts) - counts, counts)
    vertex = np.repeat(np.arange(len(counts)), counts)
    weights = _RANDOM_COUNT + int(words[_RANDOM_COUNT]) + 1
    return GeneratorEvent(
        number=int(words[1]),
        weight=float(words[weights + 1]) if int(words[weights]) else 1.0,
        pdgids=particles["id"].to_numpy(),
        status=particles["status"].to_numpy(),
        momenta=_four(particles),
        vertices=_four(vertices),
        production=np.where(place < np.repeat(incoming, counts), -1, vertex),
    )


def _check_units(words: Sequence[bytes], others: Sequence[bytes]) -> None:
    units = next((line.split()[1:] for line in others if line.startswith(b"U ")), [b"GEV", b"MM"])
    if units != [b"GEV", b"MM"]:
        found = " and ".join(unit.decode() for unit in units)
        raise ShowerError(f"HepMC event {int(words[1])} is in {found}, expected GEV and MM")


def _table(body: bytes) -> tuple[pa.Table, Booleans]:
    """Lines of vertices and particles as a table of `_COLUMNS`, and which of them are particles.

    What stands behind a particle's status has no fixed number of words; quotes make one word of it.
    """
    text = np.frombuffer(bytearray(body), dtype=np.uint8)
    ends, spaces = np.flatnonzero(text == ord("\n")), np.flatnonzero(text == ord(" "))
    starts = np.append(0, ends[:-1] + 1)
    is_particle = text[starts] == ord("P")
    rest = spaces[np.searchsorted(spaces, starts[is_particle]) + _COLUMNS.index("status")] + 1
    last = ends[is_particle] - 1
    if not (rest < last).all():
        raise ValueError
    text[rest] = text[last] = ord('"')
    options = csv.ReadOptions(use_threads=False, block_size=len(text), column_names=_COLUMNS)
    return csv.read_csv(pa.BufferReader(pa.py_buffer(text)), options, _PARSE, _CONVERT), is_particle


def _four(lines: pa.Table) -> Floats:
    return np.stack([lines[name].to_numpy() for name in "xyzt"], axis=1)


def final_particles(event: GeneratorEvent) -> Columns:
    """The final-state particles of an event.

    Returns
    -------
    dict of ndarray
        `showers.protocol.PARTICLE_FIELDS`: int32 PDG id, float64 momentum and energy [GeV] and
        production vertex and time [mm], in the generator's order.
    """
    final = event.final
    columns = {"pdgid": event.pdgids[final]}
    columns |= dict(zip(("px", "py", "pz", "energy"), event.momenta[final].T, strict=True))
    produced = event.production[final]
    vertices = np.where(produced[:, None] >= 0, event.vertices[produced], 0.0)
    return columns | dict(zip("xyzt", vertices.T, strict=True))


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
