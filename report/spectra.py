"""Histograms of all realizations with what the errors of their ratios need.

The members of a group come from one hard event, so the spectrum of a realization and that of the nominal
one fluctuate together. Groups are independent of each other: all errors are sums over groups.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hist import axis

from jetresim.campaign.arrays import Floats, Integers

__all__ = ["FLOW", "Spectrum"]


FLOW = 3
"""Bins beside the regular ones: underflow in front, overflow and undefined behind."""


@dataclass
class Spectrum:
    """Weighted entries of K realizations in B bins, and their second moments over groups.

    Attributes
    ----------
    edges : ndarray, shape (B + 1,)
    realizations : int
    anchor : int
        Index of the nominal realization.
    groups : ndarray of int64, shape (K,)
        Groups with at least one entry.
    entries : ndarray, shape (K, B + 3)
        Sum over groups of a, their weighted entries in a bin; underflow first, overflow and undefined last.
    moments : dict of str to ndarray, shape (K, B + 3)
        Sums over groups of products of a; b, the nominal's; A and B, the same summed over bins.
    """

    edges: Floats
    realizations: int
    anchor: int
    groups: Integers = field(init=False)
    entries: Floats = field(init=False)
    moments: dict[str, Floats] = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.realizations, len(self.edges) - 1 + FLOW)
        self.groups = np.zeros(self.realizations, np.int64)
        self.entries = np.zeros(shape)
        self.moments = {key: np.zeros(shape) for key in ("aa", "ab", "aA", "aB", "bA", "AA", "AB")}

    def as_data(self, names: Sequence[str]) -> dict[str, object]:
        """Edges, and weighted entries of each realization: underflow, bins, overflow, undefined."""
        entries = {name: values.tolist() for name, values in zip(names, self.entries, strict=True)}
        return {"edges": self.edges.tolist(), "entries": entries}

    def fill(self, group: Integers, realization: Integers, values: Floats, weights: Floats) -> None:
        """Add the entries of some groups, all entries of a group at once.

        Parameters
        ----------
        group, realization : ndarray of int64, shape (E,)
            Row of `weights` and index of the realization that an entry belongs to.
        values : ndarray, shape (E,)
        weights : ndarray, shape (N,)
            Weight of each group.
        """
        a = self._weighted(group, realization, values, weights)
        total = a.sum(axis=2, keepdims=True)
        b, anchor_total = a[:, [self.anchor]], total[:, [self.anchor]]
        # a weight of 0 is as good as no entry
        self.groups += np.count_nonzero(np.any(a != 0, axis=2), axis=0)
        self.entries += a.sum(axis=0)
        products = {
            "aa": a * a,
            "ab": a * b,
            "aA": a * total,
            "aB": a * anchor_total,
            "bA": b * total,
            "AA": total * total,
            "AB": total * anchor_total,
        }
        for key, product in products.items():
            self.moments[key] += product.sum(axis=0)

    def _weighted(self, group: Integers, realization: Integers, values: Floats, weights: Floats) -> Floats:
        """Weighted entries a, shape (N, K, B + 3)."""
        shape = (len(weights), *self.entries.shape)
        place = np.ravel_multi_index((group, realization, self._bins(values)), shape)
        counts = np.bincount(place, minlength=int(np.prod(shape))).reshape(shape)
        return counts * weights[:, None, None]

    def _bins(self, values: Floats) -> Integers:
        index = axis.Variable(self.edges).index(np.nan_to_num(values, nan=np.inf)) + 1
        return np.where(np.isnan(values), len(self.edges) + 1, index)

    @property
    def total(self) -> Floats:
        """Sum of weights of each realization, shape (K, 1)."""
        return self.entries.sum(axis=1, keepdims=True)

    @property
    def fractions(self) -> Floats:
        """Entries divided by their sum, shape (K, B + 3); NaN for a realization without any."""
        return _divide(self.entries, self.total)

    @property
    def fraction_errors(self) -> Floats:
        """Standard errors of `fractions`, from the scatter of groups."""
        part, m = self.fractions, self.moments
        variance = m["aa"] - 2 * part * m["aA"] + part**2 * m["AA"]
        return _divide(np.sqrt(np.maximum(variance, 0)), np.abs(self.total))

    @property
    def density(self) -> Floats:
        """Normalized spectra, shape (K, B), in units of one over the bins'; the flow counts in the norm."""
        return self.fractions[:, 1:-2] / np.diff(self.edges)

    @property
    def density_errors(self) -> Floats:
        """Standard errors of `density`."""
        return self.fraction_errors[:, 1:-2] / np.diff(self.edges)

    @property
    def ratios(self) -> Floats:
        """Normalized spectra over the nominal one, shape (K, B); NaN where that is empty."""
        return _divide(self.fractions, self.fractions[[self.anchor]])[:, 1:-2]

    @property
    def ratio_errors(self) -> Floats:
        """Standard errors of `ratios`, with the covariance between the members of a group.

        The ratio r of a/A and b/B has, to first order, dr/r = a/Σa − A/ΣA − b/Σb + B/ΣB for each group; the
        variance is the sum of its square over groups.
        """
        s, t = self.entries, self.total
        s0, t0 = s[[self.anchor]], t[[self.anchor]]
        m = self.moments
        m0 = {key: m[key][[self.anchor]] for key in ("aa", "aA", "AA")}
        variance = (
            _divide(m["aa"], s * s)
            + _divide(m["AA"], t * t)
            + _divide(m0["aa"], s0 * s0)
            + _divide(m0["AA"], t0 * t0)
            - 2 * _divide(m["aA"], s * t)
            - 2 * _divide(m["ab"], s * s0)
            + 2 * _divide(m["aB"], s * t0)
            + 2 * _divide(m["bA"], s0 * t)
            - 2 * _divide(m0["aA"], s0 * t0)
            - 2 * _divide(m["AB"], t * t0)
        )
        return np.abs(self.ratios) * np.sqrt(np.maximum(variance, 0))[:, 1:-2]


def _divide(upper: Floats, lower: Floats) -> Floats:
    upper, lower = np.broadcast_arrays(upper, lower)
    return np.divide(upper, lower, out=np.full(upper.shape, np.nan), where=lower != 0)
