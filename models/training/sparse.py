"""Fully connected layers trained under a fixed sparse mask.

AlexNet's and VGG-11's first two fully connected layers hold 43 and 120 million weights for ten classes. One or two
in a hundred of them, chosen at random before training and the only ones ever learned, do the same work and let the
checkpoint ship in git. Cutting an already trained layer to that share at one stroke does not: it took an
under-trained VGG from 62 to 24 %. See Mocanu et al., Scalable training of artificial neural networks with adaptive
sparse connectivity, 2018; Evci et al., RigL, 2020.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional

LARGE = 4 << 20  # weights; every layer above is masked
warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)


class SparseLinear(nn.Module):
    """A fully connected layer of which the weights at ``places`` alone are there: float32 [N, in] -> [N, out].

    ``places``: int64 [nnz] of the weight [out, in], ascending, in row order; ``values``: float32 [nnz].
    """

    places: Tensor
    starts: Tensor  # int64 [out + 1]: where each row's places begin
    columns: Tensor  # int64 [nnz]

    def __init__(self, shape: torch.Size, places: Tensor, values: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.values, self.bias = nn.Parameter(values), nn.Parameter(bias)
        self.register_buffer("places", places)
        rows = places.div(shape[1], rounding_mode="floor")
        starts = torch.searchsorted(rows, torch.arange(shape[0] + 1, device=rows.device))
        self.register_buffer("starts", starts, persistent=False)
        self.register_buffer("columns", places % shape[1], persistent=False)

    def weight(self) -> Tensor:
        """Dense, [out, in], in autocast's dtype where it is on: half the memory to fill and to read."""
        device = self.values.device.type
        faster = torch.is_autocast_enabled(device)
        values = self.values.to(torch.get_autocast_dtype(device)) if faster else self.values
        dense = torch.zeros(self.shape.numel(), dtype=values.dtype, device=values.device)
        return dense.scatter(0, self.places, values).view(self.shape)

    def forward(self, x: Tensor) -> Tensor:
        """On a GPU dense products are quick. On a CPU those that count are, in float32 under autocast too: a step of
        VGG-11's takes a sixth of the time of dense bfloat16, AMX or not, of AlexNet's a third.
        """
        if x.device.type != "cpu":
            return functional.linear(x, self.weight(), self.bias)
        with torch.autocast("cpu", enabled=False):
            y: Tensor = _Product.apply(x.float(), self.values, self.starts, self.columns, self.shape)
        return y + self.bias


class _Product(torch.autograd.Function):
    """x [N, in] by the transpose of a sparse weight, computed at its places alone, and so are the gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, values: Tensor, starts: Tensor, columns: Tensor, shape: torch.Size) -> Tensor:
        ctx.save_for_backward(x, values, starts, columns)
        ctx.shape = shape
        return (_csr(starts, columns, values, shape) @ x.T.contiguous()).T

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, ...]:
        x, values, starts, columns = ctx.saved_tensors
        above = above.T.contiguous()
        for_x = None
        if ctx.needs_input_grad[0]:
            for_x = (_csr(starts, columns, values, ctx.shape).t() @ above).T
        nothing = _csr(starts, columns, torch.zeros_like(values), ctx.shape)
        for_values = torch.sparse.sampled_addmm(nothing, above, x, beta=0).values()
        return for_x, for_values, None, None, None


def _csr(starts: Tensor, columns: Tensor, values: Tensor, shape: torch.Size) -> Tensor:
    return torch.sparse_csr_tensor(starts, columns, values, shape, check_invariants=False)


def large(network: nn.Module) -> dict[str, nn.Linear]:
    """The fully connected layers that are masked, by name: those of more than LARGE weights."""
    layers = {name: m for name, m in network.named_modules() if isinstance(m, nn.Linear)}
    return {name: layer for name, layer in layers.items() if layer.weight.numel() > LARGE}


def random_places(shape: torch.Size, density: float, generator: torch.Generator) -> Tensor:
    """A share ``density`` of the places of a matrix [out, in], int64 [nnz], ascending."""
    rows = torch.arange(shape[0]).split(256)  # in slices, so that no dense random matrix is ever held
    kept = [
        torch.rand(len(r), shape[1], generator=generator).lt_(density).flatten().nonzero() + r[0] * shape[1]
        for r in rows
    ]
    return torch.cat(kept).squeeze(1)


def mask(network: nn.Module, density: float, seed: int) -> None:
    """Put a SparseLinear in the place of every large linear layer of ``network``.

    A dense layer gets random places, and weights from He's normal for the inputs that are left. One that is sparse
    already keeps its places and weights; as many as its file lost, where int8 rounded a weight to 0, are added at
    random, with weights of 0.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, layer in large(network).items():
        weight = layer.weight.detach()
        places = weight.flatten().nonzero().squeeze(1)
        values = weight.flatten()[places]
        if len(places) >= weight.numel() / 2:
            places = random_places(weight.shape, density, generator)
            spread = (2 / (density * layer.in_features)) ** 0.5
            values = torch.empty(len(places)).normal_(0, spread, generator=generator)
        elif (lost := density - len(places) / weight.numel()) > 0:
            places = torch.cat([places, random_places(weight.shape, lost, generator)]).unique()
            values = weight.flatten()[places]
        network.set_submodule(name, SparseLinear(weight.shape, places, values, layer.bias.detach()))


def unmask(network: nn.Module) -> None:
    """Make the masked layers of ``network`` ordinary again, with the zeros in their dense weights."""
    for name, layer in _masked(network).items():
        dense = nn.Linear(layer.shape[1], layer.shape[0], device="meta")
        dense.weight, dense.bias = nn.Parameter(layer.weight().detach()), nn.Parameter(layer.bias.detach())
        network.set_submodule(name, dense)


def dense_state(network: nn.Module) -> dict[str, Tensor]:
    """The state of ``network`` as it will be unmasked."""
    state = network.state_dict()
    for name, layer in _masked(network).items():
        del state[f"{name}.values"], state[f"{name}.places"]
        state[f"{name}.weight"] = layer.weight().detach()
    return state


def _masked(network: nn.Module) -> dict[str, SparseLinear]:
    return {name: m for name, m in network.named_modules() if isinstance(m, SparseLinear)}
