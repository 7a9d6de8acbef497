"""A compiled network gives probabilities, at the temperature of each picture, on any thread."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from models.compiled import making
from models.compiled.cache import Compiled
from models.compiled.runner import open_runner, softmax
from tests import untrained


@pytest.fixture(scope="module")
def made(checkpoint):
    return Compiled(*making.arrays(making.classifier(untrained.read(checkpoint("lenet"))), "float32", {}), "")


def test_softmax_sums_to_one_and_fears_no_large_numbers():
    logits = np.array([[1e4, 0, -1e4], [0, 0, 0], [-1e38, 1e38, 0], [np.log(1), np.log(2), np.log(5)]], np.float32)
    with np.errstate(over="ignore"):
        told = softmax(logits)
    assert told.dtype == np.float32
    np.testing.assert_allclose(told.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(told, [[1, 0, 0], [1 / 3] * 3, [0, 1, 0], [0.125, 0.25, 0.625]], atol=1e-6)


def test_each_picture_has_its_temperature(made, pictures):
    runner = open_runner(made, 0.5, 4.0)
    logits = runner.logits(pictures)
    own, sent = softmax(logits / np.float32(0.5)), softmax(logits / np.float32(4.0))
    mixed = np.arange(len(pictures)) % 3 == 1
    for as_sent in (mixed, ~mixed, np.ones(7, bool), np.zeros(7, bool)):
        told = runner.probabilities(pictures, as_sent)
        assert (told.shape, told.dtype) == ((7, 10), np.float32)
        np.testing.assert_allclose(told, np.where(as_sent[:, None], sent, own), atol=1e-6)
    np.testing.assert_array_equal(runner.probabilities(pictures), runner.probabilities(pictures, np.zeros(7, bool)))
    np.testing.assert_array_equal(runner.probabilities(pictures), runner.chances(pictures))
    assert np.abs(own - sent).max() > 0.01


def test_without_a_second_temperature_there_is_one(made, pictures):
    runner = open_runner(made, 2.0)
    told = runner.probabilities(pictures, np.ones(7, bool))
    np.testing.assert_allclose(told, runner.probabilities(pictures), atol=1e-7)
    np.testing.assert_allclose(told, softmax(runner.logits(pictures) / 2), atol=1e-6)


@pytest.mark.parametrize("name", ["lenet", "alexnet"])
def test_several_threads_at_once_get_the_answers_of_one(name, checkpoint, pictures):
    made = making.classifier(untrained.read(checkpoint(name)))
    runner = open_runner(Compiled(*making.arrays(made, "float32", {}), ""))
    parts = [pictures[start : start + count] for start in range(4) for count in (1, 2, 3)]
    alone = [runner.probabilities(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for told, wanted in zip(pool.map(runner.probabilities, parts), alone, strict=True):
            np.testing.assert_allclose(told, wanted, atol=1e-6)


def test_more_threads_a_call_give_the_same(made, pictures):
    np.testing.assert_allclose(
        open_runner(made, threads=2).logits(pictures), open_runner(made).logits(pictures), atol=1e-5
    )
