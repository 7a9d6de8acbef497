"""Behind a real server and real sockets: refusals that arrive, clients that hang up, a shutdown that ends."""

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from app.main import create_app
from tests.fakes import FakeEngine, fake_service
from tests.serving import running, until

MIB = 1024 * 1024


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def port(engine: FakeEngine) -> Iterator[int]:
    with running(create_app(service=fake_service(engine, max_upload_bytes=MIB))) as it:
        until(lambda: httpx.get(f"http://127.0.0.1:{it}/readyz").status_code == 200)
        yield it


def connect(port: int, *lines: str, body: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall("\r\n".join([*lines, "Host: test", "", ""]).encode() + body)
    return connection


def answer(connection: socket.socket) -> bytes:
    """All that comes until the server closes or the answer's JSON is complete."""
    received = b""
    while not received.endswith((b"}}", b'"batch_size":1}')) and (more := connection.recv(65536)):
        received += more
    return received


def test_a_client_that_sends_all_before_it_reads_still_gets_the_refusal(port: int) -> None:
    body = b"\x07" * 8 * MIB  # more than the sockets' buffers hold, so the server must go on reading
    head = ("POST /predict HTTP/1.1", "Content-Type: image/png", f"Content-Length: {len(body)}")
    with connect(port, *head, body=body) as connection:
        received = answer(connection)
    assert received.startswith(b"HTTP/1.1 413")
    assert b'"too_large"' in received


def test_who_asks_before_sending_is_refused_without_sending(port: int) -> None:
    head = ("POST /predict HTTP/1.1", "Content-Type: image/png", "Content-Length: 99999999", "Expect: 100-continue")
    with connect(port, *head) as connection:
        received = answer(connection)
    assert received.startswith(b"HTTP/1.1 413")


def test_who_was_told_to_go_on_still_gets_the_refusal(port: int) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + b"\x07" * MIB + b"\r\n"
    body = part * 84 + b"--x--\r\n"  # 64 files are taken
    kind = "Content-Type: multipart/form-data; boundary=x"
    head = ("POST /predict/batch HTTP/1.1", kind, f"Content-Length: {len(body)}", "Expect: 100-continue")
    with connect(port, *head) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        received = answer(connection)
    assert received.startswith(b"HTTP/1.1 413")
    assert b"more than 64 files" in received


def test_a_refusal_does_not_wait_for_a_body_that_never_comes(port: int) -> None:
    with connect(port, "POST /predict?top_k=99 HTTP/1.1", "Content-Length: 1000") as connection:
        assert b'"invalid_parameter"' in answer(connection)
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def test_a_client_that_hangs_up_is_not_computed(port: int, engine: FakeEngine) -> None:
    engine.gate.clear()
    head = ("POST /predict?model=lenet HTTP/1.1", "Content-Type: image/png", "Content-Length: 1")
    waiting = 'lineup_queue_length{dataset="mnist",model="lenet"} '

    def metrics() -> str:
        return httpx.get(f"http://127.0.0.1:{port}/metrics").text

    with connect(port, *head, body=b"\x01") as first:
        assert engine.busy.wait(30)
        with connect(port, *head, body=b"\x02"):
            until(lambda: f"{waiting}1.0" in metrics())
        until(lambda: f"{waiting}0.0" in metrics())
        engine.gate.set()
        assert b'"label":"1"' in answer(first)
    assert engine.batches == [("mnist", "lenet", 1)]


def test_a_stream_that_is_left_is_counted_as_left(port: int, engine: FakeEngine) -> None:
    def metrics() -> str:
        return httpx.get(f"http://127.0.0.1:{port}/metrics").text

    counted = 'lineup_requests_total{code="%s",model="",route="/compare",status="200"} 1.0'
    total = 'lineup_step_seconds_count{step="total"} '
    before = metrics().partition(total)[2].partition("\n")[0]
    engine.gate.clear()
    head = ("POST /compare HTTP/1.1", "Content-Type: image/png", "Content-Length: 1", "Accept: application/x-ndjson")
    with connect(port, *head, body=b"\x01") as left:
        assert b"HTTP/1.1 200" in left.recv(65536)
    until(lambda: counted % "disconnected" in metrics())
    engine.gate.set()
    assert counted % "ok" not in metrics()
    assert f"{total}{before}\n" in metrics()


def test_shutdown_lets_a_running_request_finish(engine: FakeEngine) -> None:
    answers: list[httpx.Response] = []
    with running(create_app(service=fake_service(engine))) as port:
        url = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(f"{url}/readyz").status_code == 200)
        engine.gate.clear()
        thread = threading.Thread(target=lambda: answers.append(httpx.post(f"{url}/predict", content=b"\x07")))
        thread.start()
        assert engine.busy.wait(30)
        threading.Timer(0.2, engine.gate.set).start()
    thread.join(30)
    assert answers[0].json()["label"] == "7"


def test_a_keep_alive_connection_goes_on_after_a_refusal(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.post("/predict?model=no", content=b"\x07" * 1000).status_code == 404
        assert client.post("/predict", content=b"\x07").json()["label"] == "7"
