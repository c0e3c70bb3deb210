"""Does re-simulation teach a network what jets are? SimCLR on a dataset of this pipeline, on a CPU.

``python examples/pretrain.py results/pretrain/dataset`` trains a small set encoder without labels, with
positives from re-simulation and from classic augmentations, and asks how well a linear classifier on the
frozen encoder tells Higgs from QCD jets; the untrained encoder and training with the labels stand beside it.
docs/pretraining.md explains the comparison and has the results.

SimCLR is T. Chen et al., arXiv:2002.05709; RS3L, which takes the positives from re-simulation, is
P. Harris et al., arXiv:2403.07066.
"""

import copy
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import typer
from rich.box import MARKDOWN
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from scipy.stats import rankdata

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.errors import ConfigError, DataError, JetresimError
from jetresim.campaign.files import atomic_path
from jetresim.campaign.paths import SPLITS
from jetresim.campaign.seeds import stable_hash
from jetresim.dataset.reader import Groups, open_groups
from jetresim.loaders.datasets import EpochBatches, GroupDataset
from jetresim.loaders.pytorch import torch
from jetresim.loaders.transforms import (
    AngularSmearing,
    CollinearSplitting,
    Compose,
    PtSmearing,
    Rotation,
    relative_features,
    seeded,
)

nn, functional = torch.nn, torch.nn.functional

COLUMNS = (
    *("pt_gev", "eta", "phi", "charge"),
    *("isPhoton", "isMuon", "isElectron", "isChargedHadron", "isNeutralHadron"),
)
"""What is read of each constituent; the classic augmentations act on the first three."""

WIDTH, OUTPUTS, TEMPERATURE = 64, 8, 0.1
"""Width of all layers; outputs and temperature of the contrastive loss, which are RS3L's."""

CLASSIC = Compose([Rotation(), PtSmearing(), AngularSmearing(), CollinearSplitting()])

HIGGS = 4
"""RS3L jettype."""

UNTRAINED, RESIMULATION, SUPERVISED = "untrained", "re-simulation", "supervised"
SUPERVISED_ALL = "supervised, all realizations"
ALL, OF_OUTPUTS = "all", f", {OUTPUTS} outputs"
ANOTHER, OTHER_CLASS = "another jet", "a jet of the other class"
WIDTH_OF_TABLES = 140
CHECKS, RESAMPLES = 20, 200
"""Comparisons of training with labels with the validation split; bootstrap samples of the test split."""

Tensor = torch.Tensor
Floats = npt.NDArray[np.float64]
Views = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]


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


class Jets(NamedTuple):
    """Members of N groups: x (N, K, P, F) and mask (N, K, P), and the class, bool (N,)."""

    x: Tensor
    mask: Tensor
    higgs: Tensor


def open_split(dataset: Path, split: str) -> Groups:
    """Open a split with the nominal realization, the anchor, before the others."""
    groups = open_groups(dataset, split=split)
    return groups.select(realizations=[NOMINAL, *(name for name in groups.realizations if name != NOMINAL)])


def read_jets(groups: Groups, constituents: int, columns: Sequence[str] = COLUMNS) -> Jets:
    """Read the groups that have all their members.

    Raises
    ------
    DataError
        They are not of two classes.
    """
    x, mask = map(torch.from_numpy, groups.padded(constituents, columns))
    higgs = torch.from_numpy(groups.select(["label"]).to_arrow()["label"].to_numpy() == HIGGS)
    whole = mask.any(-1).all(-1)
    if len(higgs[whole].unique()) < 2:
        raise DataError(f"{groups.files[0].parent}: needs groups of label {HIGGS} (H→bb) and of others")
    return Jets(x[whole], mask[whole], higgs[whole])


def network_inputs(x: Tensor, mask: Tensor) -> Tensor:
    """Inputs of the network, shape (..., P, 10): ln(pT/ΣpT), Δη, Δφ, ΔR, charge and kind; nothing in GeV."""
    return torch.cat([relative_features(x, mask)[..., 1:], x[..., 3:]], dim=-1)


