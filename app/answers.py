"""What the service says, made from what the networks gave: no waiting, no HTTP."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from app.batcher import Done
from app.errors import ApiError
from app.intake import Seen
from app.schemas import (
    Agreement,
    Comparison,
    ComparisonTail,
    ErrorDetail,
    IntakeTiming,
    Prediction,
    Scored,
    Timing,
)

# Digits of a probability. Float32 sums in another order in a batch than alone, which moves a probability by less
# than 1e-6; after four digits hardly one in ten thousand shows it.
DIGITS = 4

Outcome = Prediction | ApiError


def ms(seconds: float) -> float:
    """Milliseconds as the answers give them."""
    return round(seconds * 1000, 2)


def scores(probabilities: NDArray[np.float32], classes: Sequence[str]) -> list[Scored]:
    """Every class, likeliest first, by what the network gave; rounded is only what is told."""
    order = sorted(range(len(classes)), key=lambda i: (-probabilities[i], i))
    return [Scored(label=classes[i], index=i, probability=round(float(probabilities[i]), DIGITS)) for i in order]


def prediction(
    model: str, seen: Seen, classes: Sequence[str], done: Done[NDArray[np.float32]], top_k: int, total_ms: float
) -> Prediction:
    """One network's answer, with the `top_k` likeliest classes."""
    ranked = scores(done.value, classes)
    return Prediction(
        model=model,
        dataset=seen.dataset,
        dataset_confidence=confidence(seen),
        label=ranked[0].label,
        index=ranked[0].index,
        confidence=ranked[0].probability,
        predictions=ranked[:top_k],
        timing_ms=Timing(
            decode=ms(seen.decode_s),
            auto=ms(seen.auto_s),
            prepare=ms(seen.prepare_s),
            queue=ms(done.queued_s),
            inference=ms(done.ran_s),
            total=total_ms,
        ),
        batch_size=done.batch_size,
    )


def confidence(seen: Seen) -> float | None:
    """How sure `auto` was, rounded; None where the request named the dataset."""
    return None if seen.dataset_confidence is None else round(seen.dataset_confidence, DIGITS)


def intake_timing(seen: Seen, total_ms: float) -> IntakeTiming:
    """What the steps before the networks took, and the whole."""
    return IntakeTiming(decode=ms(seen.decode_s), auto=ms(seen.auto_s), prepare=ms(seen.prepare_s), total=total_ms)


def agreement(answers: Sequence[Prediction]) -> Agreement | None:
    """What most networks say; None where none answered."""
    if not answers:
        return None
    votes: dict[int, list[Prediction]] = {}
    for answer in answers:
        votes.setdefault(answer.index, []).append(answer)
    index, winners = max(votes.items(), key=lambda vote: (len(vote[1]), sum(a.confidence for a in vote[1])))
    dissent = [answer.model for answer in answers if answer.index != index]
    return Agreement(label=winners[0].label, index=index, votes=len(winners), of=len(answers), dissent=dissent)


def tail(outcomes: Mapping[str, Outcome], seen: Seen, total_ms: float) -> ComparisonTail:
    """What can be said once every network has answered or failed."""
    errors = {model: outcome for model, outcome in outcomes.items() if isinstance(outcome, ApiError)}
    return ComparisonTail(
        unavailable=list(errors),
        errors={model: ErrorDetail(code=e.code, message=e.message) for model, e in errors.items()},
        agreement=agreement(_predictions(outcomes)),
        timing_ms=intake_timing(seen, total_ms),
    )


def comparison(outcomes: Mapping[str, Outcome], seen: Seen, total_ms: float) -> Comparison:
    """The answers of all networks beside each other. Raises the first error where no network answered."""
    raise_if_all_failed(list(outcomes.values()))
    return Comparison(
        dataset=seen.dataset,
        dataset_confidence=confidence(seen),
        results=_predictions(outcomes),
        **dict(tail(outcomes, seen, total_ms)),
    )


def raise_if_all_failed(outcomes: Sequence[Outcome]) -> None:
    """Raise the first error where all failed and it is the service's, not the pictures': 429 and 5xx."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, ApiError)]
    if len(errors) == len(outcomes) and all(error.status == 429 or error.status >= 500 for error in errors):
        raise errors[0]


def _predictions(outcomes: Mapping[str, Outcome]) -> list[Prediction]:
    return [outcome for outcome in outcomes.values() if isinstance(outcome, Prediction)]
