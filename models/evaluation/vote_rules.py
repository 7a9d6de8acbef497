"""Which rule makes one answer of seven networks' best: ``python -m models.evaluation.vote_rules --data-dir DIR``.

Every rule is judged on pictures that no network learned from and no record tells: training pictures held out, and scenes
held out where a set of them has been made. Neither test sets nor photographs are looked at, so that they stay good for
judging what is chosen. The networks answer in the form that the service runs (``models.compiled``), which is quick.

A rule takes the place of one voice each if, of all these pictures together, it turns more wrong answers right than right
ones wrong, and by more than chance does: McNemar's test, two-sided, at 5 % shared among the rules tried (Bonferroni); and
if on no single set it is worse beyond that same measure. What was found is recorded in ``weights/vote.json``.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from scipy.optimize import minimize
from scipy.stats import binomtest
from torch import Tensor

from models import checkpoints, datasets, vote
from models.catalog import ARCHITECTURES
from models.checkpoints import atomic, file_format
from models.checkpoints.described import described
from models.compiled import compiler
from models.data import scene_sets
from models.data.pictures import evenly
from models.data.splits import DataError, held_out_split, load_split
from models.evaluation.evaluate_pictures import circumstances
from models.vote import Probabilities

COUNT = 2_000  # pictures of each set: a gain of half a point shows, and seven networks take two minutes
BATCH = 16
CHANCE = 0.05
TINY = 1e-6  # probabilities have six sound digits

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answered:
    """What M networks said of N pictures: ``probabilities`` float32 [M, N, K], calibrated; ``labels`` int64 [N]; and
    ``measured`` float64 [M], how right each is on held-out pictures by its checkpoint's header.
    """

    probabilities: Probabilities
    labels: npt.NDArray[np.int64]
    measured: Doubles


Rule = Callable[[Answered], npt.NDArray[np.int64]]  # answers int64 [N]


def majority(given: Answered) -> npt.NDArray[np.int64]:
    """One voice each, ties to the surer ones."""
    return vote.vote(given.probabilities)[0]


def weighted_majority(given: Answered) -> npt.NDArray[np.int64]:
    """Voices weighed by the log-odds of being right, as is best where errors are independent and each wrong class is as
    likely: log(p / (1 - p)) + log(K - 1) (Kuncheva and Rodríguez, 2014, equation 13; Littlestone and Warmuth, 1994).
    """
    classes = given.probabilities.shape[2]
    said = np.eye(classes)[given.probabilities.argmax(2)]
    answers: npt.NDArray[np.int64] = np.einsum("m,mnk->nk", log_odds(given.measured, classes), said).argmax(1)
    return answers


def mean(given: Answered) -> npt.NDArray[np.int64]:
    """The likeliest class by the mean of the probabilities (the sum rule: Kittler et al., 1998)."""
    return given.probabilities.astype(np.float64).mean(0).argmax(1)


def weighted_mean(given: Answered) -> npt.NDArray[np.int64]:
    """The same, weighed by log-odds."""
    weights = log_odds(given.measured, given.probabilities.shape[2])
    answers: npt.NDArray[np.int64] = np.einsum("m,mnk->nk", weights, given.probabilities).argmax(1)
    return answers


def log_mean(given: Answered) -> npt.NDArray[np.int64]:
    """The likeliest class by the mean of the logarithms (the product rule: Hinton's product of experts, 2002)."""
    return logarithms(given).mean(0).argmax(1)


def weighted_log_mean(given: Answered) -> npt.NDArray[np.int64]:
    """The same, weighed by log-odds."""
    weights = log_odds(given.measured, given.probabilities.shape[2])
    answers: npt.NDArray[np.int64] = np.einsum("m,mnk->nk", weights, logarithms(given)).argmax(1)
    return answers


def fitted_log_mean(given: Answered) -> npt.NDArray[np.int64]:
    """The same, with the weights under which the labels are likeliest, fitted on every other picture and judged on the
    rest, both ways round: what weights could bring at most.
    """
    logs = logarithms(given)
    answers = np.zeros(len(given.labels), np.int64)
    for half in (0, 1):
        learned, judged = slice(half, None, 2), slice(1 - half, None, 2)
        weights = _fit(logs[:, learned], given.labels[learned])
        answers[judged] = np.einsum("m,mnk->nk", weights, logs[:, judged]).argmax(1)
    return answers


RULES: Mapping[str, Rule] = {
    "one voice each": majority,
    "voices by log-odds": weighted_majority,
    "mean": mean,
    "mean by log-odds": weighted_mean,
    "log mean": log_mean,
    "log mean by log-odds": weighted_log_mean,
    "log mean, fitted": fitted_log_mean,
}


def log_odds(measured: Doubles, classes: int) -> Doubles:
    p = measured.clip(TINY, 1 - TINY)
    weights: Doubles = np.log(p / (1 - p)) + np.log(classes - 1)
    return weights


def logarithms(given: Answered) -> Doubles:
    logs: Doubles = np.log(given.probabilities.astype(np.float64).clip(TINY))
    return logs


def _fit(logs: Doubles, labels: npt.NDArray[np.int64]) -> Doubles:
    """The weights [M], none below zero, under which labels int64 [N] are likeliest: softmax(sum of weights * logs)."""

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        scores = np.einsum("m,mnk->nk", weights, logs)
        scores -= scores.max(1, keepdims=True)
        chances = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        rows = np.arange(len(labels))
        off = chances.copy()
        off[rows, labels] -= 1
        return -float(np.log(chances[rows, labels].clip(1e-300)).mean()), np.einsum("nk,mnk->m", off, logs) / len(rows)

    start = np.full(len(logs), 1 / len(logs))
    weights: Doubles = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(logs)).x
    return weights


def ask(dataset: str, kind: str, options: argparse.Namespace) -> Answered:
    sent = kind == "sent"
    pictures, labels = _held_out(dataset, sent, options)
    probabilities, measured = [], []
    for name in ARCHITECTURES:
        source = described(file_format.open_file(checkpoints.path_for(dataset, name, options.weights)))
        runner, _ = compiler.load(source)
        parts = pictures.split(BATCH)
        note = f"{name}, {dataset}: {kind}"
        told = track(parts, note, transient=True, disable=not sys.stdout.isatty())
        probabilities.append(np.concatenate([runner.probabilities(p.numpy(), np.full(len(p), sent)) for p in told]))
        measured.append(source.content.header["metrics"][f"{kind}_accuracy"])
    return Answered(np.stack(probabilities), labels.numpy(), np.array(measured))


def _held_out(dataset: str, sent: bool, options: argparse.Namespace) -> tuple[Tensor, Tensor]:
    if not sent:
        pictures, labels = load_split(dataset, "train", options.data_dir)
        _, held = held_out_split(len(pictures))
        return evenly(pictures[held], labels[held], options.count)
    scenes = scene_sets.load(options.scenes, dataset, "held")
    clear = scenes.allowed.sum(1) == 1
    return evenly(scenes.pictures[clear], scenes.allowed[clear].float().argmax(1), options.count)
