"""What every detector offers: a batch of particles in, a batch of candidates out."""

from typing import Protocol

import awkward as ak

from jetresim.showers.protocol import ParticleBatch

__all__ = ["CANDIDATE_FIELDS", "Detector"]

CANDIDATE_FIELDS = ("pdgid", "charge", "px", "py", "pz", "energy", "d0", "dz")
"""int32 PDG id; int8 charge [e]; float64 momentum and energy [GeV]; float64 impact parameters [mm]."""


class Detector(Protocol):
    """The response to the particles of one realization.

    One that gives more than `CANDIDATE_FIELDS` names in its attribute ``extra_fields`` which of
    `campaign.detector.EXTRA_FIELDS`. One that tells pile-up apart has a method ``vertex_z``, which gives
    where the hard events of a batch begin along the beam [mm], and gives candidates of a batch with pile-up
    the field `pileup`, the fraction of their pT that comes from it. An attribute ``given_up`` is the
    `campaign.status.Status` of an event that it has no candidates of, "failed" where there is none.
    """

    def candidates(self, batch: ParticleBatch) -> ak.Array:
        """Reconstruct a batch.

        Returns
        -------
        ak.Array, N * var * record
            Candidates with `CANDIDATE_FIELDS`, one list for each event of the batch. Those of one
            event depend on its particles and its seed alone. d0 and dz of neutral candidates are 0.
        """
        ...
