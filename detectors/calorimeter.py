"""Calorimeters: the energy that particles leave in a grid of towers, as it is measured."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.detector import DetectorOptions
from jetresim.detectors.parameters import Calorimeter, EnergyFractions, Grid
from jetresim.detectors.random import (
    PURPOSES_PER_CALORIMETER,
    CrossingStreams,
    Purpose,
    Words,
    log_normal,
    normal,
    uniform,
)
from jetresim.detectors.tracking import Flying

__all__ = ["NO_TOWER", "Readout", "Towers", "energy_fraction", "measure", "sum_by_tower"]


NO_TOWER = -1
"""Tower of a particle that leaves nothing in this calorimeter, or misses it."""


@dataclass(frozen=True, slots=True)
class Towers:
    """Towers that were hit, of all events of a batch, ordered by (row, cell).

    Attributes
    ----------
    row : ndarray of int, shape (T,)
        Position of the event in the batch.
    cell : ndarray of int, shape (T,)
        Cell of the grid.
    centre_eta : ndarray of float64, shape (T,)
        Where the resolution is taken.
    eta, phi : ndarray of float64, shape (T,)
        Position that is measured, anywhere in the cell.
    energy, sigma : ndarray of float64, shape (T,)
        Measured energy, 0 below threshold, and its resolution before the threshold [GeV].
    only_pileup : ndarray of bool, shape (T,)
        Whether nothing of the hard event hits it.
    """

    row: Integers
    cell: Integers
    centre_eta: Floats
    eta: Floats
    phi: Floats
    energy: Floats
    sigma: Floats
    only_pileup: Booleans


@dataclass(frozen=True, slots=True)
class Readout:
    """A calorimeter and the random numbers of its towers, for the events of a batch.

    Attributes
    ----------
    number : int
        Its place in the detector.
    calorimeter : Calorimeter
    options : DetectorOptions
    streams : CrossingStreams
    """

    number: int
    calorimeter: Calorimeter
    options: DetectorOptions
    streams: CrossingStreams

    def sigma(self, eta: Floats, energy: Floats) -> Floats:
        """Resolution [GeV] at an energy [GeV], in towers with their centre at `eta`, shape (T,)."""
        parts = self.calorimeter.resolution
        region = np.searchsorted([part.abs_eta_max for part in parts], np.abs(eta))
        constant, stochastic, noise = np.array([(p.constant, p.stochastic, p.noise) for p in parts]).T
        variance = (constant[region] * energy) ** 2 + stochastic[region] ** 2 * energy + noise[region] ** 2
        return self.options.calorimeter_resolution * np.sqrt(variance)

    def tower_words(self, row: Integers, cell: Integers, only_pileup: Booleans) -> Words:
        """Random words for the energy and the position of towers."""
        return self.streams.words(self._purpose, row, cell, only_pileup)

    def neutral_words(self, row: Integers, cell: Integers, only_pileup: Booleans) -> Words:
        """Random words for the neutral candidates of towers."""
        return self.streams.words(self._purpose + 1, row, cell, only_pileup)

    @property
    def _purpose(self) -> int:
        return Purpose.CALORIMETER + PURPOSES_PER_CALORIMETER * self.number


def energy_fraction(pdgid: npt.NDArray[np.integer], fractions: EnergyFractions, number: int) -> Floats:
    """Fraction of the energy of each particle that calorimeter `number` sees, shape (N,)."""
    listed = sorted(fractions.by_pdgid)
    values = [fractions.by_pdgid[one][number] for one in listed] + [fractions.default[number]]
    absolute = np.abs(pdgid.astype(np.int64))
    place = np.searchsorted(listed, absolute)
    found = np.array([*listed, -1])[place] == absolute
    return np.array(values)[np.where(found, place, len(listed))]


def find_cells(eta: Floats, phi: Floats, grid: Grid) -> Integers:
    """Cell of the grid in each direction, `NO_TOWER` outside it, shape (N,)."""
    ring = np.searchsorted(grid.eta_edges, eta) - 1
    contained = (ring >= 0) & (ring < len(grid.cells))
    ring = np.where(contained, ring, 0)
    in_ring = grid.cells[ring]
    turn = np.floor((phi + np.pi) * (in_ring / (2 * np.pi))).astype(np.int64)
    first = np.cumsum(grid.cells) - grid.cells
    return np.where(contained, first[ring] + np.clip(turn, 0, in_ring - 1), NO_TOWER)


def cell_edges(cell: Integers, grid: Grid) -> tuple[Floats, Floats, Floats, Floats]:
    """Lower and upper edge in eta, lower and upper edge in phi of cells, each of shape (T,)."""
    stops = np.cumsum(grid.cells)
    ring = np.searchsorted(stops, cell, side="right")
    step = 2 * np.pi / grid.cells[ring]
    turn = cell - (stops - grid.cells)[ring]
    return grid.eta_edges[ring], grid.eta_edges[ring + 1], turn * step - np.pi, (turn + 1) * step - np.pi


def sum_by_tower(tower: Integers, weights: Floats, towers: int) -> Floats:
    """Sum of the weights of each tower, shape (towers,).

    `bincount` adds in the order of its input, so a sum does not depend on what else is in the batch;
    without input it would return integers.
    """
    return np.bincount(tower, weights=weights, minlength=towers).astype(np.float64)


def measure(flying: Flying, deposit: Floats, readout: Readout) -> tuple[Towers, Integers]:
    """Sum the energy in towers and smear it.

    Parameters
    ----------
    flying : Flying
        All particles, charged ones too.
    deposit : ndarray of float64, shape (N,)
        Energy that each leaves in this calorimeter [GeV].
    readout : Readout

    Returns
    -------
    towers : Towers
    tower_of : ndarray of int, shape (N,)
        Tower of each particle, or `NO_TOWER`.
    """
    grid = readout.calorimeter.grid
    hits = np.flatnonzero(deposit > 0)
    cells = find_cells(flying.exit_eta[hits], flying.exit_phi[hits], grid)
    hits, cells = hits[cells != NO_TOWER], cells[cells != NO_TOWER]
    total = int(grid.cells.sum())
    keys, inverse = np.unique(flying.row[hits] * total + cells, return_inverse=True)
    tower_of = np.full(len(deposit), NO_TOWER)
    tower_of[hits] = inverse
    energy = sum_by_tower(inverse, deposit[hits], len(keys))
    hard_hits = np.bincount(inverse[~flying.pileup[hits]], minlength=len(keys))
    return _smear(keys // total, keys % total, energy, hard_hits == 0, readout), tower_of


def _smear(row: Integers, cell: Integers, energy: Floats, only_pileup: Booleans, readout: Readout) -> Towers:
    """Measure towers that hold `energy`. The threshold is at the resolution of what is measured."""
    words = readout.tower_words(row, cell, only_pileup)
    eta_low, eta_high, phi_low, phi_high = cell_edges(cell, readout.calorimeter.grid)
    centre = 0.5 * (eta_low + eta_high)
    smeared = log_normal(energy, readout.sigma(centre, energy), normal(words[0], words[1]))
    smeared = readout.options.calorimeter_scale * smeared
    sigma = readout.sigma(centre, smeared)
    calorimeter = readout.calorimeter
    seen = (smeared >= calorimeter.energy_min) & (smeared >= calorimeter.significance_min * sigma)
    return Towers(
        row=row,
        cell=cell,
        centre_eta=centre,
        eta=eta_low + (eta_high - eta_low) * uniform(words[2]),
        phi=phi_low + (phi_high - phi_low) * uniform(words[3]),
        energy=np.where(seen, smeared, 0.0),
        sigma=sigma,
        only_pileup=only_pileup,
    )
