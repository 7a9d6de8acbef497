"""Where something that is loaded from a checkpoint stands."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.errors import ApiError

STUCK_S = 60.0  # what a thread has worked on for so long, and six deadlines, will not end


@dataclass(frozen=True)
class State:
    """Where the classifier of one dataset and network, or a network of the intake, stands; `reason` says why it is
    missing or failed.
    """

    state: Literal["loading", "ready", "missing", "failed"]
    reason: str | None = None


def failed(error: Exception, root: Path) -> State:
    """Of what could not be loaded from the folder ``root``, which clients need not know."""
    told = f"{type(error).__name__}: {error}"
    return State("failed", told.replace(os.fspath(root.resolve()) + os.sep, "").replace(os.fspath(root) + os.sep, ""))


def told(dataset: str, model: str, state: State) -> str:
    """Where a network stands that does not answer, in words."""
    return f"{model} for {dataset} is {state.state}: {state.reason}"


def problem(dataset: str, model: str, state: State, retry_after: int | None = None) -> ApiError | None:
    """Why a network cannot answer for a dataset, if it cannot; `retry_after`: seconds until it may, unless it loads."""
    if state.state == "loading":
        return ApiError("not_ready", f"{model} for {dataset} is still loading; try again shortly", retry_after=2)
    if state.state != "ready":
        return ApiError("model_unavailable", told(dataset, model, state), retry_after=retry_after)
    return None


def lacking(networks: Mapping[tuple[str, str], State], small: Mapping[str, State]) -> str | None:
    """What is missing of the networks, and of auto and gate, before requests can be sent, in words; None if nothing."""
    if loading := sum(state.state == "loading" for state in [*networks.values(), *small.values()]):
        return f"{loading} of {len(networks) + len(small)} networks still to load"
    if not any(state.state == "ready" for state in networks.values()):
        return "no network could be loaded"
    failed = [f"{name}: {state.reason}" for name, state in small.items() if state.state == "failed"]
    return "; ".join(failed) or None


def stuck(busy_s: float, deadline_s: float) -> str | None:
    """That a thread no longer works, in words, where it has been busy with the same for so long; else None."""
    if busy_s > max(STUCK_S, 6 * deadline_s):
        return f"a thread has been busy with the same picture for {busy_s:.0f} s"
    return None
