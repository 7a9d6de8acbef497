"""Settings: from the environment, checked, and described."""

import re
from pathlib import Path

import pytest
import uvloop
from pydantic import ValidationError

from app.cli.usage import misspelt
from app.settings import DAY_S, FORM_BYTES, MIB, Settings, cores

TIMES = ("deadline_s", "upload_s", "max_batch_gmacs")


def test_the_contracts_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LINEUP_{name.upper()}", raising=False)
    settings = Settings()
    assert (settings.host, settings.port, settings.device) == ("127.0.0.1", 8000, "auto")
    assert (settings.max_upload_bytes, settings.max_pixels) == (20 * MIB, 50_000_000)
    assert (settings.api_key, settings.admin_key, settings.rate_limit, settings.cors_origins) == (None, None, 0, "")
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
    [
        ("port", "70000"),
        ("device", "tpu"),
        ("max_pixels", "0"),
        ("queue_size", "many"),
        ("api_key", " , "),
        ("api_key", ""),
        ("admin_key", ""),
        ("admin_key", "two\nlines"),
        ("api_key", "schl\u00fcssel"),
        ("admin_key", "plain,schl\u00fcssel"),
        ("rate_limit", "-1"),
        *(("cors_origins", wrong) for wrong in ("example.org", "https://a.test/", "*, https://a.test", "null", ",")),
        *((name, wrong) for name in TIMES for wrong in ("0", "-1", "inf", "-inf", "nan", "1e300")),
    ],
)
def test_a_wrong_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"LINEUP_{name.upper()}", value)
    with pytest.raises(ValidationError, match=name):
        Settings()


@pytest.mark.parametrize(
    ("given", "least"),
    [
        ({"max_held_bytes": 100 * MIB}, 120 * MIB),
        ({"max_batch_bytes": 600 * MIB}, 620 * MIB),
        ({"max_upload_bytes": 300 * MIB}, 600 * MIB),
        ({"max_upload_bytes": 1000, "max_batch_bytes": 2500, "max_held_bytes": 3500}, 3500),
    ],
)
def test_what_one_request_may_send_has_to_fit_into_what_is_held(given: dict[str, int], least: int) -> None:
    least += FORM_BYTES
    with pytest.raises(ValidationError, match=f"at least {least}: .*MAX_BATCH_BYTES.*MAX_UPLOAD_BYTES") as refused:
        Settings(**given)  # type: ignore[arg-type]
    assert refused.value.errors()[0]["loc"] == ("max_held_bytes",)
    assert Settings(**{**given, "max_held_bytes": least}).max_held_bytes == least  # type: ignore[arg-type]


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


def test_the_longest_times_are_times_that_the_event_loop_takes() -> None:
    loop = uvloop.new_event_loop()
    loop.call_at(loop.time() + Settings(deadline_s=DAY_S).deadline_s, print)
    loop.close()


def test_what_is_given_stands_before_an_empty_key_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("lineup_api_key", "")
    monkeypatch.setenv("admin_key", "")  # none of ours
    with pytest.raises(ValidationError, match="api_key"):
        Settings()
    settings = Settings(api_key="a-secret")  # type: ignore[arg-type]
    assert settings.api_key
    assert (settings.api_key.get_secret_value(), settings.admin_key) == ("a-secret", None)


def test_keys_are_shown_by_nothing() -> None:
    settings = Settings(api_key="a-secret,another", admin_key="a-third")  # type: ignore[arg-type]
    assert settings.api_key
    assert settings.api_key.get_secret_value() == "a-secret,another"
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"
    assert not [key for key in ("a-secret", "another", "a-third") if key in shown]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("LINEUP_DEADLNE_S", "do you mean LINEUP_DEADLINE_S?"),
        ("LINEUP_API_KEYS", "do you mean LINEUP_API_KEY?"),
        ("lineup_prot", "do you mean LINEUP_PORT?"),
        ("LINEUP_CACHEDIR", "do you mean LINEUP_CACHE_DIR?"),
        ("LINEUP_COFFEE", "docs/operation.md lists those that there are"),
    ],
)
def test_a_misspelt_variable_is_told_with_the_nearest_right_one(name: str, told: str) -> None:
    assert misspelt(["PATH", name]) == [f"{name} is no setting, and is ignored; {told}"]


def test_all_that_the_project_reads_is_known() -> None:
    root = Path(__file__).resolve().parents[2]
    read = [*root.glob("app/**/*.py"), *root.glob("models/**/*.py"), root / "Dockerfile", root / "docker-compose.yml"]
    named = {name for file in read for name in re.findall(r"LINEUP_[A-Z_]+[A-Z]", file.read_text(encoding="utf-8"))}
    assert {"LINEUP_CACHE_DIR", "LINEUP_BIND"} <= named
    assert misspelt(named | {f"LINEUP_{field.upper()}" for field in Settings.model_fields} | {"lineup_port"}) == []
