"""A detector given by numbers: tracking, calorimeters and particle flow, for whole batches at a time."""

import awkward as ak
import numpy as np

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.detector import EXTRA_FIELDS, DetectorOptions
from jetresim.detectors.calorimeter import NO_TOWER, Readout, energy_fraction, measure, sum_by_tower
from jetresim.detectors.columns import Columns, from_columns
from jetresim.detectors.kinematics import cartesian
from jetresim.detectors.parameters import Parameters, built_in, load
from jetresim.detectors.particle_flow import Neutrals, Pointing, combine
from jetresim.detectors.physical import PhysicalParticles, physical_particles
from jetresim.detectors.propagation import Cylinder, inside, propagate
from jetresim.detectors.random import CrossingStreams, EventStreams, Purpose, normal
from jetresim.detectors.tracking import Flying, Tracks, reconstruct, smears_impact_parameters
from jetresim.showers.protocol import ParticleBatch

__all__ = ["ParametrizedDetector"]

_OF_PARTICLES = ("row", "index", "pdgid", "charge", "x", "y", "z", "px", "py", "pz", "energy", "pileup")
"""What the detector needs to know of particles."""

_ERRORS = ("d0err", "dzerr")


class ParametrizedDetector:
    """Response to the particles of one realization, see docs/detector.md.

    Parameters
    ----------
    campaign_seed : int
    stream : str
        Name of the realization. Replicas that share their particles and re-run the detector alone
        differ in it.
    options : DetectorOptions
        Its factors on the parameters are the detector variations.
    parameters : Parameters, optional
        Read from the file that `options` name, or the built-in one, when not given.

    pileup_stream : str, optional
        Name of the realization whose random numbers the pile-up is seen with; `stream` when not given.

    Raises
    ------
    ConfigError
        The file of parameters is not valid.
    """

    def __init__(
        self,
        campaign_seed: int,
        stream: str,
        options: DetectorOptions | None = None,
        parameters: Parameters | None = None,
        pileup_stream: str | None = None,
    ) -> None:
        self._campaign_seed = campaign_seed
        self._stream = stream
        self._pileup_stream = pileup_stream or stream
        self._options = options or DetectorOptions(name="cms_phase2")
        read = self._options.parameters
        self._parameters = parameters or (load(read) if read else built_in(self._options.name))
        volume = self._parameters
        self._cylinder = Cylinder(volume.radius, volume.half_length, volume.field)

    @property
    def extra_fields(self) -> tuple[str, ...]:
        """Candidates have the errors of d0 and dz where any are above 0."""
        return _ERRORS if smears_impact_parameters(self._parameters, self._options) else ()

    def candidates(self, batch: ParticleBatch) -> ak.Array:
        """Reconstruct a batch.

        Returns
        -------
        ak.Array, N * var * record
            Candidates with `detectors.protocol.CANDIDATE_FIELDS`, massless. In each event first the tracks
            in the order of their particles, then the neutral candidates of each calorimeter. An event
            with a particle that cannot be, see `detectors.physical`, is None.

        Raises
        ------
        ShowerError
            Hadronization is switched off.
        """
        physical = physical_particles(batch)
        streams = self._streams(batch)
        flying = self._fly(physical, streams)
        tracks = reconstruct(flying, self._parameters, self._options, streams)
        tracks, neutrals, fractions = self._particle_flow(flying, tracks, streams)
        parts = [_track_columns(flying, tracks)] + [
            _neutral_columns(excess, calorimeter.neutral, shares)
            for excess, calorimeter, shares in zip(
                neutrals, self._parameters.calorimeters, fractions, strict=True
            )
        ]
        extra = self.extra_fields + (("pileup",) if batch.pileup_seeds is not None else ())
        candidates = _assembled(parts, extra, len(batch.events))
        return ak.mask(candidates, ~physical.failed) if physical.failed.any() else candidates

    def vertex_z(self, batch: ParticleBatch) -> Floats:
        """How far the hard events are shifted along the beam [mm], shape (N,)."""
        return self._vertex_shift(len(batch.events), self._streams(batch).hard)

    def _streams(self, batch: ParticleBatch) -> CrossingStreams:
        hard = EventStreams(self._campaign_seed, self._stream, batch.seeds, batch.events)
        if batch.pileup_seeds is None:
            return CrossingStreams(hard, None)
        drawn_with = self._campaign_seed, self._pileup_stream, batch.pileup_seeds, batch.events
        return CrossingStreams(hard, EventStreams(*drawn_with, "detector of pile-up"))

    def _fly(self, physical: PhysicalParticles, streams: CrossingStreams) -> Flying:
        columns, counts = physical.columns, physical.counts
        row = np.repeat(np.arange(len(counts)), counts)
        particles = dict(columns)
        pileup = particles.setdefault("pileup", np.zeros(len(row), dtype=np.bool_))
        # Pile-up is counted apart, so that its numbers do not depend on the hard event.
        first = np.cumsum(counts) - counts
        hard = np.bincount(row[~pileup], minlength=len(counts))
        particles["row"], particles["index"] = row, np.arange(len(row)) - (first[row] + pileup * hard[row])
        shift = self._vertex_shift(len(counts), streams.hard)
        particles["z"] = columns["z"] + np.where(pileup, 0.0, shift[row])
        position = (particles[name] for name in ("x", "y", "z"))
        kept = np.flatnonzero(columns["visible"] & inside(*position, self._cylinder))
        particles = {name: particles[name][kept] for name in _OF_PARTICLES}
        motion = (particles[name] for name in ("x", "y", "z", "px", "py", "pz", "charge"))
        leaves = propagate(*motion, self._cylinder)
        particles |= {"exit_eta": leaves.eta, "exit_phi": leaves.phi}
        left = np.flatnonzero(~np.isnan(leaves.x))
        return Flying(**{name: column[left] for name, column in particles.items()})

    def _vertex_shift(self, events: int, streams: EventStreams) -> Floats:
        if self._options.vertex_sigma_z == 0:
            return np.zeros(events)
        words = streams.words(Purpose.VERTEX, np.arange(events), np.zeros(events, dtype=np.int64))
        return self._options.vertex_sigma_z * normal(words[0], words[1])

    def _particle_flow(
        self, flying: Flying, tracks: Tracks, streams: CrossingStreams
    ) -> tuple[Tracks, list[Neutrals], list[Floats]]:
        """Tracks, and of each calorimeter its neutral candidates and their fractions from pile-up."""
        neutrals, fractions = [], []
        tracked = np.zeros(len(flying.row), dtype=np.bool_)
        tracked[tracks.particle] = True
        for number, calorimeter in enumerate(self._parameters.calorimeters):
            readout = Readout(number, calorimeter, self._options, streams)
            fraction = energy_fraction(flying.pdgid, self._parameters.energy_fractions, number)
            deposit = fraction * flying.energy
            towers, tower_of = measure(flying, deposit, readout)
            pointing = Pointing(tower_of[tracks.particle], fraction[tracks.particle])
            tracks, excess = combine(towers, tracks, pointing, readout)
            neutrals.append(excess)
            shares = _pileup_fractions(flying.pileup, tracked, deposit, tower_of, len(towers.row))
            fractions.append(shares[excess.tower])
        return tracks, neutrals, fractions


