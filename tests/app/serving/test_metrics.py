"""The metrics, of one process and of several that share a folder."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.serving.metrics import Metrics
from tests.app.conftest import serving
from tests.fakes import BAD, FakeEngine, FakeIntake, fake_service

ROOT = Path(__file__).resolve().parents[3]
STEPS = ("decode", "auto", "prepare", "gate", "total")


def parsed(text: str) -> dict[str, float]:
    """Each sample by its name and labels, as Prometheus writes them."""
    return {
        sample.name + "{" + ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items())) + "}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def read(client: httpx.AsyncClient) -> dict[str, float]:
    return parsed((await client.get("/metrics")).text)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_requests_are_counted_by_route_network_and_code(client: httpx.AsyncClient) -> None:
    await client.post("/predict?model=lenet", content=b"\x07")
    await client.post("/predict?model=lenet", content=BAD)
    await client.post("/predict?model=resnet19", content=b"\x07")
    await client.post("/compare", content=b"\x07")
    await client.get("/readyz?x")
    told = await read(client)
    assert told["lineup_requests_total{code=ok,model=lenet,route=/predict,status=200}"] == 1
    assert told["lineup_requests_total{code=undecodable,model=lenet,route=/predict,status=422}"] == 1
    assert told["lineup_requests_total{code=unknown_model,model=,route=/predict,status=404}"] == 1
    assert told["lineup_requests_total{code=ok,model=,route=/compare,status=200}"] == 1
    assert told["lineup_requests_total{code=invalid_parameter,model=,route=/readyz,status=422}"] == 1


@pytest.mark.anyio
async def test_every_step_is_a_histogram_from_a_tenth_of_a_millisecond(client: httpx.AsyncClient) -> None:
    await client.post("/predict?model=lenet", content=b"\x07")
    await client.post("/predict?model=lenet&dataset=mnist", content=b"\x07")
    await client.post("/read?model=lenet", content=b"\x07\x08")
    told = await read(client)
    counts = {step: told[f"lineup_step_seconds_count{{step={step}}}"] for step in (*STEPS, "find")}
    assert counts == {"decode": 3, "auto": 1, "prepare": 2, "gate": 2, "find": 1, "total": 3}
    assert told["lineup_queue_seconds_count{model=lenet}"] == 4
    assert 1 <= told["lineup_inference_seconds_count{model=lenet}"] <= 4  # passes
    for name in ("step_seconds", "queue_seconds", "inference_seconds", "request_seconds"):
        bounds = [key.split("le=")[1].split(",")[0].rstrip("}") for key in told if f"lineup_{name}_bucket" in key]
        assert bounds[0] == "0.0001"
    assert told["lineup_step_seconds_bucket{le=0.001,step=decode}"] == 3  # what the fake says it took


@pytest.mark.anyio
async def test_refusals_are_counted_by_reason_and_errors_of_pictures_are_none(engine: FakeEngine) -> None:
    engine.gate.clear()
    async with serving(fake_service(engine, queue_size=1)) as client:
        tasks = [asyncio.create_task(client.post("/predict?model=lenet", content=b"\x01"))]
        await asyncio.to_thread(engine.busy.wait, 30)
        tasks.append(asyncio.create_task(client.post("/predict?model=lenet", content=b"\x01")))
        while (await read(client))["lineup_queue_length{dataset=mnist,model=lenet}"] < 1:
            await asyncio.sleep(0.01)
        assert (await client.post("/predict?model=lenet", content=b"\x01")).status_code == 429
        late = await client.post("/predict?model=vgg11", content=b"\x01", headers={"X-Deadline-Ms": "30"})
        assert late.status_code == 504
        assert (await client.post("/predict", content=BAD)).status_code == 422
        engine.gate.set()
        await asyncio.gather(*tasks)
        told = await read(client)
    rejections = {key: value for key, value in told.items() if key.startswith("lineup_rejections_total")}
    assert rejections == {
        "lineup_rejections_total{reason=queue_full}": 1,
        "lineup_rejections_total{reason=deadline_exceeded}": 1,
    }


@pytest.mark.anyio
async def test_gauges_say_what_is_so_when_they_are_read() -> None:
    intake = FakeIntake()
    intake.gate.clear()
    async with serving(fake_service(intake=intake)) as client:
        task = asyncio.create_task(client.post("/predict", content=b"\x07" * 1000))
        await asyncio.to_thread(intake.busy.wait, 30)
        told = await read(client)
        assert (told["lineup_held_bytes{}"], told["lineup_intake_length{}"]) == (1000, 1)
        intake.gate.set()
        await task
        told = await read(client)
    assert (told["lineup_held_bytes{}"], told["lineup_intake_length{}"]) == (0, 0)
    assert told["lineup_checkpoint_info{dataset=mnist,digest=" + "0" * 64 + ",form=fake,model=vgg11}"] == 1


def test_a_checkpoint_that_was_swapped_says_so() -> None:
    metrics = Metrics()
    loaded = [("lenet", "mnist", "a" * 64, "int8")]
    metrics.watch_checkpoints(lambda: loaded)
    asyncio.run(metrics.text())
    loaded[0] = ("lenet", "mnist", "b" * 64, "int8")
    told = parsed(asyncio.run(metrics.text()).decode())
    name = "lineup_checkpoint_info{{dataset=mnist,digest={},form=int8,model=lenet}}"
    assert (told[name.format("a" * 64)], told[name.format("b" * 64)]) == (0, 1)


def test_a_breaker_and_what_never_reaches_the_application() -> None:
    metrics = Metrics()
    metrics.breaker.labels("vgg11", "mnist").set(1)
    metrics.rejected("too_many_connections")
    told = parsed(asyncio.run(metrics.text()).decode())
    assert told["lineup_breaker_open{dataset=mnist,model=vgg11}"] == 1
    assert told["lineup_rejections_total{reason=too_many_connections}"] == 1


WORKER = """
import asyncio, sys
from tests.app.conftest import serving
from tests.fakes import FakeIntake, fake_service

