"""Ways to train the same small network, scored as ``jetresim tasks`` scores any model.

``python examples/baselines.py results/pretrain/dataset`` trains without labels by re-simulation, by the
augmentations of JetCLR and by masked particles, and with labels, all with as many steps and jets in a step,
and scores the representation of each one beside that of the untrained network and simple observables.
docs/pretraining.md has the results.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from masked import MaskedParticles, Tokens
from networks import COLUMNS, HIGGS, Data, Encoder, Jets, nn, torch
from rich.console import Console
from rich.table import Table
from scores import Kept, area_with_labels, as_model, drawn_labels, markdown, mean_and_error, over_seeds
from training import (
    Contrastive,
    PairBatches,
    Views,
    anchor,
    jetclr_anchor,
    jetclr_both,
    resimulated,
    supervise,
    train_without_labels,
)

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.errors import JetresimError
from jetresim.campaign.processes import LABELS
from jetresim.dataset.padded import feature_names
from jetresim.loaders.transforms import seeded
from jetresim.report.embedding import Model, jet_observables
from jetresim.report.tasks import score

SIGNAL, LABELLED, BATCH, TABLE_WIDTH = LABELS[HIGGS], 100, 100, 250
"""Label that is told from all others, jets of a classifier with few labels, pairs of a step, and width of the
table."""

OBSERVABLES = "simple observables"

CONTRASTIVE = {
    "JetCLR": jetclr_anchor,
    "re-simulation": resimulated,
    "re-simulation and JetCLR": jetclr_both,
}
MASKED = {"masked particles": anchor, "masked particles, all realizations": resimulated}
"""Ways to train without labels, and the views that they take of a nominal jet and a re-simulation of it."""


@dataclass(frozen=True, slots=True)
class Study:
    """A dataset, and how long and on what of it to train."""

    dataset: Path
    data: Data
    epochs: int
    constituents: int

    def batches(self, seed: int) -> PairBatches:
        """Pairs to train with, the same for all ways that take any."""
        return PairBatches(self.data.groups, BATCH, self.constituents, seed)


def ways(study: Study, seed: int) -> dict[str, Callable[[], Encoder]]:
    """What trains each encoder of a seed, all from the same initial weights."""

    def encoder() -> Encoder:
        return Encoder(study.data.train, seeded("baselines", seed, "initialization"))

    def contrastive(views: Views) -> Encoder:
        return without_labels(study, Contrastive(encoder(), views), seed)

    def masked(views: Views) -> Encoder:
        tokens, head = Tokens(study.data.train, encoder(), seed), seeded("baselines", seed, "head")
        return without_labels(
            study, MaskedParticles(encoder(), views, tokens, study.constituents, head), seed
        )

    def supervised(members: int) -> Encoder:
        x, mask, higgs = study.data.train
        network, jets = encoder(), Jets(x[:, :members], mask[:, :members], higgs)
        supervise(network, jets, study.data.val, study.epochs * len(study.batches(seed)), 2 * BATCH, seed)
        return network

    return {
        "untrained": encoder,
        **{name: partial(contrastive, views) for name, views in CONTRASTIVE.items()},
        **{name: partial(masked, views) for name, views in MASKED.items()},
        "supervised": partial(supervised, 1),
        "supervised, all realizations": partial(supervised, study.data.train.x.shape[1]),
    }


def without_labels(study: Study, method: nn.Module, seed: int) -> Encoder:
    """Train to the end."""
    for _ in train_without_labels(method, study.batches(seed), study.epochs, seed):
        pass
    return method.encoder


def scored(study: Study, name: str, model: Model, features: str | Sequence[str], seed: int) -> dict[str, Any]:
    """All scores of a model, and the AUC of a linear classifier that has few labels."""
    found = score(study.dataset, model, features, study.constituents, name)
    rows = drawn_labels(study.data, LABELLED, seeded("baselines", seed, "labels"))
    return found | {"few_labels": area_with_labels(study.data, model, rows, len(feature_names(features)))}


def shown(found: Mapping[str, Any]) -> dict[str, float]:
    """What the table shows of the scores of one model."""
    pair = next(each for each in reversed(found["pairs"]) if each["signal"] == SIGNAL)
    unknown = next(each for each in found["out_of_distribution"] if each["label"] == SIGNAL)
    return {
        "AUC": pair["auc"],
        f"AUC, {LABELLED} labels": found["few_labels"],
        **{f"rejection, {name}": each["rejection"] for name, each in pair["realizations"].items()},
        "largest distance of the score": max(each["value"] for each in pair["wasserstein"][SIGNAL].values()),
        "out of distribution": unknown["realizations"][NOMINAL]["auc"],
    }


def table(found: Mapping[str, Mapping[str, Any]]) -> Table:
    """Mean ± standard error over the seeds, by way of training."""
    rows = []
    for name, by_seed in found.items():
        values = [shown(each) for each in by_seed.values()]
        cells = (mean_and_error(over_seeds([value[column] for value in values])) for column in values[0])
        rows.append([name, *cells])
    return markdown(f"{SIGNAL} against all others, over the seeds", ["", *values[0]], rows)


def run(study: Study, seeds: int, results: Kept) -> None:
    """Train and score what the results do not have yet."""

    def observables(seed: int) -> dict[str, Any]:
        return scored(study, OBSERVABLES, jet_observables, "jetclr", seed)

    def network(name: str, train: Callable[[], Encoder], seed: int) -> dict[str, Any]:
        return scored(study, name, as_model(train()), list(COLUMNS), seed)

    for seed in range(seeds):
        results.add(OBSERVABLES, seed, partial(observables, seed))
        for name, train in ways(study, seed).items():
            results.add(name, seed, partial(network, name, train, seed))


def main(
    dataset: Annotated[Path, typer.Argument(help="folder with the splits of a dataset", show_default=False)],
    seeds: Annotated[int, typer.Option(min=1, help="repetitions")] = 4,
    epochs: Annotated[int, typer.Option(min=1, help="of the training without labels")] = 50,
    constituents: Annotated[int, typer.Option(min=2, help="leading constituents of a jet")] = 50,
    output: Annotated[Path, typer.Option(help="JSON file for all scores; what it has is kept")] = Path(
        "baselines.json"
    ),
) -> None:
    """Score ways to train the same network on all tasks."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    try:
        study = Study(dataset, Data.read(dataset, constituents), epochs, constituents)
        run(study, seeds, results := Kept(output, dataset, {"epochs": epochs, "constituents": constituents}))
    except JetresimError as error:
        sys.exit(f"error: {error}")
    Console(width=TABLE_WIDTH).print(table(results.found))


if __name__ == "__main__":
    typer.run(main)
