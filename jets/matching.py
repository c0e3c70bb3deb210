"""Which jet stands for which target: RS3L's matching rules."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import awkward as ak
import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.config import Jets, Matching
from jetresim.campaign.status import Status
from jetresim.detectors.columns import segments
from jetresim.generators.events import WHOLE_EVENT, Parton, TruthTarget

__all__ = ["Distances", "Matches", "Truth", "delta_r", "match", "within_reach"]


NO_JET = -1
"""Jet index of a target that no jet stands for."""

_ROUNDING = 1e-9
"""Far above the rounding errors of distances, so that no target is given up by them."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What matching needs of a hard event.

    Attributes
    ----------
    targets : tuple of TruthTarget
        The targets, in their order.
    partons : tuple of Parton
        All outgoing partons.
    passes_cuts : bool
        Whether the hard event passes the cuts of its process.
    wanted : bool
        Whether the realization is to be simulated at all.
    reachable : bool
        False where it is known beforehand that no jet can stand for any of the targets.
    """

    targets: tuple[TruthTarget, ...]
    partons: tuple[Parton, ...]
    passes_cuts: bool = True
    wanted: bool = True
    reachable: bool = True


@dataclass(frozen=True, slots=True)
class Matches:
    """What became of the T targets of a batch, in order of (event, target).

    Attributes
    ----------
    event : ndarray of int64, shape (T,)
        Row of the event in the batch.
    target : ndarray of int64, shape (T,)
        Index of the target within its event.
    status : ndarray of str, shape (T,)
        Values of `campaign.status.Status`: matched, no jet, ambiguous, shared or not first.
    jet : ndarray of int64, shape (T,)
        Index of the jet in the flattened batch; `NO_JET` unless the status is matched.
    """

    event: Integers
    target: Integers
    status: npt.NDArray[np.str_]
    jet: Integers


@dataclass(frozen=True, slots=True)
class Distances:
    """Distances in (eta, phi) for P pairs of a jet and a target of the same event.

    They are inf where a row has fewer objects than there are columns.

    Attributes
    ----------
    axis : ndarray of float64, shape (P,)
        From the jet axis to the target.
    daughters : ndarray of float64, shape (P, D)
        From the jet axis to each daughter of the target.
    has_daughter : ndarray of bool, shape (P, D)
        Whether the target has that daughter.
    partons : ndarray of float64, shape (P, Q)
        From the jet axis to each outgoing parton of the event.
    """

    axis: Floats
    daughters: Floats
    has_daughter: Booleans
    partons: Floats


def contains_decay(distances: Distances, matching: Matching) -> Booleans:
    """Tell whether the target is near the jet axis and all its daughters are within the jet."""
    within = distances.daughters < matching.daughters_dr
    return (distances.axis < matching.axis_dr) & np.all(within | ~distances.has_daughter, axis=1)


def contains_one_parton(distances: Distances, matching: Matching) -> Booleans:
    """Tell whether the target is within the jet, and no other outgoing parton of the event is."""
    within = np.count_nonzero(distances.partons < matching.daughters_dr, axis=1)
    return (distances.axis < matching.daughters_dr) & (within == 1)


RULES: MappingProxyType[str, Callable[[Distances, Matching], Booleans]] = MappingProxyType(
    {"resonance": contains_decay, "splitting": contains_decay, "parton": contains_one_parton}
)
"""Kind of target to the rule by which a jet stands for it."""


def within_reach(target: TruthTarget, jets: Jets) -> bool:
    """Tell whether there is a direction from which a jet could satisfy the rule of a target.

    The rules bound the distance of the jet axis to the target and to its daughters, which the hard event
    fixes. Two of these that are farther apart than their bounds together leave no place for an axis.
    """
    if target.kind == WHOLE_EVENT:
        return True
    rules = jets.matching
    if RULES[target.kind] is contains_one_parton:
        places, bounds = [target.parton], [rules.daughters_dr]
    else:
        places = [target.parton, *target.daughters]
        bounds = [rules.axis_dr] + [rules.daughters_dr] * len(target.daughters)
    eta, phi = (np.array([getattr(place, name) for place in places]) for name in ("eta", "phi"))
    bound = np.array(bounds) + _ROUNDING
    if (np.abs(eta) > jets.eta_max + bound).any():
        return False
    return bool(np.all(delta_r(eta[:, None], phi[:, None], eta, phi) <= bound[:, None] + bound))


def match(jets: ak.Array, truth: Sequence[Truth], matching: Matching) -> Matches:
    """Match the jets of a batch to its targets.

    A target is matched when exactly one jet satisfies its rule and that jet satisfies the rule of no other
    target of the event. The jet of a whole event is its hardest.

    Parameters
    ----------
    jets : ak.Array, N * var * record
        As returned by `jets.clustering.cluster`; None is an event without jets.
    truth : sequence of Truth, length N
        The hard events.
    matching : Matching
        The distances.

    Returns
    -------
    Matches
    """
    if len(jets) != len(truth):
        raise ValueError(f"{len(jets)} events with jets, {len(truth)} hard events")
    targets = [target for event in truth for target in event.targets]
    targets_per_event = np.array([len(event.targets) for event in truth], dtype=np.int64)
    event = np.repeat(np.arange(len(truth)), targets_per_event)
    jets_per_event = np.ma.filled(ak.to_numpy(ak.num(jets, axis=1)), 0).astype(np.int64)
    first_jet = np.cumsum(jets_per_event) - jets_per_event
    pair_target = np.repeat(np.arange(len(targets)), jets_per_event[event])
    pair_jet = segments(first_jet[event], jets_per_event[event])
    eta, phi = (np.asarray(ak.flatten(jets[name], axis=1)) for name in ("eta", "phi"))
    distances = _distances(eta[pair_jet], phi[pair_jet], targets, pair_target, truth, event)
    kinds = np.array([target.kind for target in targets], dtype=np.str_)
    satisfied = _apply_rules(kinds[pair_target], distances, matching)
    satisfied |= (kinds == WHOLE_EVENT)[pair_target] & (pair_jet == first_jet[event][pair_target])
    status, jet = _decide(pair_target[satisfied], pair_jet[satisfied], len(targets), len(eta))
    if matching.first_only:
        status, jet = _first_of_event(status, jet, event, len(truth))
    return Matches(event, segments(np.zeros_like(targets_per_event), targets_per_event), status, jet)


def delta_r(eta1: Floats, phi1: Floats, eta2: Floats, phi2: Floats) -> Floats:
    """Distance in (eta, phi), with the difference in phi taken the short way round."""
    delta_phi = np.remainder(phi1 - phi2 + np.pi, 2 * np.pi) - np.pi
    return np.hypot(eta1 - eta2, delta_phi)


def _distances(
    eta: Floats,
    phi: Floats,
    targets: Sequence[TruthTarget],
    pair_target: Integers,
    truth: Sequence[Truth],
    event: Integers,
) -> Distances:
    axis_eta = np.array([target.parton.eta for target in targets], dtype=np.float64)
    axis_phi = np.array([target.parton.phi for target in targets], dtype=np.float64)
    daughter_eta, daughter_phi, has_daughter = _directions(target.daughters for target in targets)
    parton_eta, parton_phi, _ = _directions(one.partons for one in truth)
    pair_event = event[pair_target]
    rows = eta[:, None], phi[:, None]
    return Distances(
        axis=delta_r(eta, phi, axis_eta[pair_target], axis_phi[pair_target]),
        daughters=delta_r(*rows, daughter_eta[pair_target], daughter_phi[pair_target]),
        has_daughter=has_daughter[pair_target],
        partons=delta_r(*rows, parton_eta[pair_event], parton_phi[pair_event]),
    )


def _directions(partons: Iterable[Sequence[Parton]]) -> tuple[Floats, Floats, Booleans]:
    """Rows of eta and phi, filled up to a common length with eta = inf, and which of them are there."""
    rows = list(partons)
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    there = np.arange(lengths.max(initial=0)) < lengths[:, None]
    eta, phi = np.full(there.shape, np.inf), np.zeros(there.shape)
    eta[there] = [parton.eta for row in rows for parton in row]
    phi[there] = [parton.phi for row in rows for parton in row]
    return eta, phi, there


def _apply_rules(kind: npt.NDArray[np.str_], distances: Distances, matching: Matching) -> Booleans:
    satisfied = np.zeros(len(kind), dtype=np.bool_)
    for name, rule in RULES.items():
        of_kind = kind == name
        satisfied[of_kind] = rule(distances, matching)[of_kind]
    return satisfied


def _first_of_event(
    status: npt.NDArray[np.str_], jet: Integers, event: Integers, events: int
) -> tuple[npt.NDArray[np.str_], Integers]:
    """Leave of each event the matched target of the hardest jet; jets are ordered by falling pT."""
    matched = jet != NO_JET
    hardest = np.full(events, np.iinfo(np.int64).max)
    np.minimum.at(hardest, event[matched], jet[matched])
    later = matched & (jet > hardest[event])
    return np.where(later, Status.NOT_FIRST.value, status), np.where(later, NO_JET, jet)


def _decide(
    target: Integers, jet: Integers, targets: int, jets: int
) -> tuple[npt.NDArray[np.str_], Integers]:
    """Status and jet of each target, given the pairs that satisfy a rule."""
    choices = np.bincount(target, minlength=targets)
    claims = np.bincount(jet, minlength=jets)
    chosen = np.full(targets, NO_JET)
    chosen[target] = jet
    shared = (choices == 1) & (np.append(claims, 0)[chosen] > 1)
    status = np.select(
        [choices == 0, choices > 1, shared],
        [Status.NO_JET.value, Status.AMBIGUOUS.value, Status.SHARED.value],
        Status.MATCHED.value,
    )
    return status, np.where(status == Status.MATCHED.value, chosen, NO_JET)