async def work():
    intake = FakeIntake()
    async with serving(fake_service(intake=intake)) as client:
        for _ in range(int(sys.argv[1])):
            assert (await client.post("/predict?model=lenet&dataset=mnist", content=b"\\x07")).status_code == 200
        await client.get("/nope")
        intake.gate.clear()
        waiting = asyncio.create_task(client.post("/predict", content=b"\\x07" * 100))
        await asyncio.to_thread(intake.busy.wait, 30)
        await asyncio.sleep(1.5)  # longer than gauges take to be written
        print("there", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        print((await client.get("/metrics")).text, flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        intake.gate.set()
        await waiting

asyncio.run(work())
"""


def worker(requests: int, folder: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", WORKER, str(requests)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, text=True, cwd=ROOT, env=environment, **pipes)  # type: ignore[call-overload]


def test_whichever_process_is_asked_answers_for_all(tmp_path: Path) -> None:
    first, second = worker(2, tmp_path), worker(3, tmp_path)
    try:
        for process in (first, second):
            assert process.stdout is not None
            assert process.stdout.readline() == "there\n"
        told, _ = second.communicate("\n\n", timeout=60)
    finally:
        rest, _ = first.communicate("\n\n", timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    both = parsed(told)
    assert both["lineup_requests_total{code=ok,model=lenet,route=/predict,status=200}"] == 5
    assert both["lineup_requests_total{code=not_found,model=,route=other,status=404}"] == 2
    assert both["lineup_step_seconds_count{step=decode}"] == 5
    assert both["lineup_queue_seconds_count{model=lenet}"] == 5
    assert both["lineup_batch_size_count{model=lenet}"] == 5
    assert both["lineup_held_bytes{}"] == 200, "both processes wait"
    assert both["lineup_intake_length{}"] == 2
    assert both["lineup_checkpoint_info{dataset=mnist,digest=" + "0" * 64 + ",form=fake,model=lenet}"] == 1
    assert parsed(rest)["lineup_requests_total{code=ok,model=lenet,route=/predict,status=200}"] >= 5
