"""A digest of code: which code made a file that is slow to make, so that other code can tell that it is out of date."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "models"


def code_digest(*modules: str, root: Path = ROOT) -> str:
    """Eight hex digits of ``modules`` (dotted names) and of all modules of ``models`` that they reach by imports.

    Comments, docstrings and formatting change nothing, anything else does. ModuleNotFoundError if there is no such
    module below ``root``.
    """
    codes: dict[str, str] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in codes:
            tree = ast.parse(_source(name, root).read_text(encoding="utf-8"))
            waiting.extend(_imported(tree, root))
            codes[name] = _plain(tree)
    return hashlib.sha256(repr(sorted(codes.items())).encode()).hexdigest()[:8]


def _find(name: str, root: Path) -> Path | None:
    place = root.joinpath(*name.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def _source(name: str, root: Path) -> Path:
    if (path := _find(name, root)) is None:
        raise ModuleNotFoundError(f"no module {name} below {root}")
    return path


def _imported(tree: ast.Module, root: Path) -> Iterator[str]:
    """The modules of PACKAGE that a module imports, anywhere in it; imports are written out in full there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = [f"{node.module}.{alias.name}" for alias in node.names]  # a module, or something in one
            names = [name if _find(name, root) else node.module for name in full]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == PACKAGE)


def _plain(tree: ast.Module) -> str:
    """The code without strings that are statements. Not ``ast.dump``, which differs from one Python to the next."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_string(part)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_string(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
