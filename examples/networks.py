"""What the examples share: reading jets, a small network for sets, the contrastive loss, the optimizer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, NamedTuple

from jetresim.campaign.augmentations import NOMINAL
from jetresim.campaign.errors import ConfigError, DataError
from jetresim.campaign.paths import SPLITS
from jetresim.dataset.reader import Groups, open_groups
from jetresim.loaders.pytorch import torch
from jetresim.loaders.transforms import relative_features

nn, functional = torch.nn, torch.nn.functional

COLUMNS = (
    *("pt_gev", "eta", "phi", "charge"),
    *("isPhoton", "isMuon", "isElectron", "isChargedHadron", "isNeutralHadron"),
)
"""What is read of each constituent; the classic augmentations act on the first three."""

WIDTH, OUTPUTS, TEMPERATURE = 64, 8, 0.1
"""Width of all layers; outputs and temperature of the contrastive loss, which are RS3L's."""

HIGGS = 4
"""RS3L jettype."""

Tensor = torch.Tensor


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
        each = self.constituent(self.standardized(inputs))
        fraction = torch.exp(inputs[..., :1]) * there
        mean = (each * there).sum(-2) / there.sum(-2).clamp_min(1)
        return self.jet(torch.cat([mean, (each * fraction).sum(-2)], dim=-1))

    def standardized(self, inputs: Tensor) -> Tensor:
        """What `network_inputs` gives, with mean 0 and standard deviation 1 for the anchors."""
        return (inputs - self.mean) / self.std


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


_FEWEST_UPDATES = 3


def make_optimizer(module: nn.Module, updates: int) -> tuple[Any, Any]:
    """AdamW, whose learning rate rises over the first tenth and then falls along a cosine.

    Raises
    ------
    ConfigError
        The rise takes an update at least, so that three are the fewest.
    """
    if updates < _FEWEST_UPDATES:
        raise ConfigError(f"{updates} updates of a network are too few, expected at least {_FEWEST_UPDATES}")
    optimizer = torch.optim.AdamW(module.parameters(), weight_decay=1e-2)
    rise = max(0.1, 2 / updates)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=3e-3, total_steps=updates, pct_start=rise
    )
    return optimizer, schedule


def update(optimizer: Any, schedule: Any, loss: Tensor) -> None:
    """Go one step down the gradient."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()


def evaluate(function: Callable[[Tensor, Tensor], Tensor], jets: Jets, members: int = 1) -> Tensor:
    """Apply to the first members of each group, without gradients; shape (N, members, ...)."""
    with torch.no_grad():
        parts = zip(jets.x[:, :members].split(1024), jets.mask[:, :members].split(1024), strict=True)
        return torch.cat([function(x, mask) for x, mask in parts])
