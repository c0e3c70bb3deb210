"""The quantities whose spectra are shown, in the field's notation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from jetresim.campaign.arrays import Floats

__all__ = ["BY_NAME", "CONSTITUENT_OBSERVABLES", "JET_OBSERVABLES", "OBSERVABLES", "Observable"]

Columns = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Observable:
    """One quantity.

    Attributes
    ----------
    name : str
        Plain ASCII, for identifiers.
    text : str
        Name in running text and tables.
    label : str
        Name on an axis, in Matplotlib's mathtext, without unit.
    values : callable
        Stored columns to the values; NaN where it is not defined.
    unit : str
    scale : str
        ``linear``, ``integer`` (bins hold whole numbers), ``log``, or ``peaked`` (many values are exactly 0).
    log_y : bool
        Whether the density needs a logarithmic axis.
    finer : int
        How many times as many bins as usual: a resonance is narrower than the range.
    """

    name: str
    text: str
    label: str
    values: Callable[[Columns], Floats]
    unit: str = ""
    scale: str = "linear"
    log_y: bool = False
    finer: int = 1

    @property
    def axis(self) -> str:
        """Label of an axis, with the unit."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label

    @property
    def title(self) -> str:
        """Name in text, with the unit."""
        return f"{self.text} [{self.unit}]" if self.unit else self.text


def column(name: str) -> Callable[[Columns], Floats]:
    """Make the function that gives a stored column."""
    return lambda columns: columns[name]


def ratio(upper: str, lower: str) -> Callable[[Columns], Floats]:
    """Make the function that divides two stored columns; NaN where the lower one is not positive."""

    def values(columns: Columns) -> Floats:
        over = columns[lower]
        return np.divide(columns[upper], over, out=np.full_like(over, np.nan), where=over > 0)

    return values


JET_OBSERVABLES = (
    Observable("n2", "N₂^{β=1}", r"$N_2^{\beta=1}$", column("n2")),
    Observable("sdmass", "m_SD", r"$m_\mathrm{SD}$", column("sdmass"), "GeV", finer=3),
    Observable("mass", "m", r"jet mass $m$", column("mass"), "GeV", finer=3),
    Observable("tau21", "τ21", r"$\tau_{21}$", ratio("tau2", "tau1")),
    Observable("tau32", "τ32", r"$\tau_{32}$", ratio("tau3", "tau2")),
    Observable("d2", "D₂^{β=1}", r"$D_2^{\beta=1}$", column("d2")),
    Observable(
        "multiplicity", "multiplicity", "constituents of the jet", column("nconstituents"), "", "integer"
    ),
    Observable("pt", "jet pT", r"jet $p_\mathrm{T}$", column("pt"), "GeV", log_y=True),
    Observable("eta", "jet η", r"jet $\eta$", column("eta")),
)
"""Quantities of a jet."""

CONSTITUENT_OBSERVABLES = (
    Observable(
        *("constituent_pt", "constituent pT", r"constituent $p_\mathrm{T}$", column("pt"), "GeV", "log"),
        log_y=True,
    ),
    Observable("constituent_dr", "constituent ΔR", r"$\Delta R$(constituent, jet axis)", column("dr")),
    Observable(
        "constituent_d0", "constituent d₀", r"constituent $d_0$", column("d0"), "mm", "peaked", log_y=True
    ),
)
"""Quantities of the stored constituents; ``dr`` is the distance to the jet axis."""

OBSERVABLES = (*JET_OBSERVABLES, *CONSTITUENT_OBSERVABLES)
"""All of them."""

BY_NAME = {each.name: each for each in OBSERVABLES}
"""Name to the observable."""
