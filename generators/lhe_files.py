"""Strict streaming reader and exact writer of Les Houches event files, around pylhe.

Files in HDF5 are read by `generators.lhe_hdf5`. What follows is about text.

pylhe warns and stops where a file is damaged, and cannot read files whose header is no XML (old
MadGraph run cards, POWHEG's second header). So the text is cut into events here, what surrounds
them is checked, and pylhe parses a clean document made of the ``<initrwgt>``, ``<init>`` and
``<event>`` blocks alone. The formats are hep-ph/0609017 and arXiv:1405.1067.
"""

import gzip
import io
import json
import re
import xml.etree.ElementTree as ET
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, unescape

import pylhe

from jetresim.campaign.errors import DataError, HardEventError
from jetresim.campaign.files import scratch_gzip
from jetresim.campaign.provenance import check_made_with, encode
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_checks import event_problems, init_problems, pylhe_errors, xml_reason
from jetresim.generators.lhe_hdf5 import HDF5_MAGIC, open_hdf5

__all__ = [
    "LHESource",
    "PrintedDigits",
    "check_provenance",
    "count_events",
    "open_lhe",
    "read_hard_events",
    "write_lhe",
]

_READ_BYTES = 1 << 20
_LONGEST_PIECE = 1 << 28  # no header or event comes near; a foreign file must not fill the memory

_GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COMMENT = (b"<!--", b"-->")
_BEFORE_ROOT = (_COMMENT, (b"<?", b"?>"), (b"<!DOCTYPE", b">"))
_BLANK = re.compile(rb"\s*")
_ROOT = re.compile(rb"<LesHouchesEvents\b[^>]*>")
_INIT = re.compile(rb"<init(?:\s[^>]*)?>")
_INITRWGT = re.compile(rb"<initrwgt\b"), re.compile(rb"</initrwgt\s*>")
_EVENT = re.compile(rb"<event(?:\s[^>]*)?>")
_EVENT_NUMBER = re.compile(rb"<event num>\s*(\d+)\s*</event num>")
_PROVENANCE = re.compile(r"<jetresim>(.*?)</jetresim>", re.DOTALL)
_END_OF_EVENT = b"</event>"
_END_OF_FILE = b"</LesHouchesEvents>"

# General formatting without a type is Python's shortest text that reads back as the same double.
_EXACT = pylhe.LHEXMLFormat(
    eventinfo="{nparticles} {pid} {weight} {scale} {aqed} {aqcd}",
    particle="{id:9d} {status:2d} {mother1:4d} {mother2:4d} {color1:4d} {color2:4d} "
    "{px} {py} {pz} {e} {m} {lifetime} {spin}",
    initinfo="{beamA} {beamB} {energyA} {energyB} {PDFgroupA} {PDFgroupB} {PDFsetA} {PDFsetB} "
    "{weightingStrategy} {numProcesses}",
    procinfo="{xSection} {error} {unitWeight} {procId}",
)


class _ExactFloat(float):
    """A weight that keeps all its digits: pylhe formats named weights with five."""

    def __format__(self, spec: str) -> str:
        return repr(float(self))


@dataclass(slots=True)
class PrintedDigits:
    """How precisely the numbers of a file were printed; 0 where they are exact.

    Attributes
    ----------
    cross_section : float
        Sum of the units in the last printed digit of XSECUP [pb].
    weights : float
        The same of XWGTUP, of the events read so far.
    """

    cross_section: float = 0.0
    weights: float = 0.0


@dataclass(frozen=True, slots=True)
class LHESource:
    """An opened Les Houches event file.

    Attributes
    ----------
    path : Path
    banner : str
        Everything before ``<init>``, as it stands in the file; nothing in HDF5.
    header : pylhe.LHEHeader or None
        The ``<initrwgt>`` block; the rest of the header is in the banner only.
    init : pylhe.LHEInit
    numbered_events : iterator of (int or None, pylhe.LHEEvent)
        The events, each with the number that the file gives it in ``<event num>``. Ends without an
        error only where the file is whole.
    digits : PrintedDigits
    """

    path: Path
    banner: str
    header: pylhe.LHEHeader | None
    init: pylhe.LHEInit
    numbered_events: Iterator[tuple[int | None, pylhe.LHEEvent]]
    digits: PrintedDigits = field(default_factory=PrintedDigits)

    @property
    def events(self) -> Iterator[pylhe.LHEEvent]:
        """The events alone."""
        return (record for _, record in self.numbered_events)

    @property
    def provenance(self) -> dict[str, Any]:
        """What `write_lhe` was told of the origin of the events; nothing where others wrote the file."""
        found = _PROVENANCE.search(self.banner)
        try:
            return json.loads(unescape(found.group(1))) if found else {}
        except ValueError:
            return {}


