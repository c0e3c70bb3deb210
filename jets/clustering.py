"""Jet finding with FastJet."""

from types import MappingProxyType

import awkward as ak
import fastjet
import numpy as np

from jetresim.campaign.arrays import Floats, Integers
from jetresim.campaign.config import Jets
from jetresim.detectors.columns import Columns, from_columns, segments, select, to_columns
from jetresim.detectors.physical import any_in_event, impossible_momenta
from jetresim.jets.area import density, jet_areas

__all__ = ["azimuth", "cluster", "momenta", "pseudorapidity"]

# FastJet prints its banner on stdout at the first clustering, where a program may expect its own output.
# The documentation carries the citation that it asks for. The binding has no public name for this switch.
fastjet._swig.ClusterSequence.set_fastjet_banner_stream(None)

ALGORITHMS = MappingProxyType(
    {
        "antikt": fastjet.antikt_algorithm,
        "cambridge": fastjet.cambridge_algorithm,
        "kt": fastjet.kt_algorithm,
    }
)
"""Jet algorithms by their names in the config."""


def cluster(candidates: ak.Array, jets: Jets, subtract: bool = False) -> ak.Array:
    """Find the jets of a batch of events.

    Candidates with pT > `constituent_pt_min` are clustered (E scheme); jets with pT > `pt_min` and
    |eta| < `eta_max` are kept; with `stop_at_eta_max` only those harder than the first one outside.

    Parameters
    ----------
    candidates : ak.Array, N * var * record
        With `detectors.protocol.CANDIDATE_FIELDS`; further fields travel along. None is an empty list.
    jets : Jets
        Parameters of the campaign.
    subtract : bool
        Take the density of pile-up times their area from the four-momenta of jets, see `jets.area`.

    Returns
    -------
    ak.Array, N * var * record
        Jets in order of falling pT, with pt [GeV], eta, phi in (−π, π], energy [GeV], mass [GeV] and
        `constituents`, a list of records with all fields of the candidates, in the order of the candidates.
        Events without candidates or without jets have empty lists. An event with a candidate that cannot
        be, see `detectors.physical.impossible_momenta`, is None: FastJet would drop the candidate silently.
    """
    columns, counts = to_columns(candidates)
    failed = any_in_event(impossible_momenta(columns), counts)
    found = _cluster(*select(columns, counts, ~np.repeat(failed, counts)), jets, subtract)
    return ak.mask(found, ~failed) if failed.any() else found


def _cluster(columns: Columns, counts: Integers, jets: Jets, subtract: bool) -> ak.Array:
    hard_enough = np.hypot(columns["px"], columns["py"]) > jets.constituent_pt_min
    columns, counts = select(columns, counts, hard_enough)
    definition = fastjet.JetDefinition(ALGORITHMS[jets.algorithm], jets.radius)
    sequence = fastjet.ClusterSequence(momenta(columns, counts), definition)
    found, jets_per_event = to_columns(sequence.inclusive_jets(min_pt=jets.pt_min))
    members = sequence.constituent_index(min_pt=jets.pt_min)
    event = np.repeat(np.arange(len(counts)), jets_per_event)
    if subtract:
        areas, _ = jet_areas(columns, counts, definition, jets.pt_min)
        rho = density(columns, counts)[event]
        found = {name: found[name] - rho * area for name, area in areas.items()}
    kinematics = _kinematics(found)
    order = _kept_in_order(kinematics, event, jets)
    sizes = np.asarray(ak.num(ak.flatten(members, axis=1), axis=1), dtype=np.int64)
    first_candidate = np.cumsum(counts) - counts
    member = np.asarray(ak.flatten(members, axis=None)) + np.repeat(first_candidate[event], sizes)
    member = member[segments((np.cumsum(sizes) - sizes)[order], sizes[order])]
    constituents = from_columns({name: column[member] for name, column in columns.items()}, sizes[order])
    kept = {name: column[order] for name, column in kinematics.items()}
    return from_columns(
        {**kept, "constituents": constituents}, np.bincount(event[order], minlength=len(counts))
    )


def momenta(columns: Columns, counts: Integers) -> ak.Array:
    """Four-momenta in the form that FastJet takes."""
    names = {"px": "px", "py": "py", "pz": "pz", "E": "energy"}
    return from_columns({theirs: columns[ours] for theirs, ours in names.items()}, counts)


def azimuth(px: Floats, py: Floats) -> Floats:
    """Azimuth in (−π, π]; arctan2 alone gives −π where py is a negative zero."""
    return np.arctan2(py + 0.0, px)


def pseudorapidity(pt: Floats, pz: Floats) -> Floats:
    """Pseudorapidity for pt > 0."""
    return np.arcsinh(pz / pt)


def _kinematics(momentum: Columns) -> Columns:
    px, py, pz, energy = (momentum[name] for name in ("px", "py", "pz", "E"))
    pt = np.hypot(px, py)
    # Rounding makes the squared mass of a jet of one massless candidate negative.
    mass = np.sqrt(np.maximum((energy - pz) * (energy + pz) - pt * pt, 0.0))
    return {"pt": pt, "eta": pseudorapidity(pt, pz), "phi": azimuth(px, py), "energy": energy, "mass": mass}


def _kept_in_order(kinematics: Columns, event: Integers, jets: Jets) -> Integers:
    """Order the jets that pass the cuts by event and falling pT; returns their indices."""
    pt, eta = kinematics["pt"], kinematics["eta"]
    hard = np.flatnonzero(pt > jets.pt_min)
    hard = hard[np.lexsort((-pt[hard], event[hard]))]
    central = np.abs(eta[hard]) < jets.eta_max
    if jets.stop_at_eta_max:
        outside_before = np.cumsum(~central) - ~central
        first = np.searchsorted(event[hard], event[hard])
        central &= outside_before == outside_before[first]
    return hard[central]
