"""Cost of the loaders over plain reading of the same columns, and their memory over ten epochs.

``python -m benchmarks.loader_throughput results/CAMPAIGN/dataset``
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

EPOCHS = 10
BATCH = 128
FIRST = 2
"""Epochs before memory is looked at: buffers and allocators have their size then."""

CASES = (("all", "rs3l"), ("pairs", "rs3l"), ("all", "four_vectors"), ("pairs", "jetclr"))
"""Views and features that are measured."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """What a worker does.

    Attributes
    ----------
    views, features : str
    rate : float
        Views per second of CPU time, in zero-padded batches.
    plain : float
        The same if the columns were only read with pyarrow; all views are, also for pairs.
    ratio : float
        CPU time of the loader over that of plain reading, in turn in one process.
    """

    views: str
    features: str
    rate: float
    plain: float
    ratio: float


@dataclass(frozen=True, slots=True)
class LoaderBenchmark:
    """Throughput of each of `CASES`, and resident memory [MB] after each epoch of the first."""

    throughput: list[Throughput]
    resident: list[float]

    @property
    def growth(self) -> float:
        """Resident memory after the last epoch over that after epoch `FIRST`."""
        return self.resident[-1] / self.resident[FIRST - 1]


def loader_benchmark(dataset: Path) -> LoaderBenchmark:
    """Measure in a process of its own, so that its memory is that of the loaders."""
    command = [sys.executable, "-m", "benchmarks.loader_throughput", "--json", str(dataset)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    content = json.loads(done.stdout)
    return LoaderBenchmark([Throughput(**each) for each in content["throughput"]], content["resident"])


def _measured(dataset: Path) -> dict[str, object]:
    from jetresim.loaders.datasets import IterableGroupDataset
    from jetresim.loaders.views import AllViews, Pairs

    choices = {"all": AllViews(), "pairs": Pairs()}
    options = {"batch_size": BATCH, "shuffle": True}
    found, resident = [], []
    for views, features in CASES:
        data = IterableGroupDataset(dataset / "train", views=choices[views], features=features, **options)
        plain = loader = 0.0
        for epoch in range(EPOCHS):
            data.set_epoch(epoch)
            plain += _cpu(lambda columns=data.recipe.columns: _plain(dataset / "train", columns))
            loader += _cpu(lambda data=data: _epoch(data))
            if not found:
                resident.append(_resident())
        groups = EPOCHS * len(data.index)
        seen = groups * (2 if views == "pairs" else len(data.realizations))
        read = groups * len(data.realizations)
        found.append(
            {
                "views": views,
                "features": features,
                "rate": seen / loader,
                "plain": read / plain,
                "ratio": loader / plain,
            }
        )
    return {"throughput": found, "resident": resident}


def _plain(folder: Path, columns: list[str]) -> None:
    """Read columns as a loop over row groups with pyarrow does."""
    leaves = [_leaf(name) for name in columns]
    for path in sorted(folder.glob("*.parquet")):
        with pq.ParquetFile(path) as file:
            for index in range(file.num_row_groups):
                file.read_row_group(index, columns=leaves, use_threads=False)


def _leaf(column: str) -> str:
    """Path in the file of a column of members, which are lists of structs with lists of structs."""
    inner = column.replace("constituents.", "constituents.list.element.")
    return inner.replace("realizations.", "realizations.list.element.")


def _epoch(data: object) -> None:
    for _ in data:
        pass


def _cpu(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _resident() -> float:
    """Resident memory of this process [MB]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _print(found: LoaderBenchmark) -> None:
    for each in found.throughput:
        print(
            f"{each.views} views, {each.features}: {each.rate:,.0f} views/s of CPU; "
            f"plain reading {each.plain:,.0f}; CPU ratio {each.ratio:.2f}"
        )
    print("resident memory after each epoch [MB]:", ", ".join(f"{size:.0f}" for size in found.resident))
    print(f"after epoch {EPOCHS} over after epoch {FIRST}: {found.growth:.3f}")


if __name__ == "__main__":
    if "--json" in sys.argv:
        print(json.dumps(_measured(Path(sys.argv[-1]))))
    else:
        _print(loader_benchmark(Path(sys.argv[1])))
