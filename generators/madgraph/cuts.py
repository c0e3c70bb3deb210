"""Cuts of the run card, measured in events: MadGraph shows cuts that it does not apply.

``pt_min_pdg`` of a particle that is decayed in the process, cuts on decay products without ``cut_decays``,
and ``drjj`` where the jets are b quarks (which MadGraph counts as jets from ``maxjetflavor = 5`` on) are
such. So each cut is looked at in the final particles, and in the decayed ones where it names a particle.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import Any

import pylhe

__all__ = ["MEASURED", "cut_warnings", "misses"]

_FINAL, _INCOMING = 1, -1
_CLASSES = {"j": {1, 2, 3, 4, 5, 21}, "b": {5}, "l": {11, 13, 15}, "a": {22}}
_NEUTRINOS = {12, 14, 16}
_PAIRS = ("jj", "bb", "ll", "aa", "bj", "aj", "jl", "ab", "bl", "al")
_PRECISION = 1e-6  # relative, of momenta in the file

_Particles = Sequence[pylhe.LHEParticle]
_Measure = Callable[[_Particles], Iterator[float]]


def _pt(particle: pylhe.LHEParticle) -> float:
    return math.hypot(particle.px, particle.py)


def _rapidity(particle: pylhe.LHEParticle) -> float:
    return 0.5 * math.log((particle.e + particle.pz) / (particle.e - particle.pz))


def _distance(first: pylhe.LHEParticle, second: pylhe.LHEParticle) -> float:
    """Delta R of MadGraph, with rapidities."""
    phi = math.atan2(first.py, first.px) - math.atan2(second.py, second.px)
    return math.hypot(_rapidity(first) - _rapidity(second), math.remainder(phi, 2 * math.pi))


def _mass(first: pylhe.LHEParticle, second: pylhe.LHEParticle) -> float:
    sums = [getattr(first, part) + getattr(second, part) for part in ("e", "px", "py", "pz")]
    return math.sqrt(max(sums[0] ** 2 - math.fsum(one**2 for one in sums[1:]), 0.0))


def _of_class(letter: str, particles: _Particles) -> list[pylhe.LHEParticle]:
    return [one for one in particles if one.status == _FINAL and abs(one.id) in _CLASSES[letter]]


def _single(quantity: Callable[[pylhe.LHEParticle], float], letter: str) -> _Measure:
    return lambda particles: map(quantity, _of_class(letter, particles))


def _pair(quantity: Callable[..., float], letters: str) -> _Measure:
    def measure(particles: _Particles) -> Iterator[float]:
        first, second = (_of_class(letter, particles) for letter in letters)
        pairs = combinations(first, 2) if letters[0] == letters[1] else product(first, second)
        return (quantity(one, other) for one, other in pairs if one is not other)

    return measure


def _missing(particles: _Particles) -> Iterator[float]:
    neutrinos = [one for one in particles if one.status == _FINAL and abs(one.id) in _NEUTRINOS]
    yield math.hypot(sum(one.px for one in neutrinos), sum(one.py for one in neutrinos))


def _absolute_rapidity(particle: pylhe.LHEParticle) -> float:
    return abs(_rapidity(particle))


def _measures() -> Iterator[tuple[str, tuple[_Measure, bool]]]:
    """Name of a cut to what it is on and whether it is a lower limit."""
    for letter in _CLASSES:
        yield f"pt{letter}", (_single(_pt, letter), True)
        yield f"pt{letter}max", (_single(_pt, letter), False)
        yield f"eta{letter}", (_single(_absolute_rapidity, letter), False)
        yield f"eta{letter}min", (_single(_absolute_rapidity, letter), True)
    for letters in _PAIRS:
        yield f"dr{letters}", (_pair(_distance, letters), True)
        yield f"dr{letters}max", (_pair(_distance, letters), False)
    for letters in ("jj", "bb", "aa"):
        yield f"mm{letters}", (_pair(_mass, letters), True)
        yield f"mm{letters}max", (_pair(_mass, letters), False)
    yield "misset", (_missing, True)
    yield "missetmax", (_missing, False)


_MEASURES = dict(_measures())
_BY_PARTICLE = {
    "pt_min_pdg": (_pt, True),
    "pt_max_pdg": (_pt, False),
    "eta_min_pdg": (_absolute_rapidity, True),
    "eta_max_pdg": (_absolute_rapidity, False),
}

MEASURED = (*_MEASURES, *_BY_PARTICLE)
"""Names of the cuts that are measured."""


def misses(particles: _Particles, name: str, limit: Any) -> bool:
    """Whether an event does not fulfil a cut.

    Parameters
    ----------
    particles : sequence of pylhe.LHEParticle
        Of the event, as MadGraph wrote it.
    name : str
        One of `MEASURED`.
    limit : float or mapping
        Its value [GeV for pT and masses]; of those by particle, PDG id to limit. An upper limit below 0
        is none, as in MadGraph.
    """
    if name in _BY_PARTICLE:
        quantity, lower = _BY_PARTICLE[name]
        return any(
            _outside(map(quantity, _named(particles, int(pdgid))), float(one), lower)
            for pdgid, one in limit.items()
        )
    measure, lower = _MEASURES[name]
    return _outside(measure(particles), float(limit), lower)


def _named(particles: _Particles, pdgid: int) -> list[pylhe.LHEParticle]:
    return [one for one in particles if one.status != _INCOMING and abs(one.id) == abs(pdgid)]


def _outside(values: Iterator[float], limit: float, lower: bool) -> bool:
    if limit < 0:
        return False
    room = _PRECISION * limit
    return any(value < limit - room if lower else value > limit + room for value in values)


def cut_warnings(records: Sequence[pylhe.LHEEvent], cuts: Mapping[str, Any]) -> Iterator[str]:
    """Say which of the cuts asked for some events do not fulfil, one line each."""
    for name, limit in cuts.items():
        if name in MEASURED:
            missed = sum(misses(record.particles, name, limit) for record in records)
            if missed:
                yield (
                    f"`run_card` has {name} = {_shown(limit)}, which {missed} of {len(records)} events do "
                    "not fulfil: MadGraph shows cuts that it does not apply, as on decay products"
                )


def _shown(limit: Any) -> str:
    if isinstance(limit, Mapping):
        return "{" + ", ".join(f"{key}: {value:g}" for key, value in limit.items()) + "}"
    return f"{limit:g}"
