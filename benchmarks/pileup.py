"""W jets in pile-up: mass before and after mitigation, density, cost, for docs/detector.md.

``python -m benchmarks.pileup`` draws the masses and prints all numbers.
"""

import time
import tracemalloc
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import matplotlib as mpl
import numpy as np
import pyarrow as pa
from matplotlib.figure import Figure

from jetresim.campaign.arrays import Floats
from jetresim.campaign.config import Campaign, parse
from jetresim.campaign.files import atomic_path
from jetresim.detectors.columns import to_columns
from jetresim.detectors.minimum_bias import make_pool
from jetresim.detectors.pool import Pool
from jetresim.generators.events import HardEvent
from jetresim.generators.pythia8 import Pythia8Generator
from jetresim.generators.survey import Survey
from jetresim.jets.analysis import jets_table
from jetresim.jets.area import density
from jetresim.jets.crossing import Crossing
from jetresim.jets.parquet import writer
from jetresim.jets.simulation import hard_truth
from jetresim.showers.protocol import ParticleBatch
from jetresim.showers.pythia8 import Pythia8Shower

PLOT = Path(__file__).parents[1] / "docs" / "pileup_mass.svg"
PROCESS, EVENTS, POOL = "wjet", 500, 2000
PEAK = (60.0, 100.0)
"""Range of the soft-drop mass in which the W is looked for [GeV]."""

NOTHING: dict[str, Any] = {"charged_subtraction": None}
KINDS: dict[str, dict[str, Any] | None] = {
    "no pile-up": None,
    "μ = 50": {"mean": 50, **NOTHING},
    "μ = 50, charged subtraction": {"mean": 50},
    "μ = 50, SoftKiller": {"mean": 50, "mitigation": "softkiller"},
    "μ = 50, PUPPI": {"mean": 50, "mitigation": "puppi"},
    "μ = 50, area": {"mean": 50, "mitigation": "area"},
    "μ = 200": {"mean": 200, **NOTHING},
    "μ = 200, PUPPI": {"mean": 200, "mitigation": "puppi"},
}
DRAWN = [kind for kind in KINDS if "200" not in kind and "area" not in kind]
DENSITIES = (10, 25, 50, 100, 200)


def asked(pileup: dict[str, Any] | None, **changes: Any) -> Campaign:
    """A campaign of W jets; `pileup` None for none."""
    raw = {
        "name": "pileup",
        "seed": 1,
        "events": EVENTS,
        "processes": {PROCESS: {"cuts": {"pt_min": 500}}},
        "augmentations": ["nominal"],
        "detector": {"name": "cms_phase2", "vertex_sigma_z": 53},
        **changes,
    }
    return parse(raw | ({"pileup": {"pool": POOL, **pileup}} if pileup else {}), "benchmarks/pileup.py")


@dataclass
class Found:
    """What became of the jets in one kind of pile-up."""

    tables: list[pa.Table] = field(default_factory=list)
    seconds: float = 0.0  # of an event
    peak_mb: float = 0.0

    def of(self, name: str) -> Floats:
        """A field of all jets that stand for a W boson."""
        jets = pa.concat_tables(self.tables)["jet"].combine_chunks().drop_null()
        return jets.field(name).to_numpy(zero_copy_only=False).astype(np.float64)

    @property
    def peak(self) -> float:
        """Median of the soft-drop mass in `PEAK` [GeV]."""
        masses = self.of("sdmass")
        return float(np.median(masses[(masses > PEAK[0]) & (masses < PEAK[1])]))

    @property
    def bytes_per_jet(self) -> float:
        """In Parquet, with constituents."""
        table = pa.concat_tables(self.tables)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "jets.parquet"
            with writer(path, table.schema) as sink:
                sink.write_table(table)
            return path.stat().st_size / len(self.of("pt"))


def batches(campaign: Campaign, events: int = EVENTS) -> Iterator[tuple[ParticleBatch, list[HardEvent]]]:
    """Showered hard events, and the hard events."""
    survey = Survey(cross_section=1.0, cross_section_error=0.0)
    hard = list(Pythia8Generator(campaign, PROCESS).events(range(events), survey))
    for batch in Pythia8Shower(campaign, PROCESS, "nominal").simulate(hard):
        yield batch, [hard[event] for event in batch.events]


