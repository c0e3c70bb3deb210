"""The numbers of a parametrized detector: read from a file, and checked before anything runs."""

import csv
from functools import cache, cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, ValidationError, model_validator

from jetresim.campaign.arrays import Floats, Integers
from jetresim.campaign.config import first_problem
from jetresim.campaign.detector import PARAMETRIZED
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.model import Strict
from jetresim.campaign.yaml_files import read_yaml

__all__ = [
    "BUILT_IN",
    "CMS_PHASE2",
    "BinnedLinear",
    "Calorimeter",
    "Efficiency",
    "EnergyFractions",
    "EnergyResolution",
    "Grid",
    "Parameters",
    "PerSpecies",
    "Piece",
    "Rings",
    "built_in",
    "load",
]

BUILT_IN = {name: Path(__file__).with_name(f"{name}.yaml") for name in PARAMETRIZED}
"""Name of a detector to the file with its numbers."""

CMS_PHASE2 = BUILT_IN["cms_phase2"]
"""The detector of the RS3L dataset."""

PIECE_COLUMNS = ["abs_eta_min", "abs_eta_max", "pt_min", "pt_max", "value", "slope", "at"]
"""Header of a table of pieces."""

NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Piece(Strict):
    """A quantity in a range of abs(eta) and pT, both (low, high].

    The square root of (value + slope (pT - at))^2 + (rising pT)^2 + (scattering / pT)^2.
    """

    abs_eta: tuple[NonNegative, NonNegative] = Field(description="lowest and highest |eta|")
    pt: tuple[NonNegative, NonNegative | None] = Field(
        description="lowest and highest pT [GeV]; null: no end"
    )
    value: float = Field(0.0, description="the quantity at pT = `at`")
    slope: float = Field(0.0, description="its change with pT [1/GeV]")
    at: float = Field(0.0, description="pT that `value` belongs to [GeV]")
    rising: NonNegative = Field(0.0, description="term times pT, added in quadrature [1/GeV]")
    scattering: NonNegative = Field(0.0, description="term over pT, added in quadrature [GeV]")

    @model_validator(mode="after")
    def _ordered(self) -> "Piece":
        low, high = self.pt
        if self.abs_eta[0] >= self.abs_eta[1] or (high is not None and low >= high):
            raise ValueError("abs_eta and pt must each go from low to high")
        if min(self.extremes) < 0:
            raise ValueError("the quantity is negative in a part of its range")
        return self

    @property
    def extremes(self) -> tuple[float, float]:
        """The term linear in pT at the two ends of its range, the open end included."""
        low, high = (np.inf if end is None else end for end in self.pt)
        with np.errstate(invalid="ignore"):
            first, last = (
                self.value + (self.slope * (end - self.at) if self.slope else 0.0) for end in (low, high)
            )
        return float(first), float(last)


class BinnedLinear:
    """Pieces compiled to a grid of (abs(eta), pT) cells.

    Parameters
    ----------
    pieces : sequence of Piece
        Where several cover a cell, the first counts; where none does, the quantity is 0.
    """

    def __init__(self, pieces: tuple[Piece, ...]) -> None:
        self._eta_edges = np.unique([edge for piece in pieces for edge in piece.abs_eta])
        self._pt_edges = np.unique(
            [np.inf if edge is None else edge for piece in pieces for edge in piece.pt]
        )
        # One cell more on either side of the edges holds the 0 of everything outside.
        shape = (len(self._eta_edges) + 1, len(self._pt_edges) + 1)
        self._value, self._slope, self._rising, self._scattering = (np.zeros(shape) for _ in range(4))
        for piece in reversed(pieces):
            cells = np.ix_(
                *(
                    self._cells(*edges)
                    for edges in ((self._eta_edges, piece.abs_eta), (self._pt_edges, piece.pt))
                )
            )
            self._value[cells] = piece.value - piece.slope * piece.at
            self._slope[cells] = piece.slope
            self._rising[cells] = piece.rising
            self._scattering[cells] = piece.scattering
        self._is_linear = not (self._rising.any() or self._scattering.any())

    @staticmethod
    def _cells(edges: Floats, ends: tuple[float, float | None]) -> npt.NDArray[np.intp]:
        low, high = (np.inf if end is None else end for end in ends)
        first = 0 if low == 0 else np.searchsorted(edges, low) + 1  # 0 itself belongs to the lowest cell
        return np.arange(first, np.searchsorted(edges, high) + 1)

    def __call__(self, abs_eta: Floats, pt: Floats) -> Floats:
        """The quantity of each particle, shape (N,)."""
        cell = (np.searchsorted(self._eta_edges, abs_eta), np.searchsorted(self._pt_edges, pt))
        linear = self._value[cell] + self._slope[cell] * pt
        if self._is_linear:
            return linear
        return np.sqrt(linear**2 + (self._rising[cell] * pt) ** 2 + (self._scattering[cell] / pt) ** 2)


