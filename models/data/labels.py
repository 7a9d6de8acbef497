"""What a folder of pictures says of them by its name."""

from __future__ import annotations

import re

CLOTHING = re.compile(r"\d(or\d)*-.+")  # names of folders of clothing
NONE = "none"  # the name of a folder of pictures of none of the ten classes


def classes_of(folder: str) -> tuple[int, ...]:
    """The classes that a folder's name begins with: "3-dress" (3,), "7or9-shoe" (7, 9), "none" ()."""
    return tuple(int(part) for part in folder.split("-")[0].split("or") if part.isdigit())
