"""The figures of finished runs on disk, so that an interrupted command goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from models.checkpoints.atomic import write_json


class Kept:
    """Figures by the identity of their run (JSON-able), a file each in ``folder``: what has another identity, as after
    a change of code, is not found, and stays for whoever goes back.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def path_for(self, identity: Mapping[str, Any]) -> Path:
        """Where the figures of a run lie, whether or not they are there."""
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        return self.folder / f"{digest[:16]}.json"

    def has(self, identity: Mapping[str, Any]) -> bool:
        """Whether the figures of a run are there."""
        return self.path_for(identity).is_file()

    def get(self, identity: Mapping[str, Any], run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The figures of a run; where they are not there, or cannot be read, it is run, and they are kept."""
        path = self.path_for(identity)
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            if told["identity"] == identity:
                return dict(told["figures"])
        except (OSError, ValueError, KeyError, TypeError):
            pass
        figures = run()
        write_json(path, {"identity": identity, "figures": figures})
        return figures
