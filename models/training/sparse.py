"""Fully connected layers trained under a fixed sparse mask.

AlexNet's and VGG-11's first two fully connected layers hold 43 and 120 million weights for ten classes. One or two
in a hundred of them, chosen at random before training and the only ones ever learned, do the same work and let the
checkpoint ship in git. Cutting an already trained layer to that share at one stroke does not: it took an
under-trained VGG from 62 to 24 %. See Mocanu et al., Scalable training of artificial neural networks with adaptive
sparse connectivity, 2018; Evci et al., RigL, 2020.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

LARGE = 4 << 20  # weights; every layer above is masked


class SparseWeight(nn.Module):
    """Parametrization of a weight [out, in] by its values [nnz] at fixed places; everywhere else it is zero."""

    places: Tensor  # int64 [nnz], ascending, in row order

    def __init__(self, shape: torch.Size, places: Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("places", places)

    def forward(self, values: Tensor) -> Tensor:
        """values float32 [nnz] -> weight [out, in], in autocast's dtype where it is on: half the memory to fill and
        to read.
        """
        device = values.device.type
        if torch.is_autocast_enabled(device):
            values = values.to(torch.get_autocast_dtype(device))
        dense = torch.zeros(self.shape.numel(), dtype=values.dtype, device=values.device)
        return dense.scatter(0, self.places, values).view(self.shape)

    def right_inverse(self, weight: Tensor) -> Tensor:
        """The values of a dense weight at the places kept."""
        return weight.flatten()[self.places]


def large(network: nn.Module) -> list[nn.Linear]:
    """The fully connected layers that are masked: those of more than LARGE weights."""
    return [m for m in network.modules() if isinstance(m, nn.Linear) and m.in_features * m.out_features > LARGE]


def random_places(shape: torch.Size, density: float, generator: torch.Generator) -> Tensor:
    """A share ``density`` of the places of a matrix [out, in], int64 [nnz], ascending."""
    rows = torch.arange(shape[0]).split(256)  # in slices, so that no dense random matrix is ever held
    kept = [
        torch.rand(len(r), shape[1], generator=generator).lt_(density).flatten().nonzero() + r[0] * shape[1]
        for r in rows
    ]
    return torch.cat(kept).squeeze(1)


def mask(network: nn.Module, density: float, seed: int) -> None:
    """Mask every large linear layer of ``network`` in place.

    A dense layer gets random places, and weights from He's normal for the inputs that are left; one that is sparse
    already keeps its places and weights.
    """
    generator = torch.Generator().manual_seed(seed)
    for layer in large(network):
        nonzero = layer.weight.detach().flatten().nonzero().squeeze(1)
        if len(nonzero) < layer.weight.numel() / 2:
            parametrize.register_parametrization(layer, "weight", SparseWeight(layer.weight.shape, nonzero))
            continue
        places = random_places(layer.weight.shape, density, generator)
        parametrize.register_parametrization(layer, "weight", SparseWeight(layer.weight.shape, places))
        spread = (2 / (density * layer.in_features)) ** 0.5
        values = layer.parametrizations.weight.original  # type: ignore[union-attr]
        with torch.no_grad():
            values.normal_(0, spread, generator=generator)  # type: ignore[operator]


def unmask(network: nn.Module) -> None:
    """Make the masked layers of ``network`` ordinary again, with the zeros in their dense weights."""
    for layer in large(network):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)


def dense_state(network: nn.Module) -> dict[str, Tensor]:
    """The state of ``network`` as it will be unmasked."""
    masked = {name: layer for name, layer in network.named_modules() if parametrize.is_parametrized(layer, "weight")}
    parts = tuple(f"{name}.parametrizations." for name in masked)
    state = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(parts)}
    return state | {f"{name}.weight": layer.weight.detach() for name, layer in masked.items()}
