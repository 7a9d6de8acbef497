"""Which code made the sets of scenes that lie in a folder."""

from __future__ import annotations

import json
from pathlib import Path

from models.data import scene_sets
from models.datasets import DATASETS


def told(folder: Path) -> dict[str, str]:
    """The digest of that code, by dataset, as the files themselves tell it. A dataset is left out whose file is not
    there, is damaged, does not tell it, or cannot be read without safetensors.
    """
    found = {dataset: _made_by(scene_sets.path_for(folder, dataset)) for dataset in DATASETS}
    return {dataset: digest for dataset, digest in found.items() if digest is not None}


def _made_by(path: Path) -> str | None:
    try:
        from safetensors import SafetensorError, safe_open  # belongs to the extra `torch`
    except ImportError:
        return None
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
    except (OSError, ValueError, SafetensorError):
        return None
    return about.get("made_by") if isinstance(about, dict) else None
