"""Pictures through the whole way: what is counted as right, worked out by hand."""

import io
import math

import numpy as np
import pytest
import torch
from PIL import Image

from models import catalog, vote
from models.classifier import Classifier
from models.data.pictures import Labelled, PictureSet
from models.evaluation import measure
from models.evaluation.measure import PreparedSet
from models.intake import picture
from tests.models.intake.test_picture import draw_seven, draw_shirt
from tests.shipped import shipped_auto

DIGITS = tuple("0123456789")


def encoded(image, *classes):
    file = io.BytesIO()
    image.save(file, "PNG")
    return Labelled(file.getvalue(), classes)


def a_prepared_set(*classes, found=None):
    """As if pictures of these classes had been prepared."""
    allowed = torch.zeros(len(classes), 10, dtype=torch.bool)
    for number, each in enumerate(classes):
        allowed[number, list(each)] = True
    found = torch.ones(len(classes), dtype=torch.bool) if found is None else torch.tensor(found)
    labelled = [Labelled(b"", each) for each in classes]
    zeros = torch.zeros(len(classes))
    black = torch.zeros(len(classes), 28, 28, dtype=torch.uint8)
    return PreparedSet(labelled, black, allowed, found, ~found, ~found, found, zeros, zeros + 2)


def saying(*answers, confidence=0.9):
    """Probabilities of a network that says so; None: not asked."""
    rows = torch.full((len(answers), 10), (1 - confidence) / 9)
    for row, answer in zip(rows, answers, strict=True):
        row[:] = math.nan if answer is None else row
        if answer is not None:
            row[answer] = confidence
    return rows


def test_a_set_is_looked_at_as_the_service_does():
    as_it_is = Image.fromarray(picture.prepare(draw_seven(), "mnist").picture)
    shown = [encoded(draw_seven(), 7), encoded(as_it_is, 7), encoded(Image.new("L", (50, 50), 255), 3)]
    stranger = encoded(draw_shirt())
    prepared = measure.prepare_set(PictureSet("some", "mnist", (*shown, stranger)), shipped_auto())
    assert len(prepared.labelled) == 3, "what is of no class is no part of it"
    assert prepared.found.tolist() == [True, True, False]
    assert prepared.as_it_was.tolist() == prepared.unchanged.tolist() == [False, True, False]
    assert prepared.auto_right.tolist()[:2] == [True, True]
    assert torch.equal(prepared.pictures[0], prepared.pictures[1])
    assert not prepared.pictures[2].any()
    assert prepared.allowed.nonzero().tolist() == [[0, 7], [1, 7], [2, 3]]
    assert (prepared.auto_ms > 0).all()
    assert (prepared.prepare_ms >= 0).all()


def test_auto_is_wrong_where_it_says_the_other_dataset():
    prepared = measure.prepare_set(PictureSet("shirts", "mnist", (encoded(draw_shirt(), 0),)), shipped_auto())
    assert prepared.auto_right.tolist() == [False]


def test_networks_give_each_picture_the_temperature_of_its_kind():
    torch.manual_seed(0)
    network = catalog.ARCHITECTURES["lenet"].build()
    classifier = Classifier(
        network, architecture="lenet", dataset="mnist", temperature=0.5, temperature_sent=20.0
    ).eval()
    prepared = measure.prepare_set(
        PictureSet(
            "two",
            "mnist",
            (encoded(draw_seven(), 7), encoded(Image.fromarray(picture.prepare(draw_seven(), "mnist").picture), 7)),
        ),
        shipped_auto(),
    )
    sent, own = measure.ask(classifier, prepared)
    assert own.max() > sent.max()
    expected = classifier.probabilities(prepared.pictures, torch.tensor([True, False]))
    assert torch.allclose(torch.stack([sent, own]), expected, atol=1e-5)


def test_only_some_may_be_asked_evenly_spread():
    classifier = Classifier(catalog.ARCHITECTURES["lenet"].build(), architecture="lenet", dataset="mnist").eval()
    answers = measure.ask(classifier, a_prepared_set(*[(1,)] * 6), count=3)
    assert (~answers.isnan().any(1)).tolist() == [True, False] * 3


def test_either_of_two_classes_is_right_and_the_calibration_is_of_the_answer():
    prepared = a_prepared_set((7, 9), (7, 9), (3,), (3,))
    told = measure.judge(measure.likeliest(saying(9, 5, 3, 8)), prepared, DIGITS)
    assert (told["accuracy"], told["n"], told["wrong"]) == (0.5, 4, 2)
    assert told["ece"] == pytest.approx(0.9 - 0.5, abs=1e-5)
    assert told["per_class"] == {"3": 0.5, "7 or 9": 0.5}
    assert sorted(told["confused"]) == [["3", "8", 1], ["7 or 9", "5", 1]]


