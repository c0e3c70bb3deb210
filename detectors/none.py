"""No detector: the visible particles themselves, with their exact impact parameters."""

from dataclasses import dataclass

import awkward as ak
import numpy as np

from jetresim.campaign.arrays import Floats
from jetresim.campaign.detector import EXTRA_FIELDS
from jetresim.detectors.columns import Columns, from_columns, select
from jetresim.detectors.helix import SOLENOID_FIELD, perigee
from jetresim.detectors.physical import physical_particles
from jetresim.detectors.protocol import CANDIDATE_FIELDS
from jetresim.showers.protocol import ParticleBatch

__all__ = ["NoDetector"]


@dataclass(frozen=True, slots=True)
class NoDetector:
    """Particle level.

    Candidates are the visible particles, see `detectors.particle_properties`, with the momentum at their
    production vertex. d0 and dz of the charged ones are those of their helix, see `detectors.helix`; those of
    the others are 0.

    Attributes
    ----------
    pt_min : float
        Lowest pT of a candidate [GeV]. What is not clustered anyway need not be made.
    field : float
        Solenoid field along +z [T].
    """

    pt_min: float = 0.0
    field: float = SOLENOID_FIELD

    def vertex_z(self, batch: ParticleBatch) -> Floats:
        """Where the hard events begin along the beam [mm], shape (N,)."""
        return np.zeros(len(batch.events))

    def candidates(self, batch: ParticleBatch) -> ak.Array:
        """Select the visible particles of a batch.

        Returns
        -------
        ak.Array, N * var * record
            Fields `detectors.protocol.CANDIDATE_FIELDS`, in the order of the particles. An event with a
            particle that cannot be, see `detectors.physical`, is None.

        Raises
        ------
        ShowerError
            Hadronization is switched off.
        """
        particles = physical_particles(batch, self.pt_min)
        columns, counts = select(particles.columns, particles.counts, particles.columns["visible"])
        columns["d0"], columns["dz"] = _impact_parameters(columns, self.field)
        if "pileup" in columns:
            columns["pileup"] = columns["pileup"].astype(np.float64)
        wanted = (name for name in (*CANDIDATE_FIELDS, *EXTRA_FIELDS) if name in columns)
        candidates = from_columns({name: columns[name] for name in wanted}, counts)
        return ak.mask(candidates, ~particles.failed) if particles.failed.any() else candidates


def _impact_parameters(columns: Columns, field: float) -> tuple[np.ndarray, np.ndarray]:
    charged = np.flatnonzero(columns["charge"])
    inputs = ("x", "y", "z", "px", "py", "pz", "energy", "charge")
    closest = perigee(*(columns[name][charged] for name in inputs), field=field)
    d0, dz = np.zeros((2, len(columns["charge"])))
    d0[charged], dz[charged] = closest.d0, closest.dz
    return d0, dz
