"""How alike a jet and its re-simulation are, by where they depart: the plot of docs/intervention.md.

``python -m benchmarks.intervention_scale`` draws it again and prints the numbers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.files import atomic_path
from jetresim.generators.events import HardEvent
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.jets.simulation import simulate_family, simulate_realization
from jetresim.showers.registry import Job

PLOT = Path(__file__).parents[1] / "docs" / "intervention_scale.png"
EVENTS = 2000
SEED = 20240307
SCALES = (1, 2, 5, 10, 20, 50, 100, 200, 500)
"""Values of `shower_scale` [GeV], evenly spaced on a logarithmic axis."""

POINTS: dict[str, Any] = {
    "decays": "decays",
    "parton_level": "parton_level",
    **{f"scale_{scale}": {"shower_scale": scale} for scale in SCALES},
    "hard_process": "hard_process",
}
"""Realization to its intervention point, from what shares most to what shares least."""

OBSERVABLES = {"n2": "mean |ΔN₂|", "mass": "mean |Δmass| [GeV]", "axis": "mean ΔR of the axis"}
"""Observable to its label."""

_STYLES = {"higgs": {"color": "C0", "marker": "o"}, "qcd": {"color": "C3", "marker": "s"}}
_NAMES = {"decays": "decays", "parton_level": "parton\nlevel", "hard_process": "hard\nprocess"}

Floats = npt.NDArray[np.float64]
Differences = dict[str, Floats]
"""Observable to its absolute differences, one a target."""


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean of some pairs of jets, with its standard error."""

    pairs: int
    value: float
    error: float

    @classmethod
    def of(cls, values: Floats) -> "Mean":
        """The mean of those values that are not NaN."""
        there = values[~np.isnan(values)]
        return cls(len(there), float(there.mean()), float(there.std(ddof=1) / math.sqrt(len(there))))


def differences(
    process: str,
    events: int,
    points: Mapping[str, Any] = POINTS,
    settings: Mapping[str, Any] | None = None,
) -> dict[str, Differences]:
    """How far the jets of re-simulations are from those of their anchors.

    Parameters
    ----------
    process : str
        Of the catalogue, with pT-hat above 500 GeV.
    events : int
        Number of hard events.
    points : mapping of str to intervention point
        Realizations.
    settings : mapping, optional
        Pythia settings on top of CP5.

    Returns
    -------
    dict of dict of ndarray, shape (T,)
        By realization and observable, one number for each of the T targets, NaN where the anchor or the
        member has no jet; mass in GeV.
    """
    campaign = _campaign(process, events, points, settings or {})
    survey = Survey(cross_section=1.0, cross_section_error=0.0)
    hard = list(Pythia8Generator(campaign, process).events(range(events), survey))
    jets = {name: _jets(table) for name, table in _tables(campaign, process, hard).items()}
    return {name: _distances(jets[NOMINAL], jets[name]) for name in points}


def _campaign(process: str, events: int, points: Mapping[str, Any], settings: Mapping[str, Any]) -> Campaign:
    return parse(
        {
            "name": "intervention_scale",
            "seed": SEED,
            "events": events,
            "settings": dict(settings),
            "processes": {process: {"cuts": {"pt_min": 500}}},
            "augmentations": [NOMINAL, *({"name": name, "intervene": at} for name, at in points.items())],
            "groups": {"require": "any"},
        },
        "benchmarks/intervention_scale.py",
    )


def _tables(campaign: Campaign, process: str, hard: Sequence[HardEvent]) -> dict[str, pa.Table]:
    """Jets tables of all realizations; their rows are about the same targets."""
    parts = list(simulate_family(campaign, process, hard))
    tables = {name: [part[name].table for part in parts] for name in campaign.anchor_family}
    job = Job(Path(), first_event=0)
    for name in campaign.realizations:
        if name not in tables:
            tables[name] = [part.table for part in simulate_realization(campaign, process, name, hard, job)]
    return {name: pa.concat_tables(found) for name, found in tables.items()}


def _jets(table: pa.Table) -> dict[str, Floats]:
    """Columns of the jets, NaN where a target has none."""
    jet = table["jet"].combine_chunks()
    return {
        name: jet.flatten()[jet.type.get_field_index(name)].to_numpy(zero_copy_only=False).astype(np.float64)
        for name in ("eta", "phi", "mass", "n2")
    }


def _distances(anchor: Mapping[str, Floats], member: Mapping[str, Floats]) -> Differences:
    """Distances between the jets of each target, in the order of `OBSERVABLES`."""
    dphi = np.angle(np.exp(1j * (member["phi"] - anchor["phi"])))
    return {
        "n2": np.abs(member["n2"] - anchor["n2"]),
        "mass": np.abs(member["mass"] - anchor["mass"]),
        "axis": np.hypot(member["eta"] - anchor["eta"], dphi),
    }


def rises(values: Sequence[Floats]) -> list[float]:
    """Rises of the mean from each point to the next, in standard errors, over the targets that both have."""
    steps = [Mean.of(after - before) for before, after in pairwise(values)]
    return [step.value / step.error for step in steps]


def draw(found: Mapping[str, Mapping[str, Differences]], path: Path) -> None:
    """Draw the means of all processes; the file has no date in it."""
    figure = Figure(figsize=(7.5, 8.5), dpi=120, layout="constrained")
    panels = figure.subplots(len(OBSERVABLES), sharex=True)
    for axes, (observable, label) in zip(panels, OBSERVABLES.items(), strict=True):
        for process, values in found.items():
            _draw_means(axes, process, [Mean.of(values[name][observable]) for name in POINTS])
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0)
        axes.grid(axis="y", alpha=0.3)
        for edge in (1.5, len(POINTS) - 1.5):
            axes.axvline(edge, color="0.6", linewidth=0.8, linestyle=":")
    panels[0].legend(frameon=False, loc="upper left")
    ticks = [_NAMES.get(name, name.removeprefix("scale_")) for name in POINTS]
    panels[-1].set_xticks(range(len(POINTS)), ticks)
    panels[-1].set_xlabel(
        "more is shared ←  intervention point, numbers: shower_scale [GeV]  → less is shared"
    )
    figure.align_ylabels(panels)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, metadata={"Software": None})


def _draw_means(axes: Axes, process: str, means: Sequence[Mean]) -> None:
    axes.errorbar(
        range(len(means)),
        [mean.value for mean in means],
        [mean.error for mean in means],
        label=process,
        linestyle="none",
        capsize=2,
        markersize=4,
        **_STYLES[process],
    )


def _print(process: str, values: Mapping[str, Differences]) -> None:
    print(f"{process}: {EVENTS} hard events, seed {SEED}")
    for name in POINTS:
        means = [Mean.of(values[name][observable]) for observable in OBSERVABLES]
        row = "  ".join(f"{mean.value:8.4f} ± {mean.error:.4f}" for mean in means)
        print(f"  {name:<13}{means[0].pairs:5} pairs  {row}")
    for observable, label in OBSERVABLES.items():
        steps = ", ".join(f"{step:.1f}" for step in rises([values[name][observable] for name in POINTS]))
        print(f"  {label}: rises from point to point in standard errors: {steps}")


if __name__ == "__main__":
    results = {process: differences(process, EVENTS) for process in _STYLES}
    for name, result in results.items():
        _print(name, result)
    draw(results, PLOT)
