"""A digest of code: which code made a file that is slow to make, so that other code can tell that it is out of date."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
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
            imports, codes[name] = _read(_source(name, root).read_text(encoding="utf-8"))
            waiting.extend(module for module in _modules(imports, root) if module.split(".")[0] == PACKAGE)
    return hashlib.sha256(repr(sorted(codes.items())).encode()).hexdigest()[:8]


def _find(name: str, root: Path) -> Path | None:
    place = root.joinpath(*name.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def _source(name: str, root: Path) -> Path:
    if (path := _find(name, root)) is None:
        raise ModuleNotFoundError(f"no module {name} below {root}")
    return path


@cache  # a digest is asked for often, and a module has been changed since then hardly ever
def _read(text: str) -> tuple[tuple[tuple[str, str | None], ...], str]:
    """Of a module's text: what it imports, each as a module and a name in it or None, and its code as ``_plain``."""
    tree = ast.parse(text)
    return tuple(_imported(tree)), _plain(tree)


def _imported(tree: ast.Module) -> Iterator[tuple[str, str | None]]:
    """What a module imports, anywhere in it; imports are written out in full here."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def _modules(imports: Sequence[tuple[str, str | None]], root: Path) -> Iterator[str]:
    for module, name in imports:
        full = f"{module}.{name}"  # a module, or something in one
        yield full if name and _find(full, root) else module


def _plain(tree: ast.Module) -> str:
    """The code without strings that are statements. Not ``ast.dump``, which differs from one Python to the next."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_string(part)] or [ast.Pass()]
    return ast.unparse(tree)


def _is_string(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
