"""What the 8 outputs of RS3L's contrastive training know of the class of a jet, and what decides it.

``python examples/eight_outputs.py results/pretrain/dataset`` trains as RS3L does (arXiv:2403.07066):
anchors are nominal jets, positives their re-simulations, NT-Xent with temperature 0.1, batches of 100
pairs, 8 outputs. One thing at a time is changed: what is read of a constituent, the network, rotations,
batch, number of jets and how long. Then classifiers of the frozen outputs are asked for Higgs or QCD: a
linear one, and a perceptron. docs/pretraining.md has the results.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from networks import (
    OUTPUTS,
    Jets,
    Tensor,
    evaluate,
    functional,
    initialize,
    make_optimizer,
    nn,
    nt_xent,
    open_split,
    perceptron,
    read_jets,
    torch,
    update,
)
from rich.console import Console
from rich.table import Table
from scores import Kept, auc, linear_probe, markdown, mean_and_error, over_seeds

from jetresim.campaign.errors import JetresimError
from jetresim.campaign.paths import SPLITS
from jetresim.dataset.features import PAIR_FEATURES
from jetresim.loaders.transforms import seeded

FEATURES = tuple(PAIR_FEATURES)
"""RS3L's 15 features of a constituent."""

SHAPE_ONLY = ("relpt", "eta", "phi", "dr", "charge", *FEATURES[-5:])
"""Those of them that know neither the jet's pT nor displaced tracks: the inputs of `pretrain.py`."""

RELPT, ETA, PHI = map(FEATURES.index, ("relpt", "eta", "phi"))

WIDTH, NEIGHBOURS = 32, 8
"""Width of the layers, and constituents that an edge convolution joins with each one."""

BATCH = 100
"""Pairs, as RS3L has."""

CLASSIFIER_UPDATES, CLASSIFIER_BATCH, CHECKS = 600, 200, 12
"""Steps of a perceptron's training, jets in each, and comparisons with the validation split."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to train; the defaults are RS3L's.

    Attributes
    ----------
    epochs : int
        Passes over the jets; 0 is the untrained network.
    features : tuple of str
        What is read of each constituent.
    edges : bool
        Dynamic edge convolutions; a deep set if not.
    rotate : bool
        Turn each view about its jet's axis by a random angle of its own.
    part : float
        Fraction of the groups to train on.
    """

    epochs: int
    features: tuple[str, ...] = FEATURES
    edges: bool = True
    rotate: bool = False
    part: float = 1.0

    @property
    def name(self) -> str:
        """What is said of it in the table."""
        network = "edge convolution" if self.edges else "deep set"
        inputs = f"{len(self.features)} features"
        changed = ["rotated views"] * self.rotate + [f"{self.part:g} of the jets"] * (self.part != 1)
        length = f"epochs: {self.epochs}" if self.epochs else "untrained"
        return ", ".join([network, inputs, *changed, length])


RECIPES = (
    *(Recipe(epochs, SHAPE_ONLY, edges=False) for epochs in (0, 1, 15, 50)),
    Recipe(50, SHAPE_ONLY, edges=False, rotate=True),
    *(Recipe(epochs, edges=False) for epochs in (0, 15)),
    *(Recipe(epochs, SHAPE_ONLY) for epochs in (0, 15)),
    *(Recipe(epochs) for epochs in (0, 1, 15)),
    Recipe(60, part=0.25),  # as many updates as 15 epochs of all
    Recipe(15, rotate=True),
)


class EdgeConvolution(nn.Module):
    """Dynamic edge convolution (arXiv:1801.07829) as in ParticleNet (arXiv:1902.08570), not normalized.

    The first layer of the network of an edge acts on (xᵢ, xⱼ − xᵢ); as it is linear it is applied to the
    constituents before they are joined.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.here, self.there = nn.Linear(inputs, WIDTH), nn.Linear(inputs, WIDTH)
        self.edge, self.shortcut = nn.Linear(WIDTH, WIDTH), nn.Linear(inputs, WIDTH)

    def forward(self, places: Tensor, features: Tensor, mask: Tensor) -> Tensor:
        """New features (B, P, 32) of constituents with features (B, P, F) at places (B, P, D)."""
        joined, exists = neighbours(places, mask)
        others = self.there(features)
        batch = torch.arange(len(others))[:, None, None]
        first = self.here(features)[:, :, None] + others[batch, joined] - others[:, :, None]
        edges = functional.gelu(self.edge(functional.gelu(first))) * exists[..., None]
        mean = edges.sum(2) / exists.sum(2).clamp_min(1)[..., None]
        return functional.gelu(mean + self.shortcut(features)) * mask[..., None]


def neighbours(places: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Indices (B, P, k) of the constituents nearest to each, itself left out, and which of them there are."""
    with torch.no_grad():
        square = places.square().sum(-1)
        distance = square[:, :, None] + square[:, None] - 2 * places @ places.transpose(1, 2)
        apart = ~mask[:, None] | torch.eye(mask.shape[1], dtype=torch.bool)
        nearest = distance.masked_fill(apart, torch.inf).topk(NEIGHBOURS, largest=False)
    return nearest.indices, nearest.values.isfinite() & mask[..., None]


