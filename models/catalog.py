"""The networks by name, in the order of their dates. To add one: a file beside this, and a row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import nn

from models import alexnet, batch_norm, densenet, googlenet, lenet, nin, resnet, vgg
from models.datasets import UnknownName


@dataclass(frozen=True)
class Architecture:
    """One network: ``build()`` makes it, float32 [N, 1, S, S] -> logits [N, 10], where S is ``input_size``."""

    name: str
    title: str
    year: int
    paper: str
    idea: str
    input_size: int
    build: Callable[[], nn.Module]


_ROWS = (
    Architecture(
        name="lenet",
        title="LeNet-5",
        year=1998,
        paper="LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, Proc. IEEE",
        idea="Convolution: one small set of weights looks for the same stroke everywhere; pooling forgives its place.",
        input_size=28,
        build=lenet.LeNet,
    ),
    Architecture(
        name="alexnet",
        title="AlexNet",
        year=2012,
        paper="Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks, NeurIPS",
        idea="Depth and width that learn: ReLU does not saturate, and dropout keeps them from learning by heart.",
        input_size=224,
        build=alexnet.AlexNet,
    ),
    Architecture(
        name="nin",
        title="NiN",
        year=2013,
        paper="Lin, Chen, Yan: Network in network, arXiv 1312.4400",
        idea="A small network at every place (1x1 convolutions), a global average instead of fully connected layers.",
        input_size=224,
        build=nin.NiN,
    ),
    Architecture(
        name="vgg11",
        title="VGG-11",
        year=2014,
        paper="Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition, ICLR",
        idea="The block: nothing but 3x3 convolutions and pooling, repeated until the network is deep.",
        input_size=224,
        build=vgg.VGG,
    ),
    Architecture(
        name="googlenet",
        title="GoogLeNet",
        year=2014,
        paper="Szegedy et al.: Going deeper with convolutions, arXiv 1409.4842",
        idea="Parallel paths: kernels of several sizes look side by side, and 1x1 convolutions keep them cheap.",
        input_size=96,
        build=googlenet.GoogLeNet,
    ),
    Architecture(
        name="resnet18",
        title="ResNet-18",
        year=2015,
        paper="He, Zhang, Ren, Sun: Deep residual learning for image recognition, arXiv 1512.03385",
        idea="The shortcut: a block learns what to add to its input, so that depth can do no harm.",
        input_size=96,
        build=resnet.ResNet,
    ),
    Architecture(
        name="densenet",
        title="DenseNet",
        year=2016,
        paper="Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, arXiv 1608.06993",
        idea="Joining instead of adding: every layer sees all features before it, so each needs to add only a few.",
        input_size=96,
        build=densenet.DenseNet,
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
            build=batch_norm.LeNetBatchNorm,
        )
    }
)


def find(name: str) -> Architecture:
    """The network of that name, extras too; UnknownName, which lists the seven, if there is none."""
    found = ARCHITECTURES.get(name) or EXTRAS.get(name)
    if found is None:
        raise UnknownName(f"no network {name[:64]!r}; there are: {', '.join(ARCHITECTURES)}")
    return found
