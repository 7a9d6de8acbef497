"""Which checkpoints are still those that a record's figures are of."""

from pathlib import Path
from typing import Any

from models import checkpoints


def names(record: dict[str, Any], weights: Path) -> set[str]:
    """Those of ``record["of"]`` (as `mnist/lenet`, `auto`) whose checkpoint in the folder has the digest told there;
    none of a record that does not say what it is of.
    """
    told: dict[str, str] = record.get("of", {})
    there = {name: weights / f"{name}{checkpoints.SUFFIX}" for name in told}
    return {name for name, path in there.items() if path.is_file() and digest_of(path) == told[name]}


def digest_of(path: Path) -> str:
    """The digest of a checkpoint. CheckpointError if it is not there or is damaged."""
    return str(checkpoints.read_header(path)["digest"])
