"""Where checkpoints lie."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

SUFFIX = ".lineup"
_BESIDE = Path(__file__).resolve().parents[2] / "weights"


def place(wanted: Path | None = None) -> Path:
    """Where checkpoints lie, or would: ``wanted``, else LINEUP_WEIGHTS, else weights/ beside models/."""
    return wanted or Path(os.environ.get("LINEUP_WEIGHTS") or _BESIDE)


def is_there(path: Path, what: Callable[[Path], bool] = Path.is_file) -> bool:
    """Whether a file, or ``what`` else, is there; it is not where it may not be looked at."""
    try:
        return what(path)
    except OSError:
        return False


def root(wanted: Path | None = None) -> Path:
    """The folder of checkpoints: ``place``, where there is one. FileNotFoundError names the places."""
    folder = place(wanted)
    if not is_there(folder, Path.is_dir):
        named = wanted or os.environ.get("LINEUP_WEIGHTS")
        told = f"LINEUP_WEIGHTS or --weights is {os.fspath(named)!r}" if named else "LINEUP_WEIGHTS is not set"
        raise FileNotFoundError(f"no folder of checkpoints: {told}, and beside the code the place is {_BESIDE}")
    return folder


def path_for(dataset: str, architecture: str, folder: str | Path | None = None) -> Path:
    """Where the checkpoint of a network for a dataset lies below ``folder``, or below ``root()``, whether or not it is
    there.
    """
    return Path(folder or root()) / dataset / f"{architecture}{SUFFIX}"