class PerSpecies(Strict):
    """Pieces for each kind of charged particle."""

    charged_hadrons: tuple[Piece, ...] = Field(description="all charged particles that are neither e nor mu")
    electrons: tuple[Piece, ...] = Field(description="electrons and positrons")
    muons: tuple[Piece, ...] = Field(description="muons")

    @cached_property
    def compiled(self) -> tuple[BinnedLinear, BinnedLinear, BinnedLinear]:
        """Charged hadrons, electrons, muons: the order of `detectors.tracking.Species`."""
        return BinnedLinear(self.charged_hadrons), BinnedLinear(self.electrons), BinnedLinear(self.muons)


class Efficiency(PerSpecies):
    """Tracking efficiency."""

    @model_validator(mode="after")
    def _probabilities(self) -> "Efficiency":
        for name in PerSpecies.model_fields:
            for number, piece in enumerate(getattr(self, name)):
                if piece.rising or piece.scattering:
                    raise ValueError(f"{name}.{number}: an efficiency has no terms in quadrature")
                if max(piece.extremes) > 1:
                    raise ValueError(f"{name}.{number}: the efficiency is above 1 in a part of its range")
        return self


class ImpactParameterResolution(Strict):
    """Resolution of the impact parameters of tracks [mm]; 0 where no piece covers."""

    d0: tuple[Piece, ...] = Field((), description="of d0")
    dz: tuple[Piece, ...] = Field((), description="of dz")

    @cached_property
    def compiled(self) -> tuple[BinnedLinear, BinnedLinear]:
        """d0, dz."""
        return BinnedLinear(self.d0), BinnedLinear(self.dz)


class Rings(Strict):
    """Neighbouring rings of towers."""

    to: float | None = Field(None, description="upper edge in eta of the last ring")
    rings: int = Field(1, ge=1, description="number of equal rings up to `to`")
    edges: tuple[float, ...] = Field((), description="upper edges in eta, one a ring, in place of `to`")
    cells: int = Field(gt=0, description="towers in phi")

    @model_validator(mode="after")
    def _one_form(self) -> "Rings":
        if (self.to is None) == (not self.edges):
            raise ValueError("rings need either `to` or `edges`")
        return self

    def upper_edges(self, lower: float) -> Floats:
        """Upper edges of the rings above `lower`."""
        return np.asarray(self.edges) if self.to is None else np.linspace(lower, self.to, self.rings + 1)[1:]


class Grid(Strict):
    """Towers of a calorimeter."""

    eta_min: float = Field(description="lower edge in eta of the first ring")
    rings: tuple[Rings, ...] = Field(min_length=1, description="rings from eta_min upwards")

    @model_validator(mode="after")
    def _ordered(self) -> "Grid":
        for low, high in pairwise(self.eta_edges):
            if high <= low:
                raise ValueError(f"the edge in eta {high:g} does not lie above {low:g}")
        return self

    @cached_property
    def eta_edges(self) -> Floats:
        """Edges of the rings, shape (rings + 1,)."""
        edges = np.array([self.eta_min])
        for group in self.rings:
            edges = np.append(edges, group.upper_edges(edges[-1]))
        return edges

    @cached_property
    def cells(self) -> Integers:
        """Towers in phi of each ring, shape (rings,)."""
        counts = [group.rings if group.to is not None else len(group.edges) for group in self.rings]
        return np.repeat([group.cells for group in self.rings], counts)


class EnergyResolution(Strict):
    """sigma(E)^2 = (constant E)^2 + stochastic^2 E + noise^2."""

    abs_eta_max: float = Field(gt=0, description="largest |eta| of the centre of a tower")
    constant: float = Field(ge=0, description="constant term")
    stochastic: float = Field(ge=0, description="stochastic term [GeV^1/2]")
    noise: float = Field(ge=0, description="noise [GeV]")


class Calorimeter(Strict):
    """One calorimeter."""

    name: str = Field(min_length=1, description="for messages")
    neutral: int = Field(description="PDG id of its neutral candidates")
    energy_min: float = Field(ge=0, description="lowest energy of a tower and of a neutral candidate [GeV]")
    significance_min: float = Field(ge=0, description="lowest energy in units of its resolution")
    neutral_resolution: float = Field(
        0.0, ge=0, description="relative smearing of its neutral candidates on top"
    )
    resolution: tuple[EnergyResolution, ...] = Field(min_length=1, description="from small to large |eta|")
    grid: Grid = Field(description="its towers")

    @model_validator(mode="after")
    def _resolution_is_complete(self) -> "Calorimeter":
        ends = [part.abs_eta_max for part in self.resolution]
        if any(high <= low for low, high in pairwise(ends)):
            raise ValueError("resolution: abs_eta_max must increase")
        if ends[-1] < np.abs(self.grid.eta_edges).max():
            raise ValueError(f"resolution: ends at |eta| {ends[-1]:g}, the grid only beyond it")
        if any(part.constant == part.stochastic == part.noise == 0 for part in self.resolution):
            raise ValueError("resolution: one of constant, stochastic and noise must be above 0")
        return self


