"""Loading, and when what was loaded anew may take the place of what answers now."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.serving.engine import Engine
from app.serving.intake import Intake
from app.serving.state import State

log = logging.getLogger(__name__)

States = Mapping[tuple[str, str], State]  # by dataset and network
Small = Mapping[str, State]  # auto and gate


def load(root: Path, intake: Intake, engine: Engine) -> None:
    """Load both from a folder of checkpoints. Where that breaks off, their states show what had not been loaded."""
    for each in (intake.load, engine.load):
        try:
            each(root)
        except Exception:
            log.exception("loading broke off")


def objections(before: tuple[States, Small], after: tuple[States, Small]) -> Iterator[str]:
    """What speaks against it, in words: whatever could not be loaded, and whatever was there and is not any more."""
    for (dataset, model), state in after[0].items():
        if _is_worse(before[0].get((dataset, model)), state):
            yield f"{model} for {dataset} is {state.state}: {state.reason}"
    if not any(state.state == "ready" for state in after[0].values()):
        yield "there is no network"
    for name, state in after[1].items():
        if _is_worse(before[1].get(name), state):
            yield f"{name} is {state.state}: {state.reason}"


def _is_worse(before: State | None, after: State) -> bool:
    if after.state == "missing":
        return before is not None and before.state == "ready"
    return after.state != "ready"
