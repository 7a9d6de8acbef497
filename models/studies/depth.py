"""Depth by VGG's blocks: one to four of them, each of two 3x3 convolutions.

Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition, ICLR 2015, table 1. The way
out is a global average in all, so that what differs is the blocks.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import pairwise

from torch import nn

from models.studies import panels, words
from models.studies.networks import Small, pooled_head
from models.studies.study import Conclusion, Figures, Plan, Study, Variant
from models.vgg import vgg_block

WIDTHS = (1, 16, 32, 64, 64)


def network(blocks: int) -> nn.Module:
    """The first ``blocks`` of the four."""
    pairs = pairwise(WIDTHS[: blocks + 1])
    return Small(*(vgg_block(2, before, width) for before, width in pairs), pooled_head(WIDTHS[blocks]))


def conclude(variants: Mapping[str, Figures]) -> Conclusion:
    """Every further block is to raise test accuracy."""
    names = list(variants)
    told = {name: words.of(variants[name], "test_accuracy") for name in names}
    each = ", ".join(f"{variants[name]['title']} {told[name]:%}" for name in names)
    signs = [words.apart(told[name], told[before]) for before, name in pairwise(names)]
    ends = ", ".join(CLAUSES[sign].format(place) for place, sign in zip(PLACES, signs, strict=True))
    claims = [None if sign is None else sign > 0 for sign in signs]
    return Conclusion(words.outcome(*claims), f"Test accuracy: {each}; of blocks {ends}.")


PLACES = ("second", "third", "fourth")
CLAUSES = {
    1: "the {} raises it",
    0: "the {} makes no difference beyond the spread of the seeds",
    -1: "the {} lowers it",
    None: "the effect of the {} cannot be told",
}
STUDY = Study(
    name="depth",
    title="depth by blocks",
    question="Does each further block of 3x3 convolutions raise accuracy?",
    plan=Plan(pictures=12_800, passes=4, rate=0.03),
    variants={
        f"{count}-blocks": Variant(f"{count} block{'s' if count > 1 else ''}", partial(network, count))
        for count in range(1, len(WIDTHS))
    },
    conclude=conclude,
    panels=(panels.dots("test_accuracy"), panels.curves("loss")),
)
