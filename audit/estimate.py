"""What a campaign will cost, from a short run on this machine."""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich import box
from rich.table import Table

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.config import Campaign
from jetresim.campaign.errors import ConfigError
from jetresim.campaign.paths import Paths
from jetresim.campaign.units import duration, size
from jetresim.detectors.minimum_bias import make_pool
from jetresim.detectors.pool import Pool
from jetresim.detectors.registry import make_detector
from jetresim.generators.events import HardEvent
from jetresim.generators.registry import make_generator
from jetresim.jets.files import jets_file, read_survivors
from jetresim.jets.simulation import simulate_realization
from jetresim.showers.registry import Job

__all__ = ["Cost", "chunk_for", "estimate_campaign", "estimate_table"]

JOB = Job(work_directory=Path(), first_event=0)
"""The nominal realization is Pythia's, which keeps no files."""

POOL_EVENTS = 200
"""Minimum-bias events that pile-up is measured with: their number does not change its cost."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Cost of one process.

    Attributes
    ----------
    events, realizations, jobs : int
        Hard events, realizations of each, and jobs that simulate them.
    start_seconds, event_seconds : float
        CPU time to start a job, and of the nominal realization of one event [s].
    survivors : float
        Fraction of the hard events that the others are simulated for, as far as the nominal one tells.
    jet_bytes : float
        Size of the stored jets of the nominal realization of one event.
    full_bytes : float
        Size of one whole event in all formats that are asked for.
    full_realizations : int
        Realizations of which whole events are written.
    """

    events: int
    realizations: int
    jobs: int
    start_seconds: float
    event_seconds: float
    survivors: float
    jet_bytes: float
    full_bytes: float = 0.0
    full_realizations: int = 0

    @property
    def all_full_bytes(self) -> float:
        """Size of all whole events."""
        return self.events * self.full_realizations * self.full_bytes

    @property
    def cpu_seconds(self) -> float:
        """CPU time of all these jobs [s], with an event of every realization counted like a nominal one."""
        simulated = self.events * (1 + (self.realizations - 1) * self.survivors)
        return self.jobs * self.start_seconds + simulated * self.event_seconds

    @property
    def bytes(self) -> float:
        """Size of the jets of all realizations; groups and dataset are about as large again each."""
        return self.events * self.realizations * self.jet_bytes


def estimate_campaign(campaign: Campaign, events: int) -> dict[str, Cost]:
    """Measure every process with the nominal realization of its first events.

    Parameters
    ----------
    campaign : Campaign
    events : int
        Hard events to measure with; fewer if the process has fewer.
    """
    make_detector(campaign, NOMINAL)  # a job imports its module as well
    pool = _small_pool(campaign)
    imports = time.process_time()
    return {name: _estimate(campaign, name, events, imports, pool) for name in campaign.processes}


def _small_pool(campaign: Campaign) -> Pool | None:
    if campaign.pileup is None:
        return None
    few = campaign.pileup.model_copy(update={"pool": min(campaign.pileup.pool, POOL_EVENTS)})
    return make_pool(campaign.model_copy(update={"pileup": few}))


def _estimate(campaign: Campaign, process: str, events: int, imports: float, pool: Pool | None) -> Cost:
    asked = campaign.process(process)
    count = min(events, asked.events)
    with TemporaryDirectory() as folder:
        generator = make_generator(campaign, process, Paths.of(campaign, folder))
        survey = generator.survey()
        hard = list(generator.events(range(count), survey))
        output = Path(folder) / "jets.parquet"
        # what a program does once, such as loading libraries, must not be counted for every event
        _run(campaign, process, hard[:1], output, pool)
        start, all_events = _run(campaign, process, hard, output, pool)
        stored = output.stat().st_size
        alive = len(read_survivors({NOMINAL: output}, campaign, process))
        full = _full_bytes(campaign, process, hard, Path(folder))
    return Cost(
        events=asked.events,
        realizations=len(campaign.realizations),
        jobs=len(campaign.chunks(process)) * len(campaign.realizations),
        start_seconds=imports + start,
        event_seconds=all_events / count,
        survivors=alive / count if campaign.survivors_only else 1.0,
        jet_bytes=stored / count,
        full_bytes=full / count,
        full_realizations=len(campaign.full_realizations),
    )


