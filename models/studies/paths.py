"""Inception's four paths against 3x3 convolutions alone, at the same multiply-adds.

Szegedy et al.: Going deeper with convolutions, CVPR 2015, figure 2(b). Every block of the one network is a 3x3
convolution in the other, as wide as the same cost allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, partial

from torch import nn

from models.googlenet import Inception, conv_relu
from models.studies import panels, words
from models.studies.networks import Small, macs, pooled_head, width_like
from models.studies.study import Conclusion, Figures, Plan, Study, Variant

STEM = 32


def four_paths() -> nn.Module:
    """Two blocks at 14x14 and two at 7x7, each with a quarter of the widths of GoogLeNet's 3a, 3b, 4a and 4b."""
    return _network(
        Inception(STEM, 16, (24, 32), (4, 8), 8),
        Inception(64, 32, (32, 48), (8, 24), 16),
        Inception(120, 48, (24, 52), (4, 12), 16),
        Inception(128, 40, (28, 56), (6, 16), 16),
        width=128,
    )


def three_by_three(width: int, wide: int) -> nn.Module:
    """The same four places with a 3x3 convolution each, ``wide`` after the pool."""
    before = conv_relu(STEM, width, 3), conv_relu(width, width, 3)
    return _network(*before, conv_relu(width, wide, 3), conv_relu(wide, wide, 3), wide)


def _network(first: nn.Module, second: nn.Module, third: nn.Module, fourth: nn.Module, width: int) -> nn.Module:
    return Small(conv_relu(1, STEM, 3, stride=2), first, second, nn.MaxPool2d(2), third, fourth, pooled_head(width))


def same_cost() -> nn.Module:
    """``three_by_three`` at the multiply-adds of ``four_paths``."""
    return three_by_three(*_widths())


@cache
def _widths() -> tuple[int, int]:
    """About twice as wide after the pool as before, which the second search makes exact."""
    width = width_like(four_paths, macs, lambda each: three_by_three(each, 2 * each), range(8, 129))
    return width, width_like(four_paths, macs, partial(three_by_three, width), range(width, 4 * width))


def conclude(variants: Mapping[str, Figures]) -> Conclusion:
    """Four paths are to be more accurate at the same cost."""
    four, alone = (("four paths", variants["four-paths"]), ("3x3 alone", variants["three-by-three"]))
    right = [(name, words.of(variant, "test_accuracy")) for name, variant in (four, alone)]
    loss = [(name, words.of(variant, "loss")) for name, variant in (four, alone)]
    cost = " and ".join(f"{variant['macs'] / 1e6:.2f}" for _, variant in (four, alone))
    sentence = (
        f"At {cost} million multiply-adds: test accuracy {words.side_by_side(*right)}; "
        f"training loss {words.side_by_side(*loss, unit='')}."
    )
    return Conclusion(words.outcome(words.seen(right[0][1], right[1][1], 1)), sentence)


STUDY = Study(
    name="paths",
    title="four paths for one kernel",
    question="Are kernels of several sizes side by side better than 3x3 alone at the same cost?",
    plan=Plan(pictures=12_800, passes=6, rate=0.03),
    variants={
        "three-by-three": Variant("3x3 alone", same_cost),
        "four-paths": Variant("four paths", four_paths),
    },
    conclude=conclude,
    panels=(panels.dots("test_accuracy"), panels.curves("loss")),
)
