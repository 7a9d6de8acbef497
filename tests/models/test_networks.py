"""The seven networks are exactly the ones that the papers and the catalog tell of."""

import ast
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import nn

from models import catalog, densenet, googlenet, nin, resnet, vgg
from models.batch_norm import BatchNorm
from models.catalog import ARCHITECTURES, EXTRAS

STAGES = {
    "lenet": {"conv": (16, 4, 4), "fc": (10,)},
    "alexnet": {"conv": (256, 5, 5), "fc": (10,)},
    "nin": {"conv": (384, 5, 5), "head": (10,)},
    "vgg11": {"conv": (512, 7, 7), "fc": (10,)},
    "googlenet": {
        "stem": (192, 12, 12),
        "conv3": (480, 6, 6),
        "conv4": (832, 3, 3),
        "conv5": (1024, 3, 3),
        "head": (10,),
    },
    "resnet18": {
        "stem": (64, 24, 24),
        "conv2": (64, 24, 24),
        "conv3": (128, 12, 12),
        "conv4": (256, 6, 6),
        "conv5": (512, 3, 3),
        "head": (10,),
    },
    "densenet": {"stem": (64, 24, 24), "body": (248, 3, 3), "head": (10,)},
}
ALL = [*ARCHITECTURES, *EXTRAS]


def on_meta(build):
    """A network without memory: shapes and counts are quick."""
    with torch.device("meta"):
        return build()


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def outputs(network, x):
    """The shape that each stage gives for one picture, by the stage's name."""
    shapes = {}
    for name, stage in network.named_children():
        stage.register_forward_hook(lambda _, __, out, name=name: shapes.__setitem__(name, tuple(out.shape[1:])))
    network(x)
    return shapes


@pytest.mark.parametrize("name", list(STAGES))
def test_each_stage_gives_the_shape_that_its_file_tells(name):
    architecture = ARCHITECTURES[name]
    x = torch.empty(2, 1, architecture.input_size, architecture.input_size, device="meta")
    assert outputs(on_meta(architecture.build), x) == STAGES[name]
    told = import_module("models." + name.rstrip("0123456789"))
    for shape in list(STAGES[name].values())[:-1]:
        assert f"[N, {', '.join(map(str, shape))}]" in told.__doc__


LAYERS = {
    "lenet": """
        (conv): Sequential
          Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
          Sigmoid()
          MaxPool2d(kernel_size=2, stride=2
          Conv2d(6, 16, kernel_size=(5, 5), stride=(1, 1))
          Sigmoid()
          MaxPool2d(kernel_size=2, stride=2
        (fc): Sequential
          Linear(in_features=256, out_features=120
          Sigmoid()
          Linear(in_features=120, out_features=84
          Sigmoid()
          Linear(in_features=84, out_features=10""",
    "alexnet": """
        (conv): Sequential
          Conv2d(1, 96, kernel_size=(11, 11), stride=(4, 4))
          ReLU()
          MaxPool2d(kernel_size=3, stride=2
          Conv2d(96, 256, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
          ReLU()
          MaxPool2d(kernel_size=3, stride=2
          Conv2d(256, 384, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          ReLU()
          Conv2d(384, 384, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          ReLU()
          Conv2d(384, 256, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
          ReLU()
          MaxPool2d(kernel_size=3, stride=2
        (fc): Sequential
          Linear(in_features=6400, out_features=4096
          ReLU()
          Dropout(p=0.5
          Linear(in_features=4096, out_features=4096
          ReLU()
          Dropout(p=0.5
          Linear(in_features=4096, out_features=10""",
}


@pytest.mark.parametrize("name", list(LAYERS))
def test_the_two_stages_show_their_layers_in_order(name):
    shown = [line.strip() for line in str(on_meta(ARCHITECTURES[name].build)).splitlines()]
    shown = [line for line in shown if line not in (")", "") and not line.endswith("Net(")]
    wanted = [line.strip() for line in LAYERS[name].strip().splitlines()]
    assert len(shown) == len(wanted)
    for line, part in zip(shown, wanted, strict=True):
        assert part in line


