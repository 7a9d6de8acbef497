"""Where checkpoints lie."""

from __future__ import annotations

import os
from pathlib import Path

SUFFIX = ".lineup"


def root(wanted: Path | None = None) -> Path:
    """The folder of checkpoints: ``wanted``, else LINEUP_WEIGHTS, else weights/ beside models/. FileNotFoundError
    names the places.
    """
    beside = Path(__file__).resolve().parents[2] / "weights"
    named = os.fspath(wanted) if wanted else os.environ.get("LINEUP_WEIGHTS")
    folder = Path(named) if named else beside
    if not folder.is_dir():
        told = f"LINEUP_WEIGHTS or --weights is {named!r}" if named else "LINEUP_WEIGHTS is not set"
        raise FileNotFoundError(f"no folder of checkpoints: {told}, and beside the code the place is {beside}")
    return folder


def path_for(dataset: str, architecture: str, folder: str | Path | None = None) -> Path:
    """Where the checkpoint of a network for a dataset lies below ``folder``, or below ``root()``, whether or not it is
    there.
    """
    return Path(folder or root()) / dataset / f"{architecture}{SUFFIX}"
