"""Classic augmentations of jets, to compare re-simulation with.

Each takes and gives constituents ``x``, shape (..., P, C), and ``mask``, shape (..., P): the first three of
the C columns are pT [GeV], Δη and Δφ from the jet axis (the set of features ``jetclr``), any others go along
unchanged. The leading axes are jets. Nothing is changed in place, and slots outside of the mask stay zero.
The random numbers come from the generator that is passed in, see `seeded`.

Rotation, translation, angular smearing and collinear splitting are those of B. Dillon et al., "Symmetries,
safety, and self-supervision" (JetCLR), arXiv:2108.04253, section 2.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from jetresim.campaign.errors import ConfigError
from jetresim.campaign.seeds import stable_hash
from jetresim.loaders.pytorch import torch

__all__ = [
    "AngularSmearing",
    "CollinearSplitting",
    "Compose",
    "PtSmearing",
    "Rotation",
    "Transform",
    "Translation",
    "relative_features",
    "seeded",
]

PT, ETA, PHI = 0, 1, 2
"""Columns of ``x``."""

Jets = tuple[torch.Tensor, torch.Tensor]


class Transform(Protocol):
    """An augmentation of a batch of jets."""

    def __call__(self, x: torch.Tensor, mask: torch.Tensor, generator: torch.Generator) -> Jets:
        """Give the new constituents and their mask, of the same shapes."""


def seeded(*key: str | int, device: str = "cpu") -> torch.Generator:
    """Make the random generator of a key, such as ``(seed, epoch, batch)``."""
    return torch.Generator(device).manual_seed(stable_hash("loaders", *key) % 2**63)


@dataclass(frozen=True, slots=True)
class Compose:
    """Several transforms, one after the other.

    Attributes
    ----------
    transforms : sequence of Transform
    """

    transforms: Sequence[Transform]

    def __call__(self, x: torch.Tensor, mask: torch.Tensor, generator: torch.Generator) -> Jets:
        """Apply all of them in their order."""
        for transform in self.transforms:
            x, mask = transform(x, mask, generator)
        return x, mask


@dataclass(frozen=True, slots=True)
class Rotation:
    """Rotation about the jet axis by an angle α, uniform in [0, 2π), for each jet.

    Δη′ = Δη cos α − Δφ sin α, Δφ′ = Δη sin α + Δφ cos α: pT and distances to the axis stay.
    """

    def __call__(self, x: torch.Tensor, mask: torch.Tensor, generator: torch.Generator) -> Jets:
        """Rotate every jet."""
        angle = 2 * math.pi * _uniform(x, x.shape[:-2], generator)[..., None]
        cos, sin = torch.cos(angle), torch.sin(angle)
        eta, phi = x[..., ETA], x[..., PHI]
        return _with(x, mask, {ETA: eta * cos - phi * sin, PHI: eta * sin + phi * cos}), mask


@dataclass(frozen=True, slots=True)
class Translation:
    """Shift of a whole jet in Δη and Δφ, each uniform in [−width, width).

    Attributes
    ----------
    width : float
        At least 0. The default is ours.
    """

    width: float = 1.0

    def __post_init__(self) -> None:
        _check("Translation", "width", self.width)

    def __call__(self, x: torch.Tensor, mask: torch.Tensor, generator: torch.Generator) -> Jets:
        """Shift every jet."""
        shift = self.width * (2 * _uniform(x, (*x.shape[:-2], 1, 2), generator) - 1)
        moved = x[..., ETA : PHI + 1] + shift
        return _with(x, mask, {ETA: moved[..., 0], PHI: moved[..., 1]}), mask


@dataclass(frozen=True, slots=True)
class PtSmearing:
    """Smearing of every pT by a factor of mean 1: pT′ = pT exp(σ g − σ²/2), with g normal.

    The log-normal form is ours: it keeps pT positive, and is Gaussian with relative width σ where σ is small.

    Attributes
    ----------
    strength : float
        σ, at least 0. The default is ours.
    """

    strength: float = 0.1

    def __post_init__(self) -> None:
        _check("PtSmearing", "strength", self.strength)

    def __call__(self, x: torch.Tensor, mask: torch.Tensor, generator: torch.Generator) -> Jets:
        """Smear every constituent."""
        draw = _normal(x, x.shape[:-1], generator)
        factor = torch.exp(self.strength * draw - self.strength**2 / 2)
        return _with(x, mask, {PT: x[..., PT] * factor}), mask


@dataclass(frozen=True, slots=True)
class AngularSmearing:
    """Smearing of Δη and Δφ, normal with width Λ_soft / pT: soft radiation that is not resolved.

    Attributes
    ----------
    scale : float
        Λ_soft [GeV], at least 0; 0.1 in the paper.
    """

    scale: float = 0.1

    def __post_init__(self) -> None:
        _check("AngularSmearing", "scale", self.scale)

    def __call__(self, x: torch.Tensor, mask: torch.Tensor, generator: torch.Generator) -> Jets:
        """Smear every constituent."""
        # empty slots have no pT to divide by
        width = self.scale / torch.where(mask, x[..., PT], 1)
        moved = x[..., ETA : PHI + 1] + width[..., None] * _normal(x, (*x.shape[:-1], 2), generator)
        return _with(x, mask, {ETA: moved[..., 0], PHI: moved[..., 1]}), mask


@dataclass(frozen=True, slots=True)
class CollinearSplitting:
    """Splitting of constituents into two with the same direction and pT_a + pT_b = pT.

    The share of the pT is uniform. The harder part stays in its place, the softer one takes an empty slot:
    no more are split than there are slots, drawn at random. The sum of the two is exactly the pT before,
    since the harder part is at least half of it, where subtraction does not round. The other columns go to
    both. The result is no longer in order of pT.

    Attributes
    ----------
    probability : float
        Of each constituent to be split, from 0 to 1. The default is ours.
    """

    probability: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ConfigError(f"CollinearSplitting: probability {self.probability}; expected 0 to 1")

    def __call__(self, x: torch.Tensor, mask: torch.Tensor, generator: torch.Generator) -> Jets:
        """Split constituents of every jet."""
        chosen = mask & (_uniform(x, mask.shape, generator) < self.probability)
        source, free, valid = self._matched(chosen, mask, _uniform(x, mask.shape, generator))
        parent = torch.gather(x, -2, source[..., None].expand(x.shape))
        pt = parent[..., PT]
        harder = pt * (1 + _uniform(x, mask.shape, generator)) / 2
        softer = parent.clone()
        softer[..., PT] = pt - harder
        kept, filled = mask.clone(), valid & (softer[..., PT] > 0)
        kept.scatter_(-1, free, torch.gather(mask, -1, free) | filled)
        where = filled[..., None]
        # every slot is written once: `source` and `free` are permutations
        x = x.scatter(-2, source[..., None], torch.where(where, harder[..., None], pt[..., None]))
        there = torch.gather(x, -2, free[..., None].expand(x.shape))
        return x.scatter(-2, free[..., None].expand(x.shape), torch.where(where, softer, there)), kept

    @staticmethod
    def _matched(
        chosen: torch.Tensor, mask: torch.Tensor, random: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Slots with the chosen first (shuffled), slots with the empty first, and how far both go."""
        source = torch.argsort(torch.where(chosen, random, 2), dim=-1)
        free = torch.argsort(mask.to(torch.uint8), dim=-1, stable=True)
        count = torch.minimum(chosen.sum(-1), (~mask).sum(-1))
        return source, free, torch.arange(mask.shape[-1], device=mask.device) < count[..., None]


