"""Tracks: which charged particles are found, and what is measured of them."""

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.detector import DetectorOptions
from jetresim.detectors.helix import perigee
from jetresim.detectors.parameters import Parameters
from jetresim.detectors.random import CrossingStreams, Purpose, fine_uniform, log_normal, normal

__all__ = ["Flying", "Species", "Tracks", "reconstruct", "smears_impact_parameters"]


class Species(IntEnum):
    """Kinds of tracks, in the order of `detectors.parameters.PerSpecies.compiled`."""

    CHARGED_HADRON = 0
    ELECTRON = 1
    MUON = 2


@dataclass(frozen=True, slots=True)
class Flying:
    """Visible particles that leave the tracker, of all events of a batch.

    Attributes
    ----------
    row : ndarray of int, shape (N,)
        Position of the event in the batch, in increasing order.
    index : ndarray of int, shape (N,)
        Position of the particle in its event.
    pdgid, charge : ndarray of int, shape (N,)
    x, y, z : ndarray of float64, shape (N,)
        Production point [mm].
    px, py, pz, energy : ndarray of float64, shape (N,)
        At production [GeV].
    exit_eta, exit_phi : ndarray of float64, shape (N,)
        Direction, seen from the origin, of the point where the particle leaves the tracker.
    pileup : ndarray of bool, shape (N,)
        Whether it comes from pile-up; its `index` then counts from the first one of those.
    """

    row: Integers
    index: Integers
    pdgid: npt.NDArray[np.int32]
    charge: npt.NDArray[np.int8]
    x: Floats
    y: Floats
    z: Floats
    px: Floats
    py: Floats
    pz: Floats
    energy: Floats
    exit_eta: Floats
    exit_phi: Floats
    pileup: Booleans


@dataclass(frozen=True, slots=True)
class Tracks:
    """Reconstructed tracks, massless.

    Attributes
    ----------
    particle : ndarray of int, shape (M,)
        Index of the particle among the flying ones, in increasing order.
    pt, eta, phi : ndarray of float64, shape (M,)
        At the perigee [GeV].
    relative_sigma : ndarray of float64, shape (M,)
        Resolution of pt, relative to it.
    d0, dz : ndarray of float64, shape (M,)
        Impact parameters [mm].
    d0_sigma, dz_sigma : ndarray of float64, shape (M,)
        Their resolutions [mm].
    """

    particle: Integers
    pt: Floats
    eta: Floats
    phi: Floats
    relative_sigma: Floats
    d0: Floats
    dz: Floats
    d0_sigma: Floats
    dz_sigma: Floats

    @property
    def energy(self) -> Floats:
        """Energy of a massless particle, pt cosh(eta) [GeV]."""
        return self.pt * np.cosh(self.eta)

    def scaled(self, factor: Floats) -> "Tracks":
        """The same tracks with their momenta multiplied, shape (M,)."""
        return replace(self, pt=self.pt * factor)


def reconstruct(
    flying: Flying, parameters: Parameters, options: DetectorOptions, streams: CrossingStreams
) -> Tracks:
    """Find the tracks of charged particles and measure them.

    Efficiency and resolution are those at the true pT and at the pseudorapidity where the particle
    leaves the tracker: soft particles loop into the endcap.
    """
    charged = np.flatnonzero(flying.charge)
    pt = np.sqrt(flying.px[charged] ** 2 + flying.py[charged] ** 2)
    abs_eta = np.abs(flying.exit_eta[charged])
    species = _species(flying.pdgid[charged])
    words = streams.words(Purpose.TRACK, flying.row[charged], flying.index[charged], flying.pileup[charged])
    efficiency = _by_species(parameters.efficiency.compiled, species, abs_eta, pt)
    found = np.flatnonzero(fine_uniform(words[0], words[1]) < options.efficiency * efficiency)
    particle, pt = charged[found], pt[found]
    sigma = _by_species(parameters.resolution.compiled, species[found], abs_eta[found], pt)
    sigma = np.minimum(options.track_resolution * sigma, 1.0)
    eta, phi, d0, dz = _at_perigee(flying, particle, parameters)
    sigmas = _impact_parameter_sigmas(np.abs(eta), pt, parameters, options)
    smeared = log_normal(pt, sigma * pt, normal(words[2][found], words[3][found]))
    d0, dz = _smeared_impact_parameters((d0, dz), sigmas, flying, particle, streams)
    return Tracks(particle, smeared, eta, phi, sigma, d0, dz, *sigmas)


def _species(pdgid: npt.NDArray[np.int32]) -> Integers:
    absolute = np.abs(pdgid)
    return np.where(
        absolute == 11, Species.ELECTRON, np.where(absolute == 13, Species.MUON, Species.CHARGED_HADRON)
    )


def _by_species(functions: tuple, species: Integers, abs_eta: Floats, pt: Floats) -> Floats:
    result = np.empty(len(pt))
    for kind in Species:
        chosen = np.flatnonzero(species == kind)
        result[chosen] = functions[kind](abs_eta[chosen], pt[chosen])
    return result


def _at_perigee(flying: Flying, particle: Integers, parameters: Parameters) -> tuple[Floats, ...]:
    """eta, phi, d0 and dz of tracks."""
    point = ("x", "y", "z", "px", "py", "pz", "energy", "charge")
    x, y, z, *motion = (getattr(flying, name)[particle] for name in point)
    closest = perigee(x, y, z, *motion, field=parameters.field)
    pt = np.sqrt(closest.px * closest.px + closest.py * closest.py)
    cosine, sine, cotangent = closest.px / pt, closest.py / pt, closest.pz / pt
    eta, phi = np.arcsinh(cotangent), np.arctan2(sine, cosine)
    if parameters.impact_point == "perigee":
        return eta, phi, closest.d0, closest.dz
    return eta, phi, x * sine - y * cosine, z - (x * cosine + y * sine) * cotangent


def smears_impact_parameters(parameters: Parameters, options: DetectorOptions) -> bool:
    """Whether any track has an error of d0 or dz."""
    resolution = parameters.impact_parameter_resolution
    return bool(resolution.d0 or resolution.dz or options.d0_resolution or options.dz_resolution)


def _impact_parameter_sigmas(
    abs_eta: Floats, pt: Floats, parameters: Parameters, options: DetectorOptions
) -> tuple[Floats, Floats]:
    """Resolutions of d0 and dz [mm]: those of the detector and of the options in quadrature."""
    d0, dz = parameters.impact_parameter_resolution.compiled
    return np.hypot(d0(abs_eta, pt), options.d0_resolution), np.hypot(dz(abs_eta, pt), options.dz_resolution)


def _smeared_impact_parameters(
    exact: tuple[Floats, Floats],
    sigmas: tuple[Floats, Floats],
    flying: Flying,
    particle: Integers,
    streams: CrossingStreams,
) -> tuple[Floats, Floats]:
    if not any(sigma.any() for sigma in sigmas):
        return exact
    words = streams.words(
        Purpose.IMPACT_PARAMETER, flying.row[particle], flying.index[particle], flying.pileup[particle]
    )
    return (
        exact[0] + sigmas[0] * normal(words[0], words[1]),
        exact[1] + sigmas[1] * normal(words[2], words[3]),
    )
