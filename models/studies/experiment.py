"""A whole study: of each variant its own best rate, its runs over the seeds, and how high a rate it bears."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from models.studies import networks, runs
from models.studies.kept import Kept
from models.studies.study import Ladder, Study, Variant

FACTOR = 3.0  # between two rates that are tried
FURTHER = 2  # rates tried at most beyond the first three
TIE = 0.005  # held-out accuracies of 5,000 pictures that are no further apart are the same
STILL = 0.15  # held-out accuracy up to which nothing was learned; chance is 0.1
CHOICE_SEED = 0  # by which rates are chosen; measured is with others
SEEDS = 3
TRIALS = 3.5  # of a variant, on the average, where the cost is guessed


def say(line: str) -> None:
    """Print at once: runs take long, and logs are read meanwhile."""
    print(line, flush=True)


@dataclass(frozen=True)
class Bench:
    """Where the runs of studies happen: the pictures, the figures kept, who is told of each run, and how many seconds
    each took.
    """

    data: runs.Data
    kept: Kept
    tell: Callable[[str], None] = say
    spent: list[float] = field(default_factory=list)

    def run(self, study: Study, name: str, rate: float, seed: int, kind: str) -> dict[str, Any]:
        """The figures of one run, kept or made now: ``kind`` is "trial", "final" or "ladder"."""
        variant, plan = study.variants[name], study.plan
        if kind == "ladder" and study.ladder:
            plan = replace(plan, pictures=study.ladder.steps * plan.batch_size, passes=1)
        identity = {"study": study.name, "variant": name} | runs.identity(variant, plan, rate, seed, kind)
        work = runs.final if kind == "final" else runs.trial
        new = not self.kept.has(identity)
        figures = self.kept.get(identity, lambda: work(variant, plan, self.data, rate, seed))
        self.spent.append(figures["seconds"])
        found = f"held out {figures['held_out_accuracy']:.1%}, {figures['seconds']:.0f} s"
        self.tell(f"{study.name}/{name} {kind} rate {rate:.3g} seed {seed}: {found}{'' if new else ', kept'}")
        return figures


def perform(study: Study, bench: Bench, seeds: int = SEEDS) -> dict[str, dict[str, Any]]:
    """The figures of all variants of a study, by name. ValueError for fewer than one seed."""
    if seeds < 1:
        raise ValueError(f"a study needs one seed at least, got {seeds}")
    return {name: _variant(study, name, bench, range(1, seeds + 1)) for name in study.variants}


def _variant(study: Study, name: str, bench: Bench, seeds: Sequence[int]) -> dict[str, Any]:
    variant, before = study.variants[name], len(bench.spent)
    tried = best_rate(
        lambda rate: float(bench.run(study, name, rate, CHOICE_SEED, "trial")["held_out_accuracy"]), study.plan.rate
    )
    rate = chosen(tried)
    network = runs.made(variant, 0).network
    told: dict[str, Any] = {"title": variant.title, "parameters": networks.parameters(network)}
    told |= {"macs": networks.macs(network), "rate": rate}
    told["tried"] = [{"rate": each, "held_out_accuracy": tried[each]} for each in sorted(tried)]
    told["runs"] = [bench.run(study, name, rate, seed, "final") for seed in seeds]
    if study.ladder:
        for run in told["runs"]:
            run["highest_rate"], run["ladder"] = _climbed(study, name, bench, study.ladder, run["seed"])
    return told | {"seconds": round(sum(bench.spent[before:]), 1)}


def best_rate(accuracy: Callable[[float], float], start: float) -> dict[float, float]:
    """Rates tried, with their accuracies: ``start``, its two neighbours, and on from the better of them as long as it
    gets better; on both sides as long as nothing was learned. ``FURTHER`` more at most.
    """
    tried = {rate: accuracy(rate) for rate in (start, _rounded(start * FACTOR), _rounded(start / FACTOR))}
    for _ in range(FURTHER):
        best = max(tried, key=lambda rate: tried[rate])
        if tried[best] <= STILL:  # which side is the better one nobody knows: the one less looked at, the lower first
            below = sum(rate < start for rate in tried)
            best = min(tried) if 2 * below < len(tried) else max(tried)
        elif best not in (max(tried), min(tried)):
            break
        beyond = _rounded(best * FACTOR if best == max(tried) else best / FACTOR)
        tried[beyond] = accuracy(beyond)
    return tried


def chosen(tried: Mapping[float, float]) -> float:
    """The lowest of the rates that are as good as the best: close to what a network bears, another seed may diverge."""
    best = max(tried.values())
    return min(rate for rate, accuracy in tried.items() if accuracy >= best - TIE)


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")


def _climbed(
    study: Study, name: str, bench: Bench, ladder: Ladder, seed: int
) -> tuple[float | None, list[dict[str, float]]]:
    """The highest rate of a ladder at which a variant learns, None if at none; and what came out at each."""
    steps = [
        {"rate": rate, "held_out_accuracy": bench.run(study, name, rate, seed, "ladder")["held_out_accuracy"]}
        for rate in ladder.rates
    ]
    learned = [step["rate"] for step in steps if step["held_out_accuracy"] >= ladder.learns]
    return max(learned, default=None), steps


def cost(study: Study, seeds: int = SEEDS) -> float:
    """Seconds of one core that a study takes here, about, from a few steps of each variant."""
    return sum(_cost(study, variant, seeds) for variant in study.variants.values())


def _cost(study: Study, variant: Variant, seeds: int) -> float:
    plan, step = study.plan, runs.seconds_a_step(variant, study.plan)
    answer = step / plan.batch_size / 3  # a picture forward alone, against forward and backward
    points = plan.steps // plan.watch_every + 1
    final = plan.steps * step + answer * (points * runs.WATCHED + runs.MEASURED + 5_000 + 10_000)
    trial = plan.steps * step + answer * 5_000
    climbs = len(study.ladder.rates) * (study.ladder.steps * step + answer * 5_000) if study.ladder else 0.0
    return TRIALS * trial + seeds * (final + climbs)
