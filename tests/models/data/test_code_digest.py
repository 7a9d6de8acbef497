"""The digest of code: what changes what the code does changes it, and nothing else."""

from pathlib import Path

import pytest

from models.data.code_digest import code_digest

FILES = {
    "models/__init__.py": "",
    "models/maker.py": '"""Makes."""\nfrom models.rooms import middle\n\n\ndef make():\n    return middle.SIZE\n',
    "models/rooms/__init__.py": '"""A room."""\n',
    "models/rooms/middle.py": "SIZE = 3  # pixels\n\n\ndef late():\n    import models.rooms.far\n",
    "models/rooms/far.py": "from models import maker\nfrom models.rooms.names import LAST\n",
    "models/rooms/names/__init__.py": "LAST = 9\n",
    "models/unrelated.py": "SIZE = 5\n",
    "app/main.py": "SIZE = 7\n",
}


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def after(root: Path, file: str, old: str, new: str) -> bool:
    """Whether the digest is another one after a change."""
    before = code_digest("models.maker", root=root)
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new))
    return code_digest("models.maker", root=root) != before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("models/rooms/middle.py", "# pixels", "# of 28"),
        ("models/rooms/middle.py", "SIZE = 3", "SIZE=(3)"),
        ("models/maker.py", '"""Makes."""', '"""Makes\n\nmuch."""'),
        ("models/maker.py", "    return", '    """Now told."""\n\n    return'),
        ("models/rooms/__init__.py", "A room", "Another room"),
        ("models/unrelated.py", "5", "6"),
        ("app/main.py", "7", "8"),
    ],
)
def test_comments_docstrings_formatting_and_other_modules_change_nothing(root, file, old, new):
    assert not after(root, file, old, new)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("models/maker.py", "return middle.SIZE", "return -middle.SIZE"),
        ("models/rooms/middle.py", "3", "4"),  # imported as a name of its package
        ("models/rooms/far.py", "LAST", "LAST as first"),  # imported inside a function of what is imported
        ("models/rooms/names/__init__.py", "9", "8"),  # a package from which a name is taken
        ("models/rooms/middle.py", "models.rooms.far", "models.unrelated"),
    ],
)
def test_code_that_is_reached_counts(root, file, old, new):
    assert after(root, file, old, new)


def test_a_function_of_a_docstring_alone_is_code_still(root):
    (root / "models/maker.py").write_text('def make():\n    """Nothing."""\n')
    assert len(code_digest("models.maker", root=root)) == 8


def test_a_missing_module_is_named(tmp_path):
    with pytest.raises(ModuleNotFoundError, match=r"no module models\.nothing below"):
        code_digest("models.nothing", root=tmp_path)


def test_the_code_behind_the_scenes_is_found():
    assert code_digest("models.training.scenes.mixture") != code_digest("models.training.scenes.gate_examples")
