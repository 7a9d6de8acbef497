"""What the service says, made from what the networks gave: no waiting, no HTTP."""

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.answers import (
    Agreement,
    Box,
    Comparison,
    ComparisonTail,
    Digit,
    ErrorDetail,
    IntakeTiming,
    Line,
    Prediction,
    PreparedPicture,
    Reading,
    ReadingTiming,
    Scored,
    Step,
    Timing,
)
from app.errors import ApiError
from app.serving.batcher import Done
from app.serving.intake import Found, Page, Seen

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
        **judged(seen),
        label=ranked[0].label,
        index=ranked[0].index,
        confidence=ranked[0].probability,
        predictions=ranked[:top_k],
        timing_ms=Timing(
            decode=ms(seen.decode_s),
            auto=ms(seen.auto_s),
            prepare=ms(seen.prepare_s),
            gate=ms(seen.gate_s),
            queue=ms(done.queued_s),
            inference=ms(done.ran_s),
            total=total_ms,
        ),
        batch_size=done.batch_size,
    )


def judged(seen: Seen) -> dict[str, Any]:
    """What kind of picture it is: the dataset, how sure `auto` was, and what the gate says."""
    sure, verdict = seen.dataset_confidence, seen.verdict
    return {
        "dataset": seen.dataset,
        "dataset_confidence": None if sure is None else round(sure, DIGITS),
        "in_distribution": None if verdict is None else verdict.in_distribution,
        "in_distribution_score": None if verdict is None else round(verdict.score, DIGITS),
        "reason": None if verdict is None else verdict.reason,
    }


def prepared(seen: Seen, scale: int, total_ms: float) -> PreparedPicture:
    """What the networks see."""
    return PreparedPicture(
        **judged(seen),
        pixels=seen.picture.tolist(),
        png=base64.b64encode(png(seen.picture, scale)).decode(),
        steps=[Step(name=step.name, parameters=step.parameters) for step in seen.steps],
        timing_ms=intake_timing(seen, total_ms),
    )


def png(picture: NDArray[np.uint8], scale: int) -> bytes:
    """A picture uint8 [28, 28] as grey PNG, each pixel a square of `scale` pixels."""
    file = io.BytesIO()
    Image.fromarray(picture.repeat(scale, axis=0).repeat(scale, axis=1)).save(file, "PNG")
    return file.getvalue()


def reading(
    model: str, page: Page, done: Sequence[Done[NDArray[np.float32]]], classes: Sequence[str], total_ms: float
) -> Reading:
    """The number: the digits found, with what the network gave for each, in their order."""
    answers = iter(done)
    lines = []
    for found in page.lines:
        digits = [_digit(one, next(answers).value, classes) for one in found]
        lines.append(Line(text="".join(digit.label for digit in digits), digits=digits))
    waited = max(one.queued_s + one.ran_s for one in done)
    timing = ReadingTiming(decode=ms(page.decode_s), find=ms(page.find_s), inference=ms(waited), total=total_ms)
    return Reading(model=model, number="\n".join(line.text for line in lines), lines=lines, timing_ms=timing)


def _digit(found: Found, probabilities: NDArray[np.float32], classes: Sequence[str]) -> Digit:
    best = scores(probabilities, classes)[0]
    x, y, width, height = found.box
    return Digit(
        label=best.label,
        index=best.index,
        confidence=best.probability,
        box=Box(x=x, y=y, width=width, height=height),
        in_distribution=None if found.verdict is None else found.verdict.in_distribution,
        in_distribution_score=None if found.verdict is None else round(found.verdict.score, DIGITS),
    )


def intake_timing(seen: Seen, total_ms: float) -> IntakeTiming:
    """What the steps before the networks took, and the whole."""
    parts = {"decode": seen.decode_s, "auto": seen.auto_s, "prepare": seen.prepare_s, "gate": seen.gate_s}
    return IntakeTiming(**{name: ms(seconds) for name, seconds in parts.items()}, total=total_ms)


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
        **judged(seen),
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
