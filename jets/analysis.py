"""From the candidates of a batch to rows of the jets table."""

from collections.abc import Sequence

import awkward as ak
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.config import Jets
from jetresim.campaign.detector import EXTRA_FIELDS
from jetresim.campaign.status import Status
from jetresim.detectors.columns import Columns, select, to_columns
from jetresim.detectors.physical import impossible_events, impossible_momenta, tell_impossible
from jetresim.jets.clustering import azimuth, cluster, pseudorapidity
from jetresim.jets.constituents import CONSTITUENT_TYPE, EVENT_FIELD, extended, with_extra
from jetresim.jets.matching import Matches, Truth, match
from jetresim.jets.schema import JET_TYPE, JETS_SCHEMA, STATUS_TYPE, STATUSES
from jetresim.jets.substructure import substructure
from jetresim.showers.protocol import ParticleBatch

__all__ = ["jets_table"]


def jets_table(
    batch: ParticleBatch,
    candidates: ak.Array,
    truth: Sequence[Truth],
    jets: Jets,
    subtract: bool = False,
    given_up: Status = Status.FAILED,
    whole_events: bool = False,
) -> pa.Table:
    """Find, match and describe the jets of a batch.

    Substructure is computed for matched jets only.

    Parameters
    ----------
    batch : ParticleBatch
        N events.
    candidates : ak.Array, N * var * record
        What a detector makes of the batch; None where it failed.
    truth : sequence of Truth, length N
        The hard events. Those that fail their cuts need not have particles.
    jets : Jets
        Parameters of the campaign.
    subtract : bool
        Subtract pile-up by area, see `jets.clustering.cluster`.
    given_up : Status
        Of an event that has particles, but no candidates.
    whole_events : bool
        Rows have all candidates and jets of their event beside its hardest jet.

    Returns
    -------
    pa.Table
        With `jets.schema.JETS_SCHEMA` and the further columns that the candidates have: one row for each
        target of each hard event, in order of (event, target). An event without targets has no row.
    """
    found = cluster(candidates, jets, subtract)
    matches = match(found, truth, jets.matching)
    status = _statuses(batch, candidates, found, truth, matches, given_up)
    rows = np.flatnonzero(status == Status.MATCHED.value)
    matched = ak.to_packed(ak.flatten(found, axis=1)[matches.jet[rows]])
    constituents = matched.constituents
    if whole_events:
        constituents = _clustered(candidates, jets)[matches.event[rows]]
    arrays = [
        pa.array(batch.events[matches.event], pa.int64()),
        pa.array(matches.target, pa.int8()),
        _status_column(status),
        pa.array(batch.seeds[matches.event], pa.int64()),
        _jet_column(matched, ak.num(constituents, axis=1), rows, len(status), jets),
        _constituents_column(constituents, rows, len(status), jets.constituents_max),
    ]
    extra = set(EXTRA_FIELDS) & set(ak.fields(candidates))
    if whole_events:
        extra |= {EVENT_FIELD.name}
        arrays.append(_event_column(constituents, found[matches.event[rows]], rows, len(status)))
    return pa.Table.from_arrays(arrays, schema=with_extra(JETS_SCHEMA, extra))


def _statuses(
    batch: ParticleBatch,
    candidates: ak.Array,
    found: ak.Array,
    truth: Sequence[Truth],
    matches: Matches,
    given_up: Status,
) -> npt.NDArray[np.str_]:
    """What became of each target: the first reason why its event has no jets, or what matching says."""
    passes, wanted, reachable = (
        np.array([getattr(event, name) for event in truth], dtype=np.bool_)
        for name in ("passes_cuts", "wanted", "reachable")
    )
    reasons = [
        (Status.CUT, ~passes),
        (Status.NOT_SIMULATED, ~wanted),
        (Status.VETOED, np.isin(batch.events, list(batch.vetoed))),
        (Status.UNPHYSICAL, _unphysical(batch, candidates, found)),
        (Status.FAILED, ~batch.succeeded & reachable),
        (given_up, ak.to_numpy(ak.is_none(candidates)) & reachable),
    ]
    applies = [where[matches.event] for _, where in reasons]
    return np.select(applies, [reason.value for reason, _ in reasons], matches.status)


def _unphysical(batch: ParticleBatch, candidates: ak.Array, found: ak.Array) -> Booleans:
    """Events in which a candidate cannot be, or a particle, which is why the detector gave up on them."""
    unphysical = ak.to_numpy(ak.is_none(found)).copy()
    if unphysical.any():
        columns, counts = to_columns(candidates)
        tell_impossible(columns, counts, impossible_momenta(columns), batch.events)
    given_up = np.flatnonzero(batch.succeeded & ak.to_numpy(ak.is_none(candidates)))
    unphysical[given_up] = impossible_events(batch.particles[given_up])
    return unphysical


