"""Where checkpoints lie."""

from __future__ import annotations

import os
from pathlib import Path

SUFFIX = ".lineup"
_BESIDE = Path(__file__).resolve().parents[2] / "weights"


def place(wanted: Path | None = None) -> Path:
    """Where checkpoints lie, or would: ``wanted``, else LINEUP_WEIGHTS, else weights/ beside models/."""
    return wanted or Path(os.environ.get("LINEUP_WEIGHTS") or _BESIDE)


def is_there(path: Path) -> bool:
    """Whether something is there; where it may not be looked at, too: opening it says so."""
    try:
        path.stat()
    except OSError as error:
        return not isinstance(error, FileNotFoundError | NotADirectoryError)
    return True


def root(wanted: Path | None = None) -> Path:
    """The folder of checkpoints: ``place``, where there is one. FileNotFoundError names the places."""
    folder = place(wanted)
    if not _is_folder(folder):
        named = wanted or os.environ.get("LINEUP_WEIGHTS")
        told = f"LINEUP_WEIGHTS or --weights is {os.fspath(named)!r}" if named else "LINEUP_WEIGHTS is not set"
        raise FileNotFoundError(f"no folder of checkpoints: {told}, and beside the code the place is {_BESIDE}")
    return folder


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # it may not be looked at; from Python 3.14 that is no error
        return False


def path_for(dataset: str, architecture: str, folder: str | Path | None = None) -> Path:
    """Where the checkpoint of a network for a dataset lies below ``folder``, or below ``root()``, whether or not it is
    there.
    """
    return Path(folder or root()) / dataset / f"{architecture}{SUFFIX}"
