"""Files and folders that may not be looked at."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def forbid(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """Let nobody look at a file or folder, nor at what is in it, nor open it; no mode does that to root."""

    def closed(look: Callable[..., Any]) -> Callable[..., Any]:
        def asked(path: Path, *arguments: Any, **options: Any) -> Any:
            if place in (path, *path.parents):
                raise PermissionError(13, "Permission denied", str(path))
            return look(path, *arguments, **options)

        return asked

    for name in ("stat", "open"):
        monkeypatch.setattr(Path, name, closed(getattr(Path, name)))