def _status_column(status: npt.NDArray[np.str_]) -> pa.Array:
    codes = np.zeros(len(status), dtype=np.int8)
    for code, value in enumerate(STATUSES):
        codes[status == value.value] = code
    dictionary = pa.array([value.value for value in STATUSES], pa.string())
    return pa.DictionaryArray.from_arrays(codes, dictionary).cast(STATUS_TYPE)


def _clustered(candidates: ak.Array, jets: Jets) -> ak.Array:
    """Candidates of the pT that `jets.clustering.cluster` takes."""
    return candidates[np.hypot(candidates.px, candidates.py) > jets.constituent_pt_min]


def _event_column(constituents: ak.Array, found: ak.Array, rows: Integers, length: int) -> pa.Array:
    """Missing pT and jets of the events in the given rows, null in the others."""
    names = [field.name for field in EVENT_FIELD.type.field("jets").type.value_type]
    jets, counts = to_columns(found[names])
    jets["phi"] = _single_precision_azimuth(jets["phi"])
    offsets = np.concatenate(([0], np.cumsum(_scatter(counts, rows, length)))).astype(np.int32)
    kind = EVENT_FIELD.type.field("jets").type
    missing = {
        f"missing_{name}": _scatter(-np.asarray(ak.sum(constituents[name], axis=1)), rows, length)
        for name in ("px", "py")
    }
    absent = np.ones(length, dtype=np.bool_)
    absent[rows] = False
    columns = [
        *(pa.array(column.astype(np.float32)) for column in missing.values()),
        pa.ListArray.from_arrays(offsets, _struct(kind.value_type, jets), type=kind),
    ]
    return pa.StructArray.from_arrays(columns, fields=list(EVENT_FIELD.type), mask=pa.array(absent))


def _jet_column(
    matched: ak.Array, constituents: ak.Array, rows: Integers, length: int, jets: Jets
) -> pa.Array:
    columns = {name: np.asarray(matched[name]) for name in ("pt", "eta", "phi", "energy")}
    columns.update(substructure(matched, jets))
    columns["nconstituents"] = np.asarray(constituents)
    columns["phi"] = _single_precision_azimuth(columns["phi"])
    absent = np.ones(length, dtype=np.bool_)
    absent[rows] = False
    scattered = {name: _scatter(column, rows, length) for name, column in columns.items()}
    return _struct(JET_TYPE, scattered, absent)


def _constituents_column(constituents: ak.Array, rows: Integers, length: int, longest: int) -> pa.Array:
    columns, counts = to_columns(constituents)
    pt = np.hypot(columns["px"], columns["py"])
    jet = np.repeat(np.arange(len(counts)), counts)
    # lexsort is stable: equal pT keeps the order of the candidates.
    order = np.lexsort((-pt, jet))
    place = np.arange(len(jet)) - np.repeat(np.cumsum(counts) - counts, counts)
    sorted_columns = {name: column[order] for name, column in {**columns, "pt": pt}.items()}
    kept, counts = select(sorted_columns, counts, place < longest)
    kept["eta"] = pseudorapidity(kept["pt"], kept["pz"])
    kept["phi"] = _single_precision_azimuth(azimuth(kept["px"], kept["py"]))
    offsets = np.concatenate(([0], np.cumsum(_scatter(counts, rows, length)))).astype(np.int32)
    kind = extended(CONSTITUENT_TYPE, kept)
    return pa.ListArray.from_arrays(
        offsets, _struct(kind, kept), type=extended(JETS_SCHEMA.field("constituents").type, kept)
    )


def _struct(struct: pa.StructType, columns: Columns, absent: Booleans | None = None) -> pa.Array:
    arrays = [
        pa.array(columns[field.name].astype(field.type.to_pandas_dtype()), field.type) for field in struct
    ]
    mask = None if absent is None else pa.array(absent)
    return pa.StructArray.from_arrays(arrays, fields=list(struct), mask=mask)


def _scatter(values: npt.NDArray, rows: Integers, length: int) -> npt.NDArray:
    """Put values into their rows, 0 elsewhere."""
    column = np.zeros(length, dtype=values.dtype)
    column[rows] = values
    return column


def _single_precision_azimuth(phi: Floats) -> npt.NDArray[np.float32]:
    """Round so that phi stays in (−π, π] in single precision, where −π itself can result."""
    single = phi.astype(np.float32)
    return np.where(single <= np.float32(-np.pi), np.float32(np.pi), single)
