"""Automatic checks of a dataset: each with its criterion, what was found and a verdict."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Augmentation, Campaign
from jetresim.campaign.errors import DataError
from jetresim.dataset.acceptance import Acceptance
from jetresim.dataset.rules import expected_seeds
from jetresim.generators.survey import Survey, read_survey
from jetresim.report.collect import ENOUGH, Constituents, Sample, Scan
from jetresim.report.observables import JET_OBSERVABLES
from jetresim.report.reading import Source
from jetresim.report.statistics import generator, paired_shift, swap_test

__all__ = ["Check", "Finding", "Verdict", "fsr_pairs", "run_checks", "survey_of", "worst"]

WARN_LEVEL, FAIL_LEVEL = 0.01, 0.001
"""Probabilities, after Bonferroni's correction, below which the check of equal distributions warns or "
"fails."""

SIGMAS = 3.0
"""Standard errors from which on a shift counts as seen."""

WEIGHT_SIGMAS = 5.0
WEIGHT_PRECISION = 1e-9
FAILED_WARN, FAILED_LIMIT = 0.01, 0.05
SEEDED_GROUPS = 500
"""Groups of a process whose seeds are computed again."""

FSR_SCALE = "TimeShower:renormMultFac"


class Verdict(StrEnum):
    """Outcome of a check; the worst of its parts counts."""

    PASS = "pass"
    NOT_CHECKED = "not checked"
    WARN = "warn"
    FAIL = "fail"


