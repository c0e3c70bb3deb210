"""Models that make a vector of each jet, and what they make of a dataset."""

import importlib
import importlib.util
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.dataset.padded import needed_columns
from jetresim.dataset.reader import Groups, pad_table

__all__ = ["Embedded", "Model", "embed", "jet_observables", "load_model"]

Model = Callable[[npt.NDArray[np.float32], Booleans], Any]
"""Padded constituents (M, P, F) and their mask (M, P) to vectors (M, D)."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """N groups of a split with K members.

    Attributes
    ----------
    label : ndarray of int64, shape (N,)
    present : ndarray of bool, shape (N, K)
    vectors : ndarray, shape (N, K, D)
        NaN where a member is absent.
    """

    label: Integers
    present: Booleans
    vectors: Floats


def jet_observables(x: npt.NDArray[np.float32], mask: Booleans) -> Floats:
    """Simple observables of jets, the default model.

    Parameters
    ----------
    x : ndarray, shape (M, P, 3)
        pT [GeV] and distances in η and φ to the jet axis: the features ``jetclr``.
    mask : ndarray of bool, shape (M, P)

    Returns
    -------
    ndarray, shape (M, 6)
        Number of constituents, log ΣpT, width ΣpT ΔR/ΣpT, (m/pT)² at small angles, √ΣpT²/ΣpT and the
        fraction of the hardest constituent.
    """
    pt = np.where(mask, x[..., 0], 0).astype(np.float64)
    total = pt.sum(axis=1)
    part = np.divide(pt, total[:, None], out=np.zeros_like(pt), where=total[:, None] > 0)
    squared = np.sum(x[..., 1:].astype(np.float64) ** 2, axis=-1)
    centre = np.einsum("mp,mpa->ma", part, x[..., 1:])
    columns = (
        mask.sum(axis=1),
        np.log1p(total),
        np.sum(part * np.sqrt(squared), axis=1),
        np.sum(part * squared, axis=1) - np.sum(centre**2, axis=1),
        np.sqrt(np.sum(part**2, axis=1)),
        part.max(axis=1),
    )
    return np.stack(columns, axis=1)


def load_model(name: str) -> Model:
    """Import a function that is named ``FILE.py:FUNCTION`` or ``MODULE:FUNCTION``.

    Raises
    ------
    ConfigError
        There is none.
    """
    place, _, function = name.rpartition(":")
    if not place or not function:
        raise ConfigError(f"--model {name}: expected FILE.py:FUNCTION or MODULE:FUNCTION")
    try:
        model = getattr(_module(place), function)
    except (ImportError, AttributeError, OSError) as error:
        raise ConfigError(f"--model {name}: {error}") from error
    except Exception as error:
        raise ConfigError(f"--model {name}: {_told(error)}") from error
    if not callable(model):
        raise ConfigError(f"--model {name}: is no function")
    return model


def _module(place: str) -> Any:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    spec = importlib.util.spec_from_file_location(Path(place).stem, place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def embed(groups: Groups, model: Model, features: str | Sequence[str], constituents: int) -> Embedded:
    """Apply a model to all members that are present, one batch of the file at a time.

    Parameters
    ----------
    groups : Groups
    model : Model
    features : str or sequence of str
        See `dataset.padded.feature_names`.
    constituents : int
        Slots for constituents, P.

    Raises
    ------
    ConfigError
        The model raises, or gives something else than a vector of finite numbers for each jet.
    DataError
        There are no groups.
    """
    views = len(groups.realizations)
    labels, present, vectors = [], [], []
    for table in groups.select(["label", *needed_columns(features)]).tables():
        values, mask = pad_table(table, features, constituents, views)
        there = mask.any(axis=-1)
        found = _checked(_asked(model, values[there], mask[there]), np.count_nonzero(there))
        spread = np.full((*there.shape, found.shape[1]), np.nan)
        spread[there] = found
        labels.append(table["label"].to_numpy().astype(np.int64))
        present.append(there)
        vectors.append(spread)
    if not labels:
        raise DataError(f"{groups.path}: has no groups")
    return Embedded(*(np.concatenate(parts) for parts in (labels, present, vectors)))


def _asked(model: Model, values: npt.NDArray[np.float32], mask: Booleans) -> Floats:
    try:
        return np.asarray(model(values, mask), np.float64)
    except Exception as error:
        raise ConfigError(f"--model: {_told(error)}") from error


def _told(error: Exception) -> str:
    """What a user's code raised, and where in it: the innermost place outside of installed packages."""
    places = [
        f" in {frame.filename}, line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(("<", sys.prefix, sys.base_prefix, __file__))
    ]
    return f"{type(error).__name__}{places[-1] if places else ''}: {' '.join(str(error).split())}"


def _checked(vectors: Floats, jets: int) -> Floats:
    if vectors.ndim != 2 or len(vectors) != jets:
        raise ConfigError(f"--model: gives shape {vectors.shape} for {jets} jets; expected ({jets}, D)")
    if not np.isfinite(vectors).all():
        raise ConfigError("--model: gives numbers that are not finite")
    return vectors