@pytest.mark.parametrize("name", ALL)
def test_gradients_reach_every_parameter(name):
    torch.manual_seed(0)
    architecture = catalog.find(name)
    network = architecture.build().train()
    x = torch.randn(2, 1, architecture.input_size, architecture.input_size)
    network(x).square().sum().backward()
    for path, parameter in network.named_parameters():
        assert parameter.grad is not None, path
        assert torch.isfinite(parameter.grad).all(), path
        assert parameter.grad.abs().sum() > 0 or _before_batch_norm(path, network), path


def _before_batch_norm(path, network):
    # The bias of a layer before batch norm is taken away again by the mean: its gradient is zero but for rounding.
    # That leaves out the last layer, the shortcuts, and the shifts of batch norm itself.
    owner, _, kind = path.rpartition(".")
    layers = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    normalised = any(isinstance(module, nn.BatchNorm2d | BatchNorm) for module in network.modules())
    before = network.get_submodule(owner) in layers[:-1] and not owner.endswith("shortcut")
    return kind == "bias" and normalised and before


@pytest.mark.parametrize("name", [name for name in ALL if name != "vgg11"])
def test_eval_mode_is_deterministic_and_independent_of_the_neighbours(name):
    torch.manual_seed(0)
    architecture = catalog.find(name)
    network = architecture.build().eval()
    x = torch.randn(3, 1, architecture.input_size, architecture.input_size)
    with torch.inference_mode():
        first = network(x)
        assert torch.equal(first, network(x))
        assert torch.allclose(first[:1], network(x[:1]), rtol=1e-3, atol=1e-4)
    assert first.shape == (3, 10)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("change", ["side", "width", "channels", "dimensions"])
def test_a_wrong_input_is_refused_with_the_size_wanted(name, change):
    architecture = catalog.find(name)
    side = architecture.input_size
    shape = {
        "side": (1, 1, side + 4, side + 4),
        "width": (1, 1, side, side + 4),
        "channels": (1, 3, side, side),
        "dimensions": (1, side, side),
    }[change]
    with pytest.raises(ValueError, match=rf"wants \[N, 1, {side}, {side}\], got \["):
        on_meta(architecture.build)(torch.empty(shape, device="meta"))


@pytest.mark.parametrize("name", ALL)
def test_the_size_wanted_is_the_one_that_was_set(name):
    architecture = catalog.find(name)
    network, side = on_meta(architecture.build), architecture.input_size
    network.input_size = side + 32
    with pytest.raises(ValueError, match=rf"wants \[N, 1, {side + 32}, {side + 32}\], got \[1, 1, {side}, {side}\]"):
        network(torch.empty(1, 1, side, side, device="meta"))


@pytest.mark.parametrize("name", ["alexnet", "nin", "vgg11", "googlenet"])
def test_networks_without_batch_norm_start_alive(name):
    """Logits of order one and different for different pictures: neither dead nor exploding."""
    torch.manual_seed(0)
    architecture = ARCHITECTURES[name]
    network = architecture.build().eval()
    with torch.inference_mode():
        logits = network(torch.randn(3, 1, architecture.input_size, architecture.input_size))
    assert 0.01 < logits.std() < 30
    assert (logits[0] - logits[1]).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["nin", "googlenet", "resnet18", "densenet"])
def test_globally_pooled_networks_run_at_another_size_when_told(name):
    network = on_meta(ARCHITECTURES[name].build)
    network.input_size = 112
    assert network(torch.empty(2, 1, 112, 112, device="meta")).shape == (2, 10)


