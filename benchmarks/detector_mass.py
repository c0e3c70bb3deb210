"""The soft-drop mass of H→bb jets before and after the detector: the plot of docs/detector.md.

``python -m benchmarks.detector_mass`` draws it again and prints position and width of the peak.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.detector import DetectorOptions
from jetresim.campaign.files import atomic_path
from jetresim.detectors.none import NoDetector
from jetresim.detectors.parametrized import ParametrizedDetector
from jetresim.detectors.protocol import Detector
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.generators.targets import find_targets, outgoing_partons
from jetresim.jets.analysis import jets_table
from jetresim.jets.matching import Truth
from jetresim.showers.protocol import ParticleBatch
from jetresim.showers.pythia8 import Pythia8Shower

PLOT = Path(__file__).parents[1] / "docs" / "detector_mass.svg"
EVENTS = 8000
PEAK = (100.0, 140.0)
"""Range of the soft-drop mass in which position and width are measured [GeV]."""

Masses = npt.NDArray[np.float64]


def soft_drop_masses(events: int = EVENTS) -> dict[str, Masses]:
    """Masses [GeV] of the jets that match the Higgs boson, from the same particles, by detector."""
    campaign = parse(
        {
            "name": "detector_mass",
            "seed": 1,
            "events": events,
            "processes": {"higgs": {"cuts": {"pt_min": 500}}},
            "augmentations": ["nominal"],
        },
        "benchmarks/detector_mass.py",
    )
    survey = Survey(cross_section=1.0, cross_section_error=0.0)
    hard = list(Pythia8Generator(campaign, "higgs").events(range(events), survey))
    targets = campaign.process("higgs").targets
    truths = [Truth(tuple(find_targets(e.record, targets)), tuple(outgoing_partons(e.record))) for e in hard]
    detectors: dict[str, Detector] = {
        "particles": NoDetector(),
        "cms_phase2": ParametrizedDetector(1, "nominal", DetectorOptions(name="cms_phase2")),
    }
    found: dict[str, list[Masses]] = {name: [] for name in detectors}
    for batch in Pythia8Shower(campaign, "higgs", "nominal").simulate(hard):
        chosen = [truths[event] for event in batch.events]
        for name, detector in detectors.items():
            found[name].append(_masses(campaign, batch, detector, chosen))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _masses(campaign: Campaign, batch: ParticleBatch, detector: Detector, truths: Sequence[Truth]) -> Masses:
    table = jets_table(batch, detector.candidates(batch), truths, campaign.jets)
    jets = table.column("jet").combine_chunks().drop_null()
    return jets.field("sdmass").to_numpy(zero_copy_only=False).astype(np.float64)


def peak(masses: Masses) -> tuple[float, float, float]:
    """Median in `PEAK`, half of the central 68% there, both in GeV, and the fraction of jets there."""
    inside = masses[(masses > PEAK[0]) & (masses < PEAK[1])]
    low, middle, high = np.percentile(inside, [16, 50, 84])
    return float(middle), float(high - low) / 2, len(inside) / len(masses)


def draw(masses: dict[str, Masses], path: Path) -> None:
    """Draw both spectra; the file has no date and no random names in it."""
    with mpl.rc_context({"svg.hashsalt": "detector_mass", "svg.fonttype": "none"}):
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        for name, values in masses.items():
            middle, width, _ = peak(values)
            label = f"{name}\npeak {middle:.1f} GeV, width {width:.1f} GeV"
            axes.hist(
                values, bins=np.arange(0, 202, 4), histtype="step", density=True, linewidth=1.5, label=label
            )
        axes.set(xlabel="soft-drop mass [GeV]", ylabel="jets, normalized [1/GeV]", xlim=(0, 200))
        axes.legend(frameon=False, loc="upper left")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, metadata={"Date": None})


if __name__ == "__main__":
    spectra = soft_drop_masses()
    draw(spectra, PLOT)
    for detector_name, spectrum in spectra.items():
        middle, width, fraction = peak(spectrum)
        print(
            f"{detector_name}: {len(spectrum)} jets, peak {middle:.2f} GeV, width {width:.2f} GeV, "
            f"{fraction:.3f} of the jets in it"
        )
