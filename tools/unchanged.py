"""Which checkpoints, and which code, are still those that a record's figures are of."""

from pathlib import Path
from typing import Any

from models import checkpoints
from models.data.code_digest import code_digest

MODULE = "models."  # begins what is code in ``record["of"]``; the rest are checkpoints
CALLED = {
    "models.intake.pipeline": "intake",
    "models.vote": "vote",
    "models.evaluation.vote_rules": "comparison of rules",
}


def names(record: dict[str, Any], weights: Path) -> set[str]:
    """Those of ``record["of"]`` (as `mnist/lenet`, `auto`) whose checkpoint in the folder has the digest told there;
    none of a record that does not say what it is of.
    """
    told = _checkpoints(record)
    there = {name: weights / f"{name}{checkpoints.SUFFIX}" for name in told}
    return {name for name, path in there.items() if path.is_file() and digest_of(path) == told[name]}


def whole(record: dict[str, Any], weights: Path) -> bool:
    """Whether every checkpoint that a record tells is the same still."""
    return names(record, weights) == _checkpoints(record).keys()


def _checkpoints(record: dict[str, Any]) -> dict[str, str]:
    return {name: digest for name, digest in record.get("of", {}).items() if not name.startswith(MODULE)}


def other_code(record: dict[str, Any]) -> list[str]:
    """The modules of ``record["of"]`` whose code, or what it reaches, is not that which measured."""
    return [name for name, digest in record.get("of", {}).items() if name.startswith(MODULE) and digest != _now(name)]


def _now(module: str) -> str | None:
    try:
        return code_digest(module)
    except ModuleNotFoundError:  # it has another name now
        return None


def with_note(table: str, record: dict[str, Any]) -> str:
    """A table of a record's figures; below it, where they are of other code than is here, that they are. They are told
    nevertheless: most changes of code change no answer.
    """
    called = [CALLED.get(module, module) for module in other_code(record)]
    if not called:
        return table
    return f"{table}\n\nMeasured with an earlier {' and '.join(called)}; `make figures` measures anew."


def digest_of(path: Path) -> str:
    """The digest of a checkpoint. CheckpointError if it is not there or is damaged."""
    return str(checkpoints.read_header(path)["digest"])
