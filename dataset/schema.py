"""Columns of the groups table, the same in ``groups/`` and in ``dataset/``."""

from typing import Any

import pyarrow as pa

from jetresim.campaign.config import Campaign
from jetresim.jets.constituents import CONSTITUENT_TYPE
from jetresim.jets.parquet import SHOWER_WEIGHTS
from jetresim.jets.schema import JET_TYPE, WEIGHTS_TYPE

__all__ = [
    "DESCRIPTIONS",
    "EVENT_DESCRIPTION",
    "EXTRA_DESCRIPTIONS",
    "GROUPS_SCHEMA",
    "MEMBER",
    "TRUTH",
    "WEIGHTS_FIELD",
    "groups_schema",
    "weights_metadata",
]

_FOUR_VECTOR = [
    pa.field("pdgid", pa.int32()),
    pa.field("pt", pa.float64()),
    pa.field("eta", pa.float64()),
    pa.field("phi", pa.float64()),
    pa.field("energy", pa.float64()),
]

WEIGHTS = pa.list_(pa.struct([pa.field("name", pa.string()), pa.field("value", pa.float64())]))
"""Named weights of the hard event, in the normalization of ``weight``."""

TRUTH = pa.struct([*_FOUR_VECTOR, pa.field("daughters", pa.list_(pa.struct(_FOUR_VECTOR)))])
"""Four-vector [GeV] of the target and of its daughters."""

MEMBER = pa.struct(
    [
        pa.field("present", pa.bool_()),
        pa.field("status", pa.string()),
        pa.field("seed", pa.int64()),
        pa.field("jet", JET_TYPE),
        pa.field("constituents", pa.list_(CONSTITUENT_TYPE)),
    ]
)
"""One realization of a target; the jet is null and the constituents are empty unless it is present."""

GROUPS_SCHEMA = pa.schema(
    [
        pa.field("process", pa.string()),
        pa.field("event", pa.int64()),
        pa.field("target", pa.int8()),
        pa.field("label", pa.int8()),
        pa.field("weight", pa.float64()),
        pa.field("weights", WEIGHTS),
        pa.field("truth", TRUTH),
        pa.field("realizations", pa.list_(MEMBER)),
    ]
)
"""One row a group; ``realizations`` always has one element for each name in the metadata, in that order.
Constituents may have further columns, see `jets.constituents`."""

WEIGHTS_FIELD = pa.field(SHOWER_WEIGHTS, pa.list_(WEIGHTS_TYPE))
"""Weights of the variations of each realization, where a campaign asks for any."""


def groups_schema(campaign: Campaign) -> pa.Schema:
    """The columns of the groups of a campaign."""
    if not campaign.weighted:
        return GROUPS_SCHEMA
    return GROUPS_SCHEMA.append(WEIGHTS_FIELD)


def weights_metadata(campaign: Campaign) -> dict[str, Any]:
    """Names of the weights of each realization, where there are any."""
    return {SHOWER_WEIGHTS: campaign.weighted} if campaign.weighted else {}


DESCRIPTIONS = {
    "process": "kind of hard event",
    "event": "index of the hard event within its process",
    "target": "index of the target within the hard event",
    "label": "RS3L jettype of the target",
    "weight": "event weight [pb]; the sum over a process is its cross-section × groups kept per hard event",
    "weights": "named weights of the hard event [pb]: name, value",
    "truth": "the target: pdgid, pt, eta, phi, energy [GeV]; daughters: list of the same",
    "realizations": "one element a realization, always in the order of the metadata's `realizations`",
    "realizations.present": "the realization has a jet for this target; if not, its place is kept",
    "realizations.status": "what became of the target in this realization",
    "realizations.seed": "seed of the realization",
    "realizations.jet": "pt, eta, phi, energy, mass, sdmass [GeV], n2, d2, tau1…tau4, nconstituents; "
    "null unless present",
    "realizations.constituents": "ordered by pt: pt, eta, phi, energy [GeV], charge, pdgid, d0, dz [mm]",
}
"""Column to its meaning, for the dataset card."""

EVENT_DESCRIPTION = (
    "missing_px, missing_py: minus the sum of all candidates; jets: pt, eta, phi, energy, mass [GeV]. A "
    "group is of an event: `jet` is its hardest, `constituents` are all candidates of the event"
)
"""What stands beside the constituents in groups of whole events."""

EXTRA_DESCRIPTIONS = {
    "d0err": "what d0 was smeared with [mm]; 0 where the detector of a realization does not smear",
    "dzerr": "what dz was smeared with [mm]; 0 where the detector of a realization does not smear",
    "pileup": "fraction of the pT that comes from pile-up",
    "puppi": "PUPPI weight",
}
"""Further column of the constituents to its meaning; see `campaign.detector.EXTRA_FIELDS`."""
