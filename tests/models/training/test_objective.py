"""What a step minimises, against values worked out by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from models.classifier import Classifier
from models.training.objective import Objective
from models.training.optimisation import any_of
from models.training.recipes import Phase, Recipe

CPU = torch.device("cpu")
PICTURES = torch.zeros(2, 28, 28, dtype=torch.uint8)
LOGITS = torch.tensor([[2.0, 1.0, *[0.0] * 8], [0.0, 3.0, *[0.0] * 8]])
ALLOWED = functional.one_hot(torch.tensor([0, 1]), 10).bool()


class Says(nn.Module):
    """A network of which the logits are always the same, but for dropout where somebody trains it."""

    def __init__(self, logits):
        super().__init__()
        self.input_size = 28
        self.logits = nn.Parameter(torch.tensor(logits))
        self.dropout = nn.Dropout(0.9)

    def forward(self, x):
        return self.dropout(self.logits).expand(len(x), -1)


def teacher(logits, temperature=1.0, digest="d"):
    told = {"architecture": "lenet", "dataset": "mnist", "temperature": temperature, "metadata": {"digest": digest}}
    return Classifier(Says(logits), **told).train()


def recipe(taught):
    return Recipe((Phase(1, lr=1),), "sgd", epochs=1, label_smoothing=0.1, taught=taught)


@pytest.mark.parametrize("taught", [0.0, 0.25, 1.0])
def test_the_loss_is_a_mixture_of_that_by_labels_and_that_by_the_mean_of_the_calibrated_teachers(taught):
    first, second = [4.0, *[0.0] * 9], [0.0, 6.0, *[0.0] * 8]
    objective = Objective(recipe(taught), [teacher(first, 2.0, "a"), teacher(second, 3.0, "b")], CPU)
    answers = (torch.tensor(first).div(2).softmax(0) + torch.tensor(second).div(3).softmax(0)) / 2
    wanted = (1 - taught) * any_of(LOGITS, ALLOWED, 0.1) + taught * functional.cross_entropy(
        LOGITS, answers.expand(2, 10)
    )
    assert objective(PICTURES, LOGITS, ALLOWED) == pytest.approx(wanted.item())
    assert objective.digests == ["a", "b"]


def test_of_scenes_teachers_answer_by_the_temperature_of_pictures_as_people_send_them():
    one = teacher([4.0, *[0.0] * 9], 2.0)
    one.temperature_sent = 4.0
    answers = torch.stack([one.network.logits.detach().div(by).softmax(0) for by in (2, 4)])
    wanted = functional.cross_entropy(LOGITS, answers)
    sent = torch.tensor([False, True])
    assert Objective(recipe(1.0), [one], CPU)(PICTURES, LOGITS, ALLOWED, sent) == pytest.approx(wanted.item())


def test_labels_alone_teach_where_there_is_no_teacher_or_no_picture_to_look_at():
    by_labels = any_of(LOGITS, ALLOWED, 0.1)
    assert Objective(recipe(1.0), [], CPU)(PICTURES, LOGITS, ALLOWED) == by_labels
    features = torch.zeros(2, 64, dtype=torch.bfloat16)
    assert Objective(recipe(1.0), [teacher([1.0] * 10)], CPU)(features, LOGITS, ALLOWED) == by_labels


def test_teachers_stay_as_they_are():
    one = teacher([1.0, *[0.0] * 9])
    logits = LOGITS.clone().requires_grad_(True)
    Objective(recipe(1.0), [one], CPU)(PICTURES, logits, ALLOWED).backward()
    assert logits.grad is not None
    assert one.network.logits.grad is None
    assert not one.training


def test_what_teaches_is_known_by_its_answers_whatever_else_its_file_says():
    logits = [1.0, *[0.0] * 9]

    def teaching(*told):
        return Objective(recipe(1.0), [teacher(*told)], CPU).teaching

    assert teaching(logits, 2.0, "evaluated") == teaching(logits, 2.0, "evaluated anew")
    others = [teaching([1.5, *[0.0] * 9], 2.0), teaching(logits, 2.5), teaching(logits, 2.0)]
    assert len({*map(tuple, others)}) == 3
