"""Which rule makes the best one answer of seven: ``python -m models.evaluation.vote_rules --data-dir DIR``.

Every rule is judged on pictures that no network learned from: training pictures held out, and held-out scenes where a
set of them has been made. Neither test sets nor photographs are looked at, so that they stay good for judging what is
chosen. The networks run in the form that the service takes (``models.compiled``), which is quick.

A rule sums what the networks say (their voices, probabilities or logarithms of these), each weighed by how right its
checkpoint's header says it is on held-out training pictures. It beats one voice each if on all these pictures together
it turns more wrong answers right than right ones wrong, by more than chance does (McNemar's exact test, 5 % shared
among the rules: Bonferroni), and on no set turns fewer right than wrong. Of those, the one that gains most is told;
``models.vote`` has it, or the two are compared in the same way: a lead that luck explains changes no rule. Recorded in
vote.json beside the checkpoints, with their digests.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from scipy.stats import binomtest
from torch import Tensor

from models import checkpoints, vote
from models.catalog import ARCHITECTURES
from models.checkpoints import atomic, file_format
from models.checkpoints.described import described
from models.compiled import compiler
from models.compiled.runner import Runner
from models.data import scene_sets
from models.data.pictures import evenly
from models.data.splits import DataError, held_out_split, load_split
from models.datasets import DATASETS
from models.evaluation.evaluate_pictures import circumstances

COUNT = 2_000  # pictures of each set, evenly spread: half a point shows, and seven networks take a minute
BATCH = 16
CHANCE = 0.05
BASE = "one voice each"
OURS = "logarithms by 1/error"  # what models.vote does

Answers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Right = Mapping[str, npt.NDArray[np.bool_]]  # which pictures [N] a rule gets right, by the set's name


@dataclass(frozen=True)
class Answered:
    """What M networks said of N pictures: ``probabilities`` float32 [M, N, K], calibrated; ``labels`` int64 [N]; and of
    each network the ``errors`` float64 [M] on held-out training pictures, by its header, between 0 and 1.
    """

    probabilities: vote.Probabilities
    labels: Answers
    errors: Doubles


def _voices(given: Answered) -> Doubles:
    return np.asarray(np.eye(given.probabilities.shape[2])[given.probabilities.argmax(2)])


def _probabilities(given: Answered) -> Doubles:
    return given.probabilities.astype(np.float64)


def _logarithms(given: Answered) -> Doubles:
    return vote.logarithms(given.probabilities)


# What is summed: for logarithms a product of experts (Hinton, 2002); for all three Kittler et al., 1998.
SUMMED: Mapping[str, Callable[[Answered], Doubles]] = {
    "voices": _voices,
    "probabilities": _probabilities,
    "logarithms": _logarithms,
}
# By what: log-odds are best for voices of networks that err independently, each wrong class as likely (Kuncheva and
# Rodríguez, 2014, for K classes; Littlestone and Warmuth's weighted majority, 1994).
WEIGHTS: Mapping[str, Callable[[Doubles, int], Doubles]] = {
    "equally": lambda errors, classes: np.ones_like(errors),
    "by log-odds": lambda errors, classes: np.log((1 - errors) / errors) + np.log(classes - 1),
    "by 1/error": lambda errors, classes: 1 / errors,
    "by 1/error²": lambda errors, classes: errors**-2,
}


def _combined(what: str, how: str, given: Answered) -> Answers:
    weights = WEIGHTS[how](given.errors, given.probabilities.shape[2])
    return np.asarray(np.einsum("m,mnk->nk", weights, SUMMED[what](given)).argmax(1), np.int64)


RULES: Mapping[str, Callable[[Answered], Answers]] = {
    BASE: lambda given: vote.majority(given.probabilities),
    **{
        f"{what} {how}": partial(_combined, what, how)
        for what in SUMMED
        for how in WEIGHTS
        if (what, how) != ("voices", "equally")  # that is one voice each, ties to the first class
    },
    # The vote itself: it says nothing that no network says, which changes an answer now and then.
    OURS: lambda given: vote.vote(given.probabilities, (1 / given.errors).tolist())[0],
}


def judge(sets: Mapping[str, Answered]) -> dict[str, Any]:
    """How right each rule is on each set, by name, and what it gains over one voice each on all, JSON-able: wrong
    answers it turned ``right``, right ones it turned ``wrong``, McNemar's ``p``, and whether it ``beats`` that rule.
    """
    right = {rule: _right(rule, sets) for rule in RULES}
    return {rule: _compared(told, right[BASE]) for rule, told in right.items()}


def challenge(sets: Mapping[str, Answered], rule: str) -> dict[str, Any]:
    """What a rule gains over that of ``models.vote``: as ``judge`` tells it of one voice each, and the ``rule``."""
    return {"rule": rule, **_compared(_right(rule, sets), _right(OURS, sets))}


def _right(rule: str, sets: Mapping[str, Answered]) -> Right:
    return {name: RULES[rule](given) == given.labels for name, given in sets.items()}


def _compared(right: Right, base: Right) -> dict[str, Any]:
    turned = {name: (int((told & ~base[name]).sum()), int((~told & base[name]).sum())) for name, told in right.items()}
    gained, lost = (sum(counts) for counts in zip(*turned.values(), strict=True))
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    everywhere = all(better >= worse for better, worse in turned.values())
    return {
        "accuracy": {name: round(float(told.mean()), 6) for name, told in right.items()},
        "right": gained,
        "wrong": lost,
        "p": float(f"{p:.3g}"),
        "beats": bool(gained > lost and everywhere and p < CHANCE / (len(RULES) - 1)),
    }


def best(rules: Mapping[str, Mapping[str, Any]]) -> str:
    """The rule that gains most of those that beat one voice each; that one if none does."""
    beating = [name for name, told in rules.items() if told["beats"]]
    return max(beating, key=lambda name: int(rules[name]["right"] - rules[name]["wrong"]), default=BASE)


def ask_all(weights: Path, data_dir: Path, scenes: Path, count: int) -> tuple[dict[str, Answered], dict[str, str]]:
    """What the networks say of each set of held-out pictures, by its name; and their checkpoints' digests.

    CheckpointError for a file that cannot be trusted, or tells no accuracy on held-out pictures; DataError where a
    dataset is not there.
    """
    sets: dict[str, Answered] = {}
    digests: dict[str, str] = {}
    for dataset in DATASETS:
        shown = {f"{dataset} held out": (*_held_out(dataset, data_dir, count), False)}
        if scene_sets.path_for(scenes, dataset).is_file():
            shown[f"{dataset} scenes"] = (*_scenes(scenes, dataset, count), True)
        networks = {name: _Network.of(checkpoints.path_for(dataset, name, weights)) for name in ARCHITECTURES}
        digests |= {f"{dataset}/{name}": network.digest for name, network in networks.items()}
        errors = np.array([network.error for network in networks.values()])
        for name, (pictures, labels, sent) in shown.items():
            told = [network.ask(pictures, sent, f"{who}: {name}") for who, network in networks.items()]
            sets[name] = Answered(np.stack(told), labels.numpy(), errors)
    return sets, digests


@dataclass(frozen=True)
class _Network:
    runner: Runner
    digest: str
    error: float

    @classmethod
    def of(cls, path: Path) -> _Network:
        source = described(file_format.open_file(path))
        if (error := vote.error(source.content.header.get("metrics", {}))) is None:
            raise checkpoints.CheckpointError(f"{path} tells no held_out_accuracy; lineup evaluate measures it")
        return cls(compiler.load(source)[0], source.content.header["digest"], error)

    def ask(self, pictures: Tensor, sent: bool, note: str) -> vote.Probabilities:
        """Of pictures uint8 [N, 28, 28]: float32 [N, 10]. ``sent``: they were not of the dataset's own kind."""
        parts = track(pictures.split(BATCH), note, transient=True, disable=not sys.stdout.isatty())
        return np.concatenate([self.runner.probabilities(one.numpy(), np.full(len(one), sent)) for one in parts])


