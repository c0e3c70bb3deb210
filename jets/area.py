"""Subtraction of pile-up from jets by their areas (M. Cacciari and G. Salam, arXiv:0707.1378)."""

from functools import cache

import fastjet
import numpy as np

from jetresim.campaign.arrays import Floats, Integers
from jetresim.detectors.columns import Columns

__all__ = ["density", "jet_areas"]

_RAPIDITY_MAX, _TILE = 3.0, 0.55
"""Where the density is measured, and the size of the tiles, about that which FastJet advises."""

_EFFECTIVE_RADIUS = 0.9
"""Of Voronoi cells, in units of the jet radius: FastJet's default."""


def density(columns: Columns, counts: Integers) -> Floats:
    """Density of pT of each event: median over tiles of their pT by their area [GeV], shape (N,).

    What `fastjet.GridMedianBackgroundEstimator` gives, for all events at once.
    """
    energy, pz, px, py = (columns[name] for name in ("energy", "pz", "px", "py"))
    with np.errstate(divide="ignore", invalid="ignore"):
        rapidity = 0.5 * np.log((energy + pz) / (energy - pz))
    rings, turns = round(2 * _RAPIDITY_MAX / _TILE), round(2 * np.pi / _TILE)
    inside = np.flatnonzero(np.abs(rapidity) < _RAPIDITY_MAX)
    row = np.repeat(np.arange(len(counts)), counts)[inside]
    ring = ((rapidity[inside] / _RAPIDITY_MAX + 1) / 2 * rings).astype(np.int64)
    azimuth = np.arctan2(py[inside], px[inside]) % (2 * np.pi)
    turn = np.minimum((azimuth / (2 * np.pi) * turns).astype(np.int64), turns - 1)
    tile = (row * rings + ring) * turns + turn
    pt = np.bincount(tile, np.hypot(px[inside], py[inside]), len(counts) * rings * turns)
    area = 2 * _RAPIDITY_MAX * 2 * np.pi / (rings * turns)
    return np.median(pt.reshape(len(counts), rings * turns), axis=1) / area


def jet_areas(
    columns: Columns, counts: Integers, definition: fastjet.JetDefinition, pt_min: float
) -> tuple[Columns, Integers]:
    """Four-vectors of the Voronoi areas of the jets of each event, in FastJet's order of `inclusive_jets`.

    They are not in FastJet's interface of arrays, so its own classes are used, event by event.

    Returns
    -------
    areas : dict of str to ndarray, shape (J,)
        px, py, pz and E of the area.
    counts : ndarray of int64, shape (N,)
        Jets of each event.
    """
    momenta = np.column_stack([columns[name] for name in ("px", "py", "pz", "energy")])
    found, jets = [], np.zeros(len(counts), dtype=np.int64)
    for event, stop in enumerate(np.cumsum(counts)):
        particles = [fastjet.PseudoJet(*each) for each in momenta[stop - counts[event] : stop].tolist()]
        sequence = fastjet.ClusterSequenceArea(particles, definition, _voronoi())
        areas = [sequence.area_4vector(jet) for jet in sequence.inclusive_jets(pt_min)]
        found += [(area.px(), area.py(), area.pz(), area.e()) for area in areas]
        jets[event] = len(areas)
    table = np.array(found, dtype=np.float64).reshape(-1, 4)
    return dict(zip(("px", "py", "pz", "E"), table.T, strict=True)), jets


@cache
def _voronoi() -> fastjet.AreaDefinition:
    return fastjet.AreaDefinition(fastjet.VoronoiAreaSpec(_EFFECTIVE_RADIUS))
