"""Where something that is loaded from a checkpoint stands."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class State:
    """Where the classifier of one dataset and network, or a network of the intake, stands; `reason` says why it is
    missing or failed.
    """

    state: Literal["loading", "ready", "missing", "failed"]
    reason: str | None = None
