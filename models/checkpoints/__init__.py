"""Where checkpoints lie, their file format, and how a network is saved and loaded; no pickle anywhere.

Format and folder need NumPy alone, `described` the catalog too; `save` and `load` need torch, and bring it when first
asked for.
"""

from typing import TYPE_CHECKING, Any

from models.checkpoints.file_format import CheckpointError, read_header
from models.checkpoints.folder import SUFFIX, is_there, path_for, place, root
from models.checkpoints.headers import expect_network

if TYPE_CHECKING:
    from models.checkpoints.classifiers import load, save
else:

    def __getattr__(name: str) -> Any:
        if name not in ("load", "save"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from models.checkpoints import classifiers

        return getattr(classifiers, name)


__all__ = [
    "SUFFIX",
    "CheckpointError",
    "expect_network",
    "is_there",
    "load",
    "path_for",
    "place",
    "read_header",
    "root",
    "save",
]
