"""The one rule of the vote, and the one that it is measured against."""

import numpy as np
import pytest

from models import vote

SURE, UNSURE = [0.9, 0.1, 0.0], [0.4, 0.6, 0.0]
THIRD = [0.0, 0.0, 1.0]
NETWORKS = np.float32([[SURE, SURE], [UNSURE, THIRD], [UNSURE, UNSURE]])  # [3 networks, 2 pictures, 3 classes]


def metrics(accuracy, n=5000):
    return {"held_out_accuracy": accuracy, "held_out_n": n}


def test_the_likeliest_class_by_the_mean_of_all_is_the_answer():
    answers, confidence = vote.vote(NETWORKS)
    assert answers.tolist() == [0, 0], "though two of three say 1 of the first picture"
    assert confidence.tolist() == pytest.approx([(0.9 + 0.4 + 0.4) / 3, (0.9 + 0.4) / 3])


def test_the_mean_is_by_weight_and_its_confidence_too():
    answers, confidence = vote.vote(NETWORKS, [1.0, 3.0, 4.0])
    assert answers.tolist() == [1, 2]
    assert confidence.tolist() == pytest.approx([(0.1 + 3 * 0.6 + 4 * 0.6) / 8, 3 / 8])
    assert vote.mean(NETWORKS, [1.0, 3.0, 4.0]).sum(1) == pytest.approx([1, 1])


def test_only_what_somebody_says_is_said_by_all():
    one, other = [0.5, 0.1, 0.4], [0.1, 0.5, 0.4]
    networks = np.float32([[one], [other], [one]])
    assert vote.mean(networks).argmax(1).tolist() == [2], "the second best of each"
    assert vote.vote(networks)[0].tolist() == [0]


def test_one_alone_says_what_it_says_and_equal_ones_need_no_weights():
    answers, confidence = vote.vote(NETWORKS[:1], [17.0])
    assert (answers.tolist(), confidence.tolist()) == ([0, 0], pytest.approx([0.9, 0.9]))
    assert np.array_equal(vote.mean(NETWORKS, [2.0, 2.0, 2.0]), vote.mean(NETWORKS))


def test_who_errs_half_as_often_weighs_four_times_as_much():
    half, whole = (vote.weight(metrics(accuracy, 10**9)) for accuracy in (0.95, 0.9))
    assert half / whole == pytest.approx(4, rel=1e-6)


def test_a_network_that_made_no_mistake_yet_is_not_taken_for_faultless():
    assert vote.weight(metrics(1.0, 998)) == pytest.approx(1000**2)


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
