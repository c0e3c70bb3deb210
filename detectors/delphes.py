"""Delphes, the program: particles go in through a pipe as HepMC, candidates come back in its ROOT file.

For those who have it, J. de Favereau et al., JHEP 02 (2014) 057. Its card decides what is simulated. The
tree must hold a branch of particle-flow candidates with PT, Eta, Phi, E, PID, Charge, D0 and DZ.
"""

import io
import logging
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import awkward as ak
import numpy as np
import numpy.typing as npt
import pyhepmc
import uproot

from jetresim.campaign.arrays import Booleans, Integers
from jetresim.campaign.detector import DetectorOptions
from jetresim.campaign.errors import DetectorError
from jetresim.campaign.seeds import PYTHIA_SEEDS, stable_hash
from jetresim.detectors.columns import Columns, from_columns
from jetresim.detectors.kinematics import cartesian
from jetresim.detectors.physical import physical_particles
from jetresim.detectors.protocol import CANDIDATE_FIELDS
from jetresim.showers.protocol import PARTICLE_FIELDS, ParticleBatch

__all__ = ["Delphes"]

log = logging.getLogger(__name__)

TREE = "Delphes"
LEAVES = ("PT", "Eta", "Phi", "E", "PID", "Charge", "D0", "DZ")
"""Leaves that a branch of candidates must have."""
EVENT_NUMBER = "Event.Number"

_CARD, _OUTPUT = "card.tcl", "candidates.root"
_INTERMEDIATE = 91
"""PDG id of a cluster: it stands for everything that happened before a production vertex."""

_PION = dict.fromkeys(PARTICLE_FIELDS, 0.0) | {"pdgid": 211, "px": 10.0, "energy": 10.001}
"""What every Delphes card can simulate."""


