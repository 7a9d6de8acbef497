"""What a flood for the slowest network costs everybody: ``python -m bench.overload``; figures in bench/overload.json.

FLOOD clients ask VGG-11 at the same moment, each once, over connections that are open already. Meanwhile one client
asks LeNet and another /healthz, again and again. The clients run in a process of their own and cost the same cores.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from app.cli.bench import drawn, quantile_ms
from app.cli.load import multipart
from bench import machine, recording, servers
from models.arguments import whole
from models.catalog import ARCHITECTURES
from models.checkpoints import atomic

RECORD = Path(__file__).with_name("overload.json")
FLOOD = 600


class Client:
    """A connection that is kept alive."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def open(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self, request: bytes) -> tuple[int, dict[str, str], float]:
        """Status, headers in lower case, and seconds until the answer was there."""
        begun = time.perf_counter()
        self._writer.write(request)
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        took = time.perf_counter() - begun
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
        await self._reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, took

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


def posted(model: str) -> bytes:
    """The bytes of a request to a network, with a drawn digit."""
    media_type, body = multipart(drawn(), "image/png", "file")
    head = f"POST /predict?model={model}&dataset=mnist HTTP/1.1\r\nHost: bench\r\nContent-Type: {media_type}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def flooded(port: int, flood: int) -> dict[str, Any]:
    """What the flood and the two beside it got."""
    clients = [Client(port) for _ in range(flood + 2)]
    for client in clients:
        await client.open()
    *many, light, health = clients
    asked = [asyncio.create_task(client.ask(posted("vgg11"))) for client in many]
    over = asyncio.Event()
    beside = [
        asyncio.create_task(_again_and_again(light, posted("lenet"), over)),
        asyncio.create_task(_again_and_again(health, b"GET /healthz HTTP/1.1\r\nHost: bench\r\n\r\n", over)),
    ]
    answers = await asyncio.gather(*asked)
    over.set()
    lenet, healthz = [await task for task in beside]
    for client in clients:
        client.close()
    refused = sorted(took for status, _, took in answers if status == 429)
    waits = [int(headers["retry-after"]) for status, headers, _ in answers if status == 429]
    return {
        "vgg11": {
            "statuses": dict(sorted(Counter(str(status) for status, _, _ in answers).items())),
            "refused_ms": {"p50": quantile_ms(refused, 0.5), "p99": quantile_ms(refused, 0.99)},
            "retry_after_s": [min(waits), statistics.median_low(waits), max(waits)] if waits else None,
            "whole_s": round(max(took for _, _, took in answers), 2),
        },
        "lenet": lenet,
        "healthz": healthz,
    }


async def _again_and_again(client: Client, request: bytes, over: asyncio.Event) -> dict[str, Any]:
    statuses: Counter[str] = Counter()
    taken = []
    while not over.is_set():
        status, _, took = await client.ask(request)
        statuses[str(status)] += 1
        taken.append(took)
    taken.sort()
    of = {name: quantile_ms(taken, share) for name, share in (("p50", 0.5), ("p99", 0.99), ("most", 1.0))}
    return {"statuses": dict(statuses), "ms": of}


def measured(flood: int) -> dict[str, Any]:
    """What a flood of so many does to a service of its own. RuntimeError where that does not start or hangs up."""
    server = replace(servers.SERVERS["lineup"], paths={"overload": ""})
    try:
        with servers.running(server, "", servers.pythons(Path(sys.executable)), []) as (url, _):
            try:
                return asyncio.run(flooded(int(url.rpartition(":")[2]), flood))
            except (OSError, EOFError) as error:  # more connections than a process may have, or than are served
                raise RuntimeError(f"not all of {flood} requests at once were answered: {error}") from error
    except servers.NotStartedError as error:
        raise RuntimeError(f"`lineup serve` did not start: {error}") from error


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and record; 2 where an option is wrong, 1 where the service does not start or leaves a request
    without an answer. Another flood than the record's is not recorded.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flood", type=whole(1), default=FLOOD, help=f"requests at once (default: {FLOOD})")
    parser.add_argument("--record", type=Path, help=f"file to write (default: {RECORD.name} beside this script)")
    options = parser.parse_args(argv)
    try:
        record = recording.place(parser, options, RECORD, ("flood",))
    except ValueError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    with machine.alone():
        now, of = machine.now(), servers.checkpoints_of(ARCHITECTURES)
        try:
            found = measured(options.flood)
        except RuntimeError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
    about = {
        "date": now["date"][:10],
        **now["hardware"],
        "busy_cores": now["busy_cores_before"],
        "of": of,
        "versions": {name: version(name) for name in ("fastapi", "uvicorn", "onnxruntime")},
        "flood": options.flood,
    }
    if record:
        atomic.write_json(record, {**about, **found})
    print(json.dumps(found, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
