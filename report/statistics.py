"""Distances, tests and similarities of realizations of the same hard events.

The nominal member of a group and another one are correlated, so that tests for independent samples do not
apply. If the two have the same distribution, exchanging them within a group changes nothing: swapping
at random gives the distribution of any statistic under that hypothesis.
"""

from dataclasses import dataclass

import numpy as np

from jetresim.campaign.arrays import Floats, Integers
from jetresim.campaign.seeds import stable_hash

__all__ = [
    "REPLICAS",
    "Distance",
    "correlations",
    "generator",
    "paired_shift",
    "partners",
    "relative_difference",
    "swap_test",
    "wasserstein",
]


REPLICAS = 200
"""Bootstrap samples and, for the statistical floor, random swaps."""

CUTS = np.linspace(0.05, 0.95, 19)
"""Quantiles at which the distributions are compared."""

_EXCEEDANCES = 20
_SWAPS_AT_ONCE = 100
_ELEMENTS_AT_ONCE = 2**22


def generator(seed: int, *purpose: str) -> np.random.Generator:
    """Random numbers for one purpose of a campaign's report."""
    return np.random.Generator(np.random.PCG64(stable_hash(seed, "report", *purpose)))


@dataclass(frozen=True, slots=True)
class Distance:
    """Wasserstein distance of a realization from the nominal one.

    Attributes
    ----------
    value, error : float
        In units of the observable; the error is the standard deviation of bootstrap samples of groups.
    floor : float
        What statistical fluctuations alone exceed in 5% of the cases: the 95% quantile when the two
        members are swapped at random.
    groups : int
        Groups with both members.
    """

    value: float
    error: float
    floor: float
    groups: int


def wasserstein(nominal: Floats, other: Floats, weights: Floats, rng: np.random.Generator) -> Distance:
    """Compare two members of the same groups.

    Parameters
    ----------
    nominal, other, weights : ndarray, shape (N,)
        Rows in which a value is not finite are left out.
    rng : np.random.Generator

    Returns
    -------
    Distance
    """
    both = np.isfinite(nominal) & np.isfinite(other)
    nominal, other, weights = nominal[both], other[both], weights[both]
    count = len(weights)
    value = float(distances(nominal, other, weights[None], weights.sum(keepdims=True))[0])
    picked = rng.multinomial(count, np.full(count, 1 / count), size=REPLICAS) * weights
    swapped = rng.choice((-1.0, 1.0), size=(REPLICAS, count)) * weights
    resampled = distances(nominal, other, picked, picked.sum(axis=1))
    floor = distances(nominal, other, swapped, np.full(REPLICAS, weights.sum()))
    return Distance(value, float(np.std(resampled, ddof=1)), float(np.quantile(floor, 0.95)), count)