def simulated(pool: Pool, kinds: Iterable[str] = KINDS, events: int = EVENTS) -> dict[str, Found]:
    """Jets of the same particles in some kinds of pile-up."""
    found = {kind: Found() for kind in kinds}
    campaigns = {kind: asked(KINDS[kind]) for kind in found}
    crossings = {kind: Crossing(campaign, PROCESS, "nominal", pool) for kind, campaign in campaigns.items()}
    plain = asked(None)
    for number, (batch, hard) in enumerate(batches(plain, events)):
        truths = [hard_truth(event, plain, PROCESS) for event in hard]
        for kind, crossing in crossings.items():
            if number == 0:
                found[kind].peak_mb = _peak_mb(crossing, batch)
            start = time.process_time()
            candidates = crossing.candidates(batch)
            table = jets_table(batch, candidates, truths, plain.jets, crossing.subtracts_areas)
            found[kind].seconds += (time.process_time() - start) / events
            found[kind].tables.append(table)
    return found


def pileup_costs(events: int = 200) -> dict[str, Found]:
    """What detector and jets cost without pile-up, and with 50 and 200 interactions."""
    pool = make_pool(asked({"mean": 50, "pool": 500}))
    return simulated(pool, ("no pile-up", "μ = 50", "μ = 200"), events)


def _peak_mb(crossing: Crossing, batch: ParticleBatch) -> float:
    tracemalloc.start()
    crossing.candidates(batch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 1e6


def densities(pool: Pool, batch: ParticleBatch) -> dict[int, float]:
    """Mean density of pT [GeV] by the mean number of interactions, nothing subtracted."""
    found = {}
    for mean in DENSITIES:
        campaign = asked(
            {"mean": mean, **NOTHING}, detector={"name": "none"}, jets={"constituent_pt_min": 0.0}
        )
        found[mean] = float(
            density(*to_columns(Crossing(campaign, PROCESS, "nominal", pool).candidates(batch))).mean()
        )
    return found


def draw(found: dict[str, Found], path: Path) -> None:
    """Draw the masses; the file has no date and no random names in it."""
    with mpl.rc_context({"svg.hashsalt": "pileup", "svg.fonttype": "none"}):
        figure = Figure(figsize=(6, 4), layout="constrained")
        axes = figure.subplots()
        for kind in DRAWN:
            label = f"{kind}: {found[kind].peak:.1f} GeV"
            bins = np.arange(0, 202, 4)
            axes.hist(
                found[kind].of("sdmass"), bins, histtype="step", density=True, linewidth=1.5, label=label
            )
        axes.set(xlabel="soft-drop mass [GeV]", ylabel="jets, normalized [1/GeV]", xlim=(0, 200))
        axes.legend(frameon=False, fontsize="small")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, metadata={"Date": None})


def main() -> None:
    """Draw the masses and print the tables of docs/detector.md."""
    start = time.process_time()
    pool = make_pool(asked({"mean": 50}))
    seconds = time.process_time() - start
    print(f"pool: {seconds:.1f} s, {pool.counts.mean():.0f} particles an event")
    found = simulated(pool)
    draw(found, PLOT)
    print("| | soft-drop mass | jet mass | pT | jets | CPU [ms/event] | memory [MB] | bytes/jet |")
    for kind, each in found.items():
        cells = [f"{np.median(each.of(name)):.1f}" for name in ("mass", "pt")]
        cells += [f"{len(each.of('pt'))}", f"{each.seconds * 1e3:.1f}", f"{each.peak_mb:.0f}"]
        print(f"| {kind} | {each.peak:.1f} | {' | '.join(cells)} | {each.bytes_per_jet:.0f} |")
    batch, _ = next(batches(asked(None)))
    print("| μ | ρ | ρ/μ |")
    for mean, rho in densities(pool, batch).items():
        print(f"| {mean} | {rho:.2f} | {rho / mean:.4f} |")


if __name__ == "__main__":
    main()
