"""The one rule of the vote."""

import numpy as np
import pytest

from models.vote import vote


def test_the_vote_is_the_majority_and_ties_go_to_the_surer_ones():
    sure, unsure = [0.9, 0.1, 0.0], [0.4, 0.6, 0.0]
    third = [0.0, 0.0, 1.0]
    networks = np.float32([[sure, sure], [unsure, third], [unsure, unsure]])  # [3 networks, 2 pictures, 3 classes]
    answers, confidence = vote(networks)
    assert answers.tolist() == [1, 2]  # two of three; then one each, and the third is the surest
    assert confidence.tolist() == pytest.approx([(0.1 + 0.6 + 0.6) / 3, 1 / 3])


def test_no_confidence_outweighs_a_vote():
    one, others = np.float32([1.0, 0.0, 0.0]), np.float32([0.32, 0.34, 0.34])
    assert vote(np.stack([one, others, others])[:, None])[0].tolist() == [1]


def test_a_tie_is_decided_by_what_networks_gave_and_not_by_what_is_told_of_it():
    """Both confidences are 0.5000 in four digits."""
    one, other = np.float32([0.50001, 0.49999]), np.float32([0.49998, 0.50002])
    for networks in ([one, other], [other, one]):
        assert vote(np.stack(networks)[:, None])[0].tolist() == [1]
