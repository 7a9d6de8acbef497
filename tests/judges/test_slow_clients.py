"""Clients that hardly send and hardly read, many of them: others notice nothing."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from statistics import median
from urllib.parse import urlsplit

import httpx
import pytest

from app.client import Client
from app.main import create_app
from app.settings import Settings
from app.web import pages
from tests.judges.pictures import SEVENS
from tests.serving import running, until

EACH = 100  # clients of a kind
ASKED = 60
SLOWER = 5  # times; 3 on a machine that does nothing else

BODY = SEVENS["JPEG"]
HEAD = (
    f"POST /predict?model=lenet HTTP/1.1\r\nHost: here\r\nContent-Type: image/jpeg\r\nContent-Length: {len(BODY)}\r\n"
)
HALF_HEADS = (HEAD + "X-Slow: ").encode(), 0
DRIPPED_BODIES = (HEAD + "\r\n").encode() + BODY[:100], 0
LARGE = max((path for path in pages.STATIC.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
ANSWERS_NOT_READ = f"GET /static/{LARGE.relative_to(pages.STATIC)} HTTP/1.1\r\nHost: here\r\n\r\n".encode() * 4, 4096


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with running(create_app(Settings(device="cpu", networks="lenet", threads=1))) as port:
        address = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(f"{address}/readyz").status_code == 200)
        yield address


@contextmanager
def dripping(url: str, sent: bytes, buffer: int, over: threading.Event) -> Iterator[list[socket.socket]]:
    """So many connections that send this at once and then, like the others, a byte now and then, or read one."""
    where = urlsplit(url)
    clients = [socket.socket() for _ in range(EACH)]
    for client in clients:
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.connect((where.hostname, where.port))
        client.sendall(sent)
        client.setblocking(False)
    thread = threading.Thread(target=_drip, args=(clients, bool(buffer), over))
    thread.start()
    try:
        yield clients
    finally:
        over.set()
        thread.join(30)
        for client in clients:
            client.close()


def _drip(clients: list[socket.socket], reads: bool, over: threading.Event) -> None:
    while not over.wait(0.2):
        for client in clients:
            with suppress(OSError):  # not yet, or hung up on
                if reads:
                    client.recv(1)
                else:
                    client.send(b"a")


def usual_ms(client: Client) -> float:
    """How long a request to lenet takes, the median of many."""
    taken = []
    for _ in range(ASKED):
        begin = time.perf_counter()
        assert client.predict(BODY, model="lenet", dataset="mnist").label == "7"
        taken.append(1e3 * (time.perf_counter() - begin))
    return median(taken)


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind", [HALF_HEADS, DRIPPED_BODIES, ANSWERS_NOT_READ], ids=["half heads", "dripped bodies", "answers not read"]
)
def test_others_stay_as_quick(url: str, kind: tuple[bytes, int]) -> None:
    with Client(url) as client:
        usual_ms(client)
        before = usual_ms(client)
        with dripping(url, *kind, threading.Event()) as clients:
            assert len(clients) == EACH
            meanwhile = usual_ms(client)
        assert meanwhile < SLOWER * before, f"{before:.1f} ms alone, {meanwhile:.1f} ms beside {EACH} slow clients"


@pytest.mark.slow
def test_all_kinds_at_once_hold_up_neither_answers_nor_the_end(url: str) -> None:
    over = threading.Event()
    with (
        Client(url) as client,
        dripping(url, *HALF_HEADS, over),
        dripping(url, *DRIPPED_BODIES, over),
        dripping(url, *ANSWERS_NOT_READ, over),
    ):
        assert client.ready().ready
        assert usual_ms(client) < 1000