def test_where_nothing_was_found_no_answer_is_right_and_none_is_calibrated():
    prepared = a_prepared_set((0,), (1,), found=[False, True])
    told = measure.judge(measure.likeliest(saying(0, 1)), prepared, DIGITS)
    assert told["accuracy"] == 0.5
    assert told["ece"] == pytest.approx(0.1, abs=1e-5)
    assert told["confused"] == [["0", measure.NOTHING, 1]]
    nothing = measure.judge(measure.likeliest(saying(0)), a_prepared_set((0,), found=[False]), DIGITS)
    assert (nothing["accuracy"], nothing["ece"]) == (0, None)


def test_what_was_not_asked_is_not_counted():
    prepared = a_prepared_set((0,), (1,), (2,))
    told = measure.judge(measure.likeliest(saying(0, None, 3)), prepared, DIGITS)
    assert (told["n"], told["wrong"]) == (2, 1)
    assert measure.mistakes(measure.likeliest(saying(0, None, 3)), prepared) == [2]


def test_together_count_the_pictures_that_all_have_seen():
    told = measure.together([saying(1, 2, None), saying(1, 2, 5), saying(4, 4, 5, confidence=0.99)])
    for name in ("vote", "majority", "mean"):
        said, confidence = told[name]
        assert said[:2].tolist() == [1, 2]
        assert confidence.isnan().tolist() == [False, False, True]
    shares = 0.9 ** (2 / 3) * (0.01 / 9) ** (1 / 3), (0.1 / 9) ** (2 / 3) * 0.99 ** (1 / 3)
    others = 8 * (0.1 / 9) ** (2 / 3) * (0.01 / 9) ** (1 / 3)
    assert told["vote"][1][0] == pytest.approx(shares[0] / (sum(shares) + others), abs=1e-4)


def test_vote_majority_and_mean_may_differ():
    unsure = torch.tensor([[0.51, 0.49] + [0.0] * 8])
    networks = [unsure, unsure, torch.tensor([[0.0, 1.0] + [0.0] * 8])]
    told = measure.together(networks, [3000.0, 3000.0, 1.0])
    assert {name: int(said) for name, (said, _) in told.items()} == {"vote": 0, "majority": 0, "mean": 1}
    assert told["majority"][1] == pytest.approx((0.51 + 0.51) / 3)
    first, second = 0.51 ** (6000 / 6001) * vote.TINY ** (1 / 6001), 0.49 ** (6000 / 6001)
    assert told["vote"][1] == pytest.approx(first / (first + second + 8 * vote.TINY))
    assert int(measure.together(networks)["vote"][0]) == 1, "where all weigh the same it is who is sure"


def test_the_report_has_every_network_the_vote_and_the_way_there():
    one_set = PictureSet("some", "fashion-mnist", (Labelled(b"", (0,)), Labelled(b"", (6,))))
    prepared = a_prepared_set((0,), (6,))
    told = measure.report(one_set, prepared, {"lenet": saying(0, 0), "nin": saying(0, 6, confidence=0.95)})
    assert (told["dataset"], told["n"], told["auto"], told["nothing_found"]) == ("fashion-mnist", 2, 1.0, 0)
    assert {name: figures["accuracy"] for name, figures in told["networks"].items()} == {"lenet": 0.5, "nin": 1.0}
    assert told["vote"]["per_class"] == {"T-shirt/top": 1.0, "Shirt": 1.0}, "the surer one decides a tie"
    weighed = measure.report(
        one_set, prepared, {"lenet": saying(0, 0), "nin": saying(1, 6)}, {"lenet": 1.0, "nin": 2.0}
    )
    assert weighed["vote"]["per_class"] == {"T-shirt/top": 0.0, "Shirt": 1.0}, "who weighs more decides it"
    assert told["ms"] == {"auto": {"median": 0, "p95": 0, "most": 0}, "prepare": {"median": 2, "p95": 2, "most": 2}}


def test_every_field_of_a_prepared_set_has_one_entry_a_picture():
    prepared = measure.prepare_set(PictureSet("one", "mnist", (encoded(draw_seven(), 7),)), shipped_auto())
    assert {len(np.atleast_1d(getattr(prepared, name))) for name in PreparedSet.__dataclass_fields__} == {1}
