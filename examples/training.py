"""How the examples train: without labels, by pairs of views, and with labels."""

import copy
from collections.abc import Callable, Iterator

import numpy as np
from networks import (
    COLUMNS,
    WIDTH,
    Encoder,
    Jets,
    Tensor,
    evaluate,
    functional,
    initialize,
    make_optimizer,
    nn,
    nt_xent,
    torch,
    update,
)
from scores import auc

from jetresim.dataset.reader import Groups
from jetresim.loaders.datasets import EpochBatches, GroupDataset
from jetresim.loaders.transforms import (
    AngularSmearing,
    CollinearSplitting,
    Compose,
    PtSmearing,
    Rotation,
    Translation,
    seeded,
)

CLASSIC = Compose([Rotation(), PtSmearing(), AngularSmearing(), CollinearSplitting()])

JETCLR = Compose([Rotation(), Translation(), AngularSmearing(), CollinearSplitting()])
"""The augmentations of arXiv:2108.04253."""

CHECKS = 20
"""Comparisons of training with labels with the validation split."""

Views = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]
"""From an anchor and a re-simulation, shape (B, 2, P, F), and their mask to two views of each jet."""


def resimulated(x: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Both views as they are: the anchor and a re-simulation of it."""
    return x, mask


def anchor(x: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """The anchor twice; the re-simulation is not looked at."""
    return x[:, :1].expand_as(x), mask[:, :1].expand_as(mask)


def augmented_anchor(x: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two classic augmentations of the anchor; the re-simulation is not looked at."""
    return CLASSIC(*anchor(x, mask, generator), generator)


def augmented_both(x: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A classic augmentation of the anchor and one of its re-simulation."""
    return CLASSIC(x, mask, generator)


def jetclr_anchor(x: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Two views of the anchor by the augmentations of JetCLR."""
    return JETCLR(*anchor(x, mask, generator), generator)


def jetclr_both(x: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Views of the anchor and of its re-simulation by the augmentations of JetCLR."""
    return JETCLR(x, mask, generator)


class Contrastive(nn.Module):
    """SimCLR: the outputs for two views of a jet agree, those of different jets do not.

    Parameters
    ----------
    encoder : Encoder
    views : Views
    """

    def __init__(self, encoder: Encoder, views: Views) -> None:
        super().__init__()
        self.encoder, self.views = encoder, views

    def forward(self, x: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """The loss of a batch of pairs, (B, 2, P, F)."""
        x, mask = self.views(x, mask, generator)
        outputs = self.encoder.project(self.encoder(x, mask))
        return nt_xent(outputs[:, 0], outputs[:, 1])


class PairBatches:
    """Batches of nominal jets and one of their re-simulations, drawn anew in every epoch, as in RS3L.

    Parameters
    ----------
    groups : Groups
    batch_size, constituents, seed : int
    """

    def __init__(self, groups: Groups, batch_size: int, constituents: int, seed: int) -> None:
        self._pairs = GroupDataset(groups, seed=seed, features=COLUMNS, constituents=constituents, jet=())
        self._order = EpochBatches(self._pairs, batch_size, drop_last=True)

    def __len__(self) -> int:
        return len(self._order)

    def epoch(self, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        """The constituents (B, 2, P, 9) and masks (B, 2, P) of an epoch."""
        self._order.set_epoch(number)
        for batch in torch.utils.data.DataLoader(self._pairs, sampler=self._order, batch_size=None):
            yield batch["x"], batch["mask"]


def train_without_labels(method: nn.Module, batches: PairBatches, epochs: int, seed: int) -> Iterator[float]:
    """Train by a loss of pairs; yields its mean of every epoch."""
    optimizer, schedule = make_optimizer(method, epochs * len(batches))
    for epoch in range(epochs):
        losses = []
        for step, (x, mask) in enumerate(batches.epoch(epoch)):
            loss = method(x, mask, seeded(seed, "views", epoch, step))
            update(optimizer, schedule, loss)
            losses.append(loss.item())
        yield float(np.mean(losses))


def supervise(
    encoder: Encoder, train: Jets, val: Jets, updates: int, batch_size: int, seed: int
) -> Callable[[Tensor, Tensor], Tensor]:
    """Train an encoder and a linear layer with labels, on a random member of each group that is drawn.

    Returns
    -------
    callable
        Scores (N,) of jets at whichever of `CHECKS` moments the AUC of the validation split was largest.
    """
    generator = seeded("pretrain", seed, "supervised")
    network = nn.ModuleDict({"encoder": encoder, "head": nn.Linear(WIDTH, 1)})
    initialize(network["head"], generator)
    optimizer, schedule = make_optimizer(network, updates)

    def scores(x: Tensor, mask: Tensor) -> Tensor:
        return network["head"](encoder(x, mask)).squeeze(-1)

    best, kept = -1.0, network.state_dict()
    for step in range(1, updates + 1):
        row = torch.randint(len(train.higgs), (batch_size,), generator=generator)
        member = torch.randint(train.x.shape[1], (batch_size,), generator=generator)
        found = scores(train.x[row, member], train.mask[row, member])
        loss = functional.binary_cross_entropy_with_logits(found, train.higgs[row].float())
        update(optimizer, schedule, loss)
        if step % max(1, updates // CHECKS) == 0:
            reached = auc(evaluate(scores, val)[:, 0].numpy(), val.higgs.numpy())
            if reached > best:
                best, kept = reached, copy.deepcopy(network.state_dict())
    network.load_state_dict(kept)
    return scores