def _held_out(dataset: str, data_dir: Path, count: int) -> tuple[Tensor, Tensor]:
    pictures, labels = load_split(dataset, "train", data_dir)
    _, held = held_out_split(len(pictures))
    return evenly(pictures[held], labels[held], count)


def _scenes(folder: Path, dataset: str, count: int) -> tuple[Tensor, Tensor]:
    return evenly(*scene_sets.load(folder, dataset, "held").clear(), count)


def summary(rules: Mapping[str, Mapping[str, Any]], challenger: Mapping[str, Any]) -> str:
    """A line a rule for the terminal, and what follows."""
    lines = []
    for rule, told in rules.items():
        shares = ", ".join(f"{name} {share:.2%}" for name, share in told["accuracy"].items())
        lines.append(f"{rule:28} {shares}; +{told['right']} -{told['wrong']}, p = {told['p']:.2g}")
    ours = "beats one voice each" if rules[OURS]["beats"] else "does not beat one voice each"
    lines.append(f"best: {challenger['rule']}; models.vote has {OURS}, which {ours}")
    if challenger["rule"] != OURS:
        more = "beats it" if challenger["beats"] else "does not beat it, so it stays"
        lines.append(f"against it the best turns +{challenger['right']} -{challenger['wrong']}, and {more}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Judge the rules and record what was found; 1 if a checkpoint or a dataset cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m models.evaluation.vote_rules", description=__doc__)
    parser.add_argument("--weights", type=Path, help="folder of checkpoints (default: LINEUP_WEIGHTS, else weights/)")
    parser.add_argument("--data-dir", type=Path, default=Path("data"), help="holds MNIST/raw and FashionMNIST/raw")
    parser.add_argument("--scenes", type=Path, default=scene_sets.FOLDER, help="sets of scenes, where they are")
    parser.add_argument("--count", type=int, default=COUNT, help=f"pictures of each set (default: {COUNT})")
    options = parser.parse_args(argv)
    try:
        weights = checkpoints.root(options.weights)
        sets, digests = ask_all(weights, options.data_dir, options.scenes, options.count)
    except (checkpoints.CheckpointError, DataError, FileNotFoundError) as error:
        print(error)
        return 1
    rules = judge(sets)
    challenger = challenge(sets, best(rules))
    counts = {name: len(given.labels) for name, given in sets.items()}
    found = {**circumstances(torch.device("cpu")), "of": digests, "n": counts, "rules": rules, "best": best(rules)}
    atomic.write_json(weights / "vote.json", found | {"challenge": challenger})
    print(summary(rules, challenger))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
