"""Simulation of the minimum-bias events that pile-up is drawn from."""

import logging

import awkward as ak
import numpy as np
import pythia8mc

from jetresim.campaign.arrays import Integers
from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import ShowerError
from jetresim.campaign.seeds import pool_seed
from jetresim.detectors.columns import Columns
from jetresim.detectors.particle_properties import charge_and_visibility
from jetresim.detectors.pool import Pool
from jetresim.generators.pythia_setup import failure_reason, make_pythia
from jetresim.showers.protocol import PARTICLE_FIELDS
from jetresim.showers.pythia8 import final_particles

__all__ = ["POOL_ETA_MAX", "make_pool"]

log = logging.getLogger(__name__)

POOL_ETA_MAX = 6.0
"""Largest |eta| of stored particles: no detector here sees any beyond 5, wherever they begin."""

_BATCH = 500


def make_pool(campaign: Campaign) -> Pool:
    """Simulate the minimum-bias events of a campaign.

    Raises
    ------
    ShowerError
        Pythia cannot be initialized with the settings of the campaign, or gives up on an event.
    """
    assert campaign.pileup is not None
    settings = campaign.pileup_settings
    pythia = make_pythia(settings, campaign, {})
    if not pythia.init():
        reason = failure_reason(settings, campaign, {})
        raise ShowerError(f"pileup: Pythia cannot be initialized: {reason}")
    pythia.rndm.init(pool_seed(campaign.seed))
    left, parts = campaign.pileup.pool, []
    while left > 0:
        columns, counts = _next(pythia, min(left, _BATCH))
        parts.append((columns, counts))
        left -= len(counts)
    return Pool(
        {name: np.concatenate([columns[name] for columns, _ in parts]) for name in PARTICLE_FIELDS},
        np.concatenate([counts for _, counts in parts]),
    )


def _next(pythia: pythia8mc.Pythia, size: int) -> tuple[Columns, Integers]:
    """At most `size` further events: those that Pythia gives up on are left out, and told."""
    results = pythia.nextBatch(size, "none")
    succeeded = ~ak.to_numpy(ak.is_none(results.prt)) if "prt" in results.fields else np.zeros(size, bool)
    if not succeeded.any():
        raise ShowerError(f"pileup: Pythia gives up on {size} minimum-bias events in a row; check `settings`")
    if not succeeded.all():
        log.warning("Pythia gave up on %d of %d minimum-bias events", size - succeeded.sum(), size)
    place = np.cumsum(succeeded) - 1
    return _stored(*final_particles(results.prt, place, int(succeeded.sum())))


def _stored(counts: Integers, columns: Columns) -> tuple[Columns, Integers]:
    """Those that a detector may see, in single precision; an event may have none."""
    _, visible, _ = charge_and_visibility(columns["pdgid"])
    pt = np.hypot(columns["px"], columns["py"])
    kept = visible & (np.abs(columns["pz"]) < pt * np.sinh(POOL_ETA_MAX))
    event = np.repeat(np.arange(len(counts)), counts)[kept]
    single = {
        name: columns[name][kept].astype(np.int32 if name == "pdgid" else np.float32)
        for name in PARTICLE_FIELDS
    }
    return single, np.bincount(event, minlength=len(counts))
