"""Where checkpoints lie, and that the room's format and folder come without torch and the networks."""

import subprocess
import sys
from pathlib import Path

import pytest

from models import checkpoints

ROOT = Path(__file__).resolve().parents[3]


def test_weights_are_found_where_the_variable_says_else_beside_the_code(monkeypatch, tmp_path):
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path))
    assert checkpoints.root() == tmp_path
    assert checkpoints.path_for("mnist", "nin") == tmp_path / "mnist" / "nin.lineup"
    assert checkpoints.path_for("mnist", "nin", "here") == Path("here/mnist/nin.lineup")
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path / "gone"))
    with pytest.raises(
        FileNotFoundError, match=r"LINEUP_WEIGHTS or --weights is '.*gone'.*beside the code the place is .*weights"
    ):
        checkpoints.root()
    assert checkpoints.place() == tmp_path / "gone", "a run that trains makes it"
    assert checkpoints.place(tmp_path / "other") == tmp_path / "other"
    monkeypatch.delenv("LINEUP_WEIGHTS")
    assert checkpoints.place() == checkpoints.root() == ROOT / "weights"


def modules_after(code: str) -> set[str]:
    """What a fresh Python has imported after ``code``."""
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(told.stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "import models.checkpoints",
        "from models.checkpoints import atomic, codings, file_format, folder",
        "from models import checkpoints; checkpoints.read_header(checkpoints.path_for('mnist', 'lenet', 'weights'))",
    ],
)
def test_format_and_folder_come_without_torch_and_the_networks(code):
    loaded = modules_after(code)
    assert "models.checkpoints.file_format" in loaded
    assert not loaded & {"torch", "models.catalog", "models.classifier", "models.datasets"}


@pytest.mark.parametrize("code", ["from models.checkpoints import save", "from models import checkpoints as c; c.load"])
def test_save_and_load_come_when_asked_for(code):
    assert {"torch", "models.catalog"} <= modules_after(code)


def test_every_public_name_is_there_and_no_other():
    assert all(hasattr(checkpoints, name) for name in checkpoints.__all__)
    with pytest.raises(AttributeError, match=r"module 'models.checkpoints' has no attribute 'laod'"):
        checkpoints.laod  # noqa: B018
