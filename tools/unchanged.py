"""Which checkpoints are still those that a record's figures are of."""

from pathlib import Path
from typing import Any

from models import checkpoints


def names(record: dict[str, Any], weights: Path) -> set[str]:
    """Those of ``record["of"]`` (as `mnist/lenet`, `auto`) whose checkpoint in the folder has the digest told there;
    none of a record that does not say what it is of.
    """
    told: dict[str, str] = record.get("of", {})
    return {name for name, digest in told.items() if _digest(weights / f"{name}{checkpoints.SUFFIX}") == digest}


def _digest(path: Path) -> str | None:
    return str(checkpoints.read_header(path)["digest"]) if path.is_file() else None
