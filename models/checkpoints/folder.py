"""Where checkpoints lie."""

from __future__ import annotations

import os
from pathlib import Path

SUFFIX = ".lineup"


def root() -> Path:
    """The folder of checkpoints: LINEUP_WEIGHTS, else weights/ beside models/. FileNotFoundError names both
    places.
    """
    named = os.environ.get("LINEUP_WEIGHTS")
    beside = Path(__file__).resolve().parents[2] / "weights"
    folder = Path(named) if named else beside
    if not folder.is_dir():
        told = f"LINEUP_WEIGHTS is {named!r}" if named else "LINEUP_WEIGHTS is not set"
        raise FileNotFoundError(f"no folder of checkpoints: {told}, and beside the code the place is {beside}")
    return folder


_default_root = root  # path_for's argument hides the function's name


def path_for(dataset: str, architecture: str, root: str | Path | None = None) -> Path:
    """Where the checkpoint of a network for a dataset lies below ``root``, whether or not it is there."""
    return Path(root or _default_root()) / dataset / f"{architecture}{SUFFIX}"
