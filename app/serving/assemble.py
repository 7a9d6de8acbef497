"""What the service says, made from what the networks gave: no waiting, no HTTP."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.answers import (
    Agreement,
    Comparison,
    ComparisonTail,
    ErrorDetail,
    IntakeTiming,
    Prediction,
    Scored,
    Timing,
)
from app.errors import ApiError
from app.readings import Box, Digit, Line, PreparedPicture, Reading, ReadingTiming, Step
from app.serving.backends import Chances
from app.serving.clock import ms
from app.serving.tickets import Done
from models.intake.gate import Verdict
from models.intake.pipeline import Page, Seen
from models.intake.read import Found
from models.vote import vote

# Digits of a probability. Float32 sums in another order in a batch than alone, which moves a probability by less
# than 1e-6; after four digits hardly one in ten thousand shows it.
DIGITS = 4


@dataclass(frozen=True)
class Answered:
    """One network's answer; the exact probabilities float32 [K] that it is told of in four digits; the digest of the
    checkpoint that gave them, and how much that weighs in a vote.
    """

    prediction: Prediction
    probabilities: NDArray[np.float32]
    digest: str
    weight: float | None = None


@dataclass(frozen=True)
class Read:
    """A number, and the digests of the checkpoints that read it: one, but while they are exchanged."""

    reading: Reading
    digests: Sequence[str]


Outcome = Answered | ApiError


def scores(probabilities: NDArray[np.float32], classes: Sequence[str]) -> list[Scored]:
    """Every class, likeliest first, by what the network gave; rounded is only what is told."""
    given = probabilities.tolist()
    order = sorted(range(len(classes)), key=given.__getitem__, reverse=True)  # stable: of equals the first stays first
    return [Scored(label=classes[i], index=i, probability=round(given[i], DIGITS)) for i in order]


def answered(
    model: str, seen: Seen, classes: Sequence[str], done: Done[Chances], top_k: int, total_ms: float
) -> Answered:
    """One network's answer, with the `top_k` likeliest classes."""
    ranked = scores(done.value.probabilities, classes)
    told = Prediction(
        model=model,
        **judged(seen),
        label=ranked[0].label,
        index=ranked[0].index,
        confidence=ranked[0].probability,
        predictions=ranked[:top_k],
        timing_ms=Timing(**steps_ms(seen), queue=ms(done.queued_s), inference=ms(done.ran_s), total=total_ms),
        batch_size=done.batch_size,
    )
    return Answered(told, done.value.probabilities, done.value.digest, done.value.weight)


def judged(seen: Seen) -> dict[str, Any]:
    """What kind of picture it is: the dataset, how sure `auto` was, and what the gate says."""
    sure, verdict = seen.dataset_confidence, seen.verdict
    return {
        "dataset": seen.dataset,
        "dataset_confidence": None if sure is None else round(sure, DIGITS),
        **_distribution(verdict),
        "reason": None if verdict is None else verdict.reason,
    }


def _distribution(verdict: Verdict | None) -> dict[str, Any]:
    """Whether a picture or a digit is of its dataset's kind; None where there is no gate."""
    return {
        "in_distribution": None if verdict is None else verdict.in_distribution,
        "in_distribution_score": None if verdict is None else round(verdict.score, DIGITS),
    }


def prepared(seen: Seen, scale: int, total_ms: float) -> PreparedPicture:
    """What the networks see."""
    return PreparedPicture(
        **judged(seen),
        pixels=seen.picture.tolist(),
        png=base64_png(seen.picture, scale),
        steps=[Step(name=step.name, parameters=step.parameters) for step in seen.steps],
        timing_ms=intake_timing(seen, total_ms),
    )


def png(picture: NDArray[np.uint8], scale: int) -> bytes:
    """A picture uint8 [28, 28] as grey PNG, each pixel a square of `scale` pixels."""
    file = io.BytesIO()
    Image.fromarray(picture.repeat(scale, axis=0).repeat(scale, axis=1)).save(file, "PNG")
    return file.getvalue()


