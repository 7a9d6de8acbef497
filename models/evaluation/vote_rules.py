"""Which rule makes the best one answer of seven: ``python -m models.evaluation.vote_rules --data-dir DIR``.

Every rule is judged on pictures that no network learned from: training pictures held out, and held-out scenes where a
set of them has been made. Neither test sets nor photographs are looked at, so that they stay good for judging what is
chosen. The networks run in the form that the service takes (``models.compiled``), which is quick.

A rule sums what the networks say (their voices, probabilities or logarithms of these), each weighed by how right its
checkpoint's header says it is on held-out training pictures. The best is the one that on all sets together turns most
answers right, less those that it turns wrong, of those that lose on no set. It beats one voice each if that is more
than chance does on the held-out training pictures (McNemar's exact test, 5 % shared among the rules: Bonferroni):
scenes are views of few photographs and fonts, so that they do not count as so many. ``models.vote`` has the best, or
the two are compared in the same way: a lead that luck explains changes no rule. Recorded in vote.json beside the
checkpoints, with their digests and those of the code that measured and that made the scenes.
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
from models.arguments import whole
from models.catalog import ARCHITECTURES
from models.checkpoints import atomic, file_format
from models.checkpoints.described import described
from models.compiled import compiler
from models.compiled.runner import Runner
from models.data import scene_sets
from models.data.code_digest import code_digest
from models.data.pictures import evenly, held_out
from models.data.place import add_data_dir
from models.data.splits import DataError
from models.datasets import DATASETS
from models.evaluation.circumstances import circumstances

COUNT = 2_000  # pictures of each set, evenly spread: half a point shows, and seven networks take a minute
BATCH = 16
CHANCE = 0.05
CODE = "models.evaluation.vote_rules"  # with all that it reaches
BASE = "one voice each"
OURS = "logarithms by 1/error"  # what models.vote does

Answers = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Right = Mapping[str, npt.NDArray[np.bool_]]  # which pictures [N] a rule gets right, by the set's name


@dataclass(frozen=True)
class Answered:
    """What M networks said of N pictures, which are ``independent`` if no two are views of one thing: ``probabilities``
    float32 [M, N, K], calibrated; ``labels`` int64 [N]; and of each network the ``errors`` float64 [M] on held-out
    training pictures, by its header, between 0 and 1.
    """

    probabilities: vote.Probabilities
    labels: Answers
    errors: Doubles
    independent: bool = True


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
    answers it turned ``right``, right ones it turned ``wrong``; McNemar's p on independent pictures alone
    (``p_held_out``), and whether it ``beats`` that rule.
    """
    base = _right(BASE, sets)
    return {rule: _compared(_right(rule, sets), base, sets) for rule in RULES}


def challenge(sets: Mapping[str, Answered], rule: str) -> dict[str, Any]:
    """What a rule gains over that of ``models.vote``: as ``judge`` tells it of one voice each, and the ``rule``."""
    return {"rule": rule, **_compared(_right(rule, sets), _right(OURS, sets), sets)}


def _right(rule: str, sets: Mapping[str, Answered]) -> Right:
    return {name: RULES[rule](given) == given.labels for name, given in sets.items()}


def _compared(right: Right, base: Right, sets: Mapping[str, Answered]) -> dict[str, Any]:
    turned = {name: (int((told & ~base[name]).sum()), int((~told & base[name]).sum())) for name, told in right.items()}
    gained, lost = (sum(counts) for counts in zip(*turned.values(), strict=True))
    p = _luck([counts for name, counts in turned.items() if sets[name].independent])
    everywhere = all(better >= worse for better, worse in turned.values())
    return {
        "accuracy": {name: round(float(told.mean()), 6) for name, told in right.items()},
        "right": gained,
        "wrong": lost,
        "p_held_out": float(f"{p:.3g}"),
        "beats": bool(gained > lost and everywhere and p < CHANCE / (len(RULES) - 1)),
    }


