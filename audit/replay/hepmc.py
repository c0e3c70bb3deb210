"""One event of a realization that was made again, as HepMC3."""

import io

import pyhepmc

from jetresim.audit.replay.realization import Replayed
from jetresim.campaign.config import Beams
from jetresim.detectors.columns import to_columns
from jetresim.jets.hepmc import hepmc_event
from jetresim.showers.protocol import ParticleBatch

__all__ = ["as_hepmc"]


def as_hepmc(replayed: Replayed, batch: ParticleBatch, beams: Beams) -> bytes:
    """Write an event as HepMC3 text (GeV, mm).

    Parameters
    ----------
    replayed : Replayed
        Any target of the event: its hard process, weights [pb] and names.
    batch : ParticleBatch
        The one event, before the detector.
    beams : Beams

    Returns
    -------
    bytes
        An ``Asciiv3`` listing of one event, whose number is the index of the hard event. The first
        weight is that of the hard event, normalized to the cross-section [pb].
    """
    group = replayed.group
    weights = [("Default", group["weight"]), *((each["name"], each["value"]) for each in group["weights"])]
    identity = {"process": group["process"], "realization": replayed.realization, "seed": group["seed"]}
    event = hepmc_event(replayed.hard, to_columns(batch.particles)[0], beams, weights, identity)
    text = io.BytesIO()
    with pyhepmc.open(text, "w", format="hepmc3") as file:
        file.write(event)
    return text.getvalue()
