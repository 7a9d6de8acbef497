"""The GET routes: what is there, whether it is ready, what is counted, and the headers that every answer carries."""

import asyncio
import shutil
import tomllib
from pathlib import Path
from typing import Any

import httpx
import pytest

import app
from app.cards import Limits
from app.serving import local
from app.serving.intake import Intake
from app.serving.state import State
from app.settings import Settings
from models.datasets import DATASETS
from tests.app.conftest import serving
from tests.fakes import BAD, BOOM, FakeEngine, fake_service
from tests.shipped import WEIGHTS

pytestmark = pytest.mark.anyio


async def test_models_are_listed_oldest_first(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    body = (await client.get("/models")).json()
    assert body["default"] == "resnet18"
    assert [model["name"] for model in body["models"]] == list(engine.names)
    assert (await client.get("/models/vgg11")).json() == body["models"][1]
    assert set(body["models"][1]["checkpoints"]) == set(DATASETS)


async def test_a_model_shows_what_runs_it_and_on_which_graph(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LINEUP_CACHE_DIR", str(tmp_path))
    settings = Settings.model_construct(device="cpu", networks="lenet", weights=WEIGHTS)
    async with serving(local.service(settings)) as client:
        told = (await client.get("/models/lenet")).json()["checkpoints"]
    for dataset in DATASETS:
        (kept,) = tmp_path.glob(f"{dataset}-lenet-*.graph")
        assert told[dataset]["graph"] == kept.read_bytes()[-32:].hex()
        assert told[dataset]["form"] in ("onnxruntime float32", "onnxruntime int8", "onnxruntime int8-narrow")


async def test_an_unknown_model_is_404(client: httpx.AsyncClient) -> None:
    response = await client.get("/models/resnet19")
    assert (response.status_code, response.json()["error"]["code"]) == (404, "unknown_model")


async def test_datasets(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/datasets")).json()["datasets"]
    assert {one["name"]: tuple(one["classes"]) for one in listed} == {d.name: d.classes for d in DATASETS.values()}


async def test_limits_are_the_settings_in_force() -> None:
    async with serving(fake_service(max_pixels=1234, deadline_s=2.5)) as client:
        body = (await client.get("/limits")).json()
    expected = {name: Settings.model_fields[name].default for name in Limits.model_fields}
    numbers = {name for name, field in Settings.model_fields.items() if type(field.default) in (int, float)}
    no_limits = {"port", "workers", "threads", "intake_threads", "drain_s"}
    assert set(expected) == numbers - no_limits, "every limit is shown"
    assert body == {**expected, "max_pixels": 1234, "deadline_s": 2.5}


async def test_alive_at_once_and_ready_only_when_all_is_loaded(engine: FakeEngine) -> None:
    engine.load_gate.clear()
    engine.then["mnist", "vgg11"] = State("failed", "the file is damaged")
    engine.then["mnist", "lenet"] = State("missing", "no file")
    async with serving(fake_service(engine), until_ready=False) as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        before = await client.get("/readyz")
        assert before.status_code == 503
        assert before.json()["error"] == {"code": "not_ready", "message": "6 of 8 networks still to load"}
        assert {network["state"] for network in before.json()["networks"]} == {"loading"}
        engine.load_gate.set()
        while (after := await client.get("/readyz")).status_code == 503:
            await asyncio.sleep(0.01)
    body = after.json()
    assert (body["ready"], body["device"], body["auto"]["state"]) == (True, "cpu", "ready")
    states = {(one["dataset"], one["model"]): (one["state"], one["reason"]) for one in body["networks"]}
    assert states["mnist", "vgg11"] == ("failed", "the file is damaged")
    assert states["mnist", "lenet"] == ("missing", "no file")
    assert states["fashion-mnist", "lenet"] == ("ready", None)


async def test_nothing_loaded_is_never_ready(engine: FakeEngine) -> None:
    engine.then = {key: State("missing", "no file") for key in engine.now}
    async with serving(fake_service(engine), until_ready=False) as client:
        while "still to load" in (response := await client.get("/readyz")).text:
            await asyncio.sleep(0.01)
    assert response.status_code == 503
    assert response.json()["error"]["message"] == "no network could be loaded"


BEGINS = r"it begins with b'damaged', not b'LINEUP\x01\n'"


@pytest.mark.parametrize("name", ["auto", "gate"])
@pytest.mark.parametrize(
    ("content", "state", "told", "status"),
    [
        (None, "missing", "there is no {}.lineup in the folder of checkpoints", 200),
        (b"damaged", "failed", f"CheckpointError: {{}}.lineup is not a Lineup checkpoint: {BEGINS}", 503),
    ],
)
async def test_without_auto_or_gate_the_service_is_ready_but_not_where_one_that_is_there_failed(
    content: bytes | None, state: str, told: str, status: int, name: str, tmp_path: Path
) -> None:
    for file in (WEIGHTS / "auto.lineup", WEIGHTS / "gate.lineup"):
        if file.stem != name:
            shutil.copy(file, tmp_path)
        elif content is not None:
            (tmp_path / file.name).write_bytes(content)
    engine = FakeEngine()
    engine.folder = tmp_path
    async with serving(fake_service(engine, Intake()), until_ready=False) as client:
        while "still to load" in (response := await client.get("/readyz")).text:
            await asyncio.sleep(0.01)
    body = response.json()
    assert body[name] == {"state": state, "reason": told.format(name)}
    assert (response.status_code, body["ready"]) == (status, status == 200)
    if status == 503:
        assert body["error"] == {"code": "not_ready", "message": f"{name}: {told.format(name)}"}


async def test_metrics_count_by_route_never_by_path(client: httpx.AsyncClient) -> None:
    await client.post("/predict?model=lenet", content=b"\x07")
    await client.post("/predict?dataset=fashion-mnist", content=b"\x07")
    await client.post("/predict", content=BAD)
    await client.get("/models/lenet")
    await client.get("/models/no-such-model")
    await client.get("/a/path/nobody/knows")
    text = (await client.get("/metrics")).text
    for line in (
        'lineup_requests_total{code="ok",model="resnet18",route="/predict",status="200"} 1.0',
        'lineup_requests_total{code="undecodable",model="resnet18",route="/predict",status="422"} 1.0',
        'lineup_requests_total{code="unknown_model",model="",route="/models/{name}",status="404"} 1.0',
        'lineup_requests_total{code="not_found",model="",route="other",status="404"} 1.0',
        'lineup_request_seconds_count{route="/predict"} 3.0',
        'lineup_pictures_total{dataset="mnist"} 1.0',
        'lineup_pictures_total{dataset="fashion-mnist"} 1.0',
        'lineup_batch_size_count{model="lenet"} 1.0',
        'lineup_inference_seconds_count{model="lenet"} 1.0',
        'lineup_queue_length{dataset="mnist",model="lenet"} 0.0',
        "lineup_held_bytes 0.0",
    ):
        assert line in text.splitlines()
    assert "nobody" not in text
    assert "no-such-model" not in text


async def test_two_applications_count_apart(client: httpx.AsyncClient) -> None:
    await client.post("/predict", content=b"\x07")
    async with serving(fake_service()) as other:
        assert "lineup_pictures_total{" not in (await other.get("/metrics")).text


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", "/", None),
        ("GET", "/docs", None),
        ("GET", "/static/docs/docs.js", None),
        ("GET", "/openapi.json", None),
        ("GET", "/models", None),
        ("GET", "/metrics", None),
        ("GET", "/nope", None),
        ("GET", "/predict", None),
        ("POST", "/predict", b"\x07"),
        ("POST", "/compare", b"\x07"),
        ("POST", "/predict", BAD),
        ("POST", "/predict", BOOM),
        ("POST", "/predict?top_k=x", b"\x07"),
    ],
)
async def test_every_answer_carries_the_security_headers(
    client: httpx.AsyncClient, method: str, path: str, content: bytes | None
) -> None:
    headers = (await client.request(method, path, content=content)).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert ("script-src 'self'" in policy) == (path in ("/", "/docs"))
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Frame-Options"] == "DENY"
    assert len(headers["X-Request-ID"]) == 16


async def test_the_documentation_needs_no_other_host_and_no_inline_script(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    assert "//" not in page
    assert "style=" not in page
    assert "<script>" not in page
    assert "onload" not in page
    for link in [part.split('"')[0] for part in page.replace('src="', 'href="').split('href="')[1:]]:
        assert (await client.get(f"/{link}")).status_code == 200, link


def test_the_licence_lies_beside_what_is_vendored() -> None:
    [folder] = (Path(app.__file__).parent / "static" / "docs").glob("swagger-ui-*")
    assert "Apache License" in (folder / "LICENSE").read_text()


def test_the_version_is_that_of_the_package() -> None:
    project = Path(app.__file__).parent.parent / "pyproject.toml"
    assert tomllib.loads(project.read_text())["project"]["version"] == app.__version__


async def test_the_log_never_holds_a_picture(client: httpx.AsyncClient, caplog: Any) -> None:
    caplog.set_level(0)
    await client.post("/predict", content=b"\x07picture-bytes")
    await client.post("/predict", content=BOOM)
    assert "failed: POST '/predict'" in caplog.text
    assert "picture-bytes" not in caplog.text
