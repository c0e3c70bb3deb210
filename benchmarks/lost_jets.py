"""Why Herwig loses more jets of a hard parton than Pythia: the plot of docs/physics.md.

``python -m benchmarks.lost_jets`` makes the same hard events, pp → Z + parton, with one thing of the shower
changed at a time, counts those whose parton has no jet, and draws how much of the parton's pT its jet keeps.
Needs Herwig 7.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import awkward as ak
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import typer
from matplotlib.figure import Figure

from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.config.jets import Jets
from jetresim.campaign.files import atomic_path
from jetresim.detectors.none import NoDetector
from jetresim.generators.events import HardEvent
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.generators.targets import find_targets, outgoing_partons
from jetresim.jets.clustering import cluster
from jetresim.jets.matching import Truth, delta_r, match
from jetresim.showers.registry import Job, make_shower

PLOT = Path(__file__).parents[1] / "docs" / "lost_jets.svg"
PROCESS, EVENTS, PT_MIN = "qcd", 3000, 500.0
HARD_JET = 100.0
"""pT [GeV] of another jet that speaks for a hard emission at a wide angle."""

_SOFT = Jets(pt_min=20, eta_max=6)
_DISTANCE = 0.8

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Lost:
    """What became of the parton's jet.

    Attributes
    ----------
    kept : ndarray, shape (N,)
        pT of the hardest jet within 0.8 of the parton over that of the parton.
    no_jet : ndarray of bool, shape (N,)
        No jet is matched, as a campaign does it.
    another : ndarray of bool, shape (N,)
        Another jet has more than `HARD_JET`.
    """

    kept: Floats
    no_jet: npt.NDArray[np.bool_]
    another: npt.NDArray[np.bool_]


def variants(events: int) -> dict[str, dict[str, Any]]:
    """Showers by what they are called in the plot; most without multiparton interactions."""
    off = {"PartonLevel:MPI": False}
    recoil = "set /Herwig/Shower/KinematicsReconstructor:ReconstructionOption General"
    pythia = {
        "Pythia CP5": {},
        "Pythia, no MPI": off,
        "Pythia, no MPI, dipole recoil": {**off, "SpaceShower:dipoleRecoil": True},
        "Pythia, no MPI, no ISR": {**off, "PartonLevel:ISR": False},
        "Pythia, no MPI, no FSR": {**off, "PartonLevel:FSR": False},
    }
    herwig = {
        "Herwig": {},
        "Herwig, no MPI": {"mpi": False},
        "Herwig, no MPI, recoil of the whole event": {"mpi": False, "card": [recoil]},
        "Herwig, no MPI, no ISR": {"mpi": False, "card": ["set /Herwig/Shower/ShowerHandler:DoISR No"]},
        "Herwig, no MPI, no FSR": {"mpi": False, "card": ["set /Herwig/Shower/ShowerHandler:DoFSR No"]},
    }
    return {
        **{name: {"settings": settings} for name, settings in pythia.items()},
        **{
            name: {"shower": "herwig7", "herwig": {"block_events": events, **asked}}
            for name, asked in herwig.items()
        },
        "Pythia Monash, no MPI": {"settings": off, "tune": "Monash"},
    }


def measure(events: int) -> Iterator[tuple[str, Lost]]:
    """Shower the same hard events in every variant."""
    asked = variants(events)
    names = {label: f"variant{number}" for number, label in enumerate(asked)}
    campaign = parse(
        {
            "name": "lost_jets",
            "seed": 1,
            "events": events,
            "processes": {PROCESS: {"cuts": {"pt_min": PT_MIN}}},
            "augmentations": ["nominal", *({"name": names[label], **one} for label, one in asked.items())],
        },
        "benchmarks/lost_jets.py",
    )
    survey = Survey(cross_section=1.0, cross_section_error=0.0)
    hard = list(Pythia8Generator(campaign, PROCESS).events(range(events), survey))
    for label, name in names.items():
        yield label, _lost(campaign, name, hard)


def _lost(campaign: Campaign, name: str, hard: Sequence[HardEvent]) -> Lost:
    targets = campaign.process(PROCESS).targets
    parts = []
    with TemporaryDirectory() as folder:
        for batch in make_shower(campaign, PROCESS, name, Job(Path(folder), 0)).simulate(hard):
            records = [hard[index].record for index in batch.events]
            truths = [
                Truth(tuple(find_targets(each, targets)), tuple(outgoing_partons(each))) for each in records
            ]
            candidates = NoDetector().candidates(batch)
            matched = match(cluster(candidates, campaign.jets), truths, campaign.jets.matching)
            parts.append((*_kept(cluster(candidates, _SOFT), truths), matched.status == "no jet"))
    kept, another, no_jet = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return Lost(kept, no_jet, another)


def _kept(jets: ak.Array, truths: Sequence[Truth]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    parton = {
        name: np.array([getattr(truth.partons[0], name) for truth in truths]) for name in ("pt", "eta", "phi")
    }
    counts = ak.num(jets)
    at = {name: np.repeat(values, counts) for name, values in parton.items()}
    flat = {name: ak.to_numpy(ak.flatten(jets[name])) for name in ("pt", "eta", "phi")}
    near = ak.unflatten(delta_r(flat["eta"], flat["phi"], at["eta"], at["phi"]) < _DISTANCE, counts)
    of_parton = ak.fill_none(ak.max(jets["pt"][near], axis=1), 0.0)
    is_other = jets["pt"] < of_parton
    another = ak.any((jets["pt"] > HARD_JET) & (is_other | ~near), axis=1)
    return ak.to_numpy(of_parton) / parton["pt"], ak.to_numpy(another)


def draw(found: dict[str, Lost], path: Path) -> None:
    """Draw how often a jet has less than a fraction of the parton's pT; the file has no date in it."""
    shown = {
        "Pythia, no MPI": ("C0", "-"),
        "Pythia, no MPI, dipole recoil": ("C0", "--"),
        "Herwig, no MPI": ("C1", "-"),
        "Herwig, no MPI, recoil of the whole event": ("C1", "--"),
    }
    fractions = np.linspace(0.3, 1.1, 81)
    with mpl.rc_context({"svg.hashsalt": "lost_jets", "svg.fonttype": "none"}):
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        for label, (colour, line) in shown.items():
            below = [(found[label].kept < fraction).mean() for fraction in fractions]
            axes.plot(fractions, below, color=colour, linestyle=line, label=label)
        axes.set(
            xlabel="pT of the jet / pT of the parton", ylabel="jets below", xlim=(0.3, 1.1), yscale="log"
        )
        axes.set_ylim(0.003, 1)
        axes.legend(frameon=False, loc="upper left")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, metadata={"Date": None})


def main(events: Annotated[int, typer.Option()] = EVENTS) -> None:
    """Print a table in Markdown, one row a variant, and draw the plot."""
    found = {}
    print(
        f"| {events} events | no jet | of these with another jet > {HARD_JET:g} GeV | less than 80% of pT |"
    )
    print("|---|---|---|---|")
    for label, lost in measure(events):
        found[label] = lost
        hard = (lost.no_jet & lost.another).sum() / max(lost.no_jet.sum(), 1)
        share = lost.no_jet.mean()
        error = np.sqrt(share * (1 - share) / len(lost.no_jet))
        print(
            f"| {label} | {share:.1%} ± {error:.1%} | {hard:.0%} | {(lost.kept < 0.8).mean():.1%} |",
            flush=True,
        )
    draw(found, PLOT)


if __name__ == "__main__":
    typer.run(main)