class Encoder(nn.Module):
    """Deep set: a network for each constituent, sums that ignore their order, and a network for the sums.

    The sums are the mean and the one weighted by pT (arXiv:1703.06114, arXiv:1810.05165). `project` maps the
    representation, shape (..., 64), to the 8 outputs of the contrastive loss.

    Parameters
    ----------
    jets : Jets
        The inputs of their anchors get mean 0 and standard deviation 1.
    generator : torch.Generator
        For the initial weights.
    """

    def __init__(self, jets: Jets, generator: torch.Generator) -> None:
        super().__init__()
        x, mask = jets.x[:, 0], jets.mask[:, 0]
        seen = network_inputs(x, mask)[mask]
        self.register_buffer("mean", seen.mean(0))
        self.register_buffer("std", seen.std(0).clamp_min(1e-3))
        self.constituent = perceptron(seen.shape[-1], WIDTH, WIDTH)
        self.jet = perceptron(2 * WIDTH, WIDTH, WIDTH)
        self.project = perceptron(WIDTH, WIDTH, OUTPUTS)
        initialize(self, generator)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Representation of jets, shape (..., 64), from `COLUMNS` (..., P, 9)."""
        inputs, there = network_inputs(x, mask), mask[..., None]
        each = self.constituent((inputs - self.mean) / self.std)
        fraction = torch.exp(inputs[..., :1]) * there
        mean = (each * there).sum(-2) / there.sum(-2).clamp_min(1)
        return self.jet(torch.cat([mean, (each * fraction).sum(-2)], dim=-1))


def perceptron(*widths: int) -> nn.Sequential:
    """Linear layers of these widths with a GELU between them."""
    layers = [[nn.Linear(*pair), nn.GELU()] for pair in pairwise(widths)]
    return nn.Sequential(*list(chain.from_iterable(layers))[:-1])


def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Draw weights as in arXiv:1502.01852, from a generator that is not the global one."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)


def nt_xent(first: Tensor, second: Tensor, temperature: float = TEMPERATURE) -> Tensor:
    """Normalized temperature-scaled cross entropy (arXiv:2002.05709, equation 1), the mean over 2B jets.

    Parameters
    ----------
    first, second : Tensor, shape (B, D)
        Outputs for both views of each jet; all other 2B − 2 views are its negatives.
    temperature : float
    """
    outputs = functional.normalize(torch.cat([first, second]), dim=-1)
    similarity = (outputs @ outputs.T / temperature).fill_diagonal_(-torch.inf)
    positive = torch.arange(len(outputs)).roll(len(first))
    return functional.cross_entropy(similarity, positive)


def resimulated(x: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Both views as they are: the anchor and a re-simulation of it."""
    return x, mask


