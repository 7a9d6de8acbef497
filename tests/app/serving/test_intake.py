"""The intake as the service has it: the bytes decide, and what cannot be used is answered with its code."""

import io
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest
from PIL import Image

from app.errors import ApiError
from app.serving.intake import Intake
from app.serving.state import State
from models.checkpoints import SUFFIX
from models.compiled import small
from tests.closed import forbid
from tests.fakes import WEIGHTS
from tests.shipped import shipped_intake

MOST = 50_000_000


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "most", "code", "status"),
    [
        (png(), 100, "too_many_pixels", 413),
        (b"hello", MOST, "undecodable", 422),
        (b"%PDF-1.7\n%more", MOST, "unsupported_type", 415),
        (png(), MOST, "nothing_found", 422),
    ],
)
def test_what_cannot_be_used_is_answered_with_its_code(data: bytes, most: int, code: str, status: int) -> None:
    for use in (lambda: shipped_intake().see(data, "mnist", most), lambda: shipped_intake().read(data, most)):
        with pytest.raises(ApiError) as refused:
            use()
        assert (refused.value.code, refused.value.status) == (code, status)


def test_auto_and_gate_are_of_the_folder_that_is_loaded(tmp_path: Path) -> None:
    intake = Intake()
    assert {state.state for state in intake.states.values()} == {"loading"}
    with pytest.raises(ApiError, match="still loading") as refused:
        intake.check_auto()
    assert refused.value.code == "not_ready"
    intake.load(tmp_path)
    assert {state.state for state in intake.states.values()} == {"missing"}
    with pytest.raises(ApiError, match="name the dataset: mnist or fashion-mnist") as refused:
        intake.check_auto()
    assert refused.value.code == "model_unavailable"
    shipped_intake().check_auto()


def test_what_is_still_loading_says_so_until_all_of_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    intake, states, load = Intake(), [], small.load_gate

    def slow(folder: Path, kinds: Mapping[str, Collection[str]], *, threads: int) -> object:
        states.append(intake.states["auto"].state)
        return load(folder, kinds, threads=threads)

    monkeypatch.setattr("app.serving.intake.small.load_gate", slow)
    intake.load(WEIGHTS)
    assert states == ["loading"]
    assert intake.states["auto"].state == "ready"


def test_an_intake_that_breaks_when_it_is_warmed_is_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr("models.intake.pipeline.Intake.warm", breaks)
    intake = Intake()
    with pytest.raises(RuntimeError):
        intake.load(WEIGHTS)
    assert set(intake.states.values()) == {State("failed", "RuntimeError: out of memory")}


def test_what_is_damaged_or_may_not_be_read_says_why_and_where_no_more_than_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / f"auto{SUFFIX}").write_bytes(b"junk")
    forbid(monkeypatch, tmp_path / f"gate{SUFFIX}")
    intake = Intake()
    intake.load(tmp_path)
    auto, gate = (intake.states[name] for name in ("auto", "gate"))
    assert (auto.state, gate.state) == ("failed", "failed")
    assert "auto.lineup is not a Lineup checkpoint" in str(auto.reason)
    assert str(gate.reason) == "CheckpointError: cannot read gate.lineup: Permission denied"
    assert str(tmp_path) not in str(auto.reason)
    assert "Traceback" not in caplog.text
