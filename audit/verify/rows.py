"""What must hold for single rows of jets and of groups, whatever they are compared with."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jetresim.campaign.arrays import Booleans, Integers
from jetresim.campaign.config import Campaign, Groups, Jets
from jetresim.campaign.status import Status
from jetresim.dataset.rules import KINEMATICS, expected_seeds, impossible, kept_rows
from jetresim.jets.parquet import single

__all__ = ["first_of_each", "groups_rules", "jets_rules"]


def jets_rules(table: pa.Table, seeds: Integers, campaign: Campaign) -> Iterator[tuple[str, int]]:
    """Rules that rows of a jets table break, each with the first row that does.

    Parameters
    ----------
    table : pa.Table
        N rows with `jets.schema.JETS_SCHEMA`.
    seeds : ndarray of int64, shape (N,)
        What the campaign gives.
    campaign : Campaign
    """
    status = single(table["status"]).cast(pa.string())
    matched = _booleans(pc.equal(status, Status.MATCHED))
    broken = {
        "another seed than the campaign gives": table["seed"].to_numpy() != seeds,
        "a status that jets cannot have": _unknown(status)
        | _booleans(pc.is_in(status, pa.array([Status.BELOW_PT, Status.ABOVE_PT]))),
    }
    yield from first_of_each(broken)
    jet, constituents = single(table["jet"]), single(table["constituents"])
    yield from first_of_each(_broken(matched, jet, constituents, campaign.jets))


def groups_rules(table: pa.Table, campaign: Campaign) -> Iterator[tuple[str, int]]:
    """Rules that rows of a table of groups break, each with the first row that does."""
    lists = single(table["realizations"])
    count = len(campaign.realizations)
    lengths = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    if (wrong := lengths != count).any():
        yield f"not {count} realizations", int(np.argmax(wrong))
        return
    member = lists.flatten()
    there = _booleans(member.field("present"))
    hard_events = zip(*(table[key].to_pylist() for key in ("process", "event")), strict=True)
    seeds = expected_seeds(campaign, hard_events, campaign.realizations).ravel()
    matched = _booleans(pc.equal(member.field("status"), Status.MATCHED))
    broken = {
        "another seed than the campaign gives": member.field("seed").to_numpy() != seeds,
        "an unknown status": _unknown(member.field("status")),
        "a member that is present and not matched, or the reverse": matched != there,
        **_broken(there, member.field("jet"), member.field("constituents"), campaign.jets, campaign.groups),
    }
    for rule, row in first_of_each(broken):
        yield f"{campaign.realizations[row % count]}: {rule}", row // count
    kept = kept_rows(there.reshape(-1, count).T, campaign)
    yield from first_of_each({f"not kept by groups.require {campaign.groups.require!r}": ~kept})


def first_of_each(broken: Mapping[str, Booleans]) -> Iterator[tuple[str, int]]:
    """Names of the masks that are set anywhere, each with the first place."""
    for rule, rows in broken.items():
        if rows.any():
            yield rule, int(np.argmax(rows))


def _broken(
    there: Booleans,
    jet: pa.StructArray,
    constituents: pa.ListArray,
    asked: Jets,
    groups: Groups | None = None,
) -> dict[str, Booleans]:
    """Rules that hold for a jet and its constituents, and the rows that break them."""
    lengths = pc.fill_null(pc.list_value_length(constituents), -1).to_numpy(zero_copy_only=False)
    columns = {name: _numbers(pc.struct_field(jet, name)) for name in (*KINEMATICS, "nconstituents")}
    parts = constituents.flatten()
    inner = {name: _numbers(pc.struct_field(parts, name)) for name in KINEMATICS}
    row = np.repeat(np.arange(len(there)), np.maximum(lengths, 0))
    falling = np.diff(inner["pt"]) <= 0
    falling |= np.diff(row) != 0
    soft = inner["pt"] < np.float32(asked.constituent_pt_min)
    stored = np.minimum(columns["nconstituents"], asked.constituents_max)
    pt_min, pt_max = (asked.pt_min, None) if groups is None else (groups.pt_min, groups.pt_max)
    outside = (columns["pt"] < np.float32(pt_min)) | (
        columns["pt"] > np.float32(np.inf if pt_max is None else pt_max)
    )
    wide = np.abs(columns["eta"]) > np.float32(asked.eta_max)
    return {
        "a jet where there is none, or none where there is one": _booleans(jet.is_valid()) != there,
        "constituents without a jet": ~there & (lengths != 0),
        "another number of constituents than its jet has": there & (lengths != stored),
        "a jet outside the limits of pT or beyond eta_max": there & (outside | wide),
        "a jet that is not finite or whose azimuth is not in (−π, π]": there & impossible(columns),
        "constituents that are not in order of falling pT": _rows_of(np.append(~falling, False), row, there),
        "a constituent below jets.constituent_pt_min": _rows_of(soft, row, there),
        "a constituent that is not finite or whose azimuth is not in (−π, π]": _rows_of(
            impossible(inner), row, there
        ),
    }


def _rows_of(wrong: Booleans, row: Integers, there: Booleans) -> Booleans:
    found = np.zeros(len(there), np.bool_)
    found[row[wrong[: len(row)]]] = True
    return found


def _unknown(status: pa.Array) -> Booleans:
    return ~_booleans(pc.is_in(status, pa.array([each.value for each in Status])))


def _booleans(array: pa.Array) -> Booleans:
    return pc.fill_null(array, False).to_numpy(zero_copy_only=False)


def _numbers(array: pa.Array) -> npt.NDArray[np.floating]:
    """Values with 0 for null, which is never looked at."""
    return pc.fill_null(array, 0).to_numpy(zero_copy_only=False)