def _full_bytes(campaign: Campaign, process: str, hard: list[HardEvent], folder: Path) -> int:
    """Size of the whole events of the nominal realization, in all formats that are asked for."""
    if campaign.full_events is None:
        return 0
    from jetresim.jets.full_events import write_full_events  # HepMC is loaded for it

    outputs = {form: folder / f"events.{form}" for form in campaign.full_formats}
    write_full_events(outputs, campaign, process, NOMINAL, hard, len(hard), JOB)
    return sum(path.stat().st_size for path in outputs.values())


def _run(
    campaign: Campaign, process: str, hard: list[HardEvent], output: Path, pool: Pool | None
) -> tuple[float, float]:
    """CPU time until the first event is asked for, and from then on [s]."""
    times = [time.process_time()]

    def events() -> Iterator[HardEvent]:
        times.append(time.process_time())
        yield from hard

    with jets_file(output, campaign, process, NOMINAL, 0) as file:
        for part in simulate_realization(campaign, process, NOMINAL, events(), JOB, pool=pool):
            file.add(part)
    begin, first, end = *times, time.process_time()
    return first - begin, end - first


def chunk_for(campaign: Campaign, costs: dict[str, Cost], hours: float) -> int:
    """Largest chunk whose jobs end within half of a wall time, as far as this machine can tell.

    The other half is for slower nodes. A job makes one realization, and that of the anchor all
    that continue from its records, each of which is counted like a shower of its own. Herwig is not measured.

    Parameters
    ----------
    campaign : Campaign
    costs : dict of str to Cost
        As measured by `estimate_campaign`.
    hours : float
        Wall time of a job [h].

    Returns
    -------
    int
        Hard events, rounded down to two digits, or to whole runs of the programs that take one.

    Raises
    ------
    ConfigError
        Not even one event, or one block, is done in that time.
    """
    seconds = hours * 3600 / 2
    slowest = max(costs.values(), key=lambda cost: cost.event_seconds)
    events = int((seconds - slowest.start_seconds) / (slowest.event_seconds * len(campaign.anchor_family)))
    block = math.lcm(*campaign.runs.values())
    unit = block if block > 1 else 10 ** max(len(str(max(events, 0))) - 2, 0)
    if events < unit:
        raise ConfigError(
            f"--walltime {hours:g}: a job does {max(events, 0)} events in half of that, expected at least "
            f"{unit}; ask for more hours"
        )
    return events // unit * unit


def estimate_table(campaign: Campaign, costs: dict[str, Cost]) -> Table:
    """The estimate as a table for the terminal."""
    realizations = len(campaign.realizations)
    table = Table(
        title=f"campaign {campaign.name}, {realizations} realizations of every hard event",
        caption="Measured with `nominal` alone, on this machine. Groups and dataset take about as much space "
        "again each.",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("process", overflow="fold")
    full = campaign.full_events is not None
    for heading in ("hard events", "jobs", "CPU/event", "CPU", "CPU/job", "jets", *["events"] * full):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, cost in costs.items():
        table.add_row(name, *_cells(cost), *[_full_size(cost)] * full)
    events, jobs, seconds, stored, whole = (
        sum(getattr(cost, field) for cost in costs.values())
        for field in ("events", "jobs", "cpu_seconds", "bytes", "all_full_bytes")
    )
    table.add_section()
    table.add_row(
        "all", str(events), str(jobs), "", duration(seconds), "", size(stored), *[size(whole)] * full
    )
    return table


def _full_size(cost: Cost) -> str:
    """Size of all whole events, and of one of them."""
    return f"{size(cost.all_full_bytes)} ({size(cost.full_bytes)} each)"


def _cells(cost: Cost) -> list[str]:
    return [
        str(cost.events),
        str(cost.jobs),
        duration(cost.event_seconds),
        duration(cost.cpu_seconds),
        duration(cost.cpu_seconds / cost.jobs),
        size(cost.bytes),
    ]
