"""One run of one variant: trained by its plan, measured; and what must be the same for its figures to be kept."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.classifier import Classifier
from models.data.code_digest import code_digest
from models.data.splits import held_out_split, load_split
from models.studies.study import Plan, Variant
from models.training.augment import AUGMENTATIONS, augment
from models.training.optimisation import cycle

DATASET = "fashion-mnist"  # on MNIST everything is right
WATCHED = 1_000  # held-out pictures of a point of the curve
MEASURED = 5_000  # of the pictures learned from, for loss and accuracy on them
GRADIENTS = 512  # pictures
CODE = ("models.studies.runs", "models.studies.networks")

Pictures = tuple[Tensor, Tensor]  # uint8 [N, 28, 28] and labels int64 [N]


@dataclass(frozen=True)
class Data:
    """The dataset: what may be learned from, what rates are chosen by, what is measured on at the end."""

    learn: Pictures
    held_out: Pictures
    test: Pictures

    @classmethod
    def load(cls, data_dir: str | Path) -> Data:
        """DataError, which says what to do, where it cannot be had."""
        pictures, labels = load_split(DATASET, "train", data_dir)
        learn, held = held_out_split(len(labels))
        return cls(
            (pictures[learn], labels[learn]), (pictures[held], labels[held]), load_split(DATASET, "test", data_dir)
        )

    def drawn(self, count: int, seed: int) -> Pictures:
        """So many pictures to learn from, those of a seed. ValueError if there are fewer."""
        if count > len(self.learn[1]):
            raise ValueError(f"the plan wants {count:,} pictures to learn from, there are {len(self.learn[1]):,}")
        index = torch.randperm(len(self.learn[1]), generator=torch.Generator().manual_seed(seed))[:count]
        return self.learn[0][index], self.learn[1][index]


def made(variant: Variant, seed: int) -> Classifier:
    """A variant with the weights of a seed."""
    torch.manual_seed(seed)
    classifier = Classifier(variant.build(), architecture="study", dataset=DATASET)
    classifier.to(memory_format=torch.channels_last)
    return classifier


def identity(variant: Variant, plan: Plan, rate: float, seed: int, kind: str) -> dict[str, Any]:
    """What decides a run's figures: the network and the code of its parts, the plan, and the code that trains."""
    network = made(variant, seed=0).network
    how = {"plan": asdict(plan), "augmented": variant.augmented, "rate": rate, "seed": seed, "kind": kind}
    described = hashlib.sha256(repr(network).encode()).hexdigest()[:8]
    return how | {"network": described, "code": code_digest(*modules_of(network)), "torch": torch.__version__}


def modules_of(network: nn.Module) -> list[str]:
    """The modules of ours whose code decides a run's figures: what trains, and those of the network's parts."""
    parts = {type(part).__module__ for part in network.modules()}
    return sorted({*CODE, *(part for part in parts if part.startswith("models."))})


def trial(variant: Variant, plan: Plan, data: Data, rate: float, seed: int) -> dict[str, Any]:
    """A run by which a rate is judged: held-out accuracy alone. One that diverged has 0."""
    start = time.process_time()
    classifier = made(variant, seed)
    ended = all(math.isfinite(loss) for _, loss in training(classifier, variant, plan, data, rate, seed))
    accuracy = measured(classifier, data.held_out)[1] if ended else 0.0
    return {"rate": rate, "seed": seed, "held_out_accuracy": accuracy, "seconds": _since(start)}


