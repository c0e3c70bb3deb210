"""Hard events of H Z at leading order, MadGraph's against Pythia's: ``python -m benchmarks.madgraph_pythia``.

Both with NNPDF2.3 LO of alpha_s(m_Z) = 0.130. Needs MadGraph on the PATH.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import pylhe
import typer
from scipy.stats import ks_2samp

from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.paths import Paths
from jetresim.generators.registry import make_generator
from jetresim.generators.survey import Survey

__all__ = ["PT_MIN", "compared", "observables", "pythia_events"]

PT_MIN = 400
"""Least pT of Higgs boson and Z [GeV]."""

_UNIT = Survey(cross_section=1.0, cross_section_error=0.0)
_HIGGS, _Z = 25, 23


def observables(records: Iterable[pylhe.LHEEvent]) -> dict[str, list[float]]:
    """Of the Higgs boson: pT [GeV], pseudorapidity, cosine of its angle to the beam in the H Z frame."""
    found: dict[str, list[float]] = {"pT(H)": [], "eta(H)": [], "cos theta*": []}
    for record in records:
        higgs, z = (next(one for one in record.particles if one.id == pdgid) for pdgid in (_HIGGS, _Z))
        pt = math.hypot(higgs.px, higgs.py)
        energy, pz = higgs.e + z.e, higgs.pz + z.pz
        boosted = (higgs.pz - pz / energy * higgs.e) / math.sqrt(1 - (pz / energy) ** 2)
        values = pt, math.asinh(higgs.pz / pt), boosted / math.hypot(pt, boosted)
        for name, value in zip(found, values, strict=True):
            found[name].append(value)
    return found


def pythia_events(events: int) -> list[pylhe.LHEEvent]:
    """Hard events of the catalogue's `higgs`, with MadGraph's default PDF set."""
    campaign = _campaign("higgs", {"cuts": {"pt_min": PT_MIN}}, events)
    return [event.record for event in make_generator(campaign, "higgs").events(range(events), _UNIT)]


def compared(
    theirs: Iterable[pylhe.LHEEvent], ours: Iterable[pylhe.LHEEvent]
) -> dict[str, tuple[float, float, float]]:
    """Chance of a difference as large as that of two samples by Kolmogorov-Smirnov, and the two means."""
    first, second = observables(theirs), observables(ours)
    return {
        name: (float(ks_2samp(first[name], second[name]).pvalue), np.mean(first[name]), np.mean(second[name]))
        for name in first
    }


def _campaign(name: str, process: dict, events: int) -> Campaign:
    return parse(
        {
            "name": "compared",
            "seed": 12,
            "events": events,
            "chunk": events,
            "settings": {"PDF:pSet": 13},
            "madgraph": {"block_events": events},
            "processes": {name: process},
            "augmentations": ["nominal"],
        },
        "benchmark",
    )


def _madgraph_events(events: int, folder: Path) -> list[pylhe.LHEEvent]:
    lines = {"process": ["generate p p > h z, h > b b~, z > vl vl~"], "run_card": {"misset": PT_MIN}}
    asked = {"generator": "madgraph", "madgraph": lines, "targets": ["higgs"]}
    campaign = _campaign("hz", asked, events)
    generator = make_generator(campaign, "hz", Paths.of(campaign, str(folder)))
    return [event.record for event in generator.events(range(events), _UNIT)]


def main(events: Annotated[int, typer.Option(min=100, help="of each program")] = 20_000) -> None:
    """Print chance and means of every observable."""
    with TemporaryDirectory() as folder:
        theirs = _madgraph_events(events, Path(folder))
    ours = pythia_events(events)
    print(f"{'':12}{'KS chance':>10}{'MadGraph':>12}{'Pythia':>12}")
    for name, (chance, first, second) in compared(theirs, ours).items():
        print(f"{name:12}{chance:10.3f}{first:12.4f}{second:12.4f}")
    for which, sample in (("MadGraph", theirs), ("Pythia", ours)):
        scale = np.mean([record.eventinfo.scale for record in sample])
        bottom = np.mean([abs(record.particles[0].id) == 5 for record in sample])
        print(f"{which}: mean scale {scale:.1f} GeV, {bottom:.2%} from b b~")


if __name__ == "__main__":
    typer.run(main)
