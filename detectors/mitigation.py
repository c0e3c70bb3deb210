"""Pile-up mitigation on the candidates of events: what is left out, and what is scaled.

Charged candidates are told apart by dz. SoftKiller is that of M. Cacciari, G. Salam and G. Soyez
(arXiv:1407.0408), PUPPI that of D. Bertolini, P. Harris, M. Low and N. Tran (JHEP 10 (2014) 059).
"""

import awkward as ak
import numpy as np
from scipy.spatial import cKDTree
from scipy.special import erf

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.pileup import PileUp
from jetresim.detectors.columns import Columns, from_columns, select, to_columns

__all__ = ["hardest_of_cells", "mitigated", "puppi_weights", "soft_cut"]

_ASSOCIATED_DZ = 1.0
"""Distance to the hard vertex [mm] that PUPPI takes charged candidates with, where none are subtracted."""

_KILLER_CELLS = 16
"""Cells of SoftKiller in azimuth and in |eta| < 3.2: squares of 0.4."""
_KILLER_ETA_MAX = 3.2

_R_MIN, _R_MAX, _WEIGHT_MIN, _CENTRAL = 0.02, 0.3, 0.1, 2.5
"""PUPPI's cone, least weight, and |eta| up to which tracks tell vertices apart."""
_PT_MIN = {True: (0.1, 0.007), False: (0.5, 0.011)}
"""Least weighted pT [GeV] of a neutral candidate and its growth with each interaction; True: central. The
values vary between implementations: another one has 0.2 GeV where tracks do not reach."""

_APART = 100.0
"""Distance between events in the tree of neighbours, more than any two candidates have."""


def mitigated(candidates: ak.Array, vertex_z: Floats, options: PileUp, pt_min: float) -> ak.Array:
    """Candidates after mitigation, those below `pt_min` left out.

    Parameters
    ----------
    candidates : ak.Array, N * var * record
        With a field `pileup`; None where the detector failed.
    vertex_z : ndarray of float64, shape (N,)
        Where the hard interaction took place along the beam [mm].
    options : PileUp
    pt_min : float
        Candidates below it are not clustered [GeV].
    """
    failed = ak.to_numpy(ak.is_none(candidates))
    columns, counts = to_columns(candidates)
    row = np.repeat(np.arange(len(counts)), counts)
    limit = options.charged_subtraction or _ASSOCIATED_DZ
    charged = columns["charge"] != 0
    other = charged & (np.abs(columns["dz"] - vertex_z[row]) > limit)
    if "puppi" in options.fields:
        columns["puppi"] = puppi_weights(columns, counts, other, options.mean)
    keep = np.ones(len(row), dtype=np.bool_) if options.charged_subtraction is None else ~other
    if options.mitigation == "softkiller":
        killed = keep if options.charged_subtraction is None else ~charged
        cut = soft_cut(*select(columns, counts, killed))
        keep &= ~killed | (_pt(columns) > cut[row])
    if options.mitigation == "puppi":
        for name in ("px", "py", "pz", "energy"):
            columns[name] = columns[name] * columns["puppi"]
    columns, counts = select(columns, counts, keep & (_pt(columns) > pt_min))
    left = from_columns(columns, counts)
    return ak.mask(left, ~failed) if failed.any() else left


def soft_cut(columns: Columns, counts: Integers) -> Floats:
    """SoftKiller's pT [GeV] below which candidates are left out, shape (N,): it empties half of the cells."""
    return np.median(hardest_of_cells(columns, counts), axis=1)


def hardest_of_cells(columns: Columns, counts: Integers) -> Floats:
    """Highest pT [GeV] in each cell of SoftKiller's grid, shape (N, cells)."""
    eta, phi = _directions(columns)
    inside = np.flatnonzero(np.abs(eta) < _KILLER_ETA_MAX)
    row = np.repeat(np.arange(len(counts)), counts)[inside]
    ring = ((eta[inside] / _KILLER_ETA_MAX + 1) * _KILLER_CELLS / 2).astype(np.int64)
    turn = ((phi[inside] / np.pi + 1) * _KILLER_CELLS / 2).astype(np.int64) % _KILLER_CELLS
    hardest = np.zeros((len(counts), _KILLER_CELLS**2))
    np.maximum.at(hardest, (row, ring * _KILLER_CELLS + turn), _pt(columns)[inside])
    return hardest


