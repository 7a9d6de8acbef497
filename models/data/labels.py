"""What a folder of pictures says of them by its name."""

from __future__ import annotations


def classes_of(folder: str) -> tuple[int, ...]:
    """The classes that a folder's name begins with: "3-dress" (3,), "7or9-shoe" (7, 9), "none" ()."""
    return tuple(int(part) for part in folder.split("-")[0].split("or") if part.isdigit())
