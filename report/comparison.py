"""Whether two campaigns have the same distributions, process by process and realization by realization."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import kstwo

from jetresim.campaign.arrays import Floats
from jetresim.campaign.errors import DataError
from jetresim.campaign.provenance import flat_keys
from jetresim.report.collect import DISTANCE_SAMPLE, ENOUGH, Sample, jet_samples
from jetresim.report.observables import JET_OBSERVABLES, Observable
from jetresim.report.reading import Source, open_source
from jetresim.report.statistics import REPLICAS, generator

__all__ = [
    "LEVEL",
    "Compared",
    "Comparison",
    "Likeness",
    "Values",
    "compare",
    "cumulative_difference",
    "kolmogorov_smirnov",
]

LEVEL = 0.01
"""Probability to call any distribution of two equal campaigns different."""


class Likeness(StrEnum):
    """How two distributions, or campaigns, compare."""

    IDENTICAL = "identical"
    COMPATIBLE = "compatible"
    DIFFERS = "differs"
    NOT_COMPARED = "not compared"


@dataclass(frozen=True, slots=True)
class Values:
    """One observable of one realization in a campaign.

    Attributes
    ----------
    values, weights : ndarray, shape (N,)
        Of the groups in which it is defined.
    """

    values: Floats
    weights: Floats

    @property
    def effective(self) -> float:
        """Number of events of equal weight with the same statistical power (Kish)."""
        return float(self.weights.sum() ** 2 / np.sum(self.weights**2))


@dataclass(frozen=True, slots=True)
class Compared:
    """One observable of one realization of a process in both campaigns.

    Attributes
    ----------
    process, realization, observable : str
    groups : tuple of int
        Groups in which it is defined, of either campaign.
    likeness : Likeness
    statistic : float
        Of Kolmogorov and Smirnov; NaN where it was not computed, as all that follows.
    p_value : float
        Times the number of tests (Bonferroni), at most 1.
    distance, error : float
        First Wasserstein distance in units of the observable, and the standard deviation of its bootstrap.
    """

    process: str
    realization: str
    observable: str
    groups: tuple[int, int]
    likeness: Likeness
    statistic: float = np.nan
    p_value: float = np.nan
    distance: float = np.nan
    error: float = np.nan


@dataclass(frozen=True)
class Comparison:
    """Two campaigns and what they have in common.

    Attributes
    ----------
    sources : tuple of Source
    samples : tuple of dict
        Process to its first groups, of either campaign.
    compared : list of Compared
    """

    sources: tuple[Source, Source]
    samples: tuple[dict[str, Sample], dict[str, Sample]]
    compared: list[Compared]

    @property
    def names(self) -> list[str]:
        """What the two are called."""
        return [f"{letter}: {each.campaign.name}" for letter, each in zip("AB", self.sources, strict=True)]

    @property
    def lacking(self) -> list[str]:
        """Processes and realizations that only one of them has, one line each."""
        return [
            f"only {name} has the {kind} {each}"
            for kind in ("process", "realization")
            for name, mine, other in zip(self.names, self.sources, self.sources[::-1], strict=True)
            for each in _parts(mine, kind)
            if each not in _parts(other, kind)
        ]

    @property
    def tests(self) -> int:
        """Tests that were made, by which p-values are multiplied."""
        return sum(math.isfinite(each.p_value) for each in self.compared)

    @property
    def likeness(self) -> Likeness:
        """The verdict: of a pair that differs, else identical only where everything is."""
        found = {each.likeness for each in self.compared}
        if Likeness.DIFFERS in found:
            return Likeness.DIFFERS
        if found == {Likeness.NOT_COMPARED}:
            return Likeness.NOT_COMPARED
        whole = found == {Likeness.IDENTICAL} and not self.lacking
        return Likeness.IDENTICAL if whole else Likeness.COMPATIBLE

    @property
    def differences(self) -> list[tuple[str, Any, Any]]:
        """Keys of the configuration and versions that differ, with both values; None where there is none."""
        a, b = (
            dict(flat_keys({key: each.metadata[key] for key in ("campaign", "versions")}))
            for each in self.sources
        )
        return [(key, a.get(key), b.get(key)) for key in {**a, **b} if a.get(key) != b.get(key)]

    def values(self, process: str, realization: str, observable: Observable) -> tuple[Values, Values]:
        """One observable in both campaigns."""
        a, b = (
            _values(source, sample[process], realization, observable.name)
            for source, sample in zip(self.sources, self.samples, strict=True)
        )
        return a, b


def compare(first: Path, second: Path) -> Comparison:
    """Compare the jets of two campaigns, in the first groups of each process.

    Parameters
    ----------
    first, second : Path
        Folders of campaigns.

    Raises
    ------
    DataError
        One has no dataset that can be read, or they have no process in common.
    """
    sources = open_source(first), open_source(second)
    if not set(sources[0].campaign.processes) & set(sources[1].campaign.processes):
        raise DataError(f"{second}: has no process of {first}; expected two with at least one in common")
    found = Comparison(sources, (jet_samples(sources[0]), jet_samples(sources[1])), [])
    single = list(_compared(found))
    tests = sum(math.isfinite(each.p_value) for each in single)
    return replace(found, compared=[_judged(each, tests) for each in single])


def _parts(source: Source, kind: str) -> list[str]:
    return list(source.campaign.processes) if kind == "process" else source.realizations


def _compared(found: Comparison) -> Iterator[Compared]:
    a, b = found.sources
    for process in (each for each in a.campaign.processes if each in b.campaign.processes):
        for realization in (each for each in a.realizations if each in b.realizations):
            same = _identical(found, process, realization)
            for observable in JET_OBSERVABLES:
                yield _compared_values(found, process, realization, observable, same)


def _identical(found: Comparison, process: str, realization: str) -> bool:
    """Whether the same groups hold the same jets, bit by bit."""
    columns = []
    for source, samples in zip(found.sources, found.samples, strict=True):
        sample, index = samples[process], source.realizations.index(realization)
        jets = [sample.values[each.name][:, index] for each in JET_OBSERVABLES]
        columns.append([sample.event, sample.target, sample.weight, sample.seed[:, index], *jets])
    return all(np.array_equal(x, y, equal_nan=True) for x, y in zip(*columns, strict=True))


def _values(source: Source, sample: Sample, realization: str, observable: str) -> Values:
    values = sample.values[observable][:, source.realizations.index(realization)]
    defined = np.isfinite(values)
    return Values(values[defined], sample.weight[defined])


def _compared_values(
    found: Comparison, process: str, realization: str, observable: Observable, same: bool
) -> Compared:
    """Compare one observable; the p-value is not yet corrected for the number of tests."""
    a, b = found.values(process, realization, observable)
    groups = len(a.values), len(b.values)
    names = process, realization, observable.name
    if same:
        return Compared(*names, groups, Likeness.IDENTICAL, distance=0.0, error=0.0)
    if min(groups) < ENOUGH or not min(a.effective, b.effective) > 0:
        return Compared(*names, groups, Likeness.NOT_COMPARED)
    statistic, p_value = kolmogorov_smirnov(a, b)
    rng = generator(found.sources[0].campaign.seed, "compare", *names)
    distance, error = _distance(a, b, rng)
    return Compared(*names, groups, Likeness.COMPATIBLE, statistic, p_value, distance, error)


def _judged(each: Compared, tests: int) -> Compared:
    if not math.isfinite(each.p_value):
        return each
    p_value = min(1.0, each.p_value * tests)
    return replace(
        each, p_value=p_value, likeness=Likeness.DIFFERS if p_value < LEVEL else Likeness.COMPATIBLE
    )


def cumulative_difference(a: Values, b: Values, weights: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Difference of two cumulative distributions, for R choices of the weights.

    Parameters
    ----------
    a, b : Values
        Of N and M groups.
    weights : two ndarrays, shape (R, N) and (R, M)

    Returns
    -------
    difference : ndarray, shape (R, N + M - 1)
        F_a − F_b behind each value but the last, in increasing order.
    gaps : ndarray, shape (N + M - 1,)
        To the next value; 0 where several are equal, and F is not yet complete.
    """
    values = np.concatenate([a.values, b.values])
    order = np.argsort(values, kind="stable")
    parts = [each / each.sum(axis=1, keepdims=True) for each in weights]
    steps = np.concatenate([parts[0], -parts[1]], axis=1)[:, order]
    return np.cumsum(steps, axis=1)[:, :-1], np.diff(values[order])


