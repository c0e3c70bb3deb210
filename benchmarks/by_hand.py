"""The pipeline against the same chain written by hand: LHE → Pythia → HepMC file → loop over events → HDF5.

``python -m benchmarks.by_hand --events 200`` makes the jets of one realization of the same hard events in
both ways in turn, and prints CPU, bytes and lines. What is written by hand finds and matches the jets and
stores their constituents; it computes no substructure but the mass, keeps no seeds and simulates no detector.
Of the event record only beams, Higgs bosons and final particles are written, all that the second step needs.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from time import process_time
from typing import Annotated

import fastjet
import h5py
import numpy as np
import pyhepmc
import pythia8mc
import typer
import yaml
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.paths import Paths, chunk_name
from jetresim.showers.registry import Job
from jetresim.workflow.stages.hard import make_hard, make_survey
from jetresim.workflow.stages.jets import make_jets

ROUNDS = 3

CONFIGURATION = """\
name: byhand
seed: 1
events: 200
processes:
  higgs: {cuts: {pt_min: 500}}
augmentations: [nominal]
"""
"""All that a user of the pipeline writes."""


def shower_by_hand(lhe: Path, hepmc: Path, settings: list[str]) -> None:
    """Shower all events of a file and write them as HepMC."""
    pythia = pythia8mc.Pythia("", False)
    for line in [*settings, "Print:quiet = on", "Beams:frameType = 4", f"Beams:LHEF = {lhe}"]:
        pythia.readString(line)
    pythia.init()
    with pyhepmc.open(hepmc, "w") as output:
        number = 0
        while pythia.next():
            event, vertex = pyhepmc.GenEvent(), pyhepmc.GenVertex()
            event.event_number = number
            for place in range(1, pythia.event.size()):
                each = pythia.event[place]
                momentum = each.px(), each.py(), each.pz(), each.e()
                if place <= 2:
                    vertex.add_particle_in(pyhepmc.GenParticle(momentum, each.id(), 4))
                elif each.isFinal() or each.id() == 25:
                    status = 1 if each.isFinal() else 2
                    vertex.add_particle_out(pyhepmc.GenParticle(momentum, each.id(), status))
            event.add_vertex(vertex)
            output.write(event)
            number += 1


def jets_by_hand(hepmc: Path, output: Path, longest: int = 200) -> None:
    """Find the jet that stands for the Higgs boson in each event and write its constituents."""
    definition = fastjet.JetDefinition(fastjet.antikt_algorithm, 0.8)
    invisible = {12, 14, 16}
    jets, constituents = [], []
    with pyhepmc.open(hepmc) as source:
        for event in source:
            particles, higgs = [], None
            for particle in event.particles:
                if particle.pid == 25:
                    higgs = particle.momentum
                if particle.status == 1 and abs(particle.pid) not in invisible:
                    momentum = particle.momentum
                    candidate = fastjet.PseudoJet(momentum.px, momentum.py, momentum.pz, momentum.e)
                    candidate.set_user_index(particle.pid)
                    particles.append(candidate)
            target = fastjet.PseudoJet(higgs.px, higgs.py, higgs.pz, higgs.e)
            sequence = fastjet.ClusterSequence(particles, definition)
            near = [jet for jet in sequence.inclusive_jets(400.0) if jet.delta_R(target) < 0.8]
            if not near:
                continue
            jet = min(near, key=lambda jet: jet.delta_R(target))
            row = np.zeros((longest, 5), np.float32)
            ordered = sorted(jet.constituents(), key=lambda each: -each.pt())
            for place, each in enumerate(ordered[:longest]):
                row[place] = each.pt(), each.eta(), each.phi(), each.E(), each.user_index()
            jets.append((jet.pt(), jet.eta(), jet.phi(), jet.E(), jet.m()))
            constituents.append(row)
    with h5py.File(output, "w") as file:
        file.create_dataset("jets", data=np.array(jets, np.float32), compression="gzip")
        file.create_dataset("constituents", data=np.array(constituents), compression="gzip")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one way takes.

    Attributes
    ----------
    what : str
    cpu : float
        CPU of all events [s].
    size : int
        Bytes that it writes.
    lines : int
        Lines that a user writes.
    """

    what: str
    cpu: float
    size: int
    lines: int


def by_hand(events: int) -> list[Cost]:
    """Measure both ways with the same hard events, in turn."""
    campaign = parse({**yaml.safe_load(CONFIGURATION), "events": events, "chunk": events}, "benchmark")
    with TemporaryDirectory(prefix="by-hand-") as folder:
        root = Path(folder)
        lhe = _hard_events(campaign, root)
        hepmc, hdf5, parquet = root / "events.hepmc", root / "jets.h5", root / "jets.parquet"
        settings = campaign.shower_settings("higgs", "nominal").lines
        ways: dict[str, Callable[[], None]] = {
            "Pythia → HepMC": lambda: shower_by_hand(lhe, hepmc, settings),
            "HepMC → HDF5": lambda: jets_by_hand(hepmc, hdf5),
            "jetresim": lambda: make_jets(campaign, "higgs", 0, lhe, {"nominal": parquet}, Job(root, 0)),
        }
        seconds = {what: fmean(times) for what, times in _in_turn(ways).items()}
        written = {"Pythia → HepMC": hepmc, "HepMC → HDF5": hdf5, "jetresim": parquet}
        lines = {"Pythia → HepMC": shower_by_hand, "HepMC → HDF5": jets_by_hand}
        return [
            Cost(
                what,
                seconds[what],
                written[what].stat().st_size,
                len((inspect.getsource(lines[what]) if what in lines else CONFIGURATION).splitlines()),
            )
            for what in ways
        ]


def _hard_events(campaign: Campaign, root: Path) -> Path:
    paths = Paths.of(campaign, str(root))
    survey = Path(paths.survey.format(process="higgs"))
    lhe = Path(paths.hard.format(process="higgs", chunk=chunk_name(0)))
    make_survey(campaign, "higgs", survey)
    make_hard(campaign, "higgs", 0, survey, lhe)
    return lhe


def _in_turn(ways: dict[str, Callable[[], None]]) -> dict[str, list[float]]:
    """CPU of each way in each round [s], all ways one after the other."""
    times: dict[str, list[float]] = {what: [] for what in ways}
    for _ in range(ROUNDS):
        for what, way in ways.items():
            start = process_time()
            way()
            times[what].append(process_time() - start)
    return times


def show(costs: list[Cost], events: int) -> Table:
    """The costs as a table."""
    table = Table(title=f"jets of one realization of {events} hard events, on one core", box=SIMPLE_HEAD)
    table.add_column("what")
    for heading in ("CPU/event [ms]", "events/s", "bytes/event", "lines"):
        table.add_column(heading, justify="right")
    first, second, ours = costs
    together = Cost("both", first.cpu + second.cpu, first.size + second.size, first.lines + second.lines)
    for cost in (first, second, together, ours):
        cells = (f"{1e3 * cost.cpu / events:.1f}", f"{events / cost.cpu:.0f}", f"{cost.size / events:.0f}")
        table.add_row(cost.what, *cells, str(cost.lines))
    return table


def main(events: Annotated[int, typer.Option(min=1, help="hard events")] = 200) -> None:
    """Measure and print."""
    Console().print(show(by_hand(events), events))


if __name__ == "__main__":
    typer.run(main)
