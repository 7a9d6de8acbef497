"""The gate's measure, with gates whose scores are known, and with the shipped one on the shared photographs."""

import io

import numpy as np
from PIL import Image

from models.data import pictures
from models.data.pictures import Labelled, PictureSet
from models.evaluation import measure_gate
from models.intake.gate import Verdict
from models.intake.thumbnail import thumbnail
from tests.models.intake.test_picture import draw_seven, draw_shirt
from tests.shipped import shipped_gate


def encoded(image, *classes):
    file = io.BytesIO()
    image.save(file, "PNG")
    return Labelled(file.getvalue(), classes)


SEVEN, SHIRT, GREEN = draw_seven(), draw_shirt(), draw_shirt(colour=(9, 90, 9))
SETS = [
    PictureSet("digits", "mnist", (encoded(SEVEN, 7),) * 3),
    PictureSet("mnist test", "mnist", (encoded(SEVEN, 7),) * 20, own=True),
    PictureSet("clothing", "fashion-mnist", (encoded(SHIRT, 0),) * 2 + (encoded(GREEN),)),
    PictureSet("fashion-mnist test", "fashion-mnist", (encoded(SHIRT, 0),) * 20, own=True),
]


class Knowing:
    """A gate that gives these pictures of a dataset 0.9, and all others 0.1."""

    def __init__(self, *pictures):
        self.known = {(dataset, thumbnail(np.asarray(image)).tobytes()) for dataset, image in pictures}

    def judge(self, sent, seen, dataset):
        assert seen.shape == (28, 28)
        value = 0.9 if (dataset, sent.tobytes()) in self.known else 0.1
        return Verdict(value >= 0.5, value, "it looks like a picture that is known")


PERFECT = Knowing(("mnist", SEVEN), ("fashion-mnist", SHIRT), ("fashion-mnist", GREEN))


def test_each_dataset_stands_against_its_own_kinds_of_others():
    report = measure_gate.report(PERFECT, SETS, count=5)
    digits, clothing = report["mnist"], report["fashion-mnist"]
    assert {name: told["n"] for name, told in digits["own"].items()} == {"digits": 3, "mnist test": 5}
    assert {name: told["n"] for name, told in digits["others"].items()} == {
        "clothing": 2,
        "none": 1,
        "letters": 5,
        "noise": 5,
    }
    assert {name: told["n"] for name, told in clothing["others"].items()} == {
        "digits": 3,
        "mnist test": 5,
        "none": 1,
        "noise": 5,
    }
    assert digits["n"] == 8 + 13


def test_scores_become_shares_and_areas():
    report = measure_gate.report(PERFECT, SETS, count=5)
    assert report["mnist"]["auroc"] == 1
    assert report["mnist"]["own"]["digits"] == {"auroc": 1, "n": 3, "let_in": 1}
    assert report["mnist"]["others"]["letters"] == {"auroc": 1, "n": 5, "let_in": 0}
    assert report["fashion-mnist"]["others"]["none"]["auroc"] == 0.5, "the same shirt in another colour"
    assert 0.5 < report["fashion-mnist"]["auroc"] < 1


def test_a_gate_that_lets_nothing_in_is_guessing():
    report = measure_gate.report(Knowing(), SETS[:1], count=5)
    assert report["mnist"]["auroc"] == 0.5
    assert report["mnist"]["own"]["digits"]["let_in"] == 0
    assert "fashion-mnist" not in report, "no set, no figure"


def test_a_picture_in_which_nothing_is_found_is_let_in_by_none():
    blank = Image.new("L", SEVEN.size, 255)
    assert measure_gate.score(PERFECT, blank, "mnist") == 0
    assert measure_gate.score(PERFECT, SEVEN, "mnist") == 0.9


def test_the_shipped_gate_reaches_the_goals_on_photographs_and_noise(shared):
    sets = pictures.find_sets(shared / "photos")
    some = [PictureSet(one.name, one.dataset, one.pictures[::8]) for one in sets]
    report = measure_gate.report(shipped_gate(), some, count=40)
    assert report["mnist"]["auroc"] >= 0.97
    assert report["fashion-mnist"]["auroc"] >= 0.85
