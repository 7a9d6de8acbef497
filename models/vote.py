"""How several networks' answers become one: the one rule of the vote, for evaluation, service and command line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]


def vote(probabilities: Probabilities) -> tuple[npt.NDArray[np.int64], Probabilities]:
    """What most of M networks answer, ties by the sum of their confidences: answers int64 [N], and their confidence
    float32 [N], the mean over all networks of that class's probability. ``probabilities``: float32 [M, N, K], exact.
    """
    answers = probabilities.argmax(2)[:, :, None]  # [M, N, 1]
    said = np.zeros(probabilities.shape, np.float64)
    np.put_along_axis(said, answers, 1.0, axis=2)
    summed = (said * probabilities).sum(0)
    chosen = (said.sum(0) + summed / (len(probabilities) + 1)).argmax(1)  # the sum is less than one vote
    confidence = np.take_along_axis(probabilities.mean(0), chosen[:, None], axis=1)[:, 0]
    return chosen.astype(np.int64), confidence
