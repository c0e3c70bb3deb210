"""Does re-simulation teach a network what jets are? SimCLR on a dataset of this pipeline, on a CPU.

``python examples/pretrain.py results/pretrain/dataset`` trains a small set encoder without labels, with
positives from re-simulation and from classic augmentations, and asks how well a linear classifier on the
frozen encoder tells Higgs from QCD jets; the untrained encoder and training with the labels stand beside it.
docs/pretraining.md explains the comparison and has the results.

SimCLR is T. Chen et al., arXiv:2002.05709; RS3L, which takes the positives from re-simulation, is
P. Harris et al., arXiv:2403.07066.
"""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from networks import OUTPUTS, Data, Encoder, Jets, Tensor, evaluate, torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from scores import Floats, auc, bootstrap, linear_probe, markdown, mean_and_error, over_seeds, similarities
from training import (
    Contrastive,
    PairBatches,
    Views,
    augmented_anchor,
    augmented_both,
    resimulated,
    supervise,
    train_without_labels,
)

from jetresim.campaign.errors import ConfigError, JetresimError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.paths import SPLITS
from jetresim.loaders.transforms import seeded

UNTRAINED, RESIMULATION, SUPERVISED = "untrained", "re-simulation", "supervised"
SUPERVISED_ALL = "supervised, all realizations"
ALL, OF_OUTPUTS = "all", f", {OUTPUTS} outputs"
WIDTH_OF_TABLES = 140

METHODS: Mapping[str, Views] = {
    RESIMULATION: resimulated,
    "classic": augmented_anchor,
    "re-simulation and classic": augmented_both,
}
"""Ways to train without labels."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How long and on what to train.

    Attributes
    ----------
    seeds : int
        Repetitions with another initialization, order and choice of labels.
    epochs : int
        Of the training without labels.
    updates : int
        Of the training with labels, whatever their number.
    batch_size : int
        Pairs, or jets with labels.
    labels : tuple of int
        Numbers of labelled jets, beside all.
    constituents : int
        Leading constituents of each jet.
    threads : int
        Of PyTorch. Another number may change results in the last digits.
    """

    seeds: int
    epochs: int
    updates: int
    batch_size: int
    labels: tuple[int, ...]
    constituents: int
    threads: int


@dataclass(frozen=True, slots=True)
class Found:
    """What one seed gives.

    Attributes
    ----------
    scores : dict of str to dict of str to ndarray, shape (N,)
        Of the nominal jets of the test split, by method and number of labels.
    similarity : dict of str to dict
        See `similarities`, by method.
    loss : dict of str to list of float
        Of every epoch, by method.
    """

    scores: dict[str, dict[str, npt.NDArray[Any]]]
    similarity: dict[str, dict[str, dict[str, float]]]
    loss: dict[str, list[float]]


def labelled(data: Data, settings: Settings, seed: int) -> dict[str, Tensor]:
    """Rows for training with labels, by their number; the smaller samples are part of the larger ones."""
    order = torch.randperm(len(data.train.higgs), generator=seeded("pretrain", seed, "labels"))
    return {str(number): order[:number] for number in settings.labels} | {ALL: order}


def run_seed(data: Data, settings: Settings, seed: int, advance: Callable[[str], None]) -> Found:
    """Train in all ways from the same initial weights; `advance` is told after each epoch and training."""
    found = Found({}, {}, {})
    probe(new_encoder(data, seed), UNTRAINED, data, settings, seed, found)
    for method, views in METHODS.items():
        encoder, found.loss[method] = new_encoder(data, seed), []
        batches = PairBatches(data.groups, settings.batch_size, settings.constituents, seed)
        for loss in train_without_labels(Contrastive(encoder, views), batches, settings.epochs, seed):
            found.loss[method].append(loss)
            advance(method)
        probe(encoder, method, data, settings, seed, found)
    for method, members in ((SUPERVISED, 1), (SUPERVISED_ALL, data.train.x.shape[1])):
        found.scores[method] = {}
        for number, rows in labelled(data, settings, seed).items():
            jets = Jets(data.train.x[rows, :members], data.train.mask[rows, :members], data.train.higgs[rows])
            classify = supervise(
                new_encoder(data, seed), jets, data.val, settings.updates, settings.batch_size, seed
            )
            found.scores[method][number] = evaluate(classify, data.test)[:, 0].numpy()
            advance(f"{method}, {number} labels")
    return found