@contextmanager
def open_lhe(path: Path, skip: int = 0) -> Iterator[LHESource]:
    """Open a Les Houches event file, gzipped or not or in HDF5, for reading once.

    Parameters
    ----------
    path : Path
    skip : int
        Events to pass over; they are neither parsed nor checked.

    Raises
    ------
    HardEventError
        Here or while the events are read: the file cannot be read, is damaged or cut off, or is no
        Les Houches event file. One line with the file and the event, counted from 0.
    """
    if _begins_with(path, HDF5_MAGIC):
        with open_hdf5(path) as file:
            header, init = file.run()
            yield LHESource(path, "", header, init, ((None, record) for record in file.events(skip)))
        return
    with _text(path) as text:
        yield _source(text, skip)


def count_events(path: Path) -> int:
    """Count the events of a file without reading what they hold.

    Raises
    ------
    HardEventError
        The file cannot be read, is cut off, or is no Les Houches event file.
    """
    if _begins_with(path, HDF5_MAGIC):
        with open_hdf5(path) as file:
            return file.number_of_events()
    with _text(path) as text:
        _prolog(text)
        while (piece := text.until(_END_OF_EVENT))[1]:
            text.events += 1
        _check_end(text, piece[0])
        return text.events


def _begins_with(path: Path, magic: bytes) -> bool:
    try:
        with path.open("rb") as raw:
            return raw.read(len(magic)) == magic
    except OSError as error:
        raise HardEventError(f"{path}: cannot be read ({error.strerror})") from None


@contextmanager
def _text(path: Path) -> Iterator["_Text"]:
    """Open the text of a file, gzipped or not."""
    packed = _begins_with(path, _GZIP_MAGIC)
    with gzip.open(path) if packed else path.open("rb") as stream:
        yield _Text(stream, path)


def read_hard_events(
    path: Path, first: int, provenance: Mapping[str, Any] | None = None
) -> Iterator[HardEvent]:
    """Read the hard events of a chunk that `write_lhe` wrote.

    Parameters
    ----------
    path : Path
    first : int
        Index of its first event.
    provenance : mapping, optional
        What the file must say of its origin, see `generators.provenance`; what else it says is not compared.

    Raises
    ------
    DataError
        The file cannot be read, see `open_lhe`; it is of other origin; or an event carries another number
        than its place gives it.
    """
    try:
        with open_lhe(path) as source:
            check_provenance(source, provenance or {})
            for index, (number, record) in enumerate(source.numbered_events, start=first):
                if number not in (None, index):
                    raise DataError(
                        f"{path}: holds event {number} where event {index} belongs; delete the file"
                    )
                yield HardEvent(index, record)
    except HardEventError as error:
        raise DataError(f"{error}; delete it to have it made again") from None


def check_provenance(source: LHESource, expected: Mapping[str, Any]) -> None:
    """Refuse hard events of other origin than expected.

    Raises
    ------
    DataError
        Names the first key that differs.
    """
    found = source.provenance
    if expected and not found:
        raise DataError(
            f"{source.path}: does not say which campaign it is of; delete it to have it made again"
        )
    check_made_with(source.path, {key: found.get(key) for key in expected}, expected)