def _luck(turned: Sequence[tuple[int, int]]) -> float:
    """The chance of counts as unequal as these, of each set, if either were as likely; 1 where no answer was turned."""
    gained, lost = (sum(counts) for counts in zip((0, 0), *turned, strict=True))
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def best(rules: Mapping[str, Mapping[str, Any]]) -> str:
    """The rule that gains most of those that are as right as one voice each on every set; that one if none gains."""
    base = rules[BASE]["accuracy"]
    safe = [name for name, told in rules.items() if all(told["accuracy"][one] >= base[one] for one in base)]
    return max(safe, key=lambda name: int(rules[name]["right"] - rules[name]["wrong"]))  # the first: one voice each


def ask_all(weights: Path, data_dir: Path, scenes: Path, count: int) -> tuple[dict[str, Answered], dict[str, str]]:
    """What the networks say of each set of held-out pictures, by its name; and their checkpoints' digests.

    CheckpointError for a file that cannot be trusted, or tells no accuracy on held-out pictures; DataError where a
    dataset is not there.
    """
    sets: dict[str, Answered] = {}
    digests: dict[str, str] = {}
    for dataset in DATASETS:
        shown = {f"{dataset} held out": (*held_out(dataset, data_dir, count), False)}
        if scene_sets.path_for(scenes, dataset).is_file():
            held = scene_sets.load(scenes, dataset, "held").clear()
            shown[f"{dataset} scenes"] = (*evenly(*held, count), True)
        networks = {name: _Network.of(weights, name, dataset) for name in ARCHITECTURES}
        digests |= {f"{dataset}/{name}": network.digest for name, network in networks.items()}
        errors = np.array([network.error for network in networks.values()])
        for name, (pictures, labels, sent) in shown.items():
            told = [network.ask(pictures, sent, f"{who}: {name}") for who, network in networks.items()]
            sets[name] = Answered(np.stack(told), labels.numpy(), errors, independent=not sent)
    return sets, digests


@dataclass(frozen=True)
class _Network:
    runner: Runner
    digest: str
    error: float

    @classmethod
    def of(cls, weights: Path, name: str, dataset: str) -> _Network:
        path = checkpoints.path_for(dataset, name, weights)
        source = described(file_format.open_file(path))
        checkpoints.expect_network(path, source.content.header, name, dataset)
        if (error := vote.error(source.content.header.get("metrics", {}))) is None:
            raise checkpoints.CheckpointError(f"{path} tells no held_out_accuracy; lineup evaluate measures it")
        return cls(compiler.load(source)[0], source.content.header["digest"], error)

    def ask(self, pictures: Tensor, sent: bool, note: str) -> vote.Probabilities:
        """Of pictures uint8 [N, 28, 28]: float32 [N, 10]. ``sent``: they were not of the dataset's own kind."""
        parts = track(pictures.split(BATCH), note, transient=True, disable=not sys.stdout.isatty())
        return np.concatenate([self.runner.probabilities(one.numpy(), np.full(len(one), sent)) for one in parts])


def summary(rules: Mapping[str, Mapping[str, Any]], challenger: Mapping[str, Any]) -> str:
    """A line a rule for the terminal, and what follows."""
    lines = []
    for rule, told in rules.items():
        shares = ", ".join(f"{name} {share:.2%}" for name, share in told["accuracy"].items())
        lines.append(f"{rule:28} {shares}; +{told['right']} -{told['wrong']}, held-out p = {told['p_held_out']:.2g}")
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
    add_data_dir(parser)
    parser.add_argument("--scenes", type=Path, default=scene_sets.FOLDER, help="sets of scenes, where they are")
    parser.add_argument("--count", type=whole(1), default=COUNT, help=f"pictures of each set (default: {COUNT})")
    options = parser.parse_args(argv)
    try:
        weights = checkpoints.root(options.weights)
        made_by, code = scene_sets.makers(options.scenes), code_digest(CODE)  # first: either may change meanwhile
        sets, digests = ask_all(weights, options.data_dir, options.scenes, options.count)
    except (checkpoints.CheckpointError, DataError, FileNotFoundError) as error:
        print(error)
        return 1
    rules = judge(sets)
    challenger = challenge(sets, best(rules))
    counts = {name: len(given.labels) for name, given in sets.items()}
    of = {"of": digests | {CODE: code}, "scenes": made_by, "n": counts}
    found = {**circumstances(torch.device("cpu")), **of, "rules": rules, "best": best(rules), "challenge": challenger}
    atomic.write_json(weights / "vote.json", found)
    print(summary(rules, challenger))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