def puppi_weights(columns: Columns, counts: Integers, other: Booleans, mean: float) -> Floats:
    """PUPPI weight of each candidate.

    Parameters
    ----------
    columns, counts
        Candidates of N events, see `detectors.columns.to_columns`.
    other : ndarray of bool, shape (C,)
        Charged candidates of other vertices than the hard one.
    mean : float
        Mean number of further interactions.

    Returns
    -------
    ndarray of float64, shape (C,)
        1 for charged candidates of the hard vertex, 0 for those of others.
    """
    charged, (eta, _), pt = columns["charge"] != 0, _directions(columns), _pt(columns)
    central = np.abs(eta) < _CENTRAL
    row = np.repeat(np.arange(len(counts)), counts)
    weight = (charged & ~other).astype(np.float64)
    for here, near in ((central, charged & ~other), (~central, np.ones(len(pt), dtype=np.bool_))):
        like_pileup = np.flatnonzero(other & central)
        neutral = np.flatnonzero(here & ~charged)
        shape = _local_shape(columns, row, np.concatenate([like_pileup, neutral]), np.flatnonzero(near))
        known, found = shape[: len(like_pileup)], shape[len(like_pileup) :]
        median, rms = _median_and_rms(known, row[like_pileup], len(counts))
        weight[neutral] = _probability(found, median[row[neutral]], rms[row[neutral]])
    offset, growth = (np.where(central, *pair) for pair in zip(_PT_MIN[True], _PT_MIN[False], strict=True))
    lost = ~charged & ((weight < _WEIGHT_MIN) | (weight * pt < offset + growth * mean))
    return np.where(lost, 0.0, weight)


def _local_shape(columns: Columns, row: Integers, of: Integers, near: Integers) -> Floats:
    """PUPPI's alpha: log of the sum of pT / Delta R over candidates nearby; minus infinity without any."""
    eta, phi = _directions(columns)
    points = np.column_stack([eta + _APART * row, phi + np.pi])
    # The tree rounds with its place in the batch, so it only proposes; what counts is the distance below.
    trees = [cKDTree(points[chosen], boxsize=(0.0, 2 * np.pi * (1 + 1e-12))) for chosen in (of, near)]
    pairs = trees[0].sparse_distance_matrix(trees[1], _R_MAX * 1.001, output_type="ndarray")
    order = np.lexsort((pairs["j"], pairs["i"]))
    first, second = pairs["i"][order], near[pairs["j"][order]]
    turn = np.abs(phi[of[first]] - phi[second])
    distance = np.hypot(eta[of[first]] - eta[second], np.minimum(turn, 2 * np.pi - turn))
    close = (distance > _R_MIN) & (distance < _R_MAX)
    summed = np.bincount(first[close], _pt(columns)[second[close]] / distance[close], len(of))
    with np.errstate(divide="ignore"):
        return np.log(summed)


def _probability(shape: Floats, median: Floats, rms: Floats) -> Floats:
    """Cumulative chi-square, of one degree of freedom, of the distance of alpha above that of pile-up."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.maximum(shape - median, 0.0) / rms
    return np.where(np.isfinite(shape), erf(np.nan_to_num(distance, posinf=np.inf) / np.sqrt(2)), 0.0)


def _median_and_rms(values: Floats, row: Integers, events: int) -> tuple[Floats, Floats]:
    """Of the finite values of each event; those of an event without any let everything pass."""
    finite = np.isfinite(values)
    values, row = values[finite], row[finite]
    counts = np.bincount(row, minlength=events)
    ordered = values[np.lexsort((values, row))]
    first = np.cumsum(counts) - counts
    median = np.full(events, -np.inf)
    there = counts > 0
    low, high = first + (counts - 1) // 2, first + counts // 2
    median[there] = 0.5 * (ordered[low[there]] + ordered[high[there]])
    variance = np.bincount(row, (values - median[row]) ** 2, events)
    return median, np.sqrt(np.divide(variance, counts, out=np.ones(events), where=there))


def _directions(columns: Columns) -> tuple[Floats, Floats]:
    pt = _pt(columns)
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = np.arcsinh(columns["pz"] / pt)
    return np.clip(np.nan_to_num(eta), -10, 10), np.arctan2(columns["py"], columns["px"])


def _pt(columns: Columns) -> Floats:
    return np.hypot(columns["px"], columns["py"])
