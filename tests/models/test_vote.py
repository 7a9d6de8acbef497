"""The one rule of the vote, and the one that it is measured against."""

import numpy as np
import pytest

from models import vote

SURE, UNSURE = [0.9, 0.05, 0.05], [0.45, 0.5, 0.05]
THIRD = [0.03, 0.02, 0.95]
NETWORKS = np.float32([[SURE, SURE], [UNSURE, THIRD], [UNSURE, UNSURE]])  # [3 networks, 2 pictures, 3 classes]


def metrics(accuracy, n=5000):
    return {"held_out_accuracy": accuracy, "held_out_n": n}


def product(weights):
    """Of the probabilities of each picture, by the weights as exponents, as shares of one: [2 pictures, 3 classes]."""
    told = np.prod([one.astype(float) ** w for w, one in zip(weights, NETWORKS, strict=True)], axis=0)
    return told / told.sum(1, keepdims=True)


def test_the_likeliest_class_by_the_product_of_all_is_the_answer():
    answers, confidence = vote.vote(NETWORKS)
    assert answers.tolist() == [0, 0], "though two of three say 1 of the first picture"
    assert confidence == pytest.approx(product([1 / 3] * 3)[:, 0], rel=1e-5)


def test_logarithms_are_weighed_and_the_confidence_is_of_all_together():
    answers, confidence = vote.vote(NETWORKS, [1.0, 19.0, 20.0])
    assert answers.tolist() == [1, 2]
    assert confidence == pytest.approx(product([1 / 40, 19 / 40, 20 / 40])[[0, 1], [1, 2]], rel=1e-5)
    assert vote.pooled(NETWORKS, [1.0, 19.0, 20.0]).sum(1) == pytest.approx([1, 1])


def test_one_that_is_sure_against_a_class_outweighs_some_that_lean_to_it_but_does_not_forbid_it():
    leaning, against = [0.6, 0.4], [0.0, 1.0]
    answers, confidence = vote.vote(np.float32([[leaning]] * 6 + [[against]]))
    assert (answers.tolist(), 0.5 < confidence[0] < 1) == ([1], True)
    answers, _ = vote.vote(np.float32([[[1 - 1e-7, 1e-7]]] * 6 + [[against]]))
    assert answers.tolist() == [0]


def test_only_what_somebody_says_is_said_by_all():
    one, other = [0.5, 0.1, 0.4], [0.1, 0.5, 0.4]
    networks = np.float32([[one], [other], [one]])
    assert vote.pooled(networks).argmax(1).tolist() == [2], "the second best of each"
    assert vote.vote(networks)[0].tolist() == [0]


def test_one_alone_says_what_it_says_and_equal_ones_need_no_weights():
    answers, confidence = vote.vote(NETWORKS[:1], [17.0])
    assert (answers.tolist(), confidence.tolist()) == ([0, 0], pytest.approx([0.9, 0.9]))
    assert np.array_equal(vote.pooled(NETWORKS, [2.0, 2.0, 2.0]), vote.pooled(NETWORKS))


def test_who_errs_half_as_often_weighs_twice_as_much():
    half, whole = (vote.weight(metrics(accuracy, 10**9)) for accuracy in (0.95, 0.9))
    assert half / whole == pytest.approx(2, rel=1e-6)


def test_a_network_that_made_no_mistake_yet_is_not_taken_for_faultless():
    assert vote.weight(metrics(1.0, 998)) == pytest.approx(1000)


@pytest.mark.parametrize(
    "told", [{}, {"held_out_accuracy": 0.9}, metrics(None), metrics(1.5), metrics(float("nan")), metrics(0.9, 0)]
)
def test_where_one_weight_is_not_known_all_are_equal(told):
    assert vote.weight(told) is None
    assert vote.shares([vote.weight(metrics(0.9)), vote.weight(told)]).tolist() == [0.5, 0.5]


def test_the_answer_is_the_same_alone_and_in_a_batch():
    networks = np.random.default_rng(0).dirichlet(np.ones(10), (7, 50)).astype(np.float32)
    weights = [vote.weight(metrics(accuracy)) for accuracy in np.linspace(0.85, 0.95, 7)]
    together = vote.vote(networks, weights)
    alone = [vote.vote(networks[:, [number]], weights) for number in range(50)]
    assert together[0].tolist() == [int(one[0][0]) for one in alone]
    assert together[1].tolist() == [float(one[1][0]) for one in alone]


def test_a_near_tie_is_decided_by_what_networks_gave_and_not_by_what_is_told_of_it():
    """Both confidences are 0.5000 in four digits."""
    one, other = np.float32([0.50001, 0.49999]), np.float32([0.49998, 0.50002])
    for networks in ([one, other], [other, one]):
        assert vote.vote(np.stack(networks)[:, None])[0].tolist() == [1]
        assert vote.majority(np.stack(networks)[:, None]).tolist() == [1]


def test_the_majority_is_of_one_voice_each_and_ties_go_to_the_surer_ones():
    assert vote.majority(NETWORKS).tolist() == [1, 2]  # two of three; then one each, and the third is the surest
    one, others = np.float32([1.0, 0.0, 0.0]), np.float32([0.32, 0.34, 0.34])
    assert vote.majority(np.stack([one, others, others])[:, None]).tolist() == [1]
