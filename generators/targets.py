"""Truth objects of a hard event: what its jets can stand for."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from jetresim.campaign.config import Campaign, Cuts, Target
from jetresim.generators.events import WHOLE_EVENT, Parton, TruthTarget

__all__ = [
    "PARTON_LABELS",
    "SPLITTING_LABELS",
    "final_state",
    "find_targets",
    "four_vector",
    "group_targets",
    "no_targets",
    "outgoing_partons",
    "passes_cuts",
]

if TYPE_CHECKING:
    import pylhe

_INCOMING, _FINAL = -1, 1
_DECAYED = (2, 3)  # ISTUP of an intermediate particle; 3 is the older documentation code
_GLUON, _PHOTON = 21, 22
_SHOWN_STATES = 3
_QUARKS = frozenset(range(1, 6))
_PARTONS = _QUARKS | {_GLUON}
_CHARGED_LEPTONS = frozenset((11, 13, 15))

PARTON_LABELS = {_GLUON: 0, 1: 1, 2: 1, 3: 1, 4: 2, 5: 3}
"""RS3L jettype of a single outgoing parton, by absolute PDG id; 0 is this project's."""

SPLITTING_LABELS = {1: 5, 2: 5, 3: 5, 4: 6, 5: 7, _GLUON: 8}
"""RS3L jettype of a pair of outgoing partons, by their absolute PDG id."""


def find_targets(record: "pylhe.LHEEvent", targets: Sequence[Target]) -> list[TruthTarget]:
    """Find the truth objects of a hard event.

    Parameters
    ----------
    record : pylhe.LHEEvent
    targets : sequence of campaign.config.Target
        What to look for.

    Returns
    -------
    list of TruthTarget
        In the order of `targets`, and of the event record for each of them. A parton that belongs
        to a splitting is not a target on its own.
    """
    kinds = {target.kind for target in targets}
    outgoing = _outgoing(record) if kinds - {"resonance"} else []
    splitting = _splitting(outgoing) if "splitting" in kinds else []
    partons = [] if splitting else [_single(particle) for particle in outgoing]
    found = {"parton": partons, "splitting": splitting}
    return [
        one
        for target in targets
        for one in (_resonances(record, target) if target.kind == "resonance" else found[target.kind])
    ]


def group_targets(record: "pylhe.LHEEvent", campaign: Campaign, process: str) -> list[TruthTarget]:
    """Find what the groups of a campaign are made for in a hard event of a process.

    Those are its targets; for groups of whole events it is the event, with label and momentum of its first
    target and all of them as daughters, if there is any.
    """
    targets = find_targets(record, campaign.process(process).targets)
    if not (campaign.groups.whole_events and targets):
        return targets
    first = targets[0]
    return [TruthTarget(WHOLE_EVENT, first.label, first.parton, tuple(each.parton for each in targets))]


def outgoing_partons(record: "pylhe.LHEEvent") -> list[Parton]:
    """Find the final quarks (d to b) and gluons that come from no decayed resonance, in record order."""
    return [_parton(particle) for particle in _outgoing(record)]


def final_state(record: "pylhe.LHEEvent") -> tuple[int, ...]:
    """PDG ids of the final particles, sorted by their absolute values."""
    ids = (particle.id for particle in record.particles if particle.status == _FINAL)
    return tuple(sorted(ids, key=lambda pdgid: (abs(pdgid), -pdgid)))


def no_targets(process: str, targets: Sequence[Target], final_states: Counter[tuple[int, ...]]) -> str:
    """Say that no event has a target: what was looked for, and what the events hold.

    Parameters
    ----------
    process : str
        Name of the process.
    targets : sequence of campaign.config.Target
    final_states : Counter
        Number of events with each `final_state`.
    """
    wanted = ", ".join(map(_described, targets))
    shown = "; ".join(
        f"{' '.join(map(str, state))} in {events}"
        for state, events in final_states.most_common(_SHOWN_STATES)
    )
    return (
        f"process {process}: none of {final_states.total()} hard events has a target ({wanted}); their most "
        f"frequent final particles are {shown}"
    )


def _described(target: Target) -> str:
    if target.kind != "resonance":
        return target.kind
    number = "" if target.number is None else f"{target.number} of "
    return f"{target.pdgid} decayed to {number}{', '.join(map(str, target.daughters))}"


def passes_cuts(targets: Sequence[TruthTarget], cuts: Cuts) -> bool:
    """Whether every target has its pT [GeV] within the cuts; an event without targets passes."""
    highest = math.inf if cuts.pt_max is None else cuts.pt_max
    partons = [
        parton
        for target in targets
        for parton in (target.daughters if target.kind == WHOLE_EVENT else [target.parton])
    ]
    return all(cuts.pt_min <= parton.pt <= highest for parton in partons)