class EnergyFractions(Strict):
    """Which part of its energy a particle leaves in each calorimeter."""

    default: tuple[Fraction, ...] = Field(description="all particles that are not listed")
    by_pdgid: dict[Annotated[int, Field(gt=0)], tuple[Fraction, ...]] = Field({}, description="by |PDG id|")

    @model_validator(mode="after")
    def _not_more_than_all(self) -> "EnergyFractions":
        for name, fractions in [("default", self.default), *self.by_pdgid.items()]:
            if sum(fractions) > 1 + 1e-9:
                raise ValueError(f"{name}: the fractions sum to {sum(fractions):g}, more than 1")
        return self


class Parameters(Strict):
    """A parametrized detector."""

    field: float = Field(description="solenoid field along the beam [T]; its sign is that of B_z")
    radius: float = Field(gt=0, description="radius of the tracker volume [mm]")
    half_length: float = Field(gt=0, description="half length of the tracker volume [mm]")
    impact_point: Literal["production", "perigee"] = Field(
        "perigee",
        description="transverse position that d0 and dz are taken from, along the direction at the perigee: "
        "where the particle was produced, or the perigee, which makes them those of the helix",
    )
    energy_fractions: EnergyFractions = Field(description="energy left in the calorimeters")
    efficiency: Efficiency = Field(description="probability of a track")
    resolution: PerSpecies = Field(description="relative momentum resolution of tracks")
    impact_parameter_resolution: ImpactParameterResolution = Field(
        ImpactParameterResolution(), description="Gaussian resolution of d0 and dz [mm]; none if left out"
    )
    calorimeters: tuple[Calorimeter, ...] = Field(min_length=1, description="in the order of particle flow")

    @model_validator(mode="after")
    def _a_fraction_for_each_calorimeter(self) -> "Parameters":
        fractions = self.energy_fractions
        for name, given in [("default", fractions.default), *fractions.by_pdgid.items()]:
            if len(given) != len(self.calorimeters):
                raise ValueError(
                    f"energy_fractions: {name} has {len(given)} fractions, "
                    f"there are {len(self.calorimeters)} calorimeters"
                )
        return self


@cache
def built_in(name: str) -> Parameters:
    """The parameters of a built-in detector, which are read once."""
    return load(BUILT_IN[name])


def load(path: Path = CMS_PHASE2) -> Parameters:
    """Read the parameters of a detector.

    Parameters
    ----------
    path : Path
        YAML file; tables that it names lie beside it.

    Raises
    ------
    ConfigError
        One line: the file, the key, what is wrong.
    """
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values, found {type(raw).__name__}")
    try:
        return Parameters.model_validate(_with_tables(raw, path.parent))
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_problem(error, Parameters)}") from None


def _with_tables(raw: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The content of the file with the names of tables replaced by their pieces."""
    filled = dict(raw)
    for quantity in ("efficiency", "resolution"):
        if isinstance(raw.get(quantity), dict):
            filled[quantity] = {
                species: _pieces(given, folder) if isinstance(given, list) else given
                for species, given in raw[quantity].items()
            }
    return filled


def _pieces(given: list[Any], folder: Path) -> list[Any]:
    return [
        piece for item in given for piece in (_read_table(folder / item) if isinstance(item, str) else [item])
    ]


def _read_table(path: Path) -> list[Piece]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            if reader.fieldnames != PIECE_COLUMNS:
                raise ConfigError(f"{path}: expected the columns {', '.join(PIECE_COLUMNS)}")
            return [_piece(row, f"{path}: line {line}") for line, row in enumerate(reader, start=2)]
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error):
        raise ConfigError(f"{path}: not a table of comma-separated values") from None


def _piece(row: dict[str, str], where: str) -> Piece:
    try:
        return Piece(
            abs_eta=(row["abs_eta_min"], row["abs_eta_max"]),
            pt=(row["pt_min"], row["pt_max"] or None),
            value=row["value"],
            slope=row["slope"],
            at=row["at"],
        )
    except ValidationError as error:
        raise ConfigError(f"{where}: {first_problem(error, Piece)}") from None