def _assembled(parts: list[Columns], extra: tuple[str, ...], events: int) -> ak.Array:
    """Candidates in the order of their events; of `EXTRA_FIELDS` those that are asked for."""
    wanted = [name for name in parts[0] if name not in EXTRA_FIELDS or name in extra]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in wanted}
    order = np.argsort(joined["row"], kind="stable")
    columns = {name: column[order] for name, column in joined.items() if name != "row"}
    return from_columns(columns, np.bincount(joined["row"], minlength=events))


def _pileup_fractions(
    pileup: Booleans, tracked: Booleans, deposit: Floats, tower_of: Integers, towers: int
) -> Floats:
    """Fraction of the energy in each tower that is pile-up's, of particles without a track if there are any.

    The excess over the tracks is theirs; where there is none, it is a fluctuation of all.
    """
    if not pileup.any():
        return np.zeros(towers)
    hits = np.flatnonzero(tower_of != NO_TOWER)
    tower = tower_of[hits]
    sums = [
        sum_by_tower(tower, deposit[hits] * chosen, towers)
        for chosen in (~tracked[hits], ~tracked[hits] & pileup[hits], np.ones(len(hits)), pileup[hits])
    ]
    untracked = sums[0] > 0
    whole, part = np.where(untracked, sums[0], sums[2]), np.where(untracked, sums[1], sums[3])
    return np.divide(part, whole, out=np.zeros(towers), where=whole > 0)


def _track_columns(flying: Flying, tracks: Tracks) -> Columns:
    return {
        "row": flying.row[tracks.particle],
        "pdgid": flying.pdgid[tracks.particle].astype(np.int32),
        "charge": flying.charge[tracks.particle].astype(np.int8),
        **cartesian(tracks.pt, tracks.eta, tracks.phi),
        "energy": tracks.energy,
        "d0": tracks.d0,
        "dz": tracks.dz,
        "d0err": tracks.d0_sigma,
        "dzerr": tracks.dz_sigma,
        "pileup": flying.pileup[tracks.particle].astype(np.float64),
    }


def _neutral_columns(neutrals: Neutrals, pdgid: int, pileup: Floats) -> Columns:
    pt = neutrals.energy / np.cosh(neutrals.eta)
    nothing = np.zeros(len(pt))
    return {
        "row": neutrals.row,
        "pdgid": np.full(len(pt), pdgid, dtype=np.int32),
        "charge": np.zeros(len(pt), dtype=np.int8),
        **cartesian(pt, neutrals.eta, neutrals.phi),
        "energy": neutrals.energy,
        **dict.fromkeys(("d0", "dz", *_ERRORS), nothing),
        "pileup": pileup,
    }