def four_vector(pdgid: int, px: float, py: float, pz: float, energy: float) -> Parton:
    """Turn Cartesian components [GeV] into pT [GeV], eta, phi in (-pi, pi] and energy [GeV].

    The pseudorapidity is ``asinh(pz / pT)``, which loses no digits near the beam as ``log(tan)``
    does; along the beam it is infinite, and zero for a particle at rest.
    """
    pt = math.hypot(px, py)
    eta = math.asinh(pz / pt) if pt > 0 else math.copysign(math.inf, pz) if pz else 0.0
    phi = math.atan2(py, px)
    return Parton(pdgid, pt, eta, math.pi if phi == -math.pi else phi, energy)


def _parton(particle: "pylhe.LHEParticle") -> Parton:
    return four_vector(particle.id, particle.px, particle.py, particle.pz, particle.e)


def _single(particle: "pylhe.LHEParticle") -> TruthTarget:
    return TruthTarget("parton", PARTON_LABELS[abs(particle.id)], _parton(particle), ())


def _outgoing(record: "pylhe.LHEEvent") -> "list[pylhe.LHEParticle]":
    mothers = [_mothers(particle) for particle in record.particles]
    resonances = {
        place
        for place, particle in enumerate(record.particles)
        if particle.status in _DECAYED and abs(particle.id) not in _PARTONS
    }
    return [
        particle
        for place, particle in enumerate(record.particles)
        if particle.status == _FINAL
        and abs(particle.id) in _PARTONS
        and resonances.isdisjoint(_reachable(place, mothers))
    ]


def _splitting(outgoing: "Sequence[pylhe.LHEParticle]") -> list[TruthTarget]:
    """Join the only two outgoing partons to one target, if they are what a gluon can split into."""
    if len(outgoing) != 2:
        return []
    first, second = outgoing
    if first.id != (_GLUON if second.id == _GLUON else -second.id):
        return []
    sums = (getattr(first, part) + getattr(second, part) for part in ("px", "py", "pz", "e"))
    label = SPLITTING_LABELS[abs(first.id)]
    return [TruthTarget("splitting", label, four_vector(_GLUON, *sums), (_parton(first), _parton(second)))]


def _resonances(record: "pylhe.LHEEvent", target: Target) -> list[TruthTarget]:
    """Decayed resonances of one kind that end in the daughters asked for."""
    children = _children(record)
    found = []
    for place, particle in enumerate(record.particles):
        copied = any(record.particles[child].id == particle.id for child in children[place])
        if abs(particle.id) != target.pdgid or particle.status not in _DECAYED or copied:
            continue
        ends = [record.particles[end] for end in _ends(record, children, place)]
        if daughters := _daughters(ends, target):
            assert target.label is not None  # a resonance has one, by validation
            found.append(TruthTarget("resonance", target.label, _parton(particle), daughters))
    return found


def _ends(record: "pylhe.LHEEvent", children: list[list[int]], place: int) -> list[int]:
    """Places of the particles that a resonance ends in, in record order."""
    reached = sorted(_reachable(place, children))
    return [end for end in reached if record.particles[end].status == _FINAL or not children[end]]


def _daughters(ends: "Sequence[pylhe.LHEParticle]", target: Target) -> tuple[Parton, ...]:
    """The ends that must be near the jet axis, none if the target does not end like that.

    Photons radiated on the way are passed over, and gluons too unless they are asked for.
    """
    ids = [abs(end.id) for end in ends]
    asked = set(target.daughters)
    passed_over = {_PHOTON, _GLUON} - asked
    if not all(one in passed_over or one in asked for one in ids):
        return ()
    looked_for = (_QUARKS | _CHARGED_LEPTONS | {_GLUON}) & asked
    found = tuple(_parton(end) for end, one in zip(ends, ids, strict=True) if one in looked_for)
    return found if target.number in (None, len(found)) else ()


def _reachable(start: int, links: Sequence[Sequence[int]]) -> set[int]:
    """All places that links lead to from a place, directly or not."""
    found: set[int] = set()
    open_ends = list(links[start])
    while open_ends:
        place = open_ends.pop()
        if place not in found:
            found.add(place)
            open_ends += links[place]
    return found


def _children(record: "pylhe.LHEEvent") -> list[list[int]]:
    """Places of the direct decay products of each particle."""
    children: list[list[int]] = [[] for _ in record.particles]
    for place, particle in enumerate(record.particles):
        for mother in _mothers(particle):
            children[mother].append(place)
    return children


def _mothers(particle: "pylhe.LHEParticle") -> list[int]:
    """Places of the mothers; MOTHUP counts from 1 and names the first and the last (hep-ph/0109068)."""
    first, last = sorted((particle.mother1, particle.mother2))
    return [mother - 1 for mother in range(first or last, last + 1) if mother > 0]
