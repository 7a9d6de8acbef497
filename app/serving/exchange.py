"""Loading, and when what was loaded anew may take the place of what answers now."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from app.errors import ApiError
from app.serving.engine import Engine
from app.serving.intake import Intake
from app.serving.state import State, told

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


def folder_of(engine: Engine) -> Path:
    """The folder whose checkpoints are to take the place of those of ``engine``. ApiError where it is gone."""
    try:
        return engine.root()
    except FileNotFoundError as error:
        raise _refused(str(error)) from error


def objections(before: tuple[States, Small], after: tuple[States, Small]) -> Iterator[str]:
    """What speaks against it, in words: whatever could not be loaded, and whatever was there and is not any more."""
    yield from against_networks(before[0], after[0])
    yield from against_small(before[1], after[1])


def against_networks(before: States, after: States) -> Iterator[str]:
    """The same of networks alone; that there would be none, too."""
    for (dataset, model), state in after.items():
        if _is_worse(before.get((dataset, model)), state):
            yield told(dataset, model, state)
    if not any(state.state == "ready" for state in after.values()):
        yield "there is no network"


def against_small(before: Small, after: Small) -> Iterator[str]:
    """The same of auto and gate."""
    for name, state in after.items():
        if _is_worse(before.get(name), state):
            yield f"{name} is {state.state}: {state.reason}"


def refuse_if(objections: Iterable[str]) -> None:
    """Raise ApiError where anything speaks against what was loaded anew."""
    if found := list(objections):
        raise _refused("; ".join(found))


def _refused(why: str) -> ApiError:
    return ApiError("model_unavailable", f"the checkpoints that were there go on answering; of the new ones {why}")


def _is_worse(before: State | None, after: State) -> bool:
    if after.state == "missing":
        return before is not None and before.state == "ready"
    return after.state != "ready"
