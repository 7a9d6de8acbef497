"""A load, the requests that it puts on a service, and what came of them."""

import random
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, urlsplit

Arrivals = Literal["poisson", "even"]
BOUNDARY = "lineup-bench-5f0c2e"
MOST_CLIENTS = 512  # half of what select() can watch


@dataclass(frozen=True)
class Target:
    """Where requests go, and the bytes of each, head and body."""

    host: str
    port: int
    secure: bool
    request: bytes


@dataclass(frozen=True)
class Load:
    """`rate` in requests a second makes it an open loop over at most `clients` connections; None a closed one of
    `clients`. A request that is not answered `timeout_s` after it was due has failed.
    """

    clients: int
    seconds: float
    rate: float | None = None
    arrivals: Arrivals = "poisson"
    warm_up_s: float = 1.0
    timeout_s: float = 10.0


@dataclass
class Tally:
    """What came of the requests that were due between `start` and `end`; times as of time.monotonic, in seconds."""

    start: float
    end: float
    offered: int = 0
    answered_meanwhile: int = 0  # with 2xx between start and end, whenever they were due
    latencies: "array[float]" = field(default_factory=lambda: array("d"))  # of those answered with 2xx
    errors: "Counter[str]" = field(default_factory=Counter)  # by status, or in words what came in its place
    sent_late: "array[float]" = field(default_factory=lambda: array("d"))  # by how much an open loop overslept
    cpu: float = 0.0  # of one core, that the client kept busy between start and end

    def add(self, due: float, now: float, outcome: str) -> None:
        """Count one request with its outcome: a status, or words."""
        fine = outcome.startswith("2")
        self.answered_meanwhile += fine and self.start <= now < self.end
        if self.start <= due < self.end:
            self.offered += 1
            if fine:
                self.latencies.append(now - due)
            else:
                self.errors[outcome] += 1


def split(url: str) -> SplitResult:
    """The parts of an address of the web. ValueError, which names the wrong value, if it is none."""
    wanted = "wanted one like http://127.0.0.1:8000"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError as error:  # a port that is no number, say, or a name that is too long
        raise ValueError(f"the address is {url!r}, which cannot be ({error}); {wanted}") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"the address is {url!r}; {wanted}")
    return parts


def target(url: str, content_type: str, body: bytes, headers: Mapping[str, str] | None = None) -> Target:
    """POST `body` to `url`, with `headers` beside its own, of what a header can hold. ValueError, which names the wrong
    value, if that is no address of the web.
    """
    parts = split(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or any(character.isspace() for character in path):
        raise ValueError(f"the path {path!r} has characters that an address must have escaped")
    head = f"POST {path} HTTP/1.1\r\nHost: {parts.netloc.rpartition('@')[2]}\r\nAccept: application/json\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    return Target(parts.hostname or "", port, secure, head.encode() + body)


def multipart(picture: bytes, media_type: str, name: str) -> tuple[str, bytes]:
    """Content type and body of a form with one file in its field `name`."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="picture"\r\n'
    body = f"{head}Content-Type: {media_type}\r\n\r\n".encode() + picture + f"\r\n--{BOUNDARY}--\r\n".encode()
    return f"multipart/form-data; boundary={BOUNDARY}", body


def arrivals(begin: float, end: float, rate: float, kind: Arrivals) -> Iterator[float]:
    """Times between begin and end, `rate` a second: evenly, or as a Poisson process, the same one each time."""
    chance = random.Random(0)
    due = begin
    while due < end:
        yield due
        due += chance.expovariate(rate) if kind == "poisson" else 1 / rate
