"""The sentences say what was measured: for claims that are seen, that are not, and the other way round."""

from __future__ import annotations

import re

import pytest

from models.studies.registry import STUDIES
from models.studies.words import SAME
from tests.models.studies.made_up import variant

FLAT, FALLING = (0.1, 0.1), (1e-9, 0.1)
# of each study: figures that bear the claim out, and figures in which nothing differs
SEEN = {
    "activation": {
        "sigmoid": variant(test_accuracy=0.8),
        "relu": variant(test_accuracy=0.88),
        "deep-sigmoid": variant("13 layers, sigmoid", test_accuracy=0.1, gradients=FALLING),
        "deep-relu": variant(test_accuracy=0.87, gradients=FLAT),
    },
    "regularisation": {
        "none": variant(gap=0.1, test_accuracy=0.87),
        "dropout": variant(gap=0.06),
        "augmentation": variant(gap=0.03),
        "both": variant(gap=0.01, test_accuracy=0.89),
    },
    "depth": {f"{count}-blocks": variant(f"{count}", test_accuracy=0.8 + 0.02 * count) for count in range(1, 5)},
    "head": {"fully-connected": variant(gap=0.06, parameters=640_000), "pooled": variant(gap=0.02, parameters=30_000)},
    "paths": {"three-by-three": variant(test_accuracy=0.87), "four-paths": variant(test_accuracy=0.89)},
    "normalisation": {
        "none": variant(reached=160, highest_rate=0.1, spread=0.001),
        "batch-norm": variant(reached=40, highest_rate=2.0, spread=0.001),
    },
    "shortcut": {
        "plain-18": variant(loss=0.3),
        "plain-34": variant(loss=0.5, test_accuracy=0.8),
        "residual-18": variant(loss=0.28),
        "residual-34": variant(loss=0.27, test_accuracy=0.89),
    },
    "connectivity": {"addition": variant(test_accuracy=0.87), "concatenation": variant(test_accuracy=0.89)},
}
# What does not differ above, since nothing is claimed of it, or that it does not: test accuracy of the first two, and
# training loss of the others.
UNCLAIMED = {"head": 1, "normalisation": 1, "paths": 1, "connectivity": 1}


def all_the_same(name):
    """Figures of a study in which no variant differs from another."""
    return {each: variant(known.title) for each, known in STUDIES[name].variants.items()}


def test_every_study_has_figures_here():
    assert SEEN.keys() == STUDIES.keys()
    assert all(SEEN[name].keys() == study.variants.keys() for name, study in STUDIES.items())


@pytest.mark.parametrize("name", STUDIES)
def test_what_is_seen_is_told_as_borne_out(name):
    told = STUDIES[name].conclude(SEEN[name])
    assert told.outcome == "borne out", told.sentence
    assert told.sentence.count(SAME) == UNCLAIMED.get(name, 0), told.sentence


@pytest.mark.parametrize("name", STUDIES)
def test_where_nothing_differs_the_sentence_says_so(name):
    told = STUDIES[name].conclude(all_the_same(name))
    assert told.outcome != "borne out"
    assert "no difference beyond the spread" in told.sentence


def of_one_seed(figures):
    """The same figures, as if the first seed were all."""
    return {name: told | {"runs": told["runs"][:1]} for name, told in figures.items()}


@pytest.mark.parametrize("name", STUDIES)
def test_one_seed_tells_no_difference(name):
    told = STUDIES[name].conclude(of_one_seed(SEEN[name]))
    assert told.outcome == ("in part" if name == "activation" else "cannot be told"), told.sentence
    assert "no difference" not in told.sentence
    assert not re.search(r"(higher|lower)[);]", told.sentence)
    assert "±" not in told.sentence


def test_one_seed_that_got_there_where_another_did_not_tells_nothing():
    figures = of_one_seed(SEEN["normalisation"] | {"none": variant(reached=None, highest_rate=None)})
    assert STUDIES["normalisation"].conclude(figures).outcome == "cannot be told"


@pytest.mark.parametrize("name", STUDIES)
def test_the_sentence_is_of_the_figures(name):
    one, other = (STUDIES[name].conclude(figures).sentence for figures in (SEEN[name], all_the_same(name)))
    assert one != other
    assert "None" not in one + other
    assert "nan" not in one + other
    assert one.endswith(".")
    assert other.endswith(".")


def test_the_reverse_of_a_claim_is_told_as_that():
    told = STUDIES["connectivity"].conclude(
        {"addition": variant(test_accuracy=0.90), "concatenation": variant(test_accuracy=0.88)}
    )
    assert told.outcome == "not borne out"
    assert "concatenation 2.0 points lower" in told.sentence


def test_degradation_is_told_where_it_is_and_where_it_is_not():
    seen = STUDIES["shortcut"].conclude(SEEN["shortcut"])
    assert "seen without shortcuts and not seen with them" in seen.sentence
    other = SEEN["shortcut"] | {"plain-34": variant(loss=0.2, test_accuracy=0.89)}
    told = STUDIES["shortcut"].conclude(other)
    assert told.outcome == "in part"
    assert "not seen without shortcuts" in told.sentence


def test_who_stood_still_is_named():
    assert "13 layers, sigmoid stood still" in STUDIES["activation"].conclude(SEEN["activation"]).sentence
    assert "none stood still" in STUDIES["activation"].conclude(all_the_same("activation")).sentence


def test_what_never_got_there_counts_as_slower():
    figures = SEEN["normalisation"] | {"none": variant(reached=None, highest_rate=None)}
    told = STUDIES["normalisation"].conclude(figures)
    assert told.outcome == "borne out"
    assert "without not in every run" in told.sentence


def test_what_never_got_there_is_not_told_as_quicker():
    figures = SEEN["normalisation"] | {"batch-norm": variant(reached=None, highest_rate=None)}
    assert STUDIES["normalisation"].conclude(figures).outcome == "not borne out"


@pytest.mark.parametrize(
    ("diverged", "told"),
    [
        ("plain-34", "cannot be told without shortcuts and is not seen with them"),
        ("residual-34", "is seen without shortcuts and cannot be told with them"),
    ],
)
def test_losses_of_a_run_that_diverged_are_not_made_up(diverged, told):
    figures = SEEN["shortcut"] | {diverged: variant(loss=None, test_accuracy=0.1)}
    found = STUDIES["shortcut"].conclude(figures)
    assert "34 layers not in every run" in found.sentence
    assert f"the degradation {told}." in found.sentence
    assert found.outcome == "in part"


def test_of_one_seed_nobody_says_what_a_block_or_dropout_does():
    told = STUDIES["depth"].conclude(of_one_seed(SEEN["depth"])).sentence
    assert "the effect of the second cannot be told, the effect of the third" in told
    figures = SEEN["regularisation"] | of_one_seed({"dropout": SEEN["regularisation"]["dropout"]})
    told = STUDIES["regularisation"].conclude(figures)
    assert "; whether dropout narrows it cannot be told, augmentation narrows it beyond the spread." in told.sentence
    assert told.outcome == "in part"
