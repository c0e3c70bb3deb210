"""What makes the header or an event of a Les Houches event file unusable, in one line."""

import math
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager

import pylhe

from jetresim.campaign.errors import HardEventError

__all__ = ["event_problems", "init_problems", "pylhe_errors", "xml_reason"]

_INCOMING = -1


@contextmanager
def pylhe_errors(where: str) -> Iterator[None]:
    """Turn what pylhe raises, and where it only warns and stops, into one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            yield
    except IndexError:
        raise HardEventError(f"{where}: a line has too few numbers") from None
    except KeyError as problem:
        raise HardEventError(f"{where}: a named weight lacks its {problem}") from None
    except RuntimeWarning as problem:
        raise HardEventError(f"{where}: not well-formed XML ({xml_reason(problem)})") from None
    except (ValueError, AttributeError, OverflowError) as problem:
        raise HardEventError(f"{where}: {problem}") from None


def xml_reason(problem: ET.ParseError | RuntimeWarning) -> str:
    """Shorten what the parser says: its line numbers are those of the document made for it."""
    return str(problem).removeprefix("Parse Error: ").split(": line")[0]


def init_problems(init: pylhe.LHEInit) -> Iterator[str]:
    """Name what makes an ``<init>`` block unusable."""
    info = init.initInfo
    if len(init.procInfo) != info.numProcesses:
        yield f"<init> announces {info.numProcesses} processes and lists {len(init.procInfo)}"
    ids = [process.procId for process in init.procInfo]
    if len(set(ids)) != len(ids):
        yield f"<init> lists a process number twice: {ids}"
    numbers = [info.energyA, info.energyB]
    numbers += [number for process in init.procInfo for number in (process.xSection, process.error)]
    if not _finite(*numbers):
        yield "<init> holds numbers that are not finite"


def event_problems(record: pylhe.LHEEvent, processes: set[int]) -> Iterator[str]:
    """Name what makes an event unusable; `processes` are the numbers that ``<init>`` lists."""
    info, particles = record.eventinfo, record.particles
    if info.nparticles != len(particles):
        yield f"announces {info.nparticles} particles and has {len(particles)}"
    if info.pid not in processes:
        yield f"belongs to process {info.pid}, which <init> does not list"
    if not _finite(info.weight, info.scale, info.aqed, info.aqcd):
        yield "its weight, scale or couplings are not finite"
    incoming = sum(particle.status == _INCOMING for particle in particles)
    if incoming != 2:
        yield f"has {incoming} incoming particles, expected 2"
    for place, one in enumerate(particles, start=1):
        if not _finite(one.px, one.py, one.pz, one.e, one.m, one.lifetime, one.spin):
            yield f"particle {place} has a momentum, mass, lifetime or spin that is not finite"
        for mother in (one.mother1, one.mother2):
            if not 0 <= mother <= len(particles) or mother == place:
                yield f"particle {place} cannot have particle {mother} as its mother"
    for name, weight in record.weights.items():
        if not _finite(weight):
            yield f"its weight {name!r} is not finite"


def _finite(*numbers: float) -> bool:
    return all(map(math.isfinite, numbers))
