"""Candidates that another program made of these events: joined by their number, believed by evidence.

The detector sees the particles of an event, as any other does. What the file holds for it is taken if it
names the same particles by their digest, or has the partons of the hard event among those it lists.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import awkward as ak
import numpy as np

from jetresim.campaign.arrays import Booleans, Floats, Integers
from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import DetectorError
from jetresim.campaign.paths import candidates_path, chunk_name
from jetresim.campaign.status import Status
from jetresim.detectors.candidate_files import CandidateFile
from jetresim.detectors.columns import Columns, from_columns, to_columns
from jetresim.detectors.digest import digest_of
from jetresim.detectors.kinematics import cartesian
from jetresim.detectors.protocol import CANDIDATE_FIELDS
from jetresim.generators.events import Parton
from jetresim.showers.protocol import ParticleBatch

__all__ = ["ExternalDetector"]

log = logging.getLogger(__name__)

_ERRORS = ("d0err", "dzerr")

_QUANTITIES = (*CANDIDATE_FIELDS, "pt", "eta", "phi", "mass", *_ERRORS)
_INTEGERS = {"pdgid": np.int32, "charge": np.int8}

_AGREEMENT = 0.01
"""Largest difference of two momenta of a parton over its momentum: CMS stores generated particles with ten
bits of a mantissa, in pT, eta and phi, which makes up to 0.4%."""

_MILLIMETRES = 10.0  # in a centimetre


class ExternalDetector:
    """What the files of another program say of the events of one realization.

    Parameters
    ----------
    campaign : Campaign
    process, realization : str
    """

    given_up = Status.NO_CANDIDATES

    def __init__(self, campaign: Campaign, process: str, realization: str) -> None:
        self._campaign, self._process, self._realization = campaign, process, realization
        self._options = campaign.detector_options(realization)
        self._columns = self._options.candidate_columns
        self._file: CandidateFile | None = None

    @property
    def extra_fields(self) -> tuple[str, ...]:
        """Resolutions of d0 and dz that the files have."""
        return tuple(name for name in _ERRORS if name in self._columns)

    def candidates(self, batch: ParticleBatch) -> ak.Array:
        """Read the candidates of a batch.

        Returns
        -------
        ak.Array, N * var * record
            Candidates with `detectors.protocol.CANDIDATE_FIELDS`, in the order of the file; None for an event
            that has no particles, or that the files lack.

        Raises
        ------
        DetectorError
            A file is missing, cannot be read or holds what cannot be; or it has an event twice, one of
            another process, realization or chunk, or one that is made of other particles.
        """
        parts = [{name: np.empty(0, kind) for name, kind in _kinds(self.extra_fields).items()}]
        counts, there = np.zeros(len(batch.events), dtype=np.int64), np.zeros(len(batch.events), dtype=bool)
        for file, places in self._by_file(batch):
            rows = file.rows_of(batch.events[places].tolist())
            if (rows < 0).any():
                log.warning("%s: lacks events %s", file.path, batch.events[places[rows < 0]].tolist())
            places, rows = places[rows >= 0], rows[rows >= 0]
            self._check_identity(file, rows)
            self._check_evidence(file, rows, batch, places)
            columns, counts[places] = self._read(file, rows)
            there[places] = True
            parts.append(columns)
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        found = from_columns(joined, counts)
        return found if there.all() else ak.mask(found, there)

    def _by_file(self, batch: ParticleBatch) -> Iterator[tuple[CandidateFile, Integers]]:
        """Files and the places of their events in the batch, of those that have particles."""
        places = np.flatnonzero(batch.succeeded)
        chunks = np.array([self._campaign.chunk_of(event) for event in batch.events[places].tolist()])
        for chunk in np.unique(chunks).tolist():
            yield self._opened(chunk), places[chunks == chunk]

    def _opened(self, chunk: int) -> CandidateFile:
        path = Path(candidates_path(self._campaign, self._process, self._realization, chunk_name(chunk)))
        if self._file is None or self._file.path != path:
            self._file = CandidateFile(path, self._columns, self._options.tree)
            self._check_range(self._file, chunk)
        return self._file

    def _check_range(self, file: CandidateFile, chunk: int) -> None:
        """A file of a chunk has no events but those of the chunk."""
        chunks = self._campaign.chunks(self._process)
        first, last = chunks[0], chunks[-1]
        if "{chunk}" in self._options.candidates:
            first = last = chunks[chunk]
        beyond = file.events[(file.events < first.start) | (file.events >= last.stop)]
        if len(beyond):
            raise DetectorError(
                f"{file.path}: has event {beyond[0]}; expected events {first.start} to {last.stop - 1} "
                f"of {self._process}"
            )

    def _check_identity(self, file: CandidateFile, rows: Integers) -> None:
        """Columns that name process and realization must name these."""
        names = {self._realization, self._campaign.particles_of(self._realization)}
        for meaning, expected in (("process", {self._process}), ("realization", names)):
            found = set(file.texts(meaning, rows)) if meaning in self._columns else set()
            if foreign := sorted(found - expected):
                wanted = " or ".join(sorted(expected))
                raise DetectorError(f"{file.path}: has {meaning} {foreign[0]!r}; expected {wanted}")

    def _check_evidence(
        self, file: CandidateFile, rows: Integers, batch: ParticleBatch, places: Integers
    ) -> None:
        if "digest" in self._columns:
            found = file.texts("digest", rows)
            expected = _digests(batch, places)
            same = np.array([one == other for one, other in zip(found, expected, strict=True)], dtype=bool)
        else:
            same = self._partons_agree(file, rows, batch, places)
        if not same.all():
            event = batch.events[places[~same][0]]
            raise DetectorError(
                f"{file.path}: event {event} was made of other particles than event {event} of "
                f"{self._process}, {self._realization}, has; the file is of another campaign, or its events "
                "are shifted"
            )

    def _partons_agree(
        self, file: CandidateFile, rows: Integers, batch: ParticleBatch, places: Integers
    ) -> Booleans:
        assert batch.partons is not None  # all who make jets give them
        names = [name for name in self._columns if name.startswith("parton_")]
        columns, counts = file.lists(names, rows)
        listed = {name.removeprefix("parton_"): column for name, column in columns.items()}
        momenta = np.stack(list(_components(listed).values()), axis=1)
        agree = np.zeros(len(rows), dtype=bool)
        for row, (stop, count) in enumerate(zip(np.cumsum(counts), counts, strict=True)):
            partons = batch.partons[places[row]]
            if not partons:
                raise DetectorError(
                    f"{file.path}: event {batch.events[places[row]]} has no outgoing partons to tell it by; "
                    "`columns` must name a digest"
                )
            own = slice(stop - count, stop)
            agree[row] = _all_among(partons, listed["pdgid"][own], momenta[own])
        return agree

    def _read(self, file: CandidateFile, rows: Integers) -> tuple[Columns, Integers]:
        """Columns of `CANDIDATE_FIELDS` and of the errors that the files have."""
        given, counts = file.lists([name for name in self._columns if name in _QUANTITIES], rows)
        for name in _INTEGERS:
            if (given[name] != given[name].astype(_INTEGERS[name])).any():
                raise DetectorError(f"{file.path}: column {self._columns[name]!r} ({name}) holds no integers")
        made = given | _components(given) | self._impact_parameters(given)
        if "energy" not in made:
            squares = (made[name].astype(np.float64) ** 2 for name in ("px", "py", "pz", "mass"))
            made["energy"] = np.sqrt(sum(squares))
        return {name: made[name].astype(kind) for name, kind in _kinds(self.extra_fields).items()}, counts

    def _impact_parameters(self, given: Columns) -> Columns:
        """d0 and dz [mm] with the sign of `detectors.helix`; 0 for neutral candidates and where not given."""
        charged = given["charge"] != 0
        cms = self._options.impact_parameters == "cms"
        unit = _MILLIMETRES if cms else 1.0
        # CMS's dxy = (−x·py + y·px)/pT is −d0 (CMSSW, DataFormats/TrackReco/interface/TrackBase.h).
        scales = {"d0": -unit if cms else unit, "dz": unit, "d0err": unit, "dzerr": unit}
        nothing = np.zeros(len(charged))
        return {
            name: np.where(charged, scale * given.get(name, nothing).astype(np.float64), 0.0)
            for name, scale in scales.items()
        }


def _components(given: Columns) -> dict[str, Floats]:
    """px, py and pz [GeV], given as such or as pT, eta and phi."""
    if "px" in given:
        return {name: given[name].astype(np.float64) for name in ("px", "py", "pz")}
    pt, eta, phi = (given[name].astype(np.float64) for name in ("pt", "eta", "phi"))
    # Delphes gives what has no pT a pseudorapidity of 999.
    return cartesian(pt, np.where(pt > 0, eta, 0.0), phi)


def _all_among(partons: tuple[Parton, ...], pdgids: Integers, momenta: Floats) -> bool:
    """Whether all partons are among some particles, in the precision that these are stored with."""
    for parton in partons:
        own = np.array(list(cartesian(parton.pt, parton.eta, parton.phi).values()))
        distance = np.linalg.norm(momenta - own, axis=1)
        if not ((pdgids == parton.pdgid) & (distance < _AGREEMENT * np.linalg.norm(own))).any():
            return False
    return True


def _digests(batch: ParticleBatch, places: Integers) -> list[str]:
    columns, counts = to_columns(batch.particles)
    stops = np.cumsum(counts)
    owns = [slice(stops[place] - counts[place], stops[place]) for place in places.tolist()]
    return [digest_of({name: column[own] for name, column in columns.items()}) for own in owns]


def _kinds(extra: tuple[str, ...]) -> dict[str, type]:
    """Columns of candidates and their types."""
    return {name: _INTEGERS.get(name, np.float64) for name in (*CANDIDATE_FIELDS, *extra)}
