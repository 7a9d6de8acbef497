"""Batch norm on and off: steps to 85 %, and the highest learning rate at which the network still learns.

Ioffe, Szegedy: Batch normalization: accelerating deep network training by reducing internal covariate shift, ICML
2015, section 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from models.studies import panels, words
from models.studies.networks import Small, pooled_head, with_batch_norm
from models.studies.study import Conclusion, Figures, Ladder, Plan, Study, Variant
from models.studies.words import over_seeds
from models.vgg import vgg_block

TARGET = 0.85
RATES = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def network(*, norm: bool) -> nn.Module:
    """Three of VGG's blocks, five convolutions."""
    blocks = nn.Sequential(vgg_block(1, 1, 16), vgg_block(2, 16, 32), vgg_block(2, 32, 64))
    return Small(with_batch_norm(blocks) if norm else blocks, pooled_head(64))


def steps_to(run: Figures) -> int | None:
    """The first point of the curve at TARGET of the held-out pictures; None where there is none."""
    return next((point["step"] for point in run["curve"] if point["held_out_accuracy"] >= TARGET), None)


def conclude(variants: Mapping[str, Figures]) -> Conclusion:
    """Batch norm is to get there in fewer steps and to bear a higher rate."""
    steps, rates, right = [], [], []
    for name, variant in (("with", variants["batch-norm"]), ("without", variants["none"])):
        steps.append((name, over_seeds([steps_to(run) for run in variant["runs"]])))
        rates.append((name, over_seeds([run["highest_rate"] for run in variant["runs"]])))
        right.append((name, words.of(variant, "test_accuracy")))
    sentence = (
        f"Steps to {TARGET:.0%}, each at its best rate: {words.side_by_side(*steps, unit='n')}. Highest rate that "
        f"learns: {words.side_by_side(*rates, unit='rate')}. Test accuracy: {words.side_by_side(*right)}."
    )
    fewer, higher = _ahead(steps[0][1], steps[1][1], -1), _ahead(rates[0][1], rates[1][1], 1)
    return Conclusion(words.outcome(fewer, higher), sentence)


def _ahead(one: words.Told, other: words.Told, sign: int) -> bool | None:
    """As ``words.seen``; but a network that got there with every seed, of more than one, is ahead of one that did
    not.
    """
    if one.mean is None and other.spread is not None:
        return False
    return True if other.mean is None and one.spread is not None else words.seen(one, other, sign)


STUDY = Study(
    name="normalisation",
    title="batch norm",
    question="Does it learn in fewer steps, and bear higher learning rates?",
    plan=Plan(pictures=12_800, passes=4, rate=0.1, watch_every=20),
    variants={
        "none": Variant("without", lambda: network(norm=False)),
        "batch-norm": Variant("batch norm", lambda: network(norm=True)),
    },
    conclude=conclude,
    panels=(panels.curves("held_out_accuracy", line=TARGET), panels.ladder),
    ladder=Ladder(rates=RATES, steps=60),
)
