"""``make bench``: what the pipeline costs, in one table. Ratios are of CPU times measured in turn."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from shutil import which

from rich.console import Console
from rich.table import Table

from benchmarks import assembly_memory, herwig_cost, intervention_cost, memory, shower_cost
from benchmarks.detector_cost import detector_benchmark
from benchmarks.herwig_reading import reading_benchmark
from benchmarks.live_views import VIEWS, live_rates
from benchmarks.loader_throughput import EPOCHS, FIRST, loader_benchmark
from benchmarks.pileup import pileup_costs
from benchmarks.storage import storage
from benchmarks.whole_events import whole_event_costs

Row = tuple[str, str, str]
DEMO = Path("results/demo")


def rows() -> Iterator[Row]:
    """What was measured, the value and its goal."""
    yield from _showers()
    yield from _detectors()
    yield from _pileup()
    yield from _whole_events()
    yield from _interventions()
    yield from _memory()
    yield from _storage()
    yield from _loaders()
    herwig = reading_benchmark()
    yield "reading Herwig's HepMC / plain pyhepmc loop [events/s]", f"{herwig.ratio:.2f}", ""
    yield "reading Herwig's HepMC / Herwig's own rate of 38/s", f"{herwig.over_herwig:.1f}", "> 1"
    if which("Herwig"):
        cost = herwig_cost.herwig_cost("qcd", events=1000, rounds=2)
        yield "CPU of a Herwig job / bare `Herwig run`", f"{cost.cpu_ratio:.2f}", f"≤ {herwig_cost.CPU_GOAL}"
        yield "wall time of the same, on two cores", f"{cost.wall_ratio:.2f}", f"≤ {herwig_cost.WALL_GOAL}"


def _showers() -> Iterator[Row]:
    for process in ("higgs", "qcd"):
        for detector in ("none", "cms_phase2"):
            cost = shower_cost.shower_cost(process, detector)
            what = f"{process}, detector {detector}: CPU of the job / bare Pythia ({cost.bare:.1f} ms/event)"
            yield what, f"{cost.ratio:.3f} ± {cost.error:.3f}", f"≤ {shower_cost.GOAL:.2f}"


def _detectors() -> Iterator[Row]:
    for process in ("higgs", "qcd"):
        yield (
            f"{process}: CPU of cms_phase2 / bare Pythia",
            f"{detector_benchmark(process).ratio:.3f}",
            "≤ 0.15",
        )


def _pileup() -> Iterator[Row]:
    for kind, found in pileup_costs().items():
        what = f"wjet, {kind}: CPU of detector and jets [ms/event], memory [MB], bytes/jet"
        yield what, f"{found.seconds * 1e3:.1f}, {found.peak_mb:.0f}, {found.bytes_per_jet:.0f}", ""


def _whole_events() -> Iterator[Row]:
    for what, cost in whole_event_costs().items():
        yield (
            f"whole events, {what}: CPU [ms/event], bytes/event",
            f"{cost.milliseconds:.2f}, {cost.bytes:,.0f}",
            "",
        )


def _interventions() -> Iterator[Row]:
    for process in ("higgs", "qcd"):
        for cost in intervention_cost.view_costs(process):
            goal = f"≤ {intervention_cost.GOAL}" if cost.point == "parton_level" else ""
            yield (
                f"{process}: CPU of one more view at {cost.point} / full re-shower",
                f"{cost.ratio:.3f}",
                goal,
            )


def _memory() -> Iterator[Row]:
    peaks = {events: memory.peak_memory(events) for events in memory.SIZES}
    for events, peak in peaks.items():
        yield f"peak memory of a job of {events} events [MB]", f"{peak:.0f}", f"< {memory.LIMIT}"
    small, large = peaks.values()
    yield "their ratio", f"{large / small:.3f}", "< 1.10"
    for files in assembly_memory.FILES:
        peak = assembly_memory.peak_memory(files)
        yield (
            f"peak memory of a split from {files} files of groups [MB]",
            f"{peak:.0f}",
            f"< {assembly_memory.LIMIT}",
        )


def _storage() -> Iterator[Row]:
    for form in storage(DEMO):
        yield f"{form.what}: bytes per stored constituent", f"{form.size / form.constituents:.1f}", ""


def _loaders() -> Iterator[Row]:
    if not (DEMO / "dataset").is_dir() or find_spec("torch") is None:
        return
    found = loader_benchmark(DEMO / "dataset")
    for each in found.throughput:
        what = f"loader, {each.views} views, {each.features}: CPU / plain pyarrow ({each.rate:,.0f} views/s)"
        yield what, f"{each.ratio:.2f}", ""
    for live in live_rates(DEMO):
        yield f"live loader, {VIEWS} views of {live.augmentation} [views/s of CPU]", f"{live.rate:,.0f}", ""
        stored = found.throughput[0].rate
        yield f"CPU of a view of {live.augmentation} / of a stored one", f"{stored / live.rate:,.0f}", ""
    yield f"loader: memory after epoch {EPOCHS} / after epoch {FIRST}", f"{found.growth:.3f}", "< 1.10"


def main() -> None:
    """Measure and print."""
    table = Table(title="benchmarks")
    for heading in ("what", "measured", "goal"):
        table.add_column(heading)
    for row in rows():
        table.add_row(*row)
    Console().print(table)


if __name__ == "__main__":
    main()
