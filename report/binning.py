"""Bins with round edges, chosen from the data."""

import numpy as np

from jetresim.campaign.arrays import Floats
from jetresim.report.observables import Observable

__all__ = ["bin_edges"]


QUANTILES = (0.005, 0.995)
"""Part of the nominal values that the bins cover; the rest is counted beside them."""

BINS = (8, 40)
"""Fewest and most bins, of what needs no finer ones."""

_FINEST = 1e-9
_LOWEST = 1e-6
"""Part of the upper end at which a logarithmic axis begins at the latest."""

_STEPS = np.array([1.0, 2.0, 2.5, 5.0, 10.0])
_DECADE = np.array([1.0, 1.25, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0])


def bin_edges(observable: Observable, values: Floats) -> Floats:
    """Choose bin edges.

    Parameters
    ----------
    observable : Observable
    values : ndarray
        Values to cover; those that are not finite do not count.

    Returns
    -------
    ndarray
        Edges, increasing, at least two. Steps are 1, 2, 2.5 or 5 times a power of ten; on a
        logarithmic axis the edges are Renard's numbers R10. On a ``peaked`` one 0 is in the middle of a bin.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return np.array([0.0, 1.0])
    wanted = observable.finer * int(np.clip(2 * np.cbrt(finite.size), *BINS))  # Rice's rule
    if observable.scale == "peaked":
        return _peaked_edges(np.abs(finite[finite != 0]), wanted)
    low, high = np.quantile(finite, QUANTILES)
    if observable.scale == "log" and low > 0:
        return _log_edges(max(low, high * _LOWEST), high)
    if observable.scale == "integer":
        step = max(1.0, round_step((high - low) / wanted))
        return _regular(low, high, 5.0 if step == 2.5 else step) - 0.5  # as many whole numbers in every bin
    # neighbouring edges must differ in floating point
    smallest = _FINEST * max(abs(low), abs(high)) if high > low else 0.0
    return _regular(low, high, round_step(max((high - low) / wanted, smallest)))


def round_step(step: float) -> float:
    """Smallest of 1, 2, 2.5 and 5 times a power of ten that is not below `step`; 1 for no step."""
    if step <= 0:
        return 1.0
    power = 10.0 ** np.floor(np.log10(step))
    return float(power * _STEPS[np.searchsorted(_STEPS, step / power * (1 - 1e-9))])


def _regular(low: float, high: float, step: float) -> Floats:
    first, last = np.floor(low / step + 1e-9), np.ceil(high / step - 1e-9)
    return np.arange(first, max(last, first + 1) + 1) * step


def _peaked_edges(sizes: Floats, wanted: int) -> Floats:
    reach = float(np.quantile(sizes, 2 * QUANTILES[1] - 1)) if sizes.size else 1.0
    step = round_step(2 * reach / wanted)
    last = np.ceil(reach / step) + 0.5
    return np.arange(-last, last + 1) * step


def _log_edges(low: float, high: float) -> Floats:
    decades = np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    edges = (10.0 ** decades[:, None] * _DECADE).ravel()
    first = np.searchsorted(edges, low * (1 + 1e-6), side="right") - 1
    last = np.searchsorted(edges, high, side="left")
    return edges[first : max(last, first + 1) + 1]