RELATIVE_FEATURES = ("pt", "relpt", "eta", "phi", "dr")
"""What `relative_features` gives: RS3L's features of the same names, but relpt to the sum of the pT."""


def relative_features(x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Features for a network from (pT, Δη, Δφ): `RELATIVE_FEATURES`, shape (..., P, 5).

    ln pT, ln(pT/ΣpT), Δη, Δφ and the distance to the axis; zero outside of the mask. They can be computed
    after a transform, unlike those that need the jet or the energy.
    """
    pt = torch.where(mask, x[..., PT], 1)
    total = torch.where(mask, x[..., PT], 0).sum(-1, keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)
    eta, phi = x[..., ETA], x[..., PHI]
    columns = [torch.log(pt), torch.log(pt / total), eta, phi, torch.hypot(eta, phi)]
    return torch.where(mask[..., None], torch.stack(columns, dim=-1), 0)


def _with(x: torch.Tensor, mask: torch.Tensor, columns: dict[int, torch.Tensor]) -> torch.Tensor:
    """Replace columns where there is a constituent."""
    changed = x.clone()
    for column, values in columns.items():
        changed[..., column] = torch.where(mask, values, x[..., column])
    return changed


def _uniform(x: torch.Tensor, shape: Sequence[int], generator: torch.Generator) -> torch.Tensor:
    return torch.rand(tuple(shape), generator=generator, dtype=x.dtype, device=x.device)


def _normal(x: torch.Tensor, shape: Sequence[int], generator: torch.Generator) -> torch.Tensor:
    return torch.randn(tuple(shape), generator=generator, dtype=x.dtype, device=x.device)


def _check(transform: str, name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ConfigError(f"{transform}: {name} {value}; expected a number from 0")
