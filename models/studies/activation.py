"""Sigmoid against ReLU in LeNet, and in a LeNet of thirteen layers: why deep sigmoid networks stood still.

Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks, AISTATS 2010; Krizhevsky,
Sutskever, Hinton: ImageNet classification with deep convolutional neural networks, NeurIPS 2012, section 3.1. Each
activation starts from the weights that it wants: sigmoids from Glorot and Bengio's, ReLUs from He et al.'s (2015).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from models.lenet import LeNet
from models.studies import panels, words
from models.studies.networks import deepened, with_relu
from models.studies.study import Conclusion, Figures, Plan, Study, Variant
from models.studies.words import over_seeds

MORE = 2  # layers after each of LeNet's four hidden ones
STILL = 0.15  # test accuracy up to which a network has learned nothing; chance is 0.1


def lenet(*, more: int = 0, relu: bool = False) -> nn.Module:
    """LeNet, with so many more layers after each hidden one, with sigmoids or ReLUs."""
    network = LeNet()
    for name in ("conv", "fc"):
        part = deepened(getattr(network, name), more)
        setattr(network, name, with_relu(part) if relu else part)
    return network


def conclude(variants: Mapping[str, Figures]) -> Conclusion:
    """ReLU is to be better in LeNet; deep, sigmoids are to stand still where ReLUs learn."""
    told = {name: words.of(variant, "test_accuracy") for name, variant in variants.items()}
    shrunk = {
        name: over_seeds([run["gradients"][0] / (run["gradients"][-1] or 1.0) for run in variants[name]["runs"]]).mean
        for name in ("deep-sigmoid", "deep-relu")
    }
    layers = len(variants["deep-sigmoid"]["runs"][0]["gradients"])
    both = words.side_by_side(("ReLU", told["relu"]), ("sigmoid", told["sigmoid"]))
    deep = words.side_by_side(("ReLU", told["deep-relu"]), ("sigmoid", told["deep-sigmoid"]))
    still = {name: (told[name].mean or 0.0) <= STILL for name in told}
    standing = [variants[name]["title"] for name in told if still[name]]
    end = f"; {' and '.join(standing)} stood still" if standing else "; none stood still"
    sentence = (
        f"In LeNet: {both}. With {layers} layers: {deep}{end}. There the first layer's gradient at the start is "
        f"{shrunk['deep-sigmoid']:.1g} of the last one's with sigmoids, {shrunk['deep-relu']:.1g} with ReLUs."
    )
    claims = words.seen(told["relu"], told["sigmoid"], 1), still["deep-sigmoid"] and not still["deep-relu"]
    return Conclusion(words.outcome(*claims), sentence)


STUDY = Study(
    name="activation",
    title="ReLU for sigmoid",
    question="Does ReLU learn better, and did deep sigmoid networks stand still because gradients vanish?",
    plan=Plan(pictures=12_800, passes=10, rate=0.1),
    variants={
        "sigmoid": Variant("LeNet, sigmoid", lambda: lenet()),
        "relu": Variant("LeNet, ReLU", lambda: lenet(relu=True)),
        "deep-sigmoid": Variant("13 layers, sigmoid", lambda: lenet(more=MORE)),
        "deep-relu": Variant("13 layers, ReLU", lambda: lenet(more=MORE, relu=True)),
    },
    conclude=conclude,
    panels=(panels.gradients, panels.curves("held_out_accuracy")),
)