class Finding(NamedTuple):
    """What was found of a process or a realization, with numbers, and what that means."""

    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """One check.

    Attributes
    ----------
    name, criterion : str
        What is asked, and when it passes, warns and fails.
    findings : tuple of Finding
    """

    name: str
    criterion: str
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The gravest of those of its findings."""
        return worst([finding.verdict for finding in self.findings])


def run_checks(
    source: Source, samples: Mapping[str, Sample], scan: Scan, constituents: Constituents
) -> list[Check]:
    """Make all checks of a dataset."""
    return [
        _check("Same settings, same distributions", _SAME, same_distributions(source, samples)),
        _check("Final-state radiation shifts as it should", _FSR, radiation(source, samples)),
        _check("Weights sum to the cross-section", _WEIGHTS, weight_sums(source, scan)),
        _check("Every process keeps groups", _KEPT, kept_groups(source, scan)),
        _check("Rows agree with the counts", _COUNTS, counts(source, scan)),
        _check("All numbers are finite", _FINITE, finite(scan, constituents)),
        _check("Azimuths are in (−π, π]", _ANGLES, azimuths(scan, constituents)),
        _check("Jets are where the truth is", _ALIGNED, aligned(source, scan)),
        _check("Splits are disjoint", _SPLITS, disjoint(scan)),
        _check("Seeds are those of the campaign", _SEEDS, seeds(source, samples)),
        _check("Few events fail", _FAILED, failures(source)),
    ]


def worst(verdicts: list[Verdict]) -> Verdict:
    """The gravest of some verdicts; `NOT_CHECKED` only if there is no other."""
    made = [each for each in verdicts if each is not Verdict.NOT_CHECKED]
    return max(made, key=list(Verdict).index, default=Verdict.NOT_CHECKED)


def _check(name: str, criterion: str, findings: Iterator[tuple[Verdict, str]]) -> Check:
    found = tuple(Finding(*each) for each in findings)
    return Check(name, criterion, found or (Finding(Verdict.NOT_CHECKED, "nothing to check"),))


_SAME = (
    "Realizations with the settings of nominal (such as seed) have its distributions. Statistic: the largest "
    f"standardized difference of the cumulative distributions at 19 quantiles of {len(JET_OBSERVABLES)} jet "
    "observables; reference: the two members swapped at random within each group, which holds for correlated "
    "members. Smallest p-value times the number of tests (Bonferroni): "
    f"warns below {WARN_LEVEL:g}, fails below {FAIL_LEVEL:g}."
)


def same_distributions(source: Source, samples: Mapping[str, Sample]) -> Iterator[tuple[Verdict, str]]:
    """Compare the realizations that should be like the nominal one with it."""
    enough = {name: each for name, each in samples.items() if len(each.weight) >= ENOUGH}
    pairs = [(process, name) for process in enough for name in equivalents(source.campaign)]
    most = math.ceil(2 * len(pairs) / FAIL_LEVEL)
    for process, name in pairs:
        sample, index = samples[process], source.realizations.index(name)
        both = sample.present[:, index] & sample.present[:, source.anchor]
        if np.count_nonzero(both) < ENOUGH:
            yield Verdict.NOT_CHECKED, f"{process}, {name}: not enough groups"
            continue
        values = np.stack([sample.values[each.name][both] for each in JET_OBSERVABLES], axis=-1)
        rng = generator(source.campaign.seed, "swap", process, name)
        p = swap_test(values[:, source.anchor], values[:, index], sample.weight[both], most, rng)
        corrected = min(1.0, p * len(pairs))
        yield (
            _below(corrected, WARN_LEVEL, FAIL_LEVEL),
            f"{process}, {name}: p = {p:.2g}, × {len(pairs)} = {corrected:.2g} ({np.count_nonzero(both)} "
            "groups)",
        )
    if equivalents(source.campaign):
        for process in (name for name in samples if name not in enough):
            yield Verdict.NOT_CHECKED, f"{process}: not enough groups"


def _below(value: float, warn: float, fail: float) -> Verdict:
    return Verdict.FAIL if value < fail else Verdict.WARN if value < warn else Verdict.PASS


def equivalents(campaign: Campaign) -> list[str]:
    """Realizations that differ from the nominal one in random numbers alone, wherever they begin."""

    def like_nominal(each: Augmentation) -> bool:
        return not each.settings and not each.tune and not each.detector and each.shower == "pythia8"

    return [
        name
        for name in campaign.realizations
        if name != NOMINAL and like_nominal(campaign.augmentation(name))
    ]


def fsr_pairs(campaign: Campaign) -> list[tuple[str, str]]:
    """Realizations with more and with less final-state radiation, whose scale factors are inverse."""
    factors = {
        name: float(settings.get(FSR_SCALE))
        for name in campaign.realizations
        if (settings := campaign.augmentation(name).settings).names == [FSR_SCALE]
    }
    return [
        (more, less)
        for more, low in factors.items()
        for less, high in factors.items()
        if low < 1 < high
        and math.isclose(low * high, 1, rel_tol=0.01)
        and campaign.augmentation(more).realizations.index(more)
        == campaign.augmentation(less).realizations.index(less)
    ]


_FSR = (
    "Of a pair of FSR scales, the lower one has the higher multiplicity: passes when it shifts up and the "
    f"other one down from nominal; fails when the order is reversed by more than {SIGMAS:g} standard errors. "
    "The shifts of N₂^{β=1} must not be on the same side: fails when both are on it by more than "
    f"{SIGMAS:g} standard errors. Warns in between. Paired within groups."
)


def radiation(source: Source, samples: Mapping[str, Sample]) -> Iterator[tuple[Verdict, str]]:
    """Compare the shifts of pairs of FSR scales."""
    for process, sample in samples.items():
        for pair in fsr_pairs(source.campaign):
            indices = [source.anchor, *(source.realizations.index(name) for name in pair)]
            together = sample.present[:, indices].all(axis=1)
            if np.count_nonzero(together) < ENOUGH:
                yield Verdict.NOT_CHECKED, f"{process}, {pair[0]} and {pair[1]}: not enough groups"
                continue
            for name, judge in (("multiplicity", _ordered), ("n2", _opposite)):
                anchor, more, less = sample.values[name][together][:, indices].T
                weight = sample.weight[together]
                shifts = [paired_shift(anchor, each, weight) for each in (more, less)]
                difference = paired_shift(less, more, weight)
                described = (*zip(pair, shifts, strict=True), ("difference", difference))
                texts = (f"{what} {mean:+.3g} ± {error:.2g}" for what, (mean, error) in described)
                title = "mean N₂^{β=1}" if name == "n2" else f"mean {name}"
                yield judge(shifts, difference), f"{process}, {title}: " + ", ".join(texts)


def _ordered(shifts: list[tuple[float, float]], difference: tuple[float, float]) -> Verdict:
    if difference[0] < -SIGMAS * difference[1]:
        return Verdict.FAIL
    return Verdict.PASS if shifts[0][0] > 0 > shifts[1][0] else Verdict.WARN


def _opposite(shifts: list[tuple[float, float]], difference: tuple[float, float]) -> Verdict:
    (more, more_error), (less, less_error) = shifts
    if more * less <= 0:
        return Verdict.PASS
    seen = abs(more) > SIGMAS * more_error and abs(less) > SIGMAS * less_error
    return Verdict.FAIL if seen else Verdict.WARN


_WEIGHTS = (
    "The sum of weights of a process is its cross-section × groups kept / hard events. Fails when it is "
    f"off by more than a relative {WEIGHT_PRECISION:g} and by more than {WEIGHT_SIGMAS:g} standard errors, "
    "the larger of those of the groups and of the events that were brought, 0 where all weights are equal. "
    "To the first is added what the digits of event files leave open: one unit in the last digit of their "
    "weights and of their cross-sections."
)


def weight_sums(source: Source, scan: Scan) -> Iterator[tuple[Verdict, str]]:
    """Compare the sums of weights with what the cross-sections demand."""
    for process, totals in source.metadata["totals"].items():
        survey, groups = survey_of(source, process), scan.groups(process)
        if survey is None or not groups:
            yield Verdict.NOT_CHECKED, f"{process}: " + ("no groups" if survey else "no hard/…/survey.json")
            continue
        expected = survey.cross_section * groups / totals["hard_events"]
        total = scan.weight[process]
        seen = math.sqrt(max(0.0, scan.weight_squared[process] - total**2 / groups))
        # a few groups may by chance have equal weights where the events do not
        with_target = max(1, totals["hard_events"] - totals["without_target"])
        correlated = groups * max(1.0, totals["targets"] / with_target)
        scatter = max(seen, survey.weight_deviation * math.sqrt(correlated) / totals["hard_events"])
        precision = WEIGHT_PRECISION + survey.printed_precision
        allowed = max(precision * abs(expected), WEIGHT_SIGMAS * scatter)
        right = abs(total - expected) <= allowed  # false also for NaN
        yield (
            Verdict.PASS if right else Verdict.FAIL,
            f"{process}: sum {total:.6g} pb, expected {expected:.6g} pb; "
            f"off by {abs(total - expected):.2g} pb, allowed {allowed:.2g} pb",
        )


def survey_of(source: Source, process: str) -> Survey | None:
    """Survey of a process, if it is there."""
    try:
        return read_survey(source.folder / "hard" / process / "survey.json")
    except DataError:
        return None


_KEPT = "Every process of the campaign has a group. Fails otherwise."


def kept_groups(source: Source, scan: Scan) -> Iterator[tuple[Verdict, str]]:
    """Find processes that were simulated for nothing."""
    for process, totals in source.metadata["totals"].items():
        groups = scan.groups(process)
        of = f"{totals['targets']} targets in {totals['hard_events']} hard events"
        yield Verdict.PASS if groups else Verdict.FAIL, f"{process}: {groups} groups of {of}"


_COUNTS = (
    "Groups and present members in the files are as many as the metadata say were kept. Fails otherwise."
)


def counts(source: Source, scan: Scan) -> Iterator[tuple[Verdict, str]]:
    """Compare the rows of the files with the counts of the metadata."""
    for process, totals in source.metadata["totals"].items():
        groups = scan.groups(process)
        kept = [source.metadata["counts"][process][name]["kept"] for name in source.realizations]
        equal = groups == totals["groups"] and kept == scan.present[process].tolist()
        yield (
            Verdict.PASS if equal else Verdict.FAIL,
            f"{process}: {groups} groups, {totals['groups']} in the metadata; present members "
            f"{scan.present[process].sum()}, {sum(kept)} in the metadata",
        )


_FINITE = (
    "No weight, no field of a present jet and none of its constituents is NaN or infinite. Fails otherwise."
)


def finite(scan: Scan, constituents: Constituents) -> Iterator[tuple[Verdict, str]]:
    """Count values that are no numbers."""
    for name, wrong in scan.not_finite.items():
        if wrong:
            yield Verdict.FAIL, f"{name}: {wrong} not finite"
    jets = sum(int(each.sum()) for each in scan.present.values())
    checked = f"{jets} jets and {constituents.values} constituents looked at"
    wrong = constituents.not_finite
    yield (Verdict.FAIL, f"constituents: {wrong} not finite") if wrong else (Verdict.PASS, checked)


_ANGLES = "φ of truth, daughters, jets and constituents, up to the rounding of π in float32. Fails otherwise."


def azimuths(scan: Scan, constituents: Constituents) -> Iterator[tuple[Verdict, str]]:
    """Count azimuths that were not wrapped."""
    wrong = scan.wide_angles + constituents.wide_angles
    yield Verdict.FAIL if wrong else Verdict.PASS, f"{wrong} outside"


_ALIGNED = (
    "Every present jet is within the distance of its target, and of its daughters, that the matching rule "
    "of the configuration allows: members of a group are the same object. Fails otherwise."
)


def aligned(source: Source, scan: Scan) -> Iterator[tuple[Verdict, str]]:
    """Count jets that are not near their target; the hardest jet of a whole event need not be."""
    if source.campaign.groups.whole_events:
        return
    for name, wrong in scan.unaligned.items():
        if wrong:
            yield Verdict.FAIL, f"{name}: {wrong} jets too far away"
    worst_found = f"largest distance: {scan.worst_alignment:.3f} of what is allowed"
    yield Verdict.FAIL if any(scan.unaligned.values()) else Verdict.PASS, worst_found


_SPLITS = "No hard event is in two splits and no target twice. Fails otherwise."


def disjoint(scan: Scan) -> Iterator[tuple[Verdict, str]]:
    """Count hard events in two splits, and targets that appear twice."""
    for process in sorted({name for name, _ in scan.identities}):
        parts = [np.concatenate(each) for (name, _), each in scan.identities.items() if name == process]
        events = np.concatenate([np.unique(part[:, 0]) for part in parts])
        shared = len(events) - len(np.unique(events))
        every = np.concatenate(parts)
        twice = len(every) - len(np.unique(every, axis=0))
        yield (
            Verdict.FAIL if shared or twice else Verdict.PASS,
            f"{process}: {shared} hard events in several splits, {twice} targets twice, of {len(every)}",
        )


_SEEDS = (
    "The stored seed of every member is the one that the campaign seed gives, and the members of a group "
    f"have different ones. Looks at {SEEDED_GROUPS} groups of a process. Fails otherwise."
)


def seeds(source: Source, samples: Mapping[str, Sample]) -> Iterator[tuple[Verdict, str]]:
    """Compute seeds again."""
    for process, sample in samples.items():
        stored = sample.seed[:SEEDED_GROUPS]
        hard_events = ((process, event) for event in sample.event[:SEEDED_GROUPS].tolist())
        expected = expected_seeds(source.campaign, hard_events, source.realizations)
        wrong = int(np.count_nonzero(stored != expected))
        alike = sum(len(set(row)) < len(row) for row in stored.tolist())
        yield (
            Verdict.FAIL if wrong or alike else Verdict.PASS,
            f"{process}: {wrong} of {stored.size} differ, {alike} groups with equal ones",
        )


_FAILED = (
    "Fraction of simulated targets whose event the shower program or the detector gave up, or that holds "
    "a particle or candidate that cannot be. "
    f"Warns above {FAILED_WARN:.0%}, fails above {FAILED_LIMIT:.0%}."
)


def failures(source: Source) -> Iterator[tuple[Verdict, str]]:
    """Compare the fraction of failed events with its limits."""
    for process, found in source.metadata["counts"].items():
        most = max((Acceptance.of(name, found[name]) for name in source.realizations), key=_failed_fraction)
        fraction = _failed_fraction(most)
        verdict = _below(-fraction, -FAILED_WARN, -FAILED_LIMIT)
        counts = f"{most.failed} of {most.simulated} ({fraction:.2%})"
        yield verdict, f"{process}: at most {counts}, {most.realization}"


def _failed_fraction(found: Acceptance) -> float:
    return found.failed / max(found.simulated, 1)
