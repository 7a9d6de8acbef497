"""What an epoch is made of."""

import torch

from models.data.scene_sets import SceneSet
from models.training.pool import pool


def test_an_epoch_has_all_of_the_dataset_and_its_share_of_the_rest():
    pictures, labels = torch.zeros(100, 28, 28, dtype=torch.uint8), torch.arange(100) % 10
    others = SceneSet(pictures[:30], torch.eye(10).bool()[labels[:30]])
    made = pool((pictures, labels), others)
    order = made.order(5, 0.2)
    assert len(order) == made.epoch_size(0.2) == 125
    assert sorted(order[order < 100].tolist()) == list(range(100))
    assert order.max() < 130
    assert torch.equal(order, made.order(5, 0.2))
    assert not torch.equal(order, made.order(6, 0.2))
    assert pool((pictures, labels)).epoch_size(0.2) == 100
