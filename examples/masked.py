"""Masked-particle modelling: constituents of a jet are hidden, and what they were is predicted from the rest.

The task is that of T. Golling et al., "Masked Particle Modeling on Sets", arXiv:2401.13537. As in its
successor, M. Leigh et al., arXiv:2409.12589, tokens are clusters of k-means, and the encoder sees the
constituents that are left and no others. It knows nothing of their order; the head that predicts is told the
place by pT of the constituent that it is asked for, since nothing else tells the hidden ones apart.
"""

import numpy as np
from networks import (
    WIDTH,
    Encoder,
    Jets,
    Tensor,
    functional,
    initialize,
    network_inputs,
    nn,
    perceptron,
    torch,
)
from scipy.cluster.vq import kmeans2
from training import Views

from jetresim.campaign.seeds import stable_hash

MASKED = 0.3
"""Part of the constituents that is hidden, as in arXiv:2401.13537."""

TOKENS, SAMPLE, ITERATIONS = 256, 30_000, 20
"""Clusters, constituents that they are found in, and steps of k-means."""


class Tokens(nn.Module):
    """Clusters of the standardized inputs of constituents.

    Parameters
    ----------
    jets : Jets
        Constituents of their anchors are clustered.
    encoder : Encoder
        Whose standardization is used.
    seed : int
    """

    def __init__(self, jets: Jets, encoder: Encoder, seed: int) -> None:
        super().__init__()
        x, mask = jets.x[:, 0], jets.mask[:, 0]
        seen = encoder.standardized(network_inputs(x, mask))[mask].numpy()
        random = np.random.Generator(np.random.Philox(key=stable_hash("masked", "tokens", seed)))
        sample = random.choice(seen, min(SAMPLE, len(seen)), replace=False)
        count = min(TOKENS, len(sample))
        centres, _ = kmeans2(sample, count, ITERATIONS, minit="++", rng=random)
        self.register_buffer("centres", torch.from_numpy(centres))

    def forward(self, inputs: Tensor) -> Tensor:
        """Token of each constituent, (N,), from standardized inputs (N, F)."""
        return torch.cdist(inputs, self.centres).argmin(-1)


class MaskedParticles(nn.Module):
    """Prediction of the tokens of hidden constituents from the representation of the others.

    Parameters
    ----------
    encoder : Encoder
    views : Views
        Which of the two jets of a pair are looked at, each by itself.
    tokens : Tokens
    constituents : int
        Slots of a jet.
    generator : torch.Generator
        For the initial weights of the head.
    """

    def __init__(
        self, encoder: Encoder, views: Views, tokens: Tokens, constituents: int, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.encoder, self.views, self.tokens = encoder, views, tokens
        self.head = perceptron(WIDTH + constituents, WIDTH, len(tokens.centres))
        initialize(self.head, generator)

    def forward(self, x: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """The cross entropy of the tokens of what is hidden, for a batch of pairs (B, 2, P, F)."""
        x, mask = self.views(x, mask, generator)
        hidden = drawn(mask, generator)
        jets = self.encoder(x, mask & ~hidden)
        place = functional.one_hot(hidden.nonzero()[:, -1], mask.shape[-1])
        asked = torch.cat([jets[..., None, :].expand(*mask.shape, -1)[hidden], place], dim=-1)
        with torch.no_grad():
            truth = self.tokens(self.encoder.standardized(network_inputs(x, mask))[hidden])
        return functional.cross_entropy(self.head(asked), truth)


def drawn(mask: Tensor, generator: torch.Generator) -> Tensor:
    """Constituents to hide, `MASKED` of those of each jet, at least one and not all, shape of the mask."""
    random = torch.rand(mask.shape, generator=generator).masked_fill(~mask, 2)
    present = mask.sum(-1, keepdim=True)
    count = (MASKED * present).round().clamp_min(1).minimum(present - 1)
    return random.argsort(-1).argsort(-1) < count
