"""The direction of imports: which module may know which. One walk over the sources, no import needed."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = ("lenet", "alexnet", "nin", "vgg", "googlenet", "resnet", "densenet", "batch_norm")
LEAVES = ("batcher", "errors", "settings", "schemas")
KNOW_MODELS = {"engine", "intake", "cli", "local", "terminal", "tables"}
WEB = {"fastapi", "starlette", "uvicorn", "app"}


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).glob("*.py"))


def imports(path: Path, *, everywhere: bool = True) -> Iterator[str]:
    """Dotted names that a file imports; with `everywhere` also those inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if everywhere else iter(tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written out in full"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def tops(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in imports(path)}


def ours(path: Path) -> set[str]:
    return {name for name in imports(path) if name.partition(".")[0] in ("app", "models")}


@pytest.mark.parametrize("path", sources("models"), ids=lambda p: p.stem)
def test_models_know_nothing_of_http(path: Path) -> None:
    assert not tops(path) & WEB


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_imports_torch_alone(name: str) -> None:
    assert tops(ROOT / "models" / f"{name}.py") - sys.stdlib_module_names == {"torch"}


@pytest.mark.parametrize("name", LEAVES)
def test_leaves_import_nothing_of_ours(name: str) -> None:
    assert not ours(ROOT / "app" / f"{name}.py")


def test_the_batcher_knows_neither_torch_nor_web() -> None:
    assert tops(ROOT / "app" / "batcher.py") <= sys.stdlib_module_names


@pytest.mark.parametrize("path", sources("app"), ids=lambda p: p.stem)
def test_only_a_few_modules_of_app_know_models(path: Path) -> None:
    if path.stem not in KNOW_MODELS:
        assert "models" not in tops(path)
        assert "torch" not in tops(path)


@pytest.mark.parametrize("path", sources("app"), ids=lambda p: p.stem)
def test_training_is_imported_by_the_command_line_alone_and_inside_the_command(path: Path) -> None:
    heavy = {"models.train", "models.evaluate"}
    named = heavy & set(imports(path) if path.stem != "cli" else imports(path, everywhere=False))
    assert not named


@pytest.mark.parametrize("path", [*sources("app"), *sources("models")], ids=lambda p: f"{p.parent.name}-{p.stem}")
def test_no_pickle(path: Path) -> None:
    assert not tops(path) & {"pickle", "shelve", "marshal", "dill", "joblib"}