def final(variant: Variant, plan: Plan, data: Data, rate: float, seed: int) -> dict[str, Any]:
    """A run at the chosen rate with all its figures: accuracies as shares, losses in nats, curves by step.

    ``gap`` is training less test accuracy, ``loss`` that on pictures learned from, without dropout and augmentation;
    ``gradients`` the root mean square of each weight's at the start. Losses of a run that diverged are None.
    """
    start = time.process_time()
    classifier, learn = made(variant, seed), data.drawn(plan.pictures, seed)
    figures: dict[str, Any] = {"seed": seed, "rate": rate, "gradients": gradients(made(variant, seed), learn)}
    curve, losses, diverged = [], [], None
    for step, loss in training(classifier, variant, plan, data, rate, seed):
        losses.append(loss)
        if not math.isfinite(loss):
            diverged = step
        if step % plan.watch_every == 0 or step == plan.steps:
            watched = measured(classifier, (data.held_out[0][:WATCHED], data.held_out[1][:WATCHED]))[1]
            curve.append({"step": step, "loss": _finite(sum(losses) / len(losses)), "held_out_accuracy": watched})
            losses = []
    loss, right = measured(classifier, (learn[0][:MEASURED], learn[1][:MEASURED]))
    test = measured(classifier, data.test)[1]
    told = {"loss": _finite(loss), "train_accuracy": right, "test_accuracy": test, "gap": right - test}
    told |= {"held_out_accuracy": measured(classifier, data.held_out)[1], "diverged_at": diverged}
    return figures | told | {"curve": curve, "seconds": _since(start)}


def training(
    classifier: Classifier, variant: Variant, plan: Plan, data: Data, rate: float, seed: int
) -> Iterator[tuple[int, float]]:
    """Train step by step: number, from 1, and loss of each. Ends after a loss that is no number.

    Pictures and their order depend on the seed alone, so that all variants of a study see the same.
    """
    pictures, labels = data.drawn(plan.pictures, seed)
    optimizer = torch.optim.SGD(classifier.parameters(), rate, 0.9, nesterov=True, weight_decay=plan.weight_decay)
    torch.manual_seed(seed)
    for step, index in enumerate(_batches(plan, seed), start=1):
        optimizer.param_groups[0]["lr"] = rate * cycle((step - 1) / plan.steps, plan.warmup)
        batch = augment(pictures[index], AUGMENTATIONS[DATASET]) if variant.augmented else pictures[index]
        classifier.train()
        loss = functional.cross_entropy(classifier(batch), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield step, loss.item()
        if not math.isfinite(loss.item()):
            return


def _batches(plan: Plan, seed: int) -> Iterator[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    for _ in range(plan.passes):
        order = torch.randperm(plan.pictures, generator=generator)
        yield from order.split(plan.batch_size)[: plan.pictures // plan.batch_size]


@torch.inference_mode()
def measured(classifier: Classifier, pictures: Pictures) -> tuple[float, float]:
    """Mean loss and share of right answers, in eval mode."""
    classifier.eval()
    logits = torch.cat([classifier(part) for part in pictures[0].split(500)])
    right = (logits.argmax(1) == pictures[1]).double().mean().item()
    return functional.cross_entropy(logits, pictures[1]).item(), right


def gradients(classifier: Classifier, learn: Pictures) -> list[float]:
    """Of every weight of a convolution or fully connected layer, in order, the gradient's root mean square."""
    classifier.train()
    functional.cross_entropy(classifier(learn[0][:GRADIENTS]), learn[1][:GRADIENTS]).backward()
    layers = [part for part in classifier.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
    sizes = [0.0 if layer.weight.grad is None else layer.weight.grad.square().mean().sqrt().item() for layer in layers]
    classifier.zero_grad()
    return sizes


def seconds_a_step(variant: Variant, plan: Plan) -> float:
    """What a step costs here, of processor time: the quicker of two, on pictures of nothing, after one to warm up."""
    pictures = torch.zeros(plan.batch_size, 28, 28, dtype=torch.uint8), torch.zeros(plan.batch_size, dtype=torch.long)
    short = replace(plan, pictures=plan.batch_size, passes=3)
    took, before = [], time.process_time()
    for _ in training(made(variant, 0), variant, short, Data(pictures, pictures, pictures), 1e-3, 0):
        took.append(time.process_time() - before)
        before = time.process_time()
    return min(took[1:])


def _finite(loss: float) -> float | None:
    return loss if math.isfinite(loss) else None


def _since(start: float) -> float:
    return round(time.process_time() - start, 2)