def augmented_anchor(x: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two classic augmentations of the anchor; the re-simulation is not looked at."""
    return CLASSIC(x[:, :1].expand_as(x), mask[:, :1].expand_as(mask), generator)


def augmented_both(x: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A classic augmentation of the anchor and one of its re-simulation."""
    return CLASSIC(x, mask, generator)


METHODS: Mapping[str, Views] = {
    RESIMULATION: resimulated,
    "classic": augmented_anchor,
    "re-simulation and classic": augmented_both,
}
"""Ways to train without labels: from an anchor and a re-simulation, shape (B, 2, P, 9), to two views."""


def pretrain(encoder: Encoder, train: Groups, views: Views, settings: Settings, seed: int) -> Iterator[float]:
    """Train without labels; yields the mean loss of every epoch.

    Anchors are nominal and positives are drawn among the other realizations, as in RS3L.
    """
    options = {"features": COLUMNS, "constituents": settings.constituents, "jet": ()}
    pairs = GroupDataset(train, seed=seed, **options)
    order = EpochBatches(pairs, settings.batch_size, drop_last=True)
    optimizer, schedule = make_optimizer(encoder, settings.epochs * len(order))
    for epoch in range(settings.epochs):
        order.set_epoch(epoch)
        losses = []
        for step, batch in enumerate(torch.utils.data.DataLoader(pairs, sampler=order, batch_size=None)):
            x, mask = views(batch["x"], batch["mask"], seeded(seed, "views", epoch, step))
            outputs = encoder.project(encoder(x, mask))
            loss = nt_xent(outputs[:, 0], outputs[:, 1])
            update(optimizer, schedule, loss)
            losses.append(loss.item())
        yield float(np.mean(losses))


def make_optimizer(module: nn.Module, updates: int) -> tuple[Any, Any]:
    """AdamW, whose learning rate rises over the first tenth and then falls along a cosine."""
    optimizer = torch.optim.AdamW(module.parameters(), weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3, total_steps=updates, pct_start=0.1)
    return optimizer, schedule


def update(optimizer: Any, schedule: Any, loss: Tensor) -> None:
    """Go one step down the gradient."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()


def supervise(
    encoder: Encoder, train: Jets, val: Jets, settings: Settings, seed: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """Train an encoder and a linear layer with labels, on a random member of each group that is drawn.

    Returns
    -------
    callable
        Scores (N,) of jets at whichever of `CHECKS` moments the AUC of the validation split was largest.
    """
    generator = seeded("pretrain", seed, SUPERVISED)
    network = nn.ModuleDict({"encoder": encoder, "head": nn.Linear(WIDTH, 1)})
    initialize(network["head"], generator)
    optimizer, schedule = make_optimizer(network, settings.updates)

    def scores(x: Tensor, mask: Tensor) -> Tensor:
        return network["head"](encoder(x, mask)).squeeze(-1)

    best, kept = -1.0, network.state_dict()
    for step in range(1, settings.updates + 1):
        row = torch.randint(len(train.higgs), (settings.batch_size,), generator=generator)
        member = torch.randint(train.x.shape[1], (settings.batch_size,), generator=generator)
        found = scores(train.x[row, member], train.mask[row, member])
        loss = functional.binary_cross_entropy_with_logits(found, train.higgs[row].float())
        update(optimizer, schedule, loss)
        if step % max(1, settings.updates // CHECKS) == 0:
            reached = auc(evaluate(scores, val)[:, 0].numpy(), val.higgs.numpy())
            if reached > best:
                best, kept = reached, copy.deepcopy(network.state_dict())
    network.load_state_dict(kept)
    return scores


def evaluate(function: Callable[[Tensor, Tensor], Tensor], jets: Jets, members: int = 1) -> Tensor:
    """Apply to the first members of each group, without gradients; shape (N, members, ...)."""
    with torch.no_grad():
        parts = zip(jets.x[:, :members].split(1024), jets.mask[:, :members].split(1024), strict=True)
        return torch.cat([function(x, mask) for x, mask in parts])


def linear_probe(features: Tensor, higgs: Tensor) -> Callable[[Tensor], Tensor]:
    """Fit a logistic regression of standardized features, with a penalty of |w|²/(2N).

    Parameters
    ----------
    features : Tensor, shape (N, D)
    higgs : Tensor of bool, shape (N,)

    Returns
    -------
    callable
        Logits (M,) of other features, shape (M, D).
    """
    features, target = features.double(), higgs.double()
    mean, std = features.mean(0), features.std(0).clamp_min(1e-9)
    weight = torch.zeros(features.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight], max_iter=500, line_search_fn="strong_wolfe")

    def logits(features: Tensor) -> Tensor:
        return (features - mean) / std @ weight[1:] + weight[0]

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(logits(features), target)
        loss = loss + weight[1:].square().sum() / (2 * len(target))
        loss.backward()
        return loss

    optimizer.step(closure)
    return lambda others: logits(others.double()).detach()


def auc(scores: npt.NDArray[Any], higgs: npt.NDArray[np.bool_]) -> Any:
    """Area under the ROC curve along the last axis: how often Higgs scores above QCD, ties as one half."""
    positive = int(higgs.sum())
    ranks = rankdata(scores, axis=-1)[..., higgs].sum(-1)
    return (ranks - positive * (positive + 1) / 2) / (positive * (len(higgs) - positive))


def bootstrap(scores: npt.NDArray[Any], higgs: npt.NDArray[np.bool_], samples: int = RESAMPLES) -> Floats:
    """AUC of resampled test splits, shape (samples, ...), for scores of shape (..., N).

    The same jets are drawn for all scores, so that differences keep their correlation. Classes keep their
    numbers of jets.
    """
    random = np.random.Generator(np.random.Philox(key=stable_hash("pretrain", "bootstrap")))
    classes = [np.flatnonzero(higgs), np.flatnonzero(~higgs)]
    drawn = [np.concatenate([random.choice(each, len(each)) for each in classes]) for _ in range(samples)]
    return np.stack([auc(scores[..., rows], higgs[rows]) for rows in drawn])


def similarities(outputs: Tensor, higgs: Tensor, realizations: Sequence[str]) -> dict[str, dict[str, float]]:
    """Mean cosine similarity of the anchors with their re-simulations and with other anchors, by class.

    Parameters
    ----------
    outputs : Tensor, shape (N, K, D)
        Of all members of the groups; the anchor is the first one.
    higgs : Tensor of bool, shape (N,)
    realizations : sequence of str
        Names of the members.
    """
    outputs = functional.normalize(outputs.double(), dim=-1)
    result = {}
    for name, wanted in (("higgs", higgs), ("qcd", ~higgs)):
        anchors, total = outputs[wanted, 0], int(wanted.sum())
        with_views = (anchors[:, None] * outputs[wanted, 1:]).sum(-1).mean(0).tolist()
        # the sum over all pairs has each anchor with itself, which has similarity 1
        same = (anchors.sum(0).square().sum() - total) / (total * (total - 1))
        other = anchors.mean(0) @ outputs[~wanted, 0].mean(0)
        result[name] = dict(zip(realizations[1:], with_views, strict=True))
        result[name] |= {ANOTHER: float(same), OTHER_CLASS: float(other)}
    return result


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


@dataclass(frozen=True, slots=True)
class Data:
    """A dataset: the groups for training as the loaders take them, and the jets of the splits in memory."""

    groups: Groups
    train: Jets
    val: Jets
    test: Jets
    left_out: dict[str, int]

    @classmethod
    def read(cls, dataset: Path, constituents: int) -> "Data":
        """Read a dataset; groups without all their members are counted in `left_out`."""
        groups = {split: open_split(dataset, split) for split in SPLITS}
        jets = {split: read_jets(each, constituents) for split, each in groups.items()}
        left_out = {split: len(groups[split]) - len(jets[split].higgs) for split in SPLITS}
        return cls(groups["train"], **jets, left_out=left_out)

    def labelled(self, settings: Settings, seed: int) -> dict[str, Tensor]:
        """Rows for training with labels, by their number; the smaller samples are part of the larger ones."""
        order = torch.randperm(len(self.train.higgs), generator=seeded("pretrain", seed, "labels"))
        return {str(number): order[:number] for number in settings.labels} | {ALL: order}


def run_seed(data: Data, settings: Settings, seed: int, advance: Callable[[str], None]) -> Found:
    """Train in all ways from the same initial weights; `advance` is told after each epoch and training."""
    found = Found({}, {}, {})
    probe(new_encoder(data, seed), UNTRAINED, data, settings, seed, found)
    for method, views in METHODS.items():
        encoder, found.loss[method] = new_encoder(data, seed), []
        for loss in pretrain(encoder, data.groups, views, settings, seed):
            found.loss[method].append(loss)
            advance(method)
        probe(encoder, method, data, settings, seed, found)
    for method, members in ((SUPERVISED, 1), (SUPERVISED_ALL, data.train.x.shape[1])):
        found.scores[method] = {}
        for number, rows in data.labelled(settings, seed).items():
            labelled = Jets(
                data.train.x[rows, :members], data.train.mask[rows, :members], data.train.higgs[rows]
            )
            classify = supervise(new_encoder(data, seed), labelled, data.val, settings, seed)
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
            for number, rows in data.labelled(settings, seed).items()
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
        number: _over_seeds(values[:, place].tolist()) | {"test_error": float(errors[place])}
        for place, number in enumerate(numbers)
    }


def _similarity_over_seeds(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        method: {
            kind: {other: _over_seeds([each[method][kind][other] for each in found]) for other in others}
            for kind, others in kinds.items()
        }
        for method, kinds in found[0].items()
    }


def _over_seeds(values: Sequence[float]) -> dict[str, Any]:
    error = float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "error": error, "seeds": list(values)}


def auc_table(results: Mapping[str, Any]) -> Table:
    """AUC by method and number of labels, as mean ± standard error over the seeds."""
    return _table(
        "AUC by number of labelled jets: mean ± standard error over the seeds",
        ["", *results["auc"][RESIMULATION]],
        [[method, *map(_number, each.values())] for method, each in results["auc"].items()],
    )


def difference_table(results: Mapping[str, Any]) -> Table:
    """AUC of re-simulation minus that of the others."""
    return _table(
        "AUC of re-simulation minus that of the others: ± from seeds and test split together",
        ["", *results["auc"][RESIMULATION]],
        [[method, *map(_signed, each.values())] for method, each in results["difference"].items()],
    )


def similarity_table(results: Mapping[str, Any]) -> Table:
    """Cosine similarity of the nominal jet with others, by method."""
    methods = list(results["similarity"])
    rows = [
        [kind, other, *(_number(results["similarity"][method][kind][other]) for method in methods)]
        for kind, others in results["similarity"][UNTRAINED].items()
        for other in others
    ]
    title = f"Cosine similarity of the {OUTPUTS} outputs of the nominal jet and of another"
    return _table(title, ["class", "with", *methods], rows)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, box=MARKDOWN, title_justify="left")
    for name in columns:
        table.add_column(name, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


def _number(value: Mapping[str, Any]) -> str:
    return f"{value['mean']:.3f}" + ("" if value["error"] is None else f" ± {value['error']:.3f}")


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
