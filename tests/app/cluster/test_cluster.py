"""The application over parts elsewhere: the same routes, answers and errors, in memory."""

import asyncio
from typing import Any

import httpx
import pytest

from app.cluster import calls
from app.cluster.calls import Full, Lost, Unavailable
from app.cluster.replies import Refused
from app.errors import ApiError
from tests.app.cluster.conftest import PNG, FakeCluster, a_cluster
from tests.app.conftest import serving
from tests.counted import counted, replicas
from tests.fakes import BAD, BLANK, BOOM, DIGEST, SLOW, fake_service

pytestmark = pytest.mark.anyio


def timeless(answer: dict[str, object]) -> dict[str, object]:
    return {
        key: [timeless(one) for one in value] if key == "results" else value  # type: ignore[attr-defined]
        for key, value in answer.items()
        if key != "timing_ms"
    }


ASKED = [
    ("GET", "/healthz", b""),
    ("GET", "/models", b""),
    ("GET", "/models/lenet", b""),
    ("GET", "/models/lenet/stages", b""),
    ("GET", "/models/nothing", b""),
    ("GET", "/datasets", b""),
    ("POST", "/predict?model=lenet&dataset=mnist", b"\x07"),
    ("POST", "/predict?model=vgg11", b"\x03"),
    ("POST", "/predict?model=lenet&prepare=raw", b"\x03"),
    ("POST", "/predict?model=nothing", b"\x03"),
    ("POST", "/predict?dataset=nothing", b"\x03"),
    ("POST", "/predict", BAD),
    ("POST", "/predict", BLANK),
    ("POST", "/predict", BOOM),
    ("POST", "/predict", SLOW),
    ("POST", "/compare", b"\x05"),
    ("POST", "/compare?models=lenet,vgg11&dataset=fashion-mnist", b"\xfa"),
    ("POST", "/prepare", b"\x05"),
    ("POST", "/read?model=lenet", b"\x01\x02\n\x03"),
    ("POST", "/read?model=lenet", BLANK),
]


@pytest.mark.parametrize(("method", "path", "data"), ASKED)
async def test_answers_are_those_of_one_process(client: httpx.AsyncClient, method: str, path: str, data: bytes) -> None:
    there = await client.request(method, path, content=data, headers=PNG if data else {})
    async with serving(fake_service()) as one:
        here = await one.request(method, path, content=data, headers=PNG if data else {})
    assert there.status_code == here.status_code
    assert set(there.headers) == set(here.headers)
    if there.headers["content-type"] != "application/json":
        assert there.content == here.content
    elif there.status_code != 500:  # which names its request
        assert timeless(there.json()) == timeless(here.json())


async def test_a_batch_shares_passes_in_the_replica(cluster: FakeCluster, client: httpx.AsyncClient) -> None:
    engine = cluster.engines["lenet"]
    engine.gate.clear()
    files = [("files", (f"{n}.png", bytes([n]), "image/png")) for n in range(9)]
    asked = asyncio.create_task(client.post("/predict/batch?model=lenet&dataset=mnist", files=files))
    while cluster.networks["lenet"].asked.count("submit") < 9:
        await asyncio.sleep(0.01)
    engine.gate.set()
    results = (await asked).json()["results"]
    assert [result["label"] for result in results] == [str(n) for n in range(9)]
    assert max(size for _, _, size in engine.batches) > 1


async def test_compare_line_by_line(client: httpx.AsyncClient) -> None:
    answer = await client.post("/compare", content=b"\x05", headers={**PNG, "accept": "application/x-ndjson"})
    assert len(answer.text.splitlines()) == 1 + 3 + 1


async def test_a_flip_is_searched_behind_requests(cluster: FakeCluster, client: httpx.AsyncClient) -> None:
    answer = await client.post("/flip?model=lenet&to=9&dataset=mnist", content=b"\x05", headers=PNG)
    assert answer.status_code == 200
    assert "look" in cluster.networks["lenet"].asked