class Encoder(nn.Module):
    """From constituents to the representation (B, 32); `project` maps it to the 8 outputs.

    Parameters
    ----------
    recipe : Recipe
    train : Jets
        The inputs of their anchors get mean 0 and standard deviation 1.
    generator : torch.Generator
        For the initial weights.
    """

    def __init__(self, recipe: Recipe, train: Jets, generator: torch.Generator) -> None:
        super().__init__()
        self.columns = [FEATURES.index(name) for name in recipe.features]
        seen = train.x[:, 0][train.mask[:, 0]][:, self.columns]
        self.register_buffer("mean", seen.mean(0))
        self.register_buffer("std", seen.std(0).clamp_min(1e-3))
        inputs = len(self.columns)
        if recipe.edges:
            self.layers = nn.ModuleList([EdgeConvolution(inputs), EdgeConvolution(WIDTH)])
        else:
            self.layers = nn.ModuleList([perceptron(inputs, WIDTH, WIDTH)])
        self.edges = recipe.edges
        self.jet = perceptron(2 * WIDTH, WIDTH, WIDTH)
        self.project = perceptron(WIDTH, WIDTH, OUTPUTS)
        initialize(self, generator)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Representation (..., 32) of jets with `FEATURES` (..., P, 15)."""
        shape = mask.shape[:-1]
        x, mask = x.reshape(-1, *x.shape[-2:]), mask.reshape(-1, mask.shape[-1])
        each = (x[..., self.columns] - self.mean) / self.std * mask[..., None]
        places = x[..., [ETA, PHI]]
        for layer in self.layers:
            each = layer(places, each, mask) if self.edges else layer(each) * mask[..., None]
            places = each
        mean = each.sum(1) / mask.sum(1).clamp_min(1)[:, None]
        by_pt = (each * torch.exp(x[..., RELPT, None])).sum(1)  # 0 where there is no constituent
        return self.jet(torch.cat([mean, by_pt], -1)).reshape(*shape, WIDTH)

    def outputs(self, x: Tensor, mask: Tensor) -> Tensor:
        """The 8 outputs as they come."""
        return self.project(self(x, mask))


def rotated(x: Tensor, generator: torch.Generator) -> Tensor:
    """Every jet turned about its axis by an angle of its own."""
    angle = torch.rand(x.shape[:-2], generator=generator)[..., None] * 2 * torch.pi
    turned = x.clone()
    turned[..., ETA] = x[..., ETA] * angle.cos() - x[..., PHI] * angle.sin()
    turned[..., PHI] = x[..., ETA] * angle.sin() + x[..., PHI] * angle.cos()
    return turned


def train_without_labels(encoder: Encoder, recipe: Recipe, train: Jets, seed: int) -> Iterator[float]:
    """Contrastive training; yields the mean loss of every epoch."""
    count = int(recipe.part * len(train.higgs))
    rows = torch.randperm(len(train.higgs), generator=seeded("outputs", seed, "part"))[:count]
    steps = count // BATCH
    optimizer, schedule = make_optimizer(encoder, max(recipe.epochs, 1) * steps)
    for epoch in range(recipe.epochs):
        generator, losses = seeded("outputs", seed, "epoch", epoch), []
        order = rows[torch.randperm(count, generator=generator)]
        for batch in order[: steps * BATCH].split(BATCH):
            other = torch.randint(1, train.x.shape[1], (len(batch),), generator=generator)
            x = torch.stack([train.x[batch, 0], train.x[batch, other]], 1)
            mask = torch.stack([train.mask[batch, 0], train.mask[batch, other]], 1)
            found = encoder.outputs(rotated(x, generator) if recipe.rotate else x, mask)
            loss = nt_xent(found[:, 0], found[:, 1])
            update(optimizer, schedule, loss)
            losses.append(loss.item())
        yield float(np.mean(losses))


def perceptron_probe(features: Mapping[str, Tensor], higgs: Mapping[str, Tensor], seed: int) -> Tensor:
    """Scores of the test split by a perceptron trained on frozen features, at its best moment on val."""
    generator = seeded("outputs", seed, "classifier")
    mean, std = features["train"].mean(0), features["train"].std(0).clamp_min(1e-6)
    train, val, test = ((features[split] - mean) / std for split in ("train", "val", "test"))
    network = perceptron(train.shape[1], 2 * WIDTH, 2 * WIDTH, 1)
    initialize(network, generator)
    optimizer, schedule = make_optimizer(network, CLASSIFIER_UPDATES)
    target = higgs["train"].float()
    best, scores = -1.0, torch.zeros(len(test))
    for step in range(1, CLASSIFIER_UPDATES + 1):
        row = torch.randint(len(train), (CLASSIFIER_BATCH,), generator=generator)
        found = network(train[row]).squeeze(-1)
        update(optimizer, schedule, functional.binary_cross_entropy_with_logits(found, target[row]))
        if step % (CLASSIFIER_UPDATES // CHECKS) == 0:
            with torch.no_grad():
                seen, now = (network(each).squeeze(-1) for each in (val, test))
            if (reached := float(auc(seen.numpy(), higgs["val"].numpy()))) > best:
                best, scores = reached, now
    return scores


def probes(encoder: Encoder, splits: Mapping[str, Jets], seed: int) -> dict[str, float]:
    """AUC of classifiers of the frozen network on the nominal jets of the test split."""
    outputs, inner = (
        {split: evaluate(function, jets)[:, 0] for split, jets in splits.items()}
        for function in (encoder.outputs, encoder)
    )
    sphere = {split: functional.normalize(each, dim=-1) for split, each in outputs.items()}
    higgs = {split: jets.higgs for split, jets in splits.items()}

    def linear(features: Mapping[str, Tensor]) -> Tensor:
        return linear_probe(features["train"], higgs["train"])(features["test"])

    scores = {
        "outputs, linear": linear(outputs),
        "on the sphere, linear": linear(sphere),
        "on the sphere, perceptron": perceptron_probe(sphere, higgs, seed),
        f"{WIDTH} before them, linear": linear(inner),
    }
    return {name: float(auc(each.numpy(), higgs["test"].numpy())) for name, each in scores.items()}


def trained(splits: Mapping[str, Jets], recipe: Recipe, seed: int) -> dict[str, float]:
    """Train by a recipe; what its frozen network is worth, and its last loss."""
    encoder = Encoder(recipe, splits["train"], seeded("outputs", seed, "initialization"))
    losses = list(train_without_labels(encoder, recipe, splits["train"], seed))
    return probes(encoder, splits, seed) | ({"loss": losses[-1]} if losses else {})


def table(found: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    """Mean ± standard error over the seeds."""
    columns = list(dict.fromkeys(name for each in found.values() for one in each.values() for name in one))
    rows = [[name, *(_number([one[c] for one in by_seed.values() if c in one]) for c in columns)]
            for name, by_seed in found.items()]  # fmt: skip
    return markdown("AUC: mean ± standard error over the seeds", ["", *columns], rows)


def _number(values: Sequence[float]) -> str:
    return mean_and_error(over_seeds(values)) if values else ""


def main(
    dataset: Annotated[Path, typer.Argument(help="folder with the splits of a dataset", show_default=False)],
    seeds: Annotated[int, typer.Option(min=1, help="repetitions")] = 4,
    constituents: Annotated[int, typer.Option(min=NEIGHBOURS + 1, help="leading ones of a jet")] = 40,
    only: Annotated[str, typer.Option(help="recipes whose name holds this")] = "",
    output: Annotated[Path, typer.Option(help="JSON file; what it has is kept")] = Path("outputs.json"),
) -> None:
    """Compare recipes of contrastive training by what their 8 outputs know."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    recipes = [recipe for recipe in RECIPES if only in recipe.name]
    if not recipes:
        sys.exit(
            f"error: --only: no recipe's name holds {only!r}; they are: "
            + "; ".join(one.name for one in RECIPES)
        )
    try:
        results = Kept(output, dataset, {"constituents": constituents})
        splits = {each: read_jets(open_split(dataset, each), constituents, FEATURES) for each in SPLITS}
    except JetresimError as error:
        sys.exit(f"error: {error}")
    for seed in range(seeds):
        for recipe in recipes:
            results.add(recipe.name, seed, partial(trained, splits, recipe, seed))
    Console(width=200).print(table({recipe.name: results.found[recipe.name] for recipe in recipes}))


if __name__ == "__main__":
    typer.run(main)
