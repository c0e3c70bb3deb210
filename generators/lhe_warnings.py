"""What a user should know about the files that were brought, one line each."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import TypeVar

from jetresim.campaign.config import Process
from jetresim.generators.lhe_run import NLO_REMARK, OLD_WEIGHT_REMARK, WEIGHTS_IN_PB, Run
from jetresim.generators.survey import MATCHING_WARNING

__all__ = ["find_warnings", "needs_matching", "summed"]

_Key = TypeVar("_Key")

_DEVIATION = 5.0  # standard errors at which numbers that should agree are reported
_ROUNDING = 1e-4  # relative; cross-sections are written with as few as five digits
_MATCHED = re.compile(
    r"^\s*(?:[1-9]\d*\s*=\s*ickkw|(?!0*\.?0*\s)[\d.]+\s*=\s*(?:ktdurham|ptlund))\b", re.MULTILINE
)
"""Settings of a MadGraph run card that make samples for matching or merging."""


def find_warnings(runs: Sequence[Run], process: Process) -> Iterator[str]:
    """Name what is surprising in the files of a process, or will be in what is made of them."""
    for run in runs:
        yield from _normalization_warnings(run)
    for one, other in combinations(runs, 2):
        yield from _disagreement(one, other)
    yield from _kind_warnings(runs, process)
    yield from _weight_warnings(runs)
    yield from _event_warnings(runs, process)


def _normalization_warnings(run: Run) -> Iterator[str]:
    listed, factor = run.listed_cross_section, run.weight_factor
    mean, error = run.mean_weight * factor, run.mean_weight_error * factor
    if run.strategy not in WEIGHTS_IN_PB:
        return
    if not run.lists_cross_section:
        yield f"{run.path}: XSECUP is {listed:g} pb; the mean weight, {mean:g} pb, is the cross-section"
    elif abs(mean - listed) > _DEVIATION * error + run.listed_error + _ROUNDING * abs(listed):
        yield (
            f"{run.path}: the mean weight is {mean:g} pb, but <init> lists a cross-section of {listed:g} pb; "
            "the weights are kept as they are"
        )


def _disagreement(one: Run, other: Run) -> Iterator[str]:
    first, second = one.listed_cross_section, other.listed_cross_section
    allowed = _DEVIATION * math.hypot(one.listed_error, other.listed_error) + _ROUNDING * abs(first)
    if abs(first - second) > allowed:
        yield (
            f"{one.path} and {other.path} list {first:g} and {second:g} pb and are averaged as runs "
            "of the same process; if they are not, give each its own entry in `processes`"
        )


def needs_matching(runs: Sequence[Run]) -> bool:
    """Whether the files of a process hold NLO events."""
    return any(
        run.negative_weights or NLO_REMARK in run.remarks or "POWHEG" in run.banner.upper() for run in runs
    )


def _kind_warnings(runs: Sequence[Run], process: Process) -> Iterator[str]:
    if any(run.clustered or _MATCHED.search(run.banner) for run in runs):
        yield (
            "events for matching or merging (ickkw, ktdurham or clustering scales): no matching veto is "
            "applied, so that emissions are counted twice"
        )
    if needs_matching(runs) and not process.shower_settings:
        yield MATCHING_WARNING


def _weight_warnings(runs: Sequence[Run]) -> Iterator[str]:
    events = sum(run.events for run in runs)
    uses = summed(run.weight_uses for run in runs)
    if partial := [name for name, number in uses.items() if number < events]:
        yield (
            f"{len(partial)} named weights are missing in some events, "
            f"first {partial[0]!r} in {events - uses[partial[0]]} of {events}"
        )
    if unused := [name for name in runs[0].declared if name not in uses]:
        yield f"<initrwgt> declares {len(unused)} weights that no event has, first {unused[0]!r}"
    if any(OLD_WEIGHT_REMARK in run.remarks for run in runs):
        yield f"weights in `{OLD_WEIGHT_REMARK}` lines stay in the events, but are no named weights"


def _event_warnings(runs: Sequence[Run], process: Process) -> Iterator[str]:
    events = sum(run.events for run in runs)
    if failed := sum(run.failed_cuts for run in runs):
        lowest, highest = process.cuts.pt_min, process.cuts.pt_max
        cuts = f"pT > {lowest:g}" + ("" if highest is None else f", < {highest:g}")
        yield (
            f"{failed} of {events} events fail the cuts ({cuts} GeV; the lowest target has "
            f"{min(run.lowest_pt for run in runs):.4g} GeV); they keep their places"
        )
    if without := sum(run.without_target for run in runs):
        yield f"{without} of {events} events have no target"
    yield from _decay_warnings(runs)


def _decay_warnings(runs: Sequence[Run]) -> Iterator[str]:
    events = sum(run.events for run in runs)
    for pdgid, number in sorted(summed(run.undecayed for run in runs).items()):
        yield (
            f"{number} of {events} events hold an undecayed particle {pdgid}: Pythia decays it once, for all "
            "realizations, with its mass in the file, Pythia's branching ratios (see `decay_settings`) and "
            "without the spin correlations with its production that MadSpin keeps"
        )
    if any(run.open_sums != run.weight_sums for run in runs):
        left = sum(run.open_sum for run in runs) / sum(run.mean_weight * run.events for run in runs)
        yield (
            f"`decay_settings` leave {left:.4g} of the decays open: weights and cross-section are multiplied "
            "with it"
        )
    for pdgid, number in sorted(summed(run.kept_stable for run in runs).items()):
        yield (
            f"{number} of {events} events hold a particle {pdgid} that stays undecayed; what the shower "
            "makes of it is not the same in all realizations"
        )


def summed(counters: Iterable[Counter[_Key]]) -> Counter[_Key]:
    """Add counters up."""
    return sum(counters, Counter())
