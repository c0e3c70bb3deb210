"""Tasks that a representation of jets is scored on: separating labels, and being robust to the shower.

Jets are counted, without their weights: the tasks are about classifiers, not about cross-sections.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import rankdata

from jetresim.campaign.arrays import Booleans, Floats
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.errors import DataError
from jetresim.campaign.processes import LABELS
from jetresim.dataset.reader import open_groups
from jetresim.report.collect import ENOUGH
from jetresim.report.embedding import Embedded, Model, embed
from jetresim.report.statistics import REPLICAS, generator, partners, wasserstein

__all__ = [
    "EFFICIENCY",
    "area",
    "linear_probe",
    "outliers",
    "rejection",
    "score",
    "similarities",
    "squared_distance",
]

EFFICIENCY = 0.5
"""Signal efficiency at which the rejection of background is given."""

SMALLEST_VARIANCE = 1e-9
"""Variance, relative to the largest, below which a direction is taken not to vary."""


@dataclass(frozen=True, slots=True)
class Split:
    """A split that was embedded, and what is needed to score it."""

    jets: Embedded
    realizations: list[str]
    seed: int

    @property
    def anchor(self) -> int:
        """Index of the nominal realization."""
        return self.realizations.index(NOMINAL)

    def of(self, labels: Sequence[int], realization: int) -> Floats:
        """Vectors of the jets of some labels that are present."""
        wanted = np.isin(self.jets.label, labels) & self.jets.present[:, realization]
        return self.jets.vectors[wanted, realization]


def score(
    dataset: Path, model: Model, features: str | Sequence[str], constituents: int, name: str
) -> dict[str, Any]:
    """Score a model on all tasks.

    Probes are fitted on the nominal jets of the training split; all numbers are of the test split.

    Parameters
    ----------
    dataset : Path
        Folder with the splits.
    model : Model
    features, constituents
        What the model gets, see `embed`.
    name : str
        Of the model, for the result.

    Raises
    ------
    DataError
        There are no two labels with enough jets.
    """
    train, test = (_opened(dataset, split, model, features, constituents) for split in ("train", "test"))
    labels = [
        label
        for label in np.unique(train.jets.label).tolist()
        if min(len(each.of([label], each.anchor)) for each in (train, test)) >= ENOUGH
    ]
    if len(labels) < 2:
        raise DataError(f"{dataset}: needs two labels with at least {ENOUGH} nominal jets in train and test")
    return {
        "dataset": str(dataset),
        "model": name,
        "features": features,
        "constituents": constituents,
        "efficiency": EFFICIENCY,
        "pairs": [_pair(train, test, *each) for each in _pairs(labels)],
        "out_of_distribution": list(outliers(train, test, labels)),
        "similarity": list(similarities(train, test, labels)),
        "left_out": [label_named(each) for each in np.unique(test.jets.label).tolist() if each not in labels],
    }


def label_named(label: int) -> str:
    """The name of an RS3L jettype, or its number."""
    return LABELS.get(label, str(label))


def _opened(
    dataset: Path, split: str, model: Model, features: str | Sequence[str], constituents: int
) -> Split:
    groups = open_groups(dataset, split=split)
    seed = groups.metadata["campaign"]["seed"]
    return Split(embed(groups, model, features, constituents), groups.realizations, seed)


def _pairs(labels: Sequence[int]) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    """Background and signal: label by label, and each against all others where these are several."""
    yield from (([background], [signal]) for background, signal in combinations(labels, 2))
    if len(labels) > 2:
        yield from (([each for each in labels if each != signal], [signal]) for signal in labels)


def _named(labels: Sequence[int]) -> str:
    return " or ".join(map(label_named, labels))


def _pair(train: Split, test: Split, background: Sequence[int], signal: Sequence[int]) -> dict[str, Any]:
    parts = [train.of(label, train.anchor) for label in (background, signal)]
    probe = linear_probe(np.concatenate(parts), np.repeat([False, True], [len(each) for each in parts]))
    names = _named(signal), _named(background)
    rng = generator(test.seed, "tasks", *names)
    scores = [[probe(test.of(label, index)) for label in (signal, background)] for index in _members(test)]
    value, error = area(*scores[test.anchor], rng)
    return {
        "signal": names[0],
        "background": names[1],
        "jets": {split: [len(each.of(label, each.anchor)) for label in (signal, background)]
                 for split, each in (("train", train), ("test", test))},
        "auc": value,
        "auc_error": error,
        "realizations": {
            name: rejection(*pair, threshold=float(np.quantile(scores[test.anchor][0], 1 - EFFICIENCY)))
            for name, pair in zip(test.realizations, scores, strict=True)
            if min(map(len, pair)) >= ENOUGH
        },
        "wasserstein": {
            _named(labels): _distances(test, probe, labels, rng) for labels in (signal, background)
        },
    }  # fmt: skip


def _members(split: Split) -> range:
    return range(len(split.realizations))


def _distances(
    test: Split, probe: Callable[[Floats], Floats], labels: Sequence[int], rng: np.random.Generator
) -> dict[str, Any]:
    """Distance of the score of each realization from nominal, over groups with both."""
    found = {}
    scores = probe(test.jets.vectors[np.isin(test.jets.label, labels)])
    for index, name in enumerate(test.realizations):
        both = np.isfinite(scores[:, [test.anchor, index]]).all(axis=1)
        if index != test.anchor and np.count_nonzero(both) >= ENOUGH:
            pair = scores[both][:, [test.anchor, index]].T
            found[name] = asdict(wasserstein(*pair, np.ones(np.count_nonzero(both)), rng))
    return found


def linear_probe(vectors: Floats, signal: Booleans) -> Callable[[Floats], Floats]:
    """Fit a logistic regression of standardized vectors, with a penalty of |w|²/(2N).

    Parameters
    ----------
    vectors : ndarray, shape (N, D)
    signal : ndarray of bool, shape (N,)

    Returns
    -------
    callable
        Probability of signal of other vectors, shape (..., D); both classes count alike.
    """
    scaled = _standardized(vectors)
    x, count = scaled(vectors), len(signal)
    sign = np.where(signal, 1.0, -1.0)
    weight = np.where(signal, 0.5 / signal.sum(), 0.5 / (~signal).sum())

    def loss(w: Floats) -> tuple[float, Floats]:
        margin = sign * (x @ w[1:] + w[0])
        slope = -weight * sign * expit(-margin)
        gradient = np.append(slope.sum(), slope @ x + w[1:] / count)
        return float(weight @ np.logaddexp(0, -margin) + w[1:] @ w[1:] / (2 * count)), gradient

    w = minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
    return lambda others: expit(scaled(others) @ w[1:] + w[0])


def _standardized(vectors: Floats) -> Callable[[Floats], Floats]:
    mean, spread = vectors.mean(axis=0), vectors.std(axis=0)
    spread = np.where(spread > 0, spread, 1)
    return lambda others: (others - mean) / spread


def area(signal: Floats, background: Floats, rng: np.random.Generator) -> tuple[float, float]:
    """Area under the ROC curve, ties as one half, and the scatter of bootstrap samples of each class."""
    drawn = [
        _area(rng.choice(signal, len(signal)), rng.choice(background, len(background)))
        for _ in range(REPLICAS)
    ]
    return _area(signal, background), float(np.std(drawn, ddof=1))


def _area(signal: Floats, background: Floats) -> float:
    count = len(signal)
    ranks = rankdata(np.concatenate([signal, background]))[:count].sum()
    return float((ranks - count * (count + 1) / 2) / (count * len(background)))


def rejection(signal: Floats, background: Floats, threshold: float) -> dict[str, float | int | None]:
    """Jets of background for each one that passes, at `EFFICIENCY` of this realization's own signal.

    Parameters
    ----------
    signal, background : ndarray
        Scores.
    threshold : float
        The cut that gives this efficiency in the nominal realization; what it does here is given beside.

    Returns
    -------
    dict
        ``rejection`` and ``error`` (binomial), None where no background passes.
    """
    own = float(np.quantile(signal, 1 - EFFICIENCY))
    passing, total = int(np.count_nonzero(background >= own)), len(background)
    value = total / passing if passing else None
    return {
        "rejection": value,
        "error": value * np.sqrt((1 - passing / total) / passing) if passing else None,
        "background": total,
        "background_passing": passing,
        "signal_efficiency_at_nominal_cut": float(np.mean(signal >= threshold)),
        "background_efficiency_at_nominal_cut": float(np.mean(background >= threshold)),
    }


def outliers(train: Split, test: Split, labels: Sequence[int]) -> Iterator[dict[str, Any]]:
    """How well jets of each label are found by a score that is fitted to the other labels alone.

    The score is `squared_distance`, fitted to nominal jets of the training split. The model may have been
    trained on the label that is left out.
    """
    for label in labels:
        known = [other for other in labels if other != label]
        distance = squared_distance([train.of([other], train.anchor) for other in known])
        rng = generator(test.seed, "tasks", "outliers", label_named(label))
        areas = {}
        for index, name in enumerate(test.realizations):
            found, expected = test.of([label], index), test.of(known, index)
            if min(len(found), len(expected)) >= ENOUGH:
                value, error = area(distance(found), distance(expected), rng)
                areas[name] = {"auc": value, "auc_error": error, "jets": [len(found), len(expected)]}
        yield {
            "label": label_named(label),
            "known": [label_named(other) for other in known],
            "realizations": areas,
        }


def squared_distance(classes: Sequence[Floats]) -> Callable[[Floats], Floats]:
    """Squared Mahalanobis distance to the nearest class (K. Lee et al., arXiv:1807.03888).

    Parameters
    ----------
    classes : sequence of ndarray, shape (N, D)
        Vectors of each class; their covariance within the classes is the same for all. Directions in which
        none of them varies do not count.

    Returns
    -------
    callable
        Distances (M,) of other vectors, shape (M, D).
    """
    scaled = _standardized(np.concatenate(classes))
    vectors = [scaled(each) for each in classes]
    within = np.concatenate([each - each.mean(axis=0) for each in vectors])
    inverse = np.linalg.pinv(within.T @ within / len(within), rcond=SMALLEST_VARIANCE, hermitian=True)

    def distance(others: Floats) -> Floats:
        apart = [scaled(others) - each.mean(axis=0) for each in vectors]
        return np.min([np.einsum("nd,de,ne->n", each, inverse, each) for each in apart], axis=0)

    return distance


def similarities(train: Split, test: Split, labels: Sequence[int]) -> Iterator[dict[str, Any]]:
    """Mean cosine similarity of anchors with their own members and with anchors of other groups, by label.

    Vectors are standardized with the nominal jets of the training split.
    """
    known = np.isin(train.jets.label, labels) & train.jets.present[:, train.anchor]
    scaled = _standardized(train.jets.vectors[known, train.anchor])
    for label in labels:
        vectors = scaled(test.jets.vectors[test.jets.label == label])
        vectors = vectors[np.isfinite(vectors[:, test.anchor, 0])]
        anchor = vectors[:, test.anchor]
        other = anchor[partners(len(anchor), generator(test.seed, "tasks", "partners", str(label)))]
        members = {
            name: _cosine(anchor, vectors[:, index])
            for index, name in enumerate(test.realizations)
            if index != test.anchor and np.isfinite(vectors[:, index, 0]).any()
        }
        yield {"label": label_named(label), "same_group": members, "other_group": _cosine(anchor, other)}


def _cosine(left: Floats, right: Floats) -> dict[str, float]:
    """Mean and its standard error, over rows with both."""
    both = np.isfinite(left[:, 0]) & np.isfinite(right[:, 0])
    left, right = left[both], right[both]
    norm = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    found = np.sum(left * right, axis=1) / np.where(norm > 0, norm, 1)
    error = float(np.std(found, ddof=1) / np.sqrt(len(found))) if len(found) > 1 else None
    return {"mean": float(found.mean()), "error": error}
