"""Samples of jets for the physics closure, from the pipeline and from Pythia alone."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import awkward as ak
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jetresim.campaign.config import Campaign
from jetresim.detectors.registry import make_detector
from jetresim.generators.events import HardEvent
from jetresim.generators.lhe_files import read_hard_events, write_lhe
from jetresim.generators.pythia8 import Pythia8Generator, _record
from jetresim.generators.pythia_setup import make_pythia
from jetresim.generators.survey import Survey
from jetresim.jets.analysis import jets_table
from jetresim.jets.simulation import hard_truth, simulate_realization
from jetresim.showers.protocol import ParticleBatch
from jetresim.showers.pythia8 import final_particles
from jetresim.showers.registry import Job
from tests.campaigns import campaign

EVENTS = {"higgs": 4200, "qcd": 3300}
"""Hard events for at least 3 000 matched jets."""

OBSERVABLES = ("pt", "mass", "sdmass", "n2", "nconstituents")
SURVEY = Survey(cross_section=1.0, cross_section_error=0.0)
JOB = Job(work_directory=Path(), first_event=0)
ISR = 1.3
"""Factor on the renormalization scale of the initial-state shower."""

Columns = dict[str, npt.NDArray[np.float64]]


@cache
def asked(process: str) -> Campaign:
    """CP5 without multiparton interactions, which take 70% of the time and enter both sides alike."""
    return campaign(
        processes={process: {"cuts": {"pt_min": 500}}},
        settings={"PartonLevel:MPI": False},
        events=EVENTS[process],
        augmentations=[
            "nominal",
            "seed",
            {"name": "isr", "settings": {"SpaceShower:renormMultFac": ISR**2}},
        ],
    )


@cache
def hard_events(process: str) -> list[HardEvent]:
    """Hard events as they come back from their file."""
    made = Pythia8Generator(asked(process), process)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "hard.lhe.gz"
        write_lhe(path, made.init(SURVEY), made.header(), made.events(range(EVENTS[process]), SURVEY))
        return list(read_hard_events(path, 0))


@cache
def sample(process: str, realization: str) -> Columns:
    """Matched jets of a realization: the observables and the index of the hard event."""
    parts = simulate_realization(asked(process), process, realization, hard_events(process), JOB)
    return columns(pa.concat_tables([part.table for part in parts]))


def columns(table: pa.Table) -> Columns:
    """Observables of the matched jets of a table."""
    matched = table.filter(pa.compute.equal(table["status"].cast(pa.string()), "matched"))
    jet = matched["jet"].combine_chunks()
    found = {name: np.asarray(jet.field(name), dtype=np.float64) for name in OBSERVABLES}
    return found | {"event": np.asarray(matched["event"])}


@cache
def direct(process: str) -> Columns:
    """Matched jets of events that Pythia makes in one go, from the hard process to the hadrons."""
    settings = asked(process).hard_settings(process).then({"PhaseSpace:pTHatMin": 500.0})
    pythia = make_pythia(settings, asked(process), {"Random:seed": 20_240_703})
    assert pythia.init()
    return columns(pa.concat_tables(_direct_tables(process, pythia)))


def _direct_tables(process: str, pythia, size: int = 100) -> Iterator[pa.Table]:
    chosen = asked(process)
    for first in range(0, EVENTS[process], size):
        batches, truths = [], []
        for index in range(first, first + size):
            results = pythia.nextBatch(1, "none").prt
            assert results[0] is not None
            truths.append(hard_truth(HardEvent(index, _record(pythia, 1.0)), chosen, process))
            batches.append(final_particles(results, np.array([0]), 1))
        indices = np.arange(first, first + size)
        flat = {name: np.concatenate([each[name] for _, each in batches]) for name in batches[0][1]}
        counts = np.concatenate([counts for counts, _ in batches])
        batch = ParticleBatch(indices, indices, counts > 0, ak.unflatten(ak.zip(flat), counts))
        yield jets_table(batch, make_detector(chosen, "nominal").candidates(batch), truths, chosen.jets)


@cache
def weighted(process: str) -> tuple[Columns, npt.NDArray[np.float64]]:
    """Matched jets of the nominal settings with Pythia's own weights for another ISR scale.

    Pythia manual, section Automated Variations of Shower Parameters; the compensation terms are off,
    so that the weight stands for the plain change of scale.
    """
    import jetresim.showers.pythia8 as shower_module

    bands = {
        "UncertaintyBands:doVariations": True,
        "UncertaintyBands:List": "{isr isr:muRfac=" + str(ISR) + "}",
        "UncertaintyBands:muSoftCorr": False,
    }
    chosen = campaign(**{**_arguments(process), "settings": {"PartonLevel:MPI": False, **bands}})
    shower = shower_module.Pythia8Shower(chosen, process, "nominal")
    detector, tables, weights = make_detector(chosen, "nominal"), [], {}
    for batch_events in _batches(hard_events(process), 100):
        shower._feed.load(batch_events)
        results = shower._pythia.nextBatch(len(batch_events), "none")
        found, flat = final_particles(results.prt, np.array(shower._feed.calls), len(batch_events))
        indices = np.array([event.index for event in batch_events])
        batch = ParticleBatch(indices, indices, found > 0, ak.unflatten(ak.zip(flat), found))
        truths = [hard_truth(event, chosen, process) for event in batch_events]
        tables.append(jets_table(batch, detector.candidates(batch), truths, chosen.jets))
        weights |= dict(zip(indices.tolist(), results.info.weights[:, -1].to_list(), strict=True))
    found = columns(pa.concat_tables(tables))
    return found, np.array([weights[index] for index in found["event"].tolist()])


def _arguments(process: str) -> dict:
    return {
        "processes": {process: {"cuts": {"pt_min": 500}}},
        "events": EVENTS[process],
        "augmentations": ["nominal"],
    }


def _batches(events: list[HardEvent], size: int) -> Iterator[list[HardEvent]]:
    for first in range(0, len(events), size):
        yield events[first : first + size]