def write_lhe(
    path: Path,
    init: pylhe.LHEInit,
    header: pylhe.LHEHeader | None,
    events: Iterable[HardEvent],
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write hard events as gzipped LHE 3, byte for byte reproducible.

    All numbers read back as the same doubles. The index of each event stands in a comment at the
    end of the event, where Herwig's ``EventNumbering LHE`` finds it.

    Parameters
    ----------
    path : Path
    init : pylhe.LHEInit
    header : pylhe.LHEHeader or None
    events : iterable of HardEvent
        Events of consecutive indices; they are written as they come.
    provenance : mapping, optional
        Origin of the events, for the header.
    """
    with (
        scratch_gzip(path, level=6) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as text,
    ):
        blocks = f"{_header_text(header, provenance)}\n{init.tolhe(_EXACT)}\n"
        text.write(f'<LesHouchesEvents version="3.0">\n{blocks}')
        text.writelines(map(_event_text, _consecutive(events)))
        text.write("</LesHouchesEvents>\n")


def _consecutive(events: Iterable[HardEvent]) -> Iterator[HardEvent]:
    last = None
    for event in events:
        if last is not None and event.index != last + 1:
            raise ValueError(f"hard event {event.index} follows hard event {last}")
        last = event.index
        yield event


def _header_text(header: pylhe.LHEHeader | None, provenance: Mapping[str, Any] | None) -> str:
    text = "" if header is None else header.tolhe(_EXACT).strip()
    if not text or text.endswith("/>"):
        # Readers that go by lines, such as Herwig's, look for the closing tag.
        text = "<header>\n</header>"
    if provenance is None:
        return text
    opening, rest = text.split(">", 1)
    return f"{opening}>\n<jetresim>{escape(encode(provenance))}</jetresim>{rest}"


def _event_text(event: HardEvent) -> str:
    record = event.record
    exact = replace(
        record,
        weights={_quoted(name): _ExactFloat(value) for name, value in record.weights.items()},
        optional=[escape(remark) for remark in record.optional],
    )
    # pylhe breaks on the bare tag; in a comment it is passed over by pylhe and Pythia and read by Herwig.
    number = f"<!-- <event num> {event.index} </event num> -->"
    return exact.tolhe(_EXACT).removesuffix("</event>") + f"{number}\n</event>\n"


def _quoted(name: str) -> str:
    return escape(name, {"'": "&apos;"})


class _Text:
    """The text of a file, taken piece by piece; every way it can end badly is a `HardEventError`."""

    def __init__(self, stream: io.BufferedIOBase, path: Path) -> None:
        self.path = path
        self.events = 0
        self._stream = stream
        self._buffer = b""
        self._place = 0
        self._fill()

    def error(self, reason: str) -> HardEventError:
        return HardEventError(f"{self.path}: {reason}")

    def until(self, marker: bytes) -> tuple[bytes, bool]:
        """Take the text up to the end of a marker, and True; without it all that is left, and False."""
        searched = self._place
        while (found := self._buffer.find(marker, searched)) < 0:
            searched = max(len(self._buffer) - self._place - len(marker) + 1, 0)
            if not self._fill():
                return self._take(len(self._buffer)), False
            if len(self._buffer) > _LONGEST_PIECE:
                raise self.error(
                    f"not a Les Houches event file; no {marker.decode()} in {len(self._buffer)} bytes"
                )
        return self._take(found + len(marker)), True

    def peek(self) -> bytes:
        """Show the beginning of what comes next."""
        return self._buffer[self._place :]

    def _take(self, stop: int) -> bytes:
        piece, self._place = self._buffer[self._place : stop], stop
        return piece

    def _fill(self) -> bool:
        """Read on; the buffer then begins at the current place."""
        try:
            new = self._stream.read(_READ_BYTES)
        except EOFError:
            raise self.error(f"the compressed file is cut off, after {self.events} or more events") from None
        except (gzip.BadGzipFile, zlib.error) as problem:
            raise self.error(f"damaged gzip data, after {self.events} or more events ({problem})") from None
        except OSError as problem:
            raise self.error(f"cannot be read ({problem.strerror})") from None
        self._buffer, self._place = self._buffer[self._place :] + new, 0
        return bool(new)


def _source(text: _Text, skip: int) -> LHESource:
    banner, init, initrwgt = _prolog(text)
    _skip_events(text, skip)
    document = _Document(_opening(initrwgt, init), _event_blocks(text))
    with pylhe_errors(f"{text.path}: <init> or <initrwgt>"):
        parsed = pylhe.LHEFile.frombuffer(document)
    if problem := next(init_problems(parsed.init), None):
        raise text.error(problem)
    lines = _init_lines(init)[1 : 1 + len(parsed.init.procInfo)]
    digits = PrintedDigits(cross_section=sum(last_digit(line.split()[0]) for line in lines))
    return LHESource(
        text.path,
        banner.decode("utf-8", errors="replace"),
        parsed.header,
        parsed.init,
        _checked_events(text, document, parsed, skip, digits),
        digits,
    )


def last_digit(number: str) -> float:
    """Unit in the last printed digit of a number."""
    exponent = Decimal(number).as_tuple().exponent
    return 10.0**exponent if isinstance(exponent, int) else 0.0


def _skip_events(text: _Text, number: int) -> None:
    while text.events < number:
        if not text.until(_END_OF_EVENT)[1]:
            raise text.error(f"ends after {text.events} events, more were expected")
        text.events += 1


def _prolog(text: _Text) -> tuple[bytes, ET.Element, list[ET.Element]]:
    """Read the banner, the ``<init>`` element and the ``<initrwgt>`` elements."""
    start = text.peek()
    if not start.strip():
        raise text.error("is empty")
    if not _ROOT.match(start, _root_place(start)):
        shown = start[:30].decode(errors="replace")
        raise text.error(f"not a Les Houches event file; it begins with {shown!r}")
    prolog, complete = text.until(b"</init>")
    visible = _without_comments(prolog)
    starts = [match.start() for match in _INIT.finditer(visible)]
    if not complete or not starts:
        raise text.error("no complete <init> block; the file is cut off or not a Les Houches event file")
    initrwgt = [_element(text, block) for block in _initrwgt_blocks(visible[: starts[-1]])]
    return prolog, _element(text, visible[starts[-1] :]), initrwgt


def _root_place(start: bytes) -> int:
    """Where the root element must begin, after what XML allows before it."""
    place = len(_BYTE_ORDER_MARK) if start.startswith(_BYTE_ORDER_MARK) else 0
    while True:
        place = _BLANK.match(start, place).end()
        end = next((end for begin, end in _BEFORE_ROOT if start.startswith(begin, place)), None)
        found = -1 if end is None else start.find(end, place)
        if end is None or found < 0:
            return place
        place = found + len(end)


def _without_comments(text: bytes) -> bytes:
    """The text without its comments; one that does not end is none."""
    begin, end = _COMMENT
    kept, place = [], 0
    while (first := text.find(begin, place)) >= 0 and (last := text.find(end, first + len(begin))) >= 0:
        kept.append(text[place:first])
        place = last + len(end)
    return b"".join([*kept, text[place:]])


def _initrwgt_blocks(text: bytes) -> Iterator[bytes]:
    opening, closing = _INITRWGT
    place = 0
    while (first := opening.search(text, place)) and (last := closing.search(text, first.end())):
        yield text[first.start() : last.end()]
        place = last.end()


def _element(text: _Text, block: bytes) -> ET.Element:
    try:
        return ET.fromstring(block)
    except ET.ParseError as problem:
        tag = block.split(b">", 1)[0].decode(errors="replace") + ">"
        raise text.error(f"{tag} is not well-formed XML ({xml_reason(problem)})") from None


def _opening(initrwgt: list[ET.Element], init: ET.Element) -> bytes:
    """Write the beginning of the document that pylhe gets, with the numbers first in ``<init>``."""
    clean = ET.Element("init")
    clean.text = "\n".join(["", *_init_lines(init), ""])
    for child in init:
        if child.tag == "generator":
            child.tail = "\n"
            clean.append(child)
    header = ET.Element("header")
    header.extend(initrwgt)
    parts = [header, clean] if initrwgt else [clean]
    return b'<LesHouchesEvents version="3.0">\n' + b"\n".join(map(ET.tostring, parts))


def _init_lines(init: ET.Element) -> list[str]:
    """The lines of numbers in ``<init>``: that of the beams, then one a process."""
    pieces = [init.text or "", *(child.tail or "" for child in init)]
    lines = [line for piece in pieces for line in piece.splitlines() if line.strip()]
    return [line for line in lines if not line.lstrip().startswith("#")]


@dataclass(frozen=True, slots=True)
class _Block:
    """One event as pylhe can read it, and beside it what pylhe would drop."""

    xml: bytes
    number: int | None
    remarks: list[str]

    @property
    def weight(self) -> str:
        """XWGTUP as it is printed: the third number after the tag."""
        return self.xml.split(b">", 1)[1].split(maxsplit=3)[2].decode()


class _Document(io.RawIOBase):
    """The file that pylhe reads: clean blocks, one event a read; `pending` are those handed over."""

    def __init__(self, opening: bytes, blocks: Iterator[_Block]) -> None:
        self.pending: deque[_Block] = deque()
        self._pieces = self._generate(opening, blocks)

    def read(self, size: int = -1) -> bytes:
        """Return the next piece, whatever its size; nothing at the end."""
        return next(self._pieces, b"")

    def _generate(self, opening: bytes, blocks: Iterator[_Block]) -> Iterator[bytes]:
        yield opening
        for block in blocks:
            self.pending.append(block)
            yield b"\n" + block.xml
        yield b"\n" + _END_OF_FILE


def _event_blocks(text: _Text) -> Iterator[_Block]:
    while True:
        piece, complete = text.until(_END_OF_EVENT)
        if not complete:
            _check_end(text, piece)
            return
        yield _event_block(text, piece)
        text.events += 1


def _event_block(text: _Text, piece: bytes) -> _Block:
    """Cut out the event at the end of a piece of text, after checking that nothing else is in it."""
    number = _EVENT_NUMBER.search(piece)
    visible = _EVENT_NUMBER.sub(b"", _without_comments(piece))
    starts = [match.start() for match in _EVENT.finditer(visible)]
    if len(starts) != 1 or _END_OF_FILE in visible:
        raise text.error(
            f"event {text.events} (counted from 0) is damaged: {len(starts)} <event> tags before its </event>"
        )
    _check_gap(text, visible[: starts[0]])
    lines = [line for line in visible[starts[0] :].split(b"\n") if line and not line.isspace()]
    # pylhe loses such lines where they follow an element, as POWHEG's #pdf follows <rwgt>.
    remarks = [line.strip() for line in lines if line.lstrip().startswith(b"#")]
    if remarks:
        lines = [line for line in lines if not line.lstrip().startswith(b"#")]
    return _Block(
        b"\n".join(lines),
        int(number.group(1)) if number else None,
        [unescape(remark.decode(errors="replace")) for remark in remarks],
    )


def _check_gap(text: _Text, gap: bytes) -> None:
    """Between events there may be comments, and lines that POWHEG begins with #."""
    for line in map(bytes.strip, gap.splitlines()):
        if line and not line.startswith(b"#"):
            shown = line[:40].decode(errors="replace")
            raise text.error(f"unexpected text {shown!r} after {text.events} events")


def _check_end(text: _Text, rest: bytes) -> None:
    visible = _without_comments(rest)
    before, end, after = visible.partition(_END_OF_FILE)
    if _EVENT.search(before):
        raise text.error(f"is cut off within event {text.events} (counted from 0)")
    if not end:
        raise text.error(f"is cut off after {text.events} events: no </LesHouchesEvents>")
    _check_gap(text, before)
    _check_gap(text, after)
    if text.events == 0:
        raise text.error("holds no events")


def _checked_events(
    text: _Text, document: _Document, parsed: pylhe.LHEFile, skip: int, digits: PrintedDigits
) -> Iterator[tuple[int | None, pylhe.LHEEvent]]:
    processes = {process.procId for process in parsed.init.procInfo}
    records = iter(parsed.events)
    for index in count(skip):
        where = f"{text.path}: event {index} (counted from 0)"
        with pylhe_errors(where):
            record = next(records, None)
        if record is None:
            return
        block = document.pending.popleft()
        record.optional = block.remarks
        if problem := next(event_problems(record, processes), None):
            raise HardEventError(f"{where}: {problem}")
        digits.weights += last_digit(block.weight)
        yield block.number, record