def base64_png(picture: NDArray[np.uint8], scale: int = 1) -> str:
    """The same in base64, as JSON holds it."""
    return base64.b64encode(png(picture, scale)).decode()


def reading(model: str, page: Page, done: Sequence[Done[Chances]], classes: Sequence[str], total_ms: float) -> Read:
    """The number: the digits found, with what the network gave for each, in their order."""
    answers = iter(done)
    lines = []
    for found in page.lines:
        digits = [_digit(one, next(answers).value.probabilities, classes) for one in found]
        lines.append(Line(text="".join(digit.label for digit in digits), digits=digits))
    waited = max(one.queued_s + one.ran_s for one in done)
    timing = ReadingTiming(decode=ms(page.decode_s), find=ms(page.find_s), inference=ms(waited), total=total_ms)
    told = Reading(model=model, number="\n".join(line.text for line in lines), lines=lines, timing_ms=timing)
    return Read(told, sorted({one.value.digest for one in done}))


def _digit(found: Found, probabilities: NDArray[np.float32], classes: Sequence[str]) -> Digit:
    best = scores(probabilities, classes)[0]
    x, y, width, height = found.box
    return Digit(
        label=best.label,
        index=best.index,
        confidence=best.probability,
        box=Box(x=x, y=y, width=width, height=height),
        **_distribution(found.verdict),
    )


def intake_timing(seen: Seen, total_ms: float) -> IntakeTiming:
    """What the steps before the networks took, and the whole."""
    return IntakeTiming(**steps_ms(seen), total=total_ms)


def steps_ms(seen: Seen) -> dict[str, float]:
    """What each step before the networks took."""
    parts = {"decode": seen.decode_s, "auto": seen.auto_s, "prepare": seen.prepare_s, "gate": seen.gate_s}
    return {name: ms(seconds) for name, seconds in parts.items()}


def agreement(answers: Sequence[Answered]) -> Agreement | None:
    """What the networks say together, by `models.vote`; None where none answered."""
    if not answers:
        return None
    said = np.stack([answer.probabilities for answer in answers])[:, None]
    index = int(vote(said, [answer.weight for answer in answers])[0][0])
    agreed = [answer.prediction for answer in answers if answer.prediction.index == index]
    dissent = [answer.prediction.model for answer in answers if answer.prediction.index != index]
    return Agreement(label=agreed[0].label, index=index, votes=len(agreed), of=len(answers), dissent=dissent)


def tail(outcomes: Mapping[str, Outcome], seen: Seen, total_ms: float) -> ComparisonTail:
    """What can be said once every network has answered or failed."""
    errors = {model: outcome for model, outcome in outcomes.items() if isinstance(outcome, ApiError)}
    return ComparisonTail(
        unavailable=list(errors),
        errors={model: detail(error) for model, error in errors.items()},
        agreement=agreement(_answers(outcomes)),
        timing_ms=intake_timing(seen, total_ms),
    )


def comparison(outcomes: Mapping[str, Outcome], seen: Seen, total_ms: float) -> Comparison:
    """The answers of all networks beside each other. Raises the first error where no network answered."""
    raise_if_all_failed(list(outcomes.values()))
    return Comparison(
        **judged(seen),
        results=[answer.prediction for answer in _answers(outcomes)],
        **dict(tail(outcomes, seen, total_ms)),
    )


def detail(error: ApiError) -> ErrorDetail:
    """An error as it stands among answers."""
    return ErrorDetail(code=error.code, message=error.message)


def raise_if_all_failed(outcomes: Sequence[Outcome]) -> None:
    """Raise the first error where all failed and it is the service's, not the pictures': 429 and 5xx."""
    errors = [outcome for outcome in outcomes if isinstance(outcome, ApiError)]
    if len(errors) == len(outcomes) and all(error.status == 429 or error.status >= 500 for error in errors):
        raise errors[0].again()


def _answers(outcomes: Mapping[str, Outcome]) -> list[Answered]:
    return [outcome for outcome in outcomes.values() if isinstance(outcome, Answered)]
