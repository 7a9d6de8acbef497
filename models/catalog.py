"""The networks by name, in the order of their dates. To add one: a file beside this, and a row here.

What is known of them comes without torch and without their files: both are imported when one is built.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

from models.datasets import UnknownName

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Architecture:
    """One network: ``build()`` makes it, float32 [N, 1, S, S] -> logits [N, 10], where S is ``input_size``.

    ``parameters`` counts its learned numbers, ``macs`` its multiply-adds for one picture; a test counts them again.
    ``network`` names its file and class, "lenet.LeNet".
    """

    name: str
    title: str
    year: int
    paper: str
    idea: str
    input_size: int
    parameters: int
    macs: int
    network: str

    def build(self) -> nn.Module:
        """The network with new weights, on the device that torch builds on just now."""
        file, _, name = self.network.partition(".")
        made: nn.Module = getattr(import_module(f"models.{file}"), name)()
        return made


_ROWS = (
    Architecture(
        name="lenet",
        title="LeNet-5",
        year=1998,
        paper="LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, Proc. IEEE",
        idea="Convolution: one small set of weights looks for the same stroke everywhere; pooling forgives its place.",
        input_size=28,
        parameters=44_426,
        macs=281_640,
        network="lenet.LeNet",
    ),
    Architecture(
        name="alexnet",
        title="AlexNet",
        year=2012,
        paper="Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks, NeurIPS",
        idea="Depth and width that learn: ReLU does not saturate, and dropout keeps them from overfitting.",
        input_size=224,
        parameters=46_764_746,
        macs=938_146_176,
        network="alexnet.AlexNet",
    ),
    Architecture(
        name="nin",
        title="NiN",
        year=2013,
        paper="Lin, Chen, Yan: Network in network, arXiv 1312.4400",
        idea="A small network at every place (1x1 convolutions), a global average instead of fully connected layers.",
        input_size=224,
        parameters=1_992_166,
        macs=762_297_352,
        network="nin.NiN",
    ),
    Architecture(
        name="vgg11",
        title="VGG-11",
        year=2014,
        paper="Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition, ICLR",
        idea="The block: nothing but 3x3 convolutions and pooling, repeated until the network is deep.",
        input_size=224,
        parameters=128_806_154,
        macs=7_547_232_256,
        network="vgg.VGG",
    ),
    Architecture(
        name="googlenet",
        title="GoogLeNet",
        year=2014,
        paper="Szegedy et al.: Going deeper with convolutions, arXiv 1409.4842",
        idea="Parallel paths: kernels of several sizes look side by side, and 1x1 convolutions keep them cheap.",
        input_size=96,
        parameters=5_977_530,
        macs=276_066_304,
        network="googlenet.GoogLeNet",
    ),
    Architecture(
        name="resnet18",
        title="ResNet-18",
        year=2015,
        paper="He, Zhang, Ren, Sun: Deep residual learning for image recognition, arXiv 1512.03385",
        idea="The shortcut: a block learns what to add to its input, so that depth can do no harm.",
        input_size=96,
        parameters=11_178_378,
        macs=318_657_536,
        network="resnet.ResNet",
    ),
    Architecture(
        name="densenet",
        title="DenseNet",
        year=2016,
        paper="Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, arXiv 1608.06993",
        idea="Joining instead of adding: every layer sees all features before it, so each needs to add only a few.",
        input_size=96,
        parameters=758_226,
        macs=129_077_168,
        network="densenet.DenseNet",
    ),
)
ARCHITECTURES: Mapping[str, Architecture] = MappingProxyType({row.name: row for row in _ROWS})

# Trainable, loaded only when asked for, without a shipped checkpoint.
EXTRAS: Mapping[str, Architecture] = MappingProxyType(
    {
        "lenet-bn": Architecture(
            name="lenet-bn",
            title="LeNet-5 with batch norm",
            year=2015,
            paper="Ioffe, Szegedy: Batch normalization, arXiv 1502.03167",
            idea="Every layer's inputs get mean 0 and variance 1, measured on the batch at hand.",
            input_size=28,
            parameters=44_878,
            macs=281_640,
            network="batch_norm.LeNetBatchNorm",
        )
    }
)


def find(name: str) -> Architecture:
    """The network of that name, extras too; UnknownName, which lists the seven, if there is none."""
    found = ARCHITECTURES.get(name) or EXTRAS.get(name)
    if found is None:
        raise UnknownName(f"no network {name[:64]!r}; there are: {', '.join(ARCHITECTURES)}")
    return found


def choose(names: Iterable[str]) -> tuple[str, ...]:
    """Networks by name, each once and in the order of their dates, extras last; the seven where none is named.
    UnknownName as from `find`.
    """
    known = [*ARCHITECTURES, *EXTRAS]
    return tuple(sorted({find(name).name for name in names}, key=known.index)) or tuple(ARCHITECTURES)
