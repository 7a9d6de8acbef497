"""An eighth network may be written as people write networks: its skeleton gives torch's logits, and its table tells
all of it; what cannot be told is refused by name.
"""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tools import skeletons
from tools.stages import kind, table

SIDE = 16


class Squeeze(nn.Module):
    """Hu et al., Squeeze-and-excitation networks, 2018."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc = nn.Sequential(nn.Linear(channels, 4), nn.ReLU(), nn.Linear(4, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        n, channels, _, _ = x.shape
        return x * self.fc(x.mean((2, 3))).view(n, channels, 1, 1)


class Shuffle(nn.Module):
    """Zhang et al., ShuffleNet, 2018."""

    def forward(self, x: Tensor) -> Tensor:
        n, channels, height, width = x.shape
        return x.view(n, 2, channels // 2, height, width).transpose(1, 2).reshape(n, channels, height, width)


class Chain(nn.Module):
    """A block whose forward does nothing but run its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(SIDE, SIDE, 3, padding=1, groups=SIDE)
        self.drop = nn.Dropout2d()
        self.pointwise = nn.Conv2d(SIDE, SIDE, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.drop(self.depthwise(x)))  # type: ignore[no-any-return]


class Swapped(nn.Module):
    """Batch and channels change places, so that what is flattened is not a picture."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(0, 1).reshape(-1, SIDE * SIDE).view(SIDE, -1, SIDE, SIDE).transpose(0, 1).contiguous()


class Network(nn.Module):
    def __init__(self, *layers: nn.Module, view: bool = False) -> None:
        super().__init__()
        self.input_size = SIDE
        self.stem = nn.Conv2d(1, SIDE, 3, padding=1)
        self.body = nn.ModuleList(layers)
        self.head = nn.Linear(SIDE * SIDE * SIDE, 10)
        self.view = view

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.stem(x))
        for layer in self.body:
            x = layer(x)
        return self.head(x.view(x.shape[0], -1) if self.view else x.flatten(1))  # type: ignore[no-any-return]


def made(network: nn.Module):
    """Table and checked skeleton."""
    torch.manual_seed(0)
    model = skeletons.exported(network, {"pictures": SIDE})
    told = table(network, model)
    skeleton = skeletons.stripped(model)
    skeletons.check(network, skeleton)
    return told, skeleton


LAYERS = {
    "squeeze and excitation": lambda: [Squeeze(SIDE)],
    "shuffle": lambda: [Shuffle()],
    "swapped": lambda: [Swapped()],
    "group norm": lambda: [nn.GroupNorm(4, SIDE), nn.ReLU6()],
    "local response normalisation": lambda: [nn.LocalResponseNorm(3)],
    "chain": lambda: [Chain(), Chain()],
}


@pytest.mark.parametrize("name", LAYERS)
def test_what_people_write_has_a_skeleton_that_gives_torchs_logits_and_a_table(name):
    network = Network(*LAYERS[name](), view=name == "shuffle")
    told, skeleton = made(network)
    assert [stage["name"] for stage in told] == ["stem", "body", "head"]
    counted = sum(layer["parameters"] for stage in told for layer in stage["layers"])
    assert counted == sum(each.numel() for each in network.parameters())
    assert [node.op_type for node in skeleton.graph.node].count("Flatten") == 1
    assert told[1]["shape"] == [SIDE, SIDE, SIDE]


def test_a_block_that_only_runs_its_layers_has_no_row_of_its_own():
    told, _ = made(Network(Chain()))
    assert [layer["name"] for layer in told[1]["layers"]] == ["body.0.depthwise", "body.0.pointwise"]


def test_what_joins_a_block_is_told_without_what_computes_shapes():
    told, _ = made(Network(Squeeze(SIDE)))
    assert told[1]["layers"][-1]["kind"] == "ReduceMean; Reshape; multiplication"


class Unused(Network):
    def __init__(self) -> None:
        super().__init__(nn.ReLU())
        self.aux = nn.Linear(3, 10)


class Bare(Network):
    def __init__(self) -> None:
        super().__init__(nn.ReLU())
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) * self.scale


@pytest.mark.parametrize(
    ("network", "why"), [(Unused, r"module 'aux' has no part"), (Bare, r"parameter 'scale' is in")]
)
def test_what_a_table_cannot_tell_is_refused_by_name(network, why):
    with pytest.raises(ValueError, match=why):
        made(network())


def test_a_skeleton_that_computes_something_else_is_refused():
    network = Network(nn.ReLU())
    _, skeleton = made(network)
    relu = next(node for node in skeleton.graph.node if node.op_type == "Relu")
    relu.op_type = "Sigmoid"
    with pytest.raises(ValueError, match=r"logits for 1 pictures are off by \d"):
        skeletons.check(network, skeleton)
    relu.op_type = "Nonsense"
    with pytest.raises(ValueError, match="does not run for 1 pictures"):
        skeletons.check(network, skeleton)


@pytest.mark.parametrize(
    ("module", "told"),
    [
        (nn.ReLU6(), "ReLU6"),
        (nn.SiLU(), "SiLU"),
        (nn.BatchNorm2d(1), "batch norm"),
        (nn.InstanceNorm2d(1), "instance norm"),
        (nn.AdaptiveAvgPool2d(2), "average pool to 2x2"),
        (Squeeze(4), "squeeze"),
    ],
)
def test_layers_are_named_as_the_field_does(module, told):
    assert kind(module) == told
