"""Ranges are the least and the largest value that an activation takes, on all pictures together."""

import numpy as np
import pytest
import torch

from models import checkpoints
from models.compiled import calibration, int8, making
from models.datasets import DATASETS
from tests import untrained


def test_the_range_of_the_input_is_that_of_the_pictures(checkpoint, pictures):
    made = making.classifier(untrained.read(checkpoint("lenet")))
    ranges = calibration.ranges(made, pictures)
    assert [*ranges] == int8.activations(made.model)
    known = DATASETS["mnist"]
    wanted = [(value / 255 - known.mean) / known.std for value in (pictures.min(), pictures.max())]
    np.testing.assert_allclose(ranges[int8.activations(made.model)[0]], wanted, atol=1e-6)
    network = checkpoints.load(checkpoint("lenet"))
    with torch.inference_mode():
        first = next(m for m in network.modules() if isinstance(m, torch.nn.Conv2d))
        seen = first(network.network_input(torch.from_numpy(pictures)))
    np.testing.assert_allclose([*ranges.values()][1], (seen.min(), seen.max()), atol=1e-5)


def test_pictures_in_several_batches_count_together(checkpoint, pictures):
    made = making.classifier(untrained.read(checkpoint("lenet")))
    many = np.concatenate([pictures, np.roll(pictures, 5, axis=2), pictures[:3] // 2])
    assert len(many) > 2 * calibration.BATCH
    parts = [calibration.ranges(made, many[k : k + 1]) for k in range(len(many))]
    for name, (least, most) in calibration.ranges(made, many).items():
        np.testing.assert_allclose(least, min(part[name][0] for part in parts), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(most, max(part[name][1] for part in parts), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("threads", [0, 3])
def test_so_many_threads_compute_as_are_asked_for(checkpoint, pictures, monkeypatch, threads):
    asked, open_session = [], calibration.open_session
    monkeypatch.setattr(calibration, "open_session", lambda *given: asked.append(given[1]) or open_session(*given))
    calibration.ranges(making.classifier(untrained.read(checkpoint("lenet"))), pictures, threads)
    assert asked == [threads]
