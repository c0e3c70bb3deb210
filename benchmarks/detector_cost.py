"""What the detector costs beside bare Pythia, and whether its memory stays flat."""

import resource
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import process_time

import awkward as ak

from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.detector import DetectorOptions
from jetresim.detectors.none import NoDetector
from jetresim.detectors.parametrized import ParametrizedDetector
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.pythia_setup import make_pythia
from jetresim.generators.survey import Survey
from jetresim.showers.protocol import ParticleBatch
from jetresim.showers.pythia8 import Pythia8Shower

GOAL = 0.15
"""CPU of cms_phase2 over that of bare Pythia, per event."""

_ROUNDS = 5
_MEMORY_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class DetectorBenchmark:
    """Result of `detector_benchmark`, CPU times in ms an event.

    Attributes
    ----------
    events : int
        Number of events.
    particles, candidates : float
        Final-state particles and candidates of an event, on average.
    pythia : float
        Bare Pythia: ``next()`` from the hard process to the final state.
    shower : float
        Pythia from hard events to batches of particles.
    none, cms_phase2 : float
        The detectors.
    megabytes : float
        Growth of the largest memory use over `_MEMORY_ROUNDS` further rounds.
    """

    events: int
    particles: float
    candidates: float
    pythia: float
    shower: float
    none: float
    cms_phase2: float
    megabytes: float

    @property
    def ratio(self) -> float:
        """CPU of cms_phase2 over that of bare Pythia."""
        return self.cms_phase2 / self.pythia


def detector_benchmark(process: str = "higgs", events: int = 400) -> DetectorBenchmark:
    """Simulate events of the catalogue with CP5, then the detectors on them; best of several rounds."""
    campaign = parse(
        {
            "name": "detector_benchmark",
            "seed": 1,
            "events": events,
            "processes": {process: {"cuts": {"pt_min": 500}}},
            "augmentations": ["nominal"],
        },
        "benchmarks/detector_cost.py",
    )
    hard = list(
        Pythia8Generator(campaign, process).events(
            range(events), Survey(cross_section=1.0, cross_section_error=0.0)
        )
    )
    shower = Pythia8Shower(campaign, process, "nominal")
    batches: list[ParticleBatch] = []
    shower_time = _seconds(lambda: batches.extend(shower.simulate(hard)))
    detector = ParametrizedDetector(1, "nominal", DetectorOptions(name="cms_phase2"))
    none = NoDetector()
    candidates = sum(ak.count(detector.candidates(batch).pdgid) for batch in batches)
    none_time = min(_seconds(lambda: _run(none, batches)) for _ in range(_ROUNDS))
    cms_time = min(_seconds(lambda: _run(detector, batches)) for _ in range(_ROUNDS))
    before = _peak_megabytes()
    for _ in range(_MEMORY_ROUNDS):
        _run(detector, batches)
    return DetectorBenchmark(
        events=events,
        particles=sum(ak.count(batch.particles.pdgid) for batch in batches) / events,
        candidates=candidates / events,
        pythia=1e3 * _bare_pythia(campaign, process, events) / events,
        shower=1e3 * shower_time / events,
        none=1e3 * none_time / events,
        cms_phase2=1e3 * cms_time / events,
        megabytes=_peak_megabytes() - before,
    )


def _bare_pythia(campaign: Campaign, process: str, events: int) -> float:
    pt_min = campaign.process(process).cuts.pt_min
    pythia = make_pythia(campaign.hard_settings(process), campaign, {"PhaseSpace:pTHatMin": pt_min})
    pythia.init()

    def generate() -> None:
        for _ in range(events):
            pythia.next()

    return _seconds(generate)


def _run(detector: NoDetector | ParametrizedDetector, batches: Iterable[ParticleBatch]) -> None:
    for batch in batches:
        detector.candidates(batch)


def _seconds(work: Callable[[], object]) -> float:
    start = process_time()
    work()
    return process_time() - start


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    for name in ("higgs", "qcd"):
        found = detector_benchmark(name)
        print(
            f"{name}: {found.particles:.0f} particles, {found.candidates:.0f} candidates; CPU per event: "
            f"bare Pythia {found.pythia:.2f} ms, to batches {found.shower:.2f} ms, "
            f"none {found.none:.3f} ms, cms_phase2 {found.cms_phase2:.3f} ms"
        )
        print(
            f"cms_phase2 / bare Pythia = {found.ratio:.3f} (goal {GOAL}); "
            f"peak memory grew by {found.megabytes:.1f} MB in {_MEMORY_ROUNDS} further rounds"
        )
