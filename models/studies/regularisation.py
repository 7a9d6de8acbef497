"""Dropout and augmentation on and off: the gap between training and test accuracy.

Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks, NeurIPS 2012, section
4. Few pictures, seen often, so that there is something to overfit; augmentation is that of training.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from models.studies import panels, words
from models.studies.networks import Small
from models.studies.study import Conclusion, Figures, Plan, Study, Variant
from models.vgg import vgg_block

HIDDEN = 512
NARROWING = {
    True: "{} narrows it beyond the spread",
    False: "{} does not narrow it beyond the spread",
    None: "whether {} narrows it cannot be told",
}


def network(dropout: float) -> nn.Module:
    """Two small blocks of convolutions and AlexNet's way out: two wide fully connected layers, each with dropout."""
    fc: list[nn.Module] = []
    for width in (32 * 7 * 7, HIDDEN):
        fc += [nn.Linear(width, HIDDEN), nn.ReLU(), nn.Dropout(dropout)]
    return Small(vgg_block(1, 1, 16), vgg_block(1, 16, 32), nn.Flatten(), *fc, nn.Linear(HIDDEN, 10))


def conclude(variants: Mapping[str, Figures]) -> Conclusion:
    """Each alone is to narrow the gap, and both together to raise test accuracy."""
    gaps = {name: words.of(variant, "gap") for name, variant in variants.items()}
    right = {name: words.of(variant, "test_accuracy") for name, variant in variants.items()}
    each = ", ".join(f"{gaps[name]:points} with {variants[name]['title']}" for name in variants)
    narrower = {name: words.seen(gaps[name], gaps["none"], -1) for name in ("dropout", "augmentation")}
    better = words.side_by_side(("both", right["both"]), ("neither", right["none"]))
    sentence = f"Training less test accuracy: {each}; {_narrowing(narrower)}. Test accuracy: {better}."
    return Conclusion(words.outcome(*narrower.values(), words.seen(right["both"], right["none"], 1)), sentence)


def _narrowing(narrower: Mapping[str, bool | None]) -> str:
    """Which of the two narrows the gap, in words."""
    if None in narrower.values():
        return ", ".join(NARROWING[told].format(name) for name, told in narrower.items())
    alone = [name for name, told in narrower.items() if told]
    ends = {0: "neither narrows it", 1: f"of the two {''.join(alone)} alone narrows it", 2: "each narrows it"}
    return f"{ends[len(alone)]} beyond the spread"


STUDY = Study(
    name="regularisation",
    title="dropout and augmentation",
    question="Do they keep a network from overfitting?",
    plan=Plan(pictures=6_400, passes=16, rate=0.03),
    variants={
        "none": Variant("neither", lambda: network(0.0)),
        "dropout": Variant("dropout", lambda: network(0.5)),
        "augmentation": Variant("augmentation", lambda: network(0.0), augmented=True),
        "both": Variant("both", lambda: network(0.5), augmented=True),
    },
    conclude=conclude,
    panels=(panels.dots("test_accuracy", "train_accuracy"), panels.curves("held_out_accuracy")),
)
