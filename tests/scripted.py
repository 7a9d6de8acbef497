"""A server that says what a test tells it to, whatever it is asked."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Script = bytes | Callable[[socket.socket], None]  # what one connection gets once its request is there


@dataclass
class Scripted:
    """Where it listens, and the requests that it got: heads in lower case."""

    url: str
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)


@contextmanager
def scripted(*scripts: Script) -> Iterator[Scripted]:
    """Each connection gets the next script, and those after the last the last one again; then it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        told = Scripted(f"http://127.0.0.1:{listener.getsockname()[1]}")
        over = threading.Event()
        thread = threading.Thread(target=_serve, args=(listener, scripts, told, over))
        thread.start()
        try:
            yield told
        finally:
            over.set()
            thread.join(30)
            assert not thread.is_alive()


def answer(body: Any, status: int = 200, **headers: object) -> bytes:
    """A whole answer; headers as keywords, with _ for -."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def refused(code: str, status: int, **headers: object) -> bytes:
    """An error in Lineup's shape."""
    return answer({"error": {"code": code, "message": f"words about {code}"}}, status, **headers)


def _serve(listener: socket.socket, scripts: tuple[Script, ...], told: Scripted, over: threading.Event) -> None:
    while not over.is_set():
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            with connection, suppress(ConnectionError):
                script = scripts[min(len(told.heads), len(scripts) - 1)]
                _talk(connection, script, told)


def _talk(connection: socket.socket, script: Script, told: Scripted) -> None:
    connection.settimeout(30)
    received = b""
    while b"\r\n\r\n" not in received:
        if not (piece := connection.recv(65536)):
            return
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    told.heads.append(head.decode("latin-1").lower())
    if not isinstance(script, bytes):
        script(connection)
        return
    lengths = [line.split(":")[1] for line in told.heads[-1].split("\r\n") if line.startswith("content-length")]
    while len(body) < int(lengths[0] if lengths else 0):
        body += connection.recv(65536)
    told.bodies.append(body)
    connection.sendall(script)
