"""Fully connected layers against NiN's global average pool as the way out of the same convolutions.

Lin, Chen, Yan: Network in network, ICLR 2014, section 3.2: fully connected layers overfit, a global average has
nothing to learn with.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from models.nin import nin_block
from models.studies import panels, words
from models.studies.networks import Small
from models.studies.study import Conclusion, Figures, Plan, Study, Variant

WIDTH, HIDDEN = 48, 256


def network(head: nn.Module) -> nn.Module:
    """Two of NiN's blocks, which end at 7x7, and a head."""
    first, second = nin_block(1, 24, 5, stride=2, padding=2), nin_block(24, WIDTH, 3, stride=1, padding=1)
    return Small(first, second, nn.MaxPool2d(2), nn.Dropout(0.5), head)


def pooled() -> nn.Module:
    """NiN's: a block whose last layer has one channel a class, and its average over all places is the logit. Without
    NiN's ReLU on it, which in so narrow a network silences whole classes for good.
    """
    block = nin_block(WIDTH, WIDTH, 3, stride=1, padding=1)[:4]  # two of its three convolutions, with their ReLUs
    return network(nn.Sequential(block, nn.Conv2d(WIDTH, 10, kernel_size=1), nn.AdaptiveAvgPool2d(1), nn.Flatten()))


def fully_connected() -> nn.Module:
    """As AlexNet's and VGG's, narrower: two hidden layers with dropout."""
    layers: list[nn.Module] = [nn.Flatten()]
    for width in (WIDTH * 7 * 7, HIDDEN):
        layers += [nn.Linear(width, HIDDEN), nn.ReLU(), nn.Dropout(0.5)]
    return network(nn.Sequential(*layers, nn.Linear(HIDDEN, 10)))


def conclude(variants: Mapping[str, Figures]) -> Conclusion:
    """The average is to do with fewer parameters, a narrower gap and no less accuracy."""
    named = {"average": variants["pooled"], "fully connected": variants["fully-connected"]}
    gap, right = (
        [(name, words.of(variant, figure)) for name, variant in named.items()] for figure in ("gap", "test_accuracy")
    )
    few, many = (variant["parameters"] for variant in named.values())
    sentence = (
        f"With {few:,} parameters instead of {many:,}: test accuracy {words.side_by_side(*right)}; "
        f"training less test accuracy {words.side_by_side(*gap, unit='points')}."
    )
    claims = words.seen(right[0][1], right[1][1], 0, 1), words.seen(gap[0][1], gap[1][1], -1)
    return Conclusion(words.outcome(*claims), sentence)


STUDY = Study(
    name="head",
    title="a global average for fully connected layers",
    question="Are a network's fully connected layers needed, and do they overfit?",
    plan=Plan(pictures=12_800, passes=8, rate=0.03),
    variants={
        "fully-connected": Variant("fully connected", fully_connected),
        "pooled": Variant("global average", pooled),
    },
    conclude=conclude,
    panels=(panels.costs("parameters"), panels.dots("test_accuracy", "train_accuracy")),
)
