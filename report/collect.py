"""One pass for each thing that is needed: samples in memory, histograms and checks of everything."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import awkward as ak
import numpy as np
import numpy.typing as npt

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.seeds import stable_hash
from jetresim.dataset.features import delta_phi
from jetresim.dataset.rules import beyond_circle
from jetresim.report.binning import bin_edges
from jetresim.report.observables import BY_NAME, CONSTITUENT_OBSERVABLES, JET_OBSERVABLES
from jetresim.report.reading import (
    CONSTITUENT_FIELDS,
    JET_FIELDS,
    Batch,
    Source,
    axis_distance,
    constituent_batches,
    jet_batches,
)
from jetresim.report.spectra import Spectrum

__all__ = [
    "CONSTITUENT_SAMPLE",
    "DISTANCE_SAMPLE",
    "ENOUGH",
    "GALLERY",
    "SAMPLE",
    "Constituents",
    "Drawn",
    "Sample",
    "Scan",
    "jet_samples",
    "scan",
    "scan_constituents",
]

Names = npt.NDArray[np.str_]

SAMPLE = 20_000
"""Groups of a process that are held in memory, for bins, tests and similarities."""

DISTANCE_SAMPLE = 5_000
"""Groups of a process that the Wasserstein distances, or their errors, use."""

CONSTITUENT_SAMPLE = 5_000
"""Groups of a process whose constituents are read."""

CONSTITUENT_ROW_GROUPS = 64
"""Row groups that are searched for them at most."""

GALLERY = 3
"""Groups of a process that are drawn."""

ENOUGH = 20
"""Fewest groups of a process for spectra, distances and similarities."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The first n groups of a process; within a file, groups are in random order.

    Attributes
    ----------
    event, target, label : ndarray of int64, shape (n,)
    weight : ndarray, shape (n,)
    present : ndarray of bool, shape (n, K)
    seed : ndarray of int64, shape (n, K)
    values : dict of str to ndarray, shape (n, K)
        Name of a jet observable to its values, NaN where it is not defined.
    """

    event: Integers
    target: Integers
    label: Integers
    weight: Floats
    present: Booleans
    seed: Integers
    values: dict[str, Floats]


def jet_samples(source: Source) -> dict[str, Sample]:
    """Read the first `SAMPLE` groups of every process."""
    missing = dict.fromkeys(source.campaign.processes, SAMPLE)
    parts: dict[str, list[Sample]] = {name: [] for name in missing}
    for batch in _all_jets(source):
        for name, wanted in missing.items():
            rows = np.flatnonzero(batch.process == name)[:wanted]
            parts[name].append(_sample(batch, rows))
            missing[name] -= len(rows)
        if not any(missing.values()):
            break
    return {name: _joined(found, len(source.realizations)) for name, found in parts.items()}


def _all_jets(source: Source) -> Iterator[Batch]:
    for files in source.shards.values():
        yield from jet_batches(files, len(source.realizations))


def _sample(batch: Batch, rows: Integers) -> Sample:
    jets = {name: values[rows] for name, values in batch.jets.items()}
    return Sample(
        *(values[rows] for values in (batch.event, batch.target, batch.label, batch.weight)),
        present=batch.present[rows],
        seed=batch.seed[rows],
        values={each.name: each.values(jets) for each in JET_OBSERVABLES},
    )


def _joined(parts: list[Sample], realizations: int) -> Sample:
    if not parts:
        nothing = Batch(
            np.empty(0, np.str_),
            *(np.empty(0, np.int64) for _ in range(3)),
            weight=np.empty(0),
            present=np.empty((0, realizations), bool),
            seed=np.empty((0, realizations), np.int64),
            jets={name: np.empty((0, realizations)) for name in JET_FIELDS},
            truth={},
            daughters={},
        )
        return _sample(nothing, np.empty(0, np.int64))
    names = ("event", "target", "label", "weight", "present", "seed")
    columns = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    values = {key: np.concatenate([part.values[key] for part in parts]) for key in parts[0].values}
    return Sample(*columns, values=values)


@dataclass
class Scan:
    """What a pass over all groups finds, without their constituents.

    Attributes
    ----------
    spectra : dict
        (process, observable) to the spectrum.
    rows : dict
        (process, label, split) to the number of groups.
    present : dict
        Process to members that are present, one number a realization.
    weight, weight_squared : dict
        Process to the sum of weights [pb] and of their squares.
    not_finite : dict
        Field to the number of values that are NaN or infinite.
    wide_angles : int
        Values of φ outside of (−π, π].
    unaligned : dict
        Realization to the number of jets that the truth does not match.
    worst_alignment : float
        Largest ratio of a distance to its limit.
    identities : dict
        (process, split) to arrays of (event, target).
    """

    spectra: dict[tuple[str, str], Spectrum]
    rows: dict[tuple[str, int, str], int] = field(default_factory=dict)
    present: dict[str, Integers] = field(default_factory=dict)
    weight: dict[str, float] = field(default_factory=dict)
    weight_squared: dict[str, float] = field(default_factory=dict)
    not_finite: dict[str, int] = field(default_factory=dict)
    wide_angles: int = 0
    unaligned: dict[str, int] = field(default_factory=dict)
    worst_alignment: float = 0.0
    identities: dict[tuple[str, str], list[Integers]] = field(default_factory=dict)

    def groups(self, process: str) -> int:
        """Groups of a process in all splits."""
        return sum(count for (name, _, _), count in self.rows.items() if name == process)


def scan(source: Source, samples: Mapping[str, Sample]) -> Scan:
    """Read all groups without their constituents."""
    found = Scan(_jet_spectra(source, samples))
    for name in source.campaign.processes:
        found.present[name] = np.zeros(len(source.realizations), np.int64)
        found.weight[name] = found.weight_squared[name] = 0.0
    found.not_finite = dict.fromkeys(("weight", *JET_FIELDS), 0)
    found.unaligned = dict.fromkeys(source.realizations, 0)
    for split, files in source.shards.items():
        for batch in jet_batches(files, len(source.realizations)):
            _count(found, batch, split)
            _check_values(found, batch)
            _check_alignment(found, batch, source)
            _fill_jets(found, batch)
    return found


def _jet_spectra(source: Source, samples: Mapping[str, Sample]) -> dict[tuple[str, str], Spectrum]:
    return {
        (process, each.name): Spectrum(
            bin_edges(each, sample.values[each.name][:, source.anchor]),
            len(source.realizations),
            source.anchor,
        )
        for process, sample in samples.items()
        for each in JET_OBSERVABLES
    }


def _count(found: Scan, batch: Batch, split: str) -> None:
    for process in np.unique(batch.process).tolist():
        mine = batch.process == process
        for label, count in zip(*np.unique(batch.label[mine], return_counts=True), strict=True):
            key = (process, int(label), split)
            found.rows[key] = found.rows.get(key, 0) + int(count)
        identity = np.stack([batch.event[mine], batch.target[mine]], axis=1).astype(np.int64)
        found.identities.setdefault((process, split), []).append(identity)
        found.present[process] += np.count_nonzero(batch.present[mine], axis=0)
        found.weight[process] += float(np.sum(batch.weight[mine]))
        found.weight_squared[process] += float(np.sum(batch.weight[mine] ** 2))


def _check_values(found: Scan, batch: Batch) -> None:
    found.not_finite["weight"] += int(np.count_nonzero(~np.isfinite(batch.weight)))
    for name, values in batch.jets.items():
        found.not_finite[name] += int(np.count_nonzero(~np.isfinite(values[batch.present])))
    for phi in (batch.jets["phi"], batch.truth["phi"], batch.daughters["phi"]):
        found.wide_angles += int(np.count_nonzero(beyond_circle(phi)))


def _check_alignment(found: Scan, batch: Batch, source: Source) -> None:
    used = alignment(batch, source)
    aligned = used <= 1 + 1e-5  # jets are stored in float32
    for index, name in enumerate(source.realizations):
        wrong = batch.present[:, index] & ~aligned[:, index]
        found.unaligned[name] += int(np.count_nonzero(wrong))
    if batch.present.any():
        found.worst_alignment = max(found.worst_alignment, float(np.nanmax(used[batch.present], initial=0)))


def alignment(batch: Batch, source: Source) -> Floats:
    """Largest distance of a jet to its truth over what the matching rule allows, shape (N, K).

    A target with daughters is a decay or splitting: `axis_dr` to the axis, `daughters_dr` to each of them.
    One without is a parton: `daughters_dr`.
    """
    matching = source.campaign.jets.matching
    decays = np.isfinite(batch.daughters["eta"]).any(axis=1)
    limit = np.where(decays, matching.axis_dr, matching.daughters_dr)
    used = [_distance(batch.jets, {key: batch.truth[key][:, None] for key in batch.truth}) / limit[:, None]]
    for each in range(batch.daughters["eta"].shape[1]):
        daughter = {key: values[:, [each]] for key, values in batch.daughters.items()}
        used.append(_distance(batch.jets, daughter) / matching.daughters_dr)
    return np.fmax.reduce(used)


def _distance(jets: Mapping[str, Floats], truth: Mapping[str, Floats]) -> Floats:
    return np.hypot(jets["eta"] - truth["eta"], delta_phi(truth, jets))


def _fill_jets(found: Scan, batch: Batch) -> None:
    for (process, name), spectrum in found.spectra.items():
        rows = np.flatnonzero(batch.process == process)
        if not len(rows):
            continue
        jets = {key: values[rows] for key, values in batch.jets.items()}
        values = BY_NAME[name].values(jets)
        group, realization = np.nonzero(batch.present[rows])
        spectrum.fill(group, realization, values[group, realization], batch.weight[rows])


@dataclass(frozen=True, slots=True)
class Drawn:
    """A group of the gallery.

    Attributes
    ----------
    event, target, label : int
    members : list of dict or None
        For each realization eta and phi from the jet axis, pt [GeV], pdgid and charge of the constituents,
        and `jet_pt` [GeV]; None for an absent one.
    """

    event: int
    target: int
    label: int
    members: list[dict[str, Floats] | None]


@dataclass
class Constituents:
    """What a pass over the first groups with their constituents finds.

    Attributes
    ----------
    spectra : dict
        (process, observable) to the spectrum.
    groups : dict
        Process to the number of groups.
    gallery : dict
        Process to the groups that are drawn.
    not_finite : int
        Values that are NaN or infinite.
    wide_angles : int
        Values of φ outside of (−π, π].
    values : int
        Constituents that were looked at.
    """

    spectra: dict[tuple[str, str], Spectrum] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    gallery: dict[str, list[Drawn]] = field(default_factory=dict)
    not_finite: int = 0
    wide_angles: int = 0
    values: int = 0


def scan_constituents(source: Source) -> Constituents:
    """Read the first `CONSTITUENT_SAMPLE` groups of every process with their constituents."""
    found = Constituents(groups=dict.fromkeys(source.campaign.processes, 0))
    files = [path for paths in source.shards.values() for path in paths]
    chosen: dict[str, list[tuple[int, Drawn]]] = {name: [] for name in found.groups}
    for batch in constituent_batches(files, len(source.realizations), CONSTITUENT_ROW_GROUPS):
        processes = ak.to_numpy(batch.process).astype(np.str_)
        for name in found.groups:
            rows = np.flatnonzero(processes == name)[: CONSTITUENT_SAMPLE - found.groups[name]]
            if len(rows):
                _look_at(found, source, name, batch[rows])
                chosen[name] = _gallery(source, name, batch[rows], chosen[name])
                found.groups[name] += len(rows)
        if all(count >= CONSTITUENT_SAMPLE for count in found.groups.values()):
            break
    found.gallery = {name: [drawn for _, drawn in picked] for name, picked in chosen.items()}
    return found


def _look_at(found: Constituents, source: Source, process: str, groups: ak.Array) -> None:
    """Check the constituents of some groups of a process and add them to the spectra."""
    members, counts = groups.realizations, len(source.realizations)
    number = ak.to_numpy(ak.flatten(ak.num(members.constituents, axis=2)))
    columns = {name: _flat(members.constituents[name]) for name in CONSTITUENT_FIELDS}
    owner = np.repeat(np.arange(len(number)), number)
    axes = {
        name: ak.to_numpy(ak.fill_none(ak.flatten(members.jet[name]), np.nan))[owner]
        for name in ("eta", "phi")
    }
    found.values += len(columns["pt"])
    found.not_finite += sum(int(np.count_nonzero(~np.isfinite(each))) for each in columns.values())
    found.wide_angles += int(np.count_nonzero(beyond_circle(columns["phi"])))
    columns["dr"] = axis_distance(columns, axes)
    group, realization = np.divmod(owner, counts)
    for each in CONSTITUENT_OBSERVABLES:
        values = each.values(columns)
        key = (process, each.name)
        if key not in found.spectra:
            edges = bin_edges(each, values[realization == source.anchor])
            found.spectra[key] = Spectrum(edges, counts, source.anchor)
        found.spectra[key].fill(group, realization, values, ak.to_numpy(groups.weight))


def _flat(values: ak.Array) -> Floats:
    return ak.to_numpy(ak.flatten(values, axis=None)).astype(np.float64)


def _gallery(
    source: Source, process: str, groups: ak.Array, chosen: list[tuple[int, Drawn]]
) -> list[tuple[int, Drawn]]:
    """Keep the groups with the smallest hashes of their identity and the campaign seed."""
    identities = zip(groups.event.tolist(), groups.target.tolist(), strict=True)
    keys = [stable_hash(source.campaign.seed, "gallery", process, *each) for each in identities]
    nearest = sorted(range(len(keys)), key=keys.__getitem__)[:GALLERY]
    new = [(keys[row], _drawn(groups[row])) for row in nearest]
    return sorted([*chosen, *new], key=lambda pair: pair[0])[:GALLERY]


def _drawn(group: ak.Record) -> Drawn:
    members = [_drawn_member(member) if member.present else None for member in group.realizations]
    return Drawn(int(group.event), int(group.target), int(group.label), members)


def _drawn_member(member: ak.Record) -> dict[str, Floats]:
    columns = {
        name: ak.to_numpy(member.constituents[name]).astype(np.float64)
        for name in ("pt", "eta", "phi", "pdgid", "charge")
    }
    return {
        **columns,
        "eta": columns["eta"] - member.jet.eta,
        "phi": delta_phi(columns, {"phi": float(member.jet.phi)}),
        "jet_pt": np.array(float(member.jet.pt)),
    }
