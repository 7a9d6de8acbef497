"""What is recorded of a checkpoint's compiled forms, as JSON beside it: ranges, and which forms are as right.

Made by ``evaluation.evaluate_forms``, which has the data; read where graphs are made, which has not. A record is bound
to its checkpoint's digest: of another it says nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.compiled.forms import FORMS

SUFFIX = ".forms.json"
MOST = 1e9  # of an activation; what is larger is a mistake, and its integers would say nothing


@dataclass(frozen=True)
class Record:
    """``ranges``: least and largest value of each activation, {} where they were not measured; ``allowed``: the forms
    that may run, float32 among them.
    """

    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    allowed: tuple[str, ...] = ("float32",)

    def digest(self) -> str:
        """SHA-256 of all of it, hex."""
        return hashlib.sha256(json.dumps([sorted(self.ranges.items()), self.allowed]).encode()).hexdigest()


def path_for(checkpoint: Path) -> Path:
    """Where the record of a checkpoint lies, whether or not it is there."""
    return checkpoint.with_suffix(SUFFIX)


def read(checkpoint: Path, digest: str) -> Record:
    """The record of a checkpoint with that digest; float32 alone where there is none, or it is of another file or makes
    no sense.
    """
    try:
        told = json.loads(path_for(checkpoint).read_text(encoding="utf-8"))
        return _record(told) if told["checkpoint"] == digest else Record()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return Record()


def _record(told: Mapping[str, Any]) -> Record:
    ranges = {str(name): (float(least), float(most)) for name, (least, most) in told["ranges"].items()}
    if not all(-MOST <= least <= most <= MOST for least, most in ranges.values()):
        raise ValueError("a range is none")
    if not isinstance(told["allowed"], list):
        raise TypeError("allowed is no list of forms")
    return Record(ranges, tuple(form for form in FORMS if form == "float32" or (ranges and form in told["allowed"])))