def new_encoder(data: Data, seed: int) -> Encoder:
    """Make the untrained encoder of a seed."""
    return Encoder(data.train, seeded("pretrain", seed, "initialization"))


def probe(encoder: Encoder, method: str, data: Data, settings: Settings, seed: int, found: Found) -> None:
    """Add what linear classifiers make of a frozen encoder and of its 8 outputs, and its similarities."""

    def outputs(x: Tensor, mask: Tensor) -> Tensor:
        return encoder.project(encoder(x, mask))

    for name, function in ((method, encoder), (method + OF_OUTPUTS, outputs)):
        train, test = (evaluate(function, jets)[:, 0] for jets in (data.train, data.test))
        found.scores[name] = {
            number: linear_probe(train[rows], data.train.higgs[rows])(test).numpy()
            for number, rows in labelled(data, settings, seed).items()
        }
    everything = evaluate(outputs, data.test, data.test.x.shape[1])
    found.similarity[method] = similarities(everything, data.test.higgs, data.groups.realizations)


def summarize(found: Sequence[Found], higgs: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """AUC, its difference to that of re-simulation, and similarities, over the seeds.

    ``mean`` is over the seeds and ``error`` its standard error, from their spread; ``test_error`` is the
    standard deviation of the mean when the test split is resampled.
    """
    methods = {method: list(scores) for method, scores in found[0].scores.items()}
    values, resampled = {}, {}
    for method, numbers in methods.items():
        scores = np.array([[each.scores[method][number] for number in numbers] for each in found])
        values[method], resampled[method] = auc(scores, higgs), bootstrap(scores, higgs)
    return {
        "auc": {name: _by_number(methods[name], values[name], resampled[name]) for name in methods},
        "difference": {
            name: _by_number(
                methods[name], values[RESIMULATION] - values[name], resampled[RESIMULATION] - resampled[name]
            )
            for name in methods
            if name != RESIMULATION and not name.endswith(OF_OUTPUTS)
        },
        "similarity": _similarity_over_seeds([each.similarity for each in found]),
        "loss": {method: [each.loss[method] for each in found] for method in METHODS},
    }


def _by_number(numbers: Sequence[str], values: Floats, resampled: Floats) -> dict[str, dict[str, Any]]:
    """Summaries of values (seeds, numbers) and those of resampled test splits (samples, seeds, numbers)."""
    errors = resampled.mean(1).std(0, ddof=1)
    return {
        number: over_seeds(values[:, place].tolist()) | {"test_error": float(errors[place])}
        for place, number in enumerate(numbers)
    }


def _similarity_over_seeds(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        method: {
            kind: {other: over_seeds([each[method][kind][other] for each in found]) for other in others}
            for kind, others in kinds.items()
        }
        for method, kinds in found[0].items()
    }


def auc_table(results: Mapping[str, Any]) -> Table:
    """AUC by method and number of labels, as mean ± standard error over the seeds."""
    return markdown(
        "AUC by number of labelled jets: mean ± standard error over the seeds",
        ["", *results["auc"][RESIMULATION]],
        [[method, *map(mean_and_error, each.values())] for method, each in results["auc"].items()],
    )


def difference_table(results: Mapping[str, Any]) -> Table:
    """AUC of re-simulation minus that of the others."""
    return markdown(
        "AUC of re-simulation minus that of the others: ± from seeds and test split together",
        ["", *results["auc"][RESIMULATION]],
        [[method, *map(_signed, each.values())] for method, each in results["difference"].items()],
    )


def similarity_table(results: Mapping[str, Any]) -> Table:
    """Cosine similarity of the nominal jet with others, by method."""
    methods = list(results["similarity"])
    rows = [
        [kind, other, *(mean_and_error(results["similarity"][method][kind][other]) for method in methods)]
        for kind, others in results["similarity"][UNTRAINED].items()
        for other in others
    ]
    title = f"Cosine similarity of the {OUTPUTS} outputs of the nominal jet and of another"
    return markdown(title, ["class", "with", *methods], rows)


def _signed(value: Mapping[str, Any]) -> str:
    return f"{value['mean']:+.3f} ± {np.hypot(value['error'] or 0, value['test_error']):.3f}"


def run(dataset: Path, settings: Settings, console: Console) -> dict[str, Any]:
    """Compare all ways to train on a dataset; gives what the results file holds."""
    torch.set_num_threads(settings.threads)
    torch.use_deterministic_algorithms(True)
    data = Data.read(dataset, settings.constituents)
    check(data, settings)
    each = len(METHODS) * settings.epochs + 2 * (len(settings.labels) + 1)
    with Progress(console=console) as progress:
        task = progress.add_task("", total=settings.seeds * each)

        def advance(what: str, seed: int) -> None:
            progress.update(task, advance=1, description=f"seed {seed}: {what}")

        found = [
            run_seed(data, settings, seed, partial(advance, seed=seed)) for seed in range(settings.seeds)
        ]
    return {
        "campaign": data.groups.campaign,
        "realizations": data.groups.realizations,
        "groups": {split: _counts(getattr(data, split)) for split in SPLITS},
        "left_out": data.left_out,
        "settings": asdict(settings),
        "torch": torch.__version__,
        **summarize(found, data.test.higgs.numpy()),
    }


def check(data: Data, settings: Settings) -> None:
    """Refuse settings that the dataset is too small for."""
    for number in settings.labels:
        if number >= (most := len(data.train.higgs)):
            raise ConfigError(f"labels: {number}; expected fewer than the {most} groups of train")
    if settings.batch_size > (most := len(data.groups)):
        raise ConfigError(
            f"batch-size: {settings.batch_size}; expected at most the {most} groups to train on"
        )


def _counts(jets: Jets) -> dict[str, int]:
    return {"higgs": int(jets.higgs.sum()), "qcd": int((~jets.higgs).sum())}


def main(
    dataset: Annotated[Path, typer.Argument(help="folder with the splits of a dataset", show_default=False)],
    seeds: Annotated[int, typer.Option(min=1, help="repetitions")] = 4,
    epochs: Annotated[int, typer.Option(min=1, help="of the training without labels")] = 50,
    updates: Annotated[int, typer.Option(min=1, help="steps of the training with labels")] = 1000,
    batch_size: Annotated[int, typer.Option(min=2, help="pairs, or jets with labels")] = 100,
    labels: Annotated[list[int], typer.Option(min=2, help="labelled jets, beside all")] = [100, 1000],  # noqa: B006
    constituents: Annotated[int, typer.Option(min=1, help="leading constituents of a jet")] = 50,
    threads: Annotated[int, typer.Option(min=1, help="threads of PyTorch")] = 1,
    output: Annotated[Path | None, typer.Option(help="JSON file for the results")] = None,
) -> None:
    """Compare training by re-simulation, by classic augmentations, with labels and none at all."""
    settings = Settings(seeds, epochs, updates, batch_size, tuple(labels), constituents, threads)
    try:
        results = run(dataset, settings, Console(stderr=True))
    except JetresimError as error:
        sys.exit(f"error: {error}")
    if output is not None:
        with atomic_path(output) as temporary:
            temporary.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    console = Console(width=None if sys.stdout.isatty() else WIDTH_OF_TABLES)
    for table in (auc_table, difference_table, similarity_table):
        console.print(table(results), "")


if __name__ == "__main__":
    typer.run(main)
