"""Addition against concatenation: the same layers, joined as ResNet does or as DenseNet does, with the same number of
parameters.

Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, CVPR 2017, section 3 and figure 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from torch import nn

from models.densenet import DenseBlock, transition_block
from models.studies import panels, words
from models.studies.networks import AddBlock, Small, parameters, pooled_head, stem, width_like
from models.studies.study import Conclusion, Figures, Plan, Study, Variant

LAYERS, GROWTH, FIRST = 4, 12, 24  # of each of three blocks


def joined() -> nn.Module:
    """Three dense blocks, with transitions to half between them."""
    width = FIRST
    parts: list[nn.Module] = [stem(FIRST)]
    for number in range(3):
        parts.append(DenseBlock(LAYERS, width, GROWTH))
        width += LAYERS * GROWTH
        if number < 2:
            parts.append(transition_block(width, width // 2))
            width //= 2
    return _ended(parts, width)


def added(width: int) -> nn.Module:
    """As many layers, added; the transitions keep the width."""
    parts: list[nn.Module] = [stem(width)]
    for number in range(3):
        parts.append(AddBlock(LAYERS, width))
        if number < 2:
            parts.append(transition_block(width, width))
    return _ended(parts, width)


def _ended(parts: list[nn.Module], width: int) -> nn.Module:
    return Small(*parts, nn.BatchNorm2d(width), nn.ReLU(), pooled_head(width))


def same_size() -> nn.Module:
    """``added`` with the parameters of ``joined``."""
    return added(_width())


@cache
def _width() -> int:
    return width_like(joined, parameters, added, range(4, 97))


def conclude(variants: Mapping[str, Figures]) -> Conclusion:
    """Concatenation is to be more accurate at the same number of parameters."""
    named = (("concatenation", variants["concatenation"]), ("addition", variants["addition"]))
    right = [(name, words.of(variant, "test_accuracy")) for name, variant in named]
    loss = [(name, words.of(variant, "loss")) for name, variant in named]
    sizes = " and ".join(f"{variant['parameters']:,}" for _, variant in named)
    costs = " and ".join(f"{variant['macs'] / 1e6:.2f}" for _, variant in named)
    sentence = (
        f"With {sizes} parameters ({costs} million multiply-adds): test accuracy {words.side_by_side(*right)}; "
        f"training loss {words.side_by_side(*loss, unit='')}."
    )
    return Conclusion(words.outcome(words.seen(right[0][1], right[1][1], 1)), sentence)


STUDY = Study(
    name="connectivity",
    title="concatenation for addition",
    question="Do features that are joined, not added, use parameters better?",
    plan=Plan(pictures=12_800, passes=5, rate=0.1),
    variants={
        "addition": Variant("addition", same_size),
        "concatenation": Variant("concatenation", joined),
    },
    conclude=conclude,
    panels=(panels.dots("test_accuracy"), panels.curves("loss")),
)