def kolmogorov_smirnov(a: Values, b: Values) -> tuple[float, float]:
    """Two-sample test with weights.

    The p-value is that of `scipy.stats.ks_2samp` with ``method="asymp"``, with the effective numbers of
    events (Σw)²/Σw² in place of their numbers.

    Returns
    -------
    statistic, p_value : float
    """
    difference, gaps = cumulative_difference(a, b, (a.weights[None], b.weights[None]))
    statistic = float(np.abs(difference[0, gaps > 0]).max(initial=0))
    count = a.effective * b.effective / (a.effective + b.effective)
    return statistic, float(np.clip(kstwo.sf(statistic, max(1, round(count))), 0, 1))


def _distance(a: Values, b: Values, rng: np.random.Generator) -> tuple[float, float]:
    """First Wasserstein distance, and the scatter of bootstrap samples of the first groups."""
    difference, gaps = cumulative_difference(a, b, (a.weights[None], b.weights[None]))
    parts = [Values(each.values[:DISTANCE_SAMPLE], each.weights[:DISTANCE_SAMPLE]) for each in (a, b)]
    picked = []
    for part in parts:
        count = len(part.weights)
        picked.append(rng.multinomial(count, np.full(count, 1 / count), size=REPLICAS) * part.weights)
    resampled, widths = cumulative_difference(*parts, picked)
    fewer = max(1.0, (len(a.values) + len(b.values)) / sum(len(part.values) for part in parts))
    error = np.std(np.abs(resampled) @ widths, ddof=1) / np.sqrt(fewer)
    return float(np.abs(difference[0]) @ gaps), float(error)
