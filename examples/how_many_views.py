"""How many views of an event to simulate, if each simulated jet costs the same.

``python examples/how_many_views.py results/pretrain/dataset`` trains without labels on N/K events with K
views each, nominal and new showers, for K from 1 to 16. Up to two come from the dataset, more are simulated
by `jetresim.loaders.live` and kept in a cache. All trainings have as many steps. docs/pretraining.md has the
results.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from networks import COLUMNS, Data, Encoder, Tensor, make_optimizer, torch, update
from rich.console import Console
from rich.table import Table
from scores import Kept, area_with_labels, as_model, drawn_labels, markdown, mean_and_error, over_seeds
from training import Contrastive, Views, augmented_both, resimulated

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.errors import ConfigError, JetresimError
from jetresim.dataset.reader import Groups
from jetresim.loaders.live import LiveDataset
from jetresim.loaders.transforms import seeded
from jetresim.report.embedding import Model

VIEWS = (1, 2, 4, 8, 16)
"""Views of an event, the nominal one among them."""

BATCH, LABELLED = 100, (100, None)
"""Events of a step, and numbers of labelled jets for the linear classifiers, None for all."""

AUGMENTATIONS: Mapping[str, Views] = {"re-simulation": resimulated, "with classic": augmented_both}
"""What is done to two different views of an event; one view needs classic augmentations to become two."""

TABLE_WIDTH = 120

Jets = tuple[Tensor, Tensor]
"""Views of events, (N, K, P, F), and their mask."""


@dataclass(frozen=True, slots=True)
class Study:
    """A dataset, simulated jets and steps of each training, and where simulated views are kept."""

    dataset: Path
    jets: int
    steps: int
    constituents: int
    cache: Path


def simulated(groups: Groups, events: int, constituents: int, cache: Path) -> Jets:
    """The views of some events of the dataset: nominal, and showers with other random numbers."""
    live = LiveDataset(
        groups,
        [NOMINAL, *["seed"] * (max(VIEWS) - 1)],
        batch_size=BATCH,
        cache=cache,
        keep_incomplete=True,
        shuffle_buffer=BATCH,
        features=COLUMNS,
        constituents=constituents,
        jet=(),
    )
    x, mask, found = [], [], 0
    for batch in live:
        x.append(batch["x"])
        mask.append(batch["mask"])
        found += len(batch["x"])
        print(f"simulated {found} events", file=sys.stderr)
        if found >= events:
            break
    return torch.cat(x)[:events], torch.cat(mask)[:events]


def part(jets: Jets, events: int, views: int, seed: int) -> Jets:
    """Some of the events, and of each nominal and some of its other views, drawn by the seed."""
    generator = seeded("views", seed, "part", views)
    x, mask = jets
    rows = torch.randperm(len(x), generator=generator)[:events]
    others = 1 + torch.randperm(x.shape[1] - 1, generator=generator)[: views - 1]
    kept = torch.cat([torch.zeros(1, dtype=torch.int64), others])
    return x[rows][:, kept], mask[rows][:, kept]


def pairs(jets: Jets, steps: int, seed: int) -> Iterator[Jets]:
    """Batches of two different present views of events; of an event with a single one that one twice."""
    x, mask = jets
    for step in range(steps):
        generator = seeded("views", seed, "pairs", step)
        rows = torch.randperm(len(x), generator=generator)[:BATCH]
        present = mask[rows].any(-1)
        order = (
            torch.rand(present.shape, generator=generator).masked_fill(~present, -1).argsort(descending=True)
        )
        first, second = order[:, 0], order[:, min(1, x.shape[1] - 1)]
        second = torch.where(present.sum(1) > 1, second, first)
        chosen = rows[:, None], torch.stack([first, second], 1)
        yield x[chosen], mask[chosen]


def trained(data: Data, jets: Jets, views: Views, steps: int, seed: int) -> Encoder:
    """Train an encoder without labels."""
    encoder = Encoder(data.train, seeded("views", seed, "initialization"))
    method = Contrastive(encoder, views)
    optimizer, schedule = make_optimizer(method, steps)
    for step, (x, mask) in enumerate(pairs(jets, steps, seed)):
        update(optimizer, schedule, method(x, mask, seeded("views", seed, "augmentations", step)))
    return encoder


def compare(data: Data, live: Jets, budget: int, steps: int, seed: int, results: Kept) -> None:
    """Add the AUC of linear classifiers by number of views and augmentations, of one seed."""
    stored = [0, data.groups.realizations.index("seed")]
    for views in VIEWS:
        source = live if views > len(stored) else (data.train.x[:, stored], data.train.mask[:, stored])
        jets = part(source, budget // views, views, seed)

        def scored(augment: Views, jets: Jets = jets) -> dict[str, float]:
            return areas(data, as_model(trained(data, jets, augment, steps, seed)), seed)

        for name, augment in AUGMENTATIONS.items():
            if views > 1 or augment is not resimulated:
                results.add(f"{views}, {name}", seed, partial(scored, augment))


def areas(data: Data, model: Model, seed: int) -> dict[str, float]:
    """AUC by number of labelled jets."""
    rows = {
        str(number or "all"): drawn_labels(data, number, seeded("views", seed, "labels"))
        for number in LABELLED
    }
    return {number: area_with_labels(data, model, each) for number, each in rows.items()}


def run(study: Study, seeds: int, results: Kept) -> None:
    """Simulate the views, and train and score what the results do not have yet."""
    data = Data.read(study.dataset, study.constituents)
    check(data, study.jets)
    live = simulated(data.groups, study.jets // VIEWS[2], study.constituents, study.cache)
    for seed in range(seeds):
        compare(data, live, study.jets, study.steps, seed, results)


def check(data: Data, budget: int) -> None:
    """Refuse what the dataset is too small for."""
    if "seed" not in data.groups.realizations:
        raise ConfigError(f"{data.groups.path}: has no realization 'seed'; expected it beside {NOMINAL!r}")
    least, most = BATCH * max(VIEWS), len(data.train.higgs)
    if not least <= budget <= most:
        raise ConfigError(f"--jets {budget}: expected {least} to {most}, the groups of train")


def table(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    """AUC by number of views and of labelled jets, over the seeds."""
    labels = [str(number or "all") for number in LABELLED]
    rows = [
        [name, *(mean_and_error(over_seeds([each[label] for each in by_seed.values()])) for label in labels)]
        for name, by_seed in found.items()
    ]
    return markdown("AUC by views of an event and labels", ["views", *labels], rows)


def main(
    dataset: Annotated[Path, typer.Argument(help="folder with the splits of a dataset", show_default=False)],
    seeds: Annotated[int, typer.Option(min=1, help="repetitions")] = 4,
    jets: Annotated[int, typer.Option(help="simulated jets of each training")] = 4800,
    steps: Annotated[int, typer.Option(min=20, help="of each training")] = 1000,
    constituents: Annotated[int, typer.Option(min=2, help="leading constituents of a jet")] = 50,
    cache: Annotated[Path, typer.Option(help="folder for simulated views")] = Path("views"),
    output: Annotated[Path, typer.Option(help="JSON file; what it has is kept")] = Path("views.json"),
) -> None:
    """Compare trainings on few events with many views and on many events with few."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        results = Kept(output, dataset, {"jets": jets, "steps": steps, "constituents": constituents})
        run(Study(dataset, jets, steps, constituents, cache), seeds, results)
    except JetresimError as error:
        sys.exit(f"error: {error}")
    Console(width=TABLE_WIDTH).print(table(results.found))


if __name__ == "__main__":
    typer.run(main)
