"""Settings: from the environment, checked, and described."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from app.settings import MIB, Settings, cores


def test_the_contracts_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LINEUP_{name.upper()}", raising=False)
    settings = Settings()
    assert (settings.host, settings.port, settings.device) == ("127.0.0.1", 8000, "auto")
    assert (settings.max_upload_bytes, settings.max_pixels) == (20 * MIB, 50_000_000)
    assert (settings.max_batch_files, settings.max_batch_bytes, settings.deadline_s) == (64, 100 * MIB, 10)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEUP_PORT", "9000")
    monkeypatch.setenv("LINEUP_WEIGHTS", "/a/place")
    monkeypatch.setenv("LINEUP_NETWORKS", "lenet,vgg11")
    monkeypatch.setenv("LINEUP_HOST", "")  # as compose passes on what is not set
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert (settings.port, settings.weights, settings.networks) == (9000, Path("/a/place"), "lenet,vgg11")


@pytest.mark.parametrize(
    ("name", "value"),
    [("port", "70000"), ("device", "tpu"), ("max_pixels", "0"), ("deadline_s", "0"), ("queue_size", "many")],
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"LINEUP_{name.upper()}", value)
    with pytest.raises(ValidationError, match=name):
        Settings()


@pytest.mark.parametrize(
    ("content", "expected"),
    [("100000 100000", 1), ("10000 100000", 1), ("999999999 100000", None), ("max 100000", None), ("", None)],
)
def test_a_containers_share_of_the_cores(tmp_path: Path, content: str, expected: int | None) -> None:
    quota = tmp_path / "cpu.max"
    quota.write_text(content)
    assert cores(quota) == (expected or cores(tmp_path / "no-such-file"))


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str) -> None:
    assert str(Settings.model_fields[name].description).endswith(".")