@pytest.mark.parametrize("error", [Lost("gone"), Lost("gone again")])
@pytest.mark.parametrize("where", ["intake", "lenet"])
async def test_what_is_lost_is_asked_again(
    cluster: FakeCluster, client: httpx.AsyncClient, where: str, error: Exception
) -> None:
    handle = cluster.intake if where == "intake" else cluster.networks[where]
    handle.raises = [error, error]
    answer = await client.post("/predict?model=lenet&dataset=mnist", content=b"\x07", headers=PNG)
    assert answer.json()["label"] == "7"
    assert len([method for method in handle.asked if method != "status"]) == 3


async def test_one_request_does_not_end_all_replicas(cluster: FakeCluster, client: httpx.AsyncClient) -> None:
    cluster.networks["lenet"].raises = [Lost("gone")] * 10_000
    answer = await client.post("/predict?model=lenet&dataset=mnist", content=b"\x07", headers=PNG)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
    assert "5 replicas of lenet went away" in answer.json()["error"]["message"]
    assert cluster.networks["lenet"].asked.count("submit") == 5


async def test_what_is_lost_is_late_and_no_more(cluster: FakeCluster, client: httpx.AsyncClient) -> None:
    cluster.networks["lenet"].raises = [Lost("gone")] * 10_000
    headers = {**PNG, "x-deadline-ms": "120"}
    answer = await client.post("/predict?model=lenet&dataset=mnist", content=b"\x07", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert 2 <= cluster.networks["lenet"].asked.count("submit") < 5, "it is asked again after a pause"


async def test_too_long_a_line_is_429_and_none_at_all_503(cluster: FakeCluster, client: httpx.AsyncClient) -> None:
    cluster.networks["lenet"].raises = [Full("256 pictures are waiting already"), Unavailable("it is not started")]
    answers = [await client.post("/predict?model=lenet&dataset=mnist", content=b"\x07", headers=PNG) for _ in "12"]
    assert [answer.status_code for answer in answers] == [429, 503]
    assert [answer.headers["retry-after"] for answer in answers] == ["1", "5"]
    assert "256 pictures are waiting already, for lenet" in answers[0].json()["error"]["message"]


async def test_the_queue_that_refuses_is_the_replicas(anyio_backend: str) -> None:
    async with a_cluster(queue_size=1) as cluster, serving(cluster.service) as client:
        engine = cluster.engines["lenet"]
        engine.gate.clear()

        async def ask() -> httpx.Response:
            return await client.post("/predict?model=lenet&dataset=mnist", content=b"\x07", headers=PNG)

        first = asyncio.create_task(ask())
        assert await asyncio.to_thread(engine.busy.wait, 10)
        others = [asyncio.create_task(ask()) for _ in range(4)]
        done, _ = await asyncio.wait(others, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        assert {answer.result().status_code for answer in done} == {429}
        assert all(answer.result().headers["retry-after"] for answer in done)
        engine.gate.set()
        assert (await first).status_code == 200


async def test_a_deadline_travels_as_time_left(cluster: FakeCluster, client: httpx.AsyncClient) -> None:
    cluster.engines["lenet"].gate.clear()
    headers = {**PNG, "x-deadline-ms": "200"}
    answer = await client.post("/predict?model=lenet&dataset=mnist", content=b"\x07", headers=headers)
    assert (answer.status_code, answer.json()["error"]["message"]) == (504, "there was no answer within 0.2 s")


async def test_who_is_given_up_leaves_the_queue_elsewhere(cluster: FakeCluster, client: httpx.AsyncClient) -> None:
    engine, handle = cluster.engines["lenet"], cluster.networks["lenet"]
    engine.gate.clear()

    async def ask(data: bytes) -> httpx.Response:
        return await client.post("/predict?model=lenet&dataset=mnist", content=data, headers=PNG)

    kept = asyncio.create_task(ask(b"\x01"))
    assert await asyncio.to_thread(engine.busy.wait, 10)
    given_up = asyncio.create_task(ask(b"\x02"))
    while handle.asked.count("submit") < 2:
        await asyncio.sleep(0.01)
    given_up.cancel()
    await asyncio.wait([given_up])
    last = [response for response in handle.responses if response.cancelled]
    assert last, "the replica is told that nobody waits"
    engine.gate.set()
    assert (await kept).json()["label"] == "1"
    assert sum(size for _, _, size in engine.batches) == 1, "what was given up was never computed"
    text = (await client.get("/metrics")).text
    assert counted(text, "lineup_requests_total", code="disconnected", model="lenet", status="499") == 1


async def test_metrics_are_of_all_replicas_beside_each_other(cluster: FakeCluster, client: httpx.AsyncClient) -> None:
    second = cluster.network_replica("lenet")
    cluster.networks["lenet"].replicas.append(second)
    for turn in range(4):
        cluster.networks["lenet"].replicas.reverse()
        answer = await client.post("/predict?model=lenet&dataset=mnist", content=bytes([turn]), headers=PNG)
        assert answer.status_code == 200
    text = (await client.get("/metrics")).text
    assert counted(text, "lineup_inference_seconds_count", model="lenet") == 4
    assert len(set(replicas(text, "lineup_inference_seconds_count", model="lenet"))) == 2
    assert counted(text, "lineup_requests_total", code="ok", model="lenet", route="/predict", status="200") == 4
    told = counted(text, "lineup_checkpoint_info", dataset="mnist", digest=DIGEST, form="fake", model="lenet")
    assert told == 2
    assert "\nprocess_" not in text
    cluster.networks["lenet"].replicas.remove(second)  # it goes, and no counter of the others falls
    left = (await client.get("/metrics")).text
    assert counted(left, "lineup_inference_seconds_count", model="lenet") == 2
    assert len(replicas(left, "lineup_inference_seconds_count", model="lenet")) == 1
    await second.close()


async def test_parties_take_turns_in_the_replica(cluster: FakeCluster, client: httpx.AsyncClient) -> None:
    """A request with many pictures delays another by one of them, whoever's ingress it came through."""
    engine, order = cluster.engines["vgg11"], list[int]()
    predict = engine.predict

    def noted(dataset: str, name: str, pictures: Any, as_sent: Any) -> Any:
        order.extend(pictures[:, 0, 0])
        return predict(dataset, name, pictures, as_sent)

    engine.predict = noted  # type: ignore[method-assign]
    engine.gate.clear()
    files = [("files", (f"{n}.png", bytes([9]), "image/png")) for n in range(12)]
    many = asyncio.create_task(client.post("/predict/batch?model=vgg11&dataset=mnist", files=files))
    while cluster.networks["vgg11"].asked.count("submit") < 12:
        await asyncio.sleep(0.01)
    lone = asyncio.create_task(client.post("/predict?model=vgg11&dataset=mnist", content=b"\x07", headers=PNG))
    while cluster.networks["vgg11"].asked.count("submit") < 13:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    engine.gate.set()
    await asyncio.gather(lone, many)
    assert order.index(7) <= 2, "behind the one at work, and one of the others"


class Reloads:
    """A replica that replies so to `reload`."""

    def __init__(self, reply: Refused | Exception | None = None) -> None:
        self.reply = reply

    async def reload(self) -> Refused | None:
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Refused("model_unavailable", "lenet for mnist would be missing", None), "lenet for mnist would be missing"),
        (RuntimeError(), "a replica of lenet did not load anew, others may have: RuntimeError"),
    ],
)
async def test_a_reload_that_ends_tells_which_replicas_have_exchanged(
    cluster: FakeCluster, reply: Refused | Exception, told: str
) -> None:
    cluster.intake.replicas = [Reloads()]
    lenet = cluster.networks["lenet"]
    lenet.replicas = [Reloads(), Reloads(reply), Reloads()]
    with pytest.raises(ApiError) as error:
        await cluster.remote.reload()
    assert error.value.message == f"{told}; exchanged already: the intake, 2 of 3 replicas of lenet"
    lenet.replicas = [Reloads(reply)]
    with pytest.raises(ApiError) as error:
        await cluster.remote.reload()
    assert error.value.message == f"{told}; exchanged already: the intake"


async def test_late_calls_are_not_sent(cluster: FakeCluster) -> None:
    handle = cluster.networks["lenet"]
    clock = cluster.service.clock(0.0)
    with pytest.raises(Exception, match="there was no answer within 0 s"):
        await calls.call(handle, "submit", "lenet", clock)
    assert handle.asked == []
