"""A small ParticleNet (arXiv:1902.08570) for weaver-core: ``--network-config config/weaver/particlenet.py``.

It trains on a CPU: two EdgeConv blocks with 7 neighbours, the parameters of the paper's ParticleNet-Lite.
"""

import torch
from weaver.nn.model.ParticleNet import ParticleNet
from weaver.utils.dataset import DataConfig


class Network(torch.nn.Module):
    """ParticleNet of those inputs that it takes."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.network = ParticleNet(
            input_dims=features,
            num_classes=classes,
            conv_params=[(7, (32, 32, 32)), (7, (64, 64, 64))],
            fc_params=[(128, 0.1)],
        )

    def forward(
        self, points: torch.Tensor, features: torch.Tensor, vectors: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        """Scores of the classes before softmax, shape (N, classes)."""
        return self.network(points, features, mask)


def get_model(data_config: DataConfig, **options: object) -> tuple[torch.nn.Module, dict[str, object]]:
    """What weaver asks for: the network, and how its inputs and output are named."""
    names = list(data_config.input_names)
    network = Network(len(data_config.input_dicts["pf_features"]), len(data_config.label_value))
    shapes = {name: (1, *data_config.input_shapes[name][1:]) for name in names}
    axes = {name: {0: "jet", 2: "particle"} for name in names}
    return network, {
        "input_names": names,
        "input_shapes": shapes,
        "output_names": ["softmax"],
        "dynamic_axes": axes | {"softmax": {0: "jet"}},
    }


def get_loss(data_config: DataConfig, **options: object) -> torch.nn.Module:
    """What weaver asks for: the loss."""
    return torch.nn.CrossEntropyLoss()