class Delphes:
    """The Delphes program, set up for one realization.

    Parameters
    ----------
    campaign_seed : int
    stream : str
        Name of the realization.
    options : DetectorOptions
        Executable, card, branch and events of a run.

    Raises
    ------
    DetectorError
        The program or its card is not there.
    """

    def __init__(self, campaign_seed: int, stream: str, options: DetectorOptions) -> None:
        self._campaign_seed = campaign_seed
        self._stream = stream
        self._options = options
        self._works = False
        self._program = _find(options.executable)
        self._card, self._card_text = _read_card(options.card)
        # The reader of Delphes 3.4, DelphesHepMC, has no number in its name and reads HepMC 2.
        self._format = "hepmc3" if "HepMC3" in self._program.name else "hepmc2"

    def candidates(self, batch: ParticleBatch) -> ak.Array:
        """Reconstruct a batch.

        Returns
        -------
        ak.Array, N * var * record
            Candidates with `detectors.protocol.CANDIDATE_FIELDS`, in the program's order. An event is
            None where a particle cannot be, see `detectors.physical`, where the run of the program ended
            abnormally, or where its output lacks the event.

        Raises
        ------
        DetectorError
            All runs failed so far, that of a single pion too; the output is not that of the card; or the
            batch begins within the events of one run.
        ShowerError
            Hadronization is switched off.
        """
        physical = physical_particles(batch)
        columns, counts = physical.columns, physical.counts
        results = {int(row): _NOTHING for row in np.flatnonzero(~physical.failed & (counts == 0))}
        failures = []
        for run in self._runs(batch, counts > 0):
            try:
                results |= self._simulate(batch.events, run, columns, counts)
            except _RunError as failure:
                failures.append(str(failure))
                log.warning("Delphes: events %s: %s", batch.events[run.rows].tolist(), failure)
        self._works |= any(event is not _NOTHING for event in results.values())
        if failures and not self._works:
            self._require_one_pion(failures[0])
        return _join(results, len(counts))

    def _runs(self, batch: ParticleBatch, usable: Booleans) -> Iterator["_Run"]:
        """The events of each run: those of a block of indices that have particles, whichever these are."""
        size = self._options.events_per_run
        if len(batch.events) and batch.events[0] % size:
            raise DetectorError(
                f"Delphes: a batch begins at event {batch.events[0]}, within {size} events that share a run; "
                "`chunk` must be a multiple of `events_per_run`"
            )
        blocks, firsts = np.unique(batch.events // size, return_index=True)
        for block, first in zip(blocks, firsts, strict=True):
            rows = np.flatnonzero(usable & (batch.events // size == block))
            if len(rows):
                yield _Run(rows, self._seed(int(batch.seeds[first]), int(batch.events[first])))

    def _seed(self, *key: int) -> int:
        return 1 + stable_hash(self._campaign_seed, "detector", self._stream, *key) % PYTHIA_SEEDS

    def _require_one_pion(self, reason: str) -> None:
        """Tell a program that never works from one that fails on the events it was given."""
        pion = {name: np.array([value]) for name, value in _PION.items()}
        one, run = np.ones(1, dtype=np.int64), _Run(np.zeros(1, dtype=np.intp), 1)
        with suppress(_RunError):
            self._works = bool(self._simulate(one, run, pion, one))
        if not self._works:
            raise DetectorError(f"Delphes: no event came back: {reason}")

    def _simulate(
        self,
        events: Integers,
        run: "_Run",
        columns: Columns,
        counts: Integers,
    ) -> dict[int, Columns]:
        """Candidates of the events of one run that came back, by their position in the batch."""
        rows = run.rows
        with tempfile.TemporaryDirectory(prefix="delphes-") as folder:
            output = Path(folder) / _OUTPUT
            self._prepare(Path(folder), run.seed)
            self._run(Path(folder), output, _hepmc(rows, columns, counts, self._format))
            numbers, candidates = _read(output, self._options.branch)
        places = numbers - 1
        if len(np.unique(places)) < len(places) or np.any((places < 0) | (places >= len(rows))):
            raise _RunError(f"its output has events that were not asked for (numbers {numbers.tolist()})")
        lost = np.setdiff1d(np.arange(len(rows)), places)
        if len(lost):
            log.warning("Delphes: its output lacks events %s", events[rows[lost]].tolist())
        return {int(rows[place]): event for place, event in zip(places, candidates, strict=True)}

    def _prepare(self, folder: Path, seed: int) -> None:
        """Put the card with the seed into a folder, and beside it what lies beside the card."""
        for neighbour in self._card.parent.iterdir():
            if neighbour.name not in (_CARD, _OUTPUT):
                (folder / neighbour.name).symlink_to(neighbour)
        (folder / _CARD).write_text(f"{self._card_text}\nset RandomSeed {seed}\n", encoding="utf-8")

    def _run(self, folder: Path, output: Path, events: bytes) -> None:
        line = [str(self._program), str(folder / _CARD), str(output)]
        try:
            ended = subprocess.run(
                line, input=events, capture_output=True, timeout=self._options.time_limit, check=False
            )
        except subprocess.TimeoutExpired:
            raise _RunError(f"still running after {self._options.time_limit:g} s") from None
        except OSError as error:
            raise DetectorError(f"Delphes: {self._program} cannot be started ({error.strerror})") from None
        if ended.returncode:
            raise _RunError(f"{_ending(ended.returncode)}: {_last_words(ended.stdout, ended.stderr)}")
        if not output.exists():
            raise _RunError(f"no output was written: {_last_words(ended.stdout, ended.stderr)}")


@dataclass(frozen=True, slots=True)
class _Run:
    """Positions in the batch of the events of one run, shape (M,), and its seed."""

    rows: npt.NDArray[np.intp]
    seed: int


class _RunError(Exception):
    """One run of the program gave nothing; its events are absent."""


def _find(executable: str) -> Path:
    found = shutil.which(executable)
    if found is None:
        raise DetectorError(
            f"Delphes: program {executable!r} not found or not executable; "
            "set `executable` to the path of DelphesHepMC3 or DelphesHepMC2"
        )
    return Path(found).absolute()


def _read_card(card: Path | None) -> tuple[Path, str]:
    if card is None:
        raise DetectorError("Delphes: no card; set `card` to the path of one")
    try:
        return card.absolute(), card.read_text(encoding="utf-8")
    except OSError as error:
        raise DetectorError(f"Delphes: card {card} cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DetectorError(f"Delphes: card {card} is not a text file") from None


def _ending(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"ended with status {code}"


def _last_words(*outputs: bytes) -> str:
    """Last line of the last output that has one."""
    text = " ".join(output.decode(errors="replace") for output in outputs)
    lines = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _hepmc(rows: npt.NDArray[np.intp], columns: Columns, counts: Integers, dialect: str) -> bytes:
    """HepMC text of some events, numbered from 1."""
    stops = np.cumsum(counts)
    text = io.BytesIO()
    with _without_warnings(), pyhepmc.open(text, "w", format=dialect) as file:
        for number, row in enumerate(rows, start=1):
            particles = slice(stops[row] - counts[row], stops[row])
            file.write(_hepmc_event(number, {name: column[particles] for name, column in columns.items()}))
    return text.getvalue()


@contextmanager
def _without_warnings() -> Iterator[None]:
    """HepMC warns on the terminal that HepMC 2 is old, each time that it is written."""
    before = pyhepmc.Setup.print_warnings
    pyhepmc.Setup.print_warnings = False
    try:
        yield
    finally:
        pyhepmc.Setup.print_warnings = before


def _hepmc_event(number: int, particles: Columns) -> pyhepmc.GenEvent:
    """Final-state particles at their production vertices, each vertex fed by one intermediate particle."""
    position = np.stack([particles[name] for name in ("x", "y", "z", "t")], axis=1)
    vertices, vertex = np.unique(position, axis=0, return_inverse=True)
    before, after = len(vertices), len(position)
    parents = np.full((before + after, 2), -1, dtype=np.int32)
    parents[before:] = vertex.reshape(-1, 1)
    momentum = [np.concatenate([np.zeros(before), particles[name]]) for name in ("px", "py", "pz", "energy")]
    mass_squared = momentum[3] ** 2 - momentum[0] ** 2 - momentum[1] ** 2 - momentum[2] ** 2
    event = pyhepmc.GenEvent(pyhepmc.Units.GEV, pyhepmc.Units.MM)
    event.from_hepevt(
        number,
        *momentum,
        np.sqrt(np.maximum(mass_squared, 0)),
        np.concatenate([np.full(before, _INTERMEDIATE), particles["pdgid"]]).astype(np.int32),
        np.concatenate([np.full(before, 2), np.full(after, 1)]).astype(np.int32),
        parents=parents,
        fortran=False,
        **{
            name: np.concatenate([np.zeros(before), position[:, axis]])
            for axis, name in enumerate(("vx", "vy", "vz", "vt"))
        },
    )
    event.weights = [1.0]
    return event


def _read(path: Path, branch: str) -> tuple[Integers, list[Columns]]:
    """Event numbers and candidates in the order of the tree.

    Raises
    ------
    DetectorError
        The tree lacks a branch.
    _RunError
        The file cannot be read.
    """
    leaves = {leaf: f"{branch}.{leaf}" for leaf in LEAVES}
    try:
        with uproot.open(path) as file:
            tree = file[TREE]
            missing = [name for name in (EVENT_NUMBER, *leaves.values()) if name not in tree]
            if missing:
                raise DetectorError(f"Delphes: the card writes no {missing[0]}; a TreeWriter must have it")
            numbers = ak.to_numpy(ak.flatten(tree[EVENT_NUMBER].array())).astype(np.int64)
            columns = {leaf: tree[name].array() for leaf, name in leaves.items()}
            events = [
                _candidates({leaf: ak.to_numpy(column[place]) for leaf, column in columns.items()})
                for place in range(len(numbers))
            ]
    except DetectorError:
        raise
    except Exception as error:  # uproot raises whatever it trips over in a damaged file
        raise _RunError(f"its output cannot be read ({type(error).__name__})") from None
    return numbers, events


def _candidates(leaves: Columns) -> Columns:
    """Columns of `CANDIDATE_FIELDS` from those of the tree."""
    pt, eta, phi, energy, d0, dz = (
        leaves[name].astype(np.float64) for name in ("PT", "Eta", "Phi", "E", "D0", "DZ")
    )
    charged = leaves["Charge"] != 0
    # Delphes gives what has no pT a pseudorapidity of 999.
    momentum = cartesian(pt, np.where(pt > 0, eta, 0.0), phi)
    return {
        "pdgid": leaves["PID"].astype(np.int32),
        "charge": leaves["Charge"].astype(np.int8),
        **momentum,
        "pz": np.where(pt > 0, momentum["pz"], np.copysign(energy, eta)),
        "energy": energy,
        "d0": np.where(charged, d0, 0.0),
        "dz": np.where(charged, dz, 0.0),
    }


_NOTHING = _candidates({leaf: np.empty(0) for leaf in LEAVES})
"""What becomes of an event without particles."""


def _join(results: dict[int, Columns], events: int) -> ak.Array:
    """Candidates of all events of a batch, None where there is no result."""
    counts = np.zeros(events, dtype=np.int64)
    for row, columns in results.items():
        counts[row] = len(columns["pdgid"])
    parts = [_NOTHING, *(results[row] for row in sorted(results))]
    candidates = from_columns(
        {name: np.concatenate([part[name] for part in parts]) for name in CANDIDATE_FIELDS}, counts
    )
    present = np.isin(np.arange(events), list(results))
    return candidates if present.all() else ak.mask(candidates, present)
