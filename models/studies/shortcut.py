"""Plain against residual networks of 18 and 34 layers: is the deeper one harder to train, and do shortcuts help?

He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016, figure 4: the degradation is one of
training loss, not of test accuracy alone. The blocks and their counts are those of our ResNet, an eighth as wide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import nn

from models.resnet import RESNET18, RESNET34, Residual
from models.studies import panels, words
from models.studies.networks import Plain, Small, pooled_head, stem
from models.studies.study import Conclusion, Figures, Plan, Study, Variant

WIDTHS = (8, 16, 32, 64)
DEGRADATION = {True: "is seen", False: "is not seen", None: "cannot be told"}


def network(counts: Sequence[int], block: type[Residual] | type[Plain]) -> nn.Module:
    """A stem to 14x14 and four modules of blocks, at 14, 7, 4 and 2 pixels."""
    blocks: list[nn.Module] = []
    before = WIDTHS[0]
    for count, width in zip(counts, WIDTHS, strict=True):
        for number in range(count):
            blocks.append(block(before, width, stride=2 if number == 0 and width > WIDTHS[0] else 1))
            before = width
    return Small(stem(WIDTHS[0]), *blocks, pooled_head(before))


def conclude(variants: Mapping[str, Figures]) -> Conclusion:
    """The plain network is to have a higher training loss at 34 layers than at 18, the residual one not, and at 34 to
    be the better one.
    """
    loss = {name: words.of(variant, "loss") for name, variant in variants.items()}
    right = {name: words.of(variant, "test_accuracy") for name, variant in variants.items()}
    plain, residual = (words.seen(loss[f"{kind}-34"], loss[f"{kind}-18"], 1) for kind in ("plain", "residual"))
    told = [
        words.side_by_side(("34 layers", loss[f"{kind}-34"]), ("18 layers", loss[f"{kind}-18"]), unit="")
        for kind in ("plain", "residual")
    ]
    deep = words.side_by_side(("residual", right["residual-34"]), ("plain", right["plain-34"]))
    without, with_them = DEGRADATION[plain], DEGRADATION[residual]
    if plain is not None:  # whose "is" goes for both
        with_them = with_them.removeprefix("is ")
    degraded = f"the degradation {without} without shortcuts and {with_them} with them"
    sentence = f"Training loss: plain {told[0]}; residual {told[1]}: {degraded}. Test accuracy with 34 layers: {deep}."
    spared = None if residual is None else not residual
    better = words.seen(right["residual-34"], right["plain-34"], 1)
    return Conclusion(words.outcome(plain, spared, better), sentence)


STUDY = Study(
    name="shortcut",
    title="shortcuts",
    question="Is a plain network harder to train with 34 layers than with 18, and a residual one not?",
    plan=Plan(pictures=12_800, passes=5, rate=0.1),
    variants={
        "plain-18": Variant("plain, 18 layers", lambda: network(RESNET18, Plain)),
        "plain-34": Variant("plain, 34 layers", lambda: network(RESNET34, Plain)),
        "residual-18": Variant("residual, 18 layers", lambda: network(RESNET18, Residual)),
        "residual-34": Variant("residual, 34 layers", lambda: network(RESNET34, Residual)),
    },
    conclude=conclude,
    panels=(panels.curves("loss"), panels.dots("test_accuracy")),
)