@pytest.mark.parametrize(
    ("blocks", "convolutions"), [(vgg.VGG11, 8), (vgg.VGG13, 10), (vgg.VGG16, 13), (vgg.VGG19, 16)]
)
def test_any_block_list_gives_a_vgg(blocks, convolutions):
    network = on_meta(lambda: vgg.VGG(blocks))
    assert sum(isinstance(module, nn.Conv2d) for module in network.modules()) == convolutions
    assert network(torch.empty(1, 1, 224, 224, device="meta")).shape == (1, 10)


def test_a_narrow_vgg_has_an_eighth_of_the_widths():
    network = on_meta(lambda: vgg.VGG([(count, width // 8) for count, width in vgg.VGG11], hidden=512))
    assert network.fc[0].in_features == 512 // 8 * 49
    assert parameters(network) < parameters(on_meta(vgg.VGG)) / 50
    with pytest.raises(ValueError, match=r"five blocks.*got 2"):
        vgg.VGG([(1, 8), (1, 8)])


# torchvision's counts for 3 channels, 1000 classes, convolutions without bias and shortcuts with batch norm
PUBLISHED = {"34": 21_797_672, "50": 25_557_032, "101": 44_549_160, "152": 60_192_808}


@pytest.mark.parametrize("depth", list(PUBLISHED))
def test_deeper_resnets_have_the_published_size(depth):
    block = resnet.Residual if depth == "34" else resnet.Bottleneck
    network = on_meta(lambda: resnet.ResNet(getattr(resnet, f"RESNET{depth}"), block))
    width = 512 * block.expansion
    biases = sum(m.bias.numel() for m in network.modules() if isinstance(m, nn.Conv2d))
    norms = sum(
        2 * m.shortcut.out_channels
        for m in network.modules()
        if isinstance(m, block) and isinstance(m.shortcut, nn.Conv2d)
    )
    same = parameters(network) - biases + norms + 2 * 64 * 49 + (1000 - 10) * (width + 1)
    assert same == PUBLISHED[depth]
    assert network(torch.empty(1, 1, 96, 96, device="meta")).shape == (1, 10)
    with pytest.raises(ValueError, match="four stages of blocks"):
        resnet.ResNet((2, 2))


@pytest.mark.parametrize(
    ("growth", "blocks", "width"), [(12, (4, 4, 4), None), (32, (6, 12, 24, 16), 1024), (8, (2,), 80)]
)
def test_growth_and_blocks_of_densenet_are_configurable(growth, blocks, width):
    network = on_meta(lambda: densenet.DenseNet(growth, blocks))
    assert network(torch.empty(1, 1, 96, 96, device="meta")).shape == (1, 10)
    assert width is None or network.head[-1].in_features == width


def test_blocks_have_the_shapes_they_tell():
    x = torch.empty(2, 3, 8, 8, device="meta")
    with torch.device("meta"):
        assert nin.nin_block(3, 5, kernel_size=3, stride=1, padding=1)(x).shape == (2, 5, 8, 8)
        assert vgg.vgg_block(2, 3, 6)(x).shape == (2, 6, 4, 4)
        assert googlenet.Inception(3, 4, (2, 6), (2, 8), 10)(x).shape == (2, 28, 8, 8)
        assert resnet.Residual(3, 7, stride=2)(x).shape == (2, 7, 4, 4)
        assert resnet.Bottleneck(3, 4)(x).shape == (2, 16, 8, 8)
        assert densenet.DenseBlock(3, 3, 5)(x).shape == (2, 18, 8, 8)
        assert densenet.transition_block(3, 2)(x).shape == (2, 2, 4, 4)


FILES = ["lenet", "alexnet", "nin", "vgg", "googlenet", "resnet", "densenet", "batch_norm"]


@pytest.mark.parametrize("name", FILES)
def test_a_network_file_imports_torch_alone(name):
    tree = ast.parse(Path(vgg.__file__).with_name(f"{name}.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {module.split(".")[0] for module in imported} <= {"torch", "__future__", "collections"}
