"""How several networks' answers become one: the one rule of the vote, for evaluation, service and command line.

The logarithms of the networks' calibrated probabilities are averaged, each network's weighed by one over its error on
training pictures held out from learning, as its checkpoint's header tells it: who errs half as often weighs twice as
much. The answer is the likeliest class by that mean: a logarithmic pool of opinions (Genest and Zidek, Combining
probability distributions, 1986), or product of experts (Hinton, 2002), in which a class needs everybody's consent and
one who is sure against it counts more than in a sum. The weights come from past errors, as those of combined forecasts
do (Bates and Granger, 1969). Weights by log-odds, best where networks err independently of each other (Kuncheva and
Rodríguez, 2014), gain less: these err together on what is hard. ``evaluation.vote_rules`` compares them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
TINY = 1e-6  # of a probability, the least that counts: nobody forbids a class, and sums in float32 differ by as much


def error(metrics: Mapping[str, Any]) -> float | None:
    """How often a network errs on held-out training pictures, between 0 and 1, by the ``metrics`` in its checkpoint's
    header; None where these do not tell. One mistake more is counted than was made (Laplace), so that nobody is taken
    for faultless.
    """
    accuracy, n = metrics.get("held_out_accuracy"), metrics.get("held_out_n")
    if not (isinstance(accuracy, int | float) and isinstance(n, int) and 0 <= accuracy <= 1 <= n):
        return None
    return ((1 - accuracy) * n + 1) / (n + 2)


def weight(metrics: Mapping[str, Any]) -> float | None:
    """How much a network weighs, one over its ``error``; None where that is not known."""
    wrong = error(metrics)
    return None if wrong is None else 1 / wrong


def shares(weights: Sequence[float | None]) -> Doubles:
    """Those of M networks as shares of one, float64 [M]; equal where one of them is not known."""
    known = [one for one in weights if one is not None]
    told = np.array(known if len(known) == len(weights) else np.ones(len(weights)))
    return np.asarray(told / told.sum(), np.float64)


def logarithms(probabilities: Probabilities) -> Doubles:
    """Of probabilities float32, float64 of the same shape; those below TINY count as that."""
    return np.asarray(np.log(probabilities.astype(np.float64).clip(TINY)))


def pooled(probabilities: Probabilities, weights: Sequence[float | None] | None = None) -> Probabilities:
    """What M networks say together, float32 [N, K]: probabilities whose logarithms are the mean of those of their
    ``probabilities`` float32 [M, N, K], exact, by ``weights`` (``weight``; default: equal), but for a constant.
    """
    told = shares([None] * len(probabilities) if weights is None else weights)
    product = np.exp(sum(share * one for share, one in zip(told, logarithms(probabilities), strict=True)))
    return np.asarray(product / product.sum(1, keepdims=True), np.float32)


def vote(
    probabilities: Probabilities, weights: Sequence[float | None] | None = None
) -> tuple[npt.NDArray[np.int64], Probabilities]:
    """What M networks answer together: answers int64 [N], and their confidence float32 [N]. Both are of ``pooled``; of
    its classes only those count that one network at least holds for the likeliest: somebody says what all say.
    """
    together = pooled(probabilities, weights)
    said = np.zeros(together.shape, np.bool_)
    np.put_along_axis(said, probabilities.argmax(2).T, True, axis=1)
    chosen = np.where(said, together, -1).argmax(1)
    return np.asarray(chosen, np.int64), np.take_along_axis(together, chosen[:, None], axis=1)[:, 0]


def majority(probabilities: Probabilities) -> npt.NDArray[np.int64]:
    """What most of M networks answer, one voice each, ties by the sum of their confidences: int64 [N]. What ``vote`` is
    measured against. ``probabilities``: float32 [M, N, K], exact.
    """
    said = np.zeros(probabilities.shape, np.float64)
    np.put_along_axis(said, probabilities.argmax(2)[:, :, None], 1.0, axis=2)
    summed = (said * probabilities).sum(0)
    votes = said.sum(0) + summed / (len(probabilities) + 1)  # the sum is less than one vote
    return np.asarray(votes.argmax(1), np.int64)
