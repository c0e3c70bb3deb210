"""Particle flow: tracks and towers combined, one calorimeter at a time."""

from dataclasses import dataclass

import numpy as np

from jetresim.campaign.arrays import Floats, Integers
from jetresim.detectors.calorimeter import NO_TOWER, Readout, Towers, sum_by_tower
from jetresim.detectors.random import log_normal, normal
from jetresim.detectors.tracking import Tracks

__all__ = ["Neutrals", "Pointing", "combine"]


@dataclass(frozen=True, slots=True)
class Pointing:
    """What a calorimeter sees of the particles that have a track.

    Attributes
    ----------
    tower : ndarray of int, shape (M,)
        Tower that each track points to, or `NO_TOWER`.
    fraction : ndarray of float64, shape (M,)
        Fraction of the particle's energy that this calorimeter sees.
    """

    tower: Integers
    fraction: Floats


@dataclass(frozen=True, slots=True)
class Neutrals:
    """Neutral candidates of one calorimeter, massless.

    Attributes
    ----------
    row : ndarray of int, shape (M,)
        Position of the event in the batch, in increasing order.
    tower : ndarray of int, shape (M,)
        The tower each comes from.
    energy, eta, phi : ndarray of float64, shape (M,)
        [GeV]
    """

    row: Integers
    tower: Integers
    energy: Floats
    eta: Floats
    phi: Floats


def combine(towers: Towers, tracks: Tracks, pointing: Pointing, readout: Readout) -> tuple[Tracks, Neutrals]:
    """Share the energy of each tower between its tracks and a neutral candidate.

    The excess of a tower over its tracks becomes a neutral candidate when it is above the threshold and
    significant against the resolutions of both; the tracks then stay. Otherwise they are scaled to the
    mean of their energy and the tower's, weighted with the inverse squares of the resolutions. Tracks of
    which this calorimeter sees nothing stay as they are.

    Parameters
    ----------
    towers : Towers
    tracks : Tracks
    pointing : Pointing
    readout : Readout

    Returns
    -------
    tracks : Tracks
        In the same order.
    neutrals : Neutrals
    """
    seen = np.flatnonzero((pointing.tower != NO_TOWER) & (pointing.fraction > 0))
    tower, track_sigma = pointing.tower[seen], _track_sigma(towers, tracks, pointing, seen, readout)
    energy = sum_by_tower(tower, tracks.energy[seen] * pointing.fraction[seen], len(towers.row))
    variance = sum_by_tower(tower, track_sigma**2, len(towers.row))
    excess = np.maximum(towers.energy - energy, 0.0)
    noise = readout.calorimeter.significance_min * np.sqrt(variance + towers.sigma**2)
    is_neutral = (excess > readout.calorimeter.energy_min) & (excess > noise)
    scale = np.where(is_neutral, 1.0, _track_scale(energy, variance, towers))
    factor = np.ones(len(tracks.pt))
    factor[seen] = scale[tower]
    chosen = np.flatnonzero(is_neutral)
    return tracks.scaled(factor), _neutrals(towers, chosen, excess[chosen], readout)


def _track_sigma(
    towers: Towers, tracks: Tracks, pointing: Pointing, seen: Integers, readout: Readout
) -> Floats:
    """Resolution of tracks [GeV]; relative to what the tower sees of them where it measures them better."""
    energy, relative_sigma = tracks.energy[seen], tracks.relative_sigma[seen]
    tower_sigma = readout.sigma(towers.centre_eta[pointing.tower[seen]], energy)
    tower_is_better = tower_sigma < relative_sigma * energy
    return relative_sigma * np.where(tower_is_better, energy * pointing.fraction[seen], energy)


def _track_scale(energy: Floats, variance: Floats, towers: Towers) -> Floats:
    """Weighted mean of the energies of tracks and tower over that of the tracks; 1 without tracks.

    Both weights are multiplied by both variances, so that a perfect measurement wins instead of
    dividing by 0.
    """
    tower_variance = towers.sigma**2
    total = energy * (variance + tower_variance)
    mean = energy * tower_variance + towers.energy * variance
    return np.divide(mean, total, out=np.ones_like(total), where=total > 0)


def _neutrals(towers: Towers, chosen: Integers, excess: Floats, readout: Readout) -> Neutrals:
    row, relative_sigma = towers.row[chosen], readout.calorimeter.neutral_resolution
    if relative_sigma > 0:
        words = readout.neutral_words(row, towers.cell[chosen], towers.only_pileup[chosen])
        excess = log_normal(excess, relative_sigma * excess, normal(words[0], words[1]))
    return Neutrals(row, chosen, excess, towers.eta[chosen], towers.phi[chosen])