def distances(a: Floats, b: Floats, weights: Floats, totals: Floats) -> Floats:
    """First Wasserstein distance, ∫|F_a − F_b|, for R choices of the weights of the groups.

    Parameters
    ----------
    a, b : ndarray, shape (N,)
    weights : ndarray, shape (R, N)
        Weights of the groups in F_a − F_b; a negative one swaps the two members.
    totals : ndarray, shape (R,)
        What the weights are divided by.
    """
    order = np.argsort(np.concatenate([a, b]), kind="stable")
    gaps = np.diff(np.concatenate([a, b])[order])
    group, sign = order % len(a), np.where(order < len(a), 1.0, -1.0)
    step = max(1, _ELEMENTS_AT_ONCE // len(order))
    areas = [
        np.abs(np.cumsum(part[:, group] * sign, axis=1)[:, :-1]) @ gaps
        for part in (weights[first : first + step] for first in range(0, len(weights), step))
    ]
    return np.concatenate(areas) / totals


def swap_test(nominal: Floats, other: Floats, weights: Floats, most: int, rng: np.random.Generator) -> float:
    """Probability to find distributions as different as these, or more, if they were the same.

    The statistic is the largest standardized difference of the two cumulative distributions, over quantiles
    `CUTS` of all observables: one test for all of them, as strict as their correlation allows.
    Sampling ends at the twentieth exceedance, which gives an exact p-value too (Besag and Clifford,
    Biometrika 78 (1991) 301).

    Parameters
    ----------
    nominal, other : ndarray, shape (N, O)
        Values of O observables, NaN where one is not defined.
    weights : ndarray, shape (N,)
    most : int
        Most swaps to try.
    rng : np.random.Generator

    Returns
    -------
    float
        p-value; never below 1 / (`most` + 1).
    """
    difference = _cumulative_difference(nominal, other, weights)
    scale = np.sqrt(np.sum(difference**2, axis=0))
    standardized = (difference / np.where(scale > 0, scale, 1)).astype(np.float32)
    # compared with itself in the same arithmetic, for rounding must not decide between equals
    observed = float(np.abs(np.ones(len(weights), np.float32) @ standardized).max()) * (1 - 1e-5)
    tried = exceeding = 0
    while tried < most:
        signs = rng.choice(np.array([-1, 1], np.float32), size=(_SWAPS_AT_ONCE, len(weights)))
        hits = np.flatnonzero(np.abs(signs @ standardized).max(axis=1) >= observed)
        if exceeding + len(hits) >= _EXCEEDANCES:
            return _EXCEEDANCES / (tried + int(hits[_EXCEEDANCES - exceeding - 1]) + 1)
        exceeding, tried = exceeding + len(hits), tried + _SWAPS_AT_ONCE
    return (exceeding + 1) / (tried + 1)


def _cumulative_difference(nominal: Floats, other: Floats, weights: Floats) -> Floats:
    """What each group adds to the difference of the cumulative distributions, shape (N, cuts)."""
    columns = []
    for a, b in zip(nominal.T, other.T, strict=True):
        both = np.isfinite(a) & np.isfinite(b)
        if not both.any():
            continue
        cuts = np.unique(np.quantile(np.concatenate([a[both], b[both]]), CUTS))
        below = [np.where(both[:, None], x[:, None] <= cuts, False).astype(np.float64) for x in (a, b)]
        columns.append((below[0] - below[1]) * weights[:, None])
    return np.hstack(columns) if columns else np.zeros((len(weights), 1))


def paired_shift(nominal: Floats, other: Floats, weights: Floats) -> tuple[float, float]:
    """Weighted mean of other − nominal over groups with both, and its standard error."""
    both = np.isfinite(nominal) & np.isfinite(other)
    shift, weights = (other - nominal)[both], weights[both]
    mean = float(np.sum(weights * shift) / weights.sum())
    return mean, float(np.sqrt(np.sum((weights * (shift - mean)) ** 2)) / abs(weights.sum()))


def correlations(left: Floats, right: Floats) -> Floats:
    """Pearson correlation of every column of `left` with every one of `right`, rows with both only.

    Parameters
    ----------
    left, right : ndarray, shape (N, K)

    Returns
    -------
    ndarray, shape (K, K)
        NaN where fewer than three rows have both or one of them is constant.
    """
    return np.array([[_correlation(x, y) for y in right.T] for x in left.T])


def _correlation(x: Floats, y: Floats) -> float:
    both = np.isfinite(x) & np.isfinite(y)
    x, y = x[both], y[both]
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return np.nan
    return float(np.corrcoef(x, y)[0, 1])


def partners(count: int, rng: np.random.Generator) -> Integers:
    """Another row for each of `count` rows, at random: no row is its own partner if there are two."""
    cycle = rng.permutation(count)
    other = np.empty(count, np.int64)
    other[cycle] = np.roll(cycle, -1)
    return other


def relative_difference(anchor: Floats, other: Floats, stranger: Floats) -> float:
    """Mean |difference| to the anchor of its own group over that to another group's.

    0 for identical members, 1 for members that have no more in common than two groups have.
    """
    own, foreign = np.abs(other - anchor), np.abs(stranger - anchor)
    with np.errstate(invalid="ignore"):
        scale = np.nanmean(foreign) if np.isfinite(foreign).any() else np.nan
        return float(np.nanmean(own) / scale) if np.isfinite(own).any() and scale > 0 else np.nan
