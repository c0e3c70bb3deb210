"""Which members of a group are the views that a network sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import unknown
from jetresim.campaign.errors import ConfigError
from jetresim.dataset.reader import Groups

__all__ = ["AllViews", "Chooser", "Pairs"]

ANY = "any"
"""Anchor: any member that is present."""


class Chooser(Protocol):
    """Chooses V views of each group."""

    def usable(self, present: Booleans) -> Booleans:
        """Groups that have the views, shape (N,), by the members that are present, (N, K)."""

    def choose(self, present: Booleans, random: Floats) -> Integers:
        """Places of the views among the K members, shape (N, V), from random numbers, (N, 2)."""


@dataclass(frozen=True, slots=True)
class AllViews:
    """All K realizations of a group, in the order of the metadata; absent ones are masked."""

    def chooser(self, groups: Groups) -> Chooser:
        """Bind to the realizations of some groups."""
        return _All()


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two different members of a group that are both present: an anchor and a positive.

    Groups without such a pair are left out, and counted.

    Attributes
    ----------
    anchor : str
        Name of a realization, ``nominal`` by default, or ``any``: drawn uniformly among the members that
        are present and leave a positive.
    positives : mapping of str to float, optional
        Weight of each augmentation, shared equally by its replicas, or of one realization. The positive is
        drawn with these weights among the present members beside the anchor; what is not named is never
        drawn. By default all realizations have the same weight.
    """

    anchor: str = NOMINAL
    positives: Mapping[str, float] | None = None

    def chooser(self, groups: Groups) -> Chooser:
        """Bind to the realizations of some groups.

        Raises
        ------
        ConfigError
            There is no such realization or augmentation, a weight is negative, or there is nothing to draw.
        """
        names = groups.realizations
        if self.anchor not in (ANY, *names):
            raise ConfigError("anchor: " + unknown("realization", self.anchor, [*names, ANY]))
        anchors = np.array([self.anchor in (ANY, name) for name in names])
        weights = _weights(self.positives, names, _augmentations(groups.metadata))
        chooser = _Drawn(anchors, weights)
        if not chooser.usable(np.ones((1, len(names)), bool))[0]:
            raise ConfigError("positives: no realization beside the anchor has a weight above 0")
        return chooser


class _All:
    def usable(self, present: Booleans) -> Booleans:
        return present.any(axis=1)

    def choose(self, present: Booleans, random: Floats) -> Integers:
        return np.broadcast_to(np.arange(present.shape[1]), present.shape)


@dataclass(frozen=True, slots=True)
class _Drawn:
    """Anchors (K,) that are allowed and weights (K,) of positives."""

    anchors: Booleans
    weights: Floats

    def usable(self, present: Booleans) -> Booleans:
        return self._anchors(present).any(axis=1)

    def choose(self, present: Booleans, random: Floats) -> Integers:
        anchor = _pick(self._anchors(present).astype(float), random[:, 0])
        others = np.where(present, self.weights, 0)
        others[np.arange(len(others)), anchor] = 0
        return np.stack([anchor, _pick(others, random[:, 1])], axis=1)

    def _anchors(self, present: Booleans) -> Booleans:
        """Members that can be the anchor: there is a positive beside them."""
        candidates = present & (self.weights > 0)
        return present & self.anchors & (candidates.sum(axis=1, keepdims=True) > candidates)


def _pick(weights: Floats, random: Floats) -> Integers:
    """Draw a column of each row with given weights."""
    steps = np.cumsum(weights, axis=1)
    total = steps[:, -1]
    # the product may round up to the total, beyond the last step
    target = np.minimum(random * total, np.nextafter(total, 0))
    return np.argmax(target[:, np.newaxis] < steps, axis=1)


def _weights(
    positives: Mapping[str, float] | None, names: list[str], augmentations: Mapping[str, list[str]]
) -> Floats:
    weights = dict.fromkeys(names, 1.0 if positives is None else 0.0)
    for name, weight in (positives or {}).items():
        replicas = [each for each in augmentations.get(name, [name]) if each in weights]
        if not replicas:
            raise ConfigError("positives: " + unknown("augmentation", name, names))
        if not (np.isfinite(weight) and weight >= 0):
            raise ConfigError(f"positives: weight {weight} of {name!r}; expected a number from 0")
        weights.update(dict.fromkeys(replicas, weight / len(replicas)))
    return np.array(list(weights.values()))


def _augmentations(metadata: Mapping[str, Any]) -> dict[str, list[str]]:
    """Realizations of each augmentation: name, name_2, … for its replicas."""
    return {
        each["name"]: [each["name"], *(f"{each['name']}_{copy}" for copy in range(2, each["replicas"] + 1))]
        for each in metadata["campaign"]["augmentations"]
    }
