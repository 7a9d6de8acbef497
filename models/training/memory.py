"""Memory in large pages.

What the layers of a step answer is freed at its end, and given back to the system; the next step has as much again
from it, page by page of 4 KiB, each cleared before it is lent: a quarter of the time of a step of VGG-11 went into
that. In pages of 2 MiB it takes next to nothing.
"""

from __future__ import annotations

import os

WANTED = "THP_MEM_ALLOC_ENABLE"  # read by PyTorch at its first tensor on the CPU


def want_huge_pages() -> None:
    """Let PyTorch ask for Linux' transparent huge pages, unless the environment says whether it shall. To be called
    before there is a tensor; of no effect on other systems.
    """
    os.environ.setdefault(WANTED, "1")
