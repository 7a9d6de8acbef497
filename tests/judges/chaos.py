"""A mixed load while processes are killed, checkpoints swapped, and clients vanish: ``python -m tests.judges.chaos``.

Every request must be answered rightly or refused in words; memory and descriptors must stay as they are once the
service is warm; afterwards it must be idle. What the service does not offer (`--workers`, `/admin/reload`) is left out,
and the record says so. What was seen is written to RECORD.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from app.client import AsyncClient, Call, Client, LineupError
from tests.judges import load
from tests.judges.process import Served, Usage, offers, serve

RECORD = Path(__file__).with_name("chaos.json")
KEY = "a key for chaos alone"
NETWORKS = "lenet,resnet18,densenet"
SETTLE_S, IDLE_S = 20, 10  # what was given up is still decoded; and how long idleness is watched
GROWTH, SLACK_MB, SLACK_DESCRIPTORS = 1.1, 50, 20  # what counts as flat
IDLE_SHARE = 0.01  # of a core
PROCESSES = {"worker": "app.cli.worker", "decoder": "decoder_process"}  # what their command lines have
CLIENTS = {
    "lenet as PNG": load.predicting("lenet", "PNG"),
    "lenet as JPEG": load.predicting("lenet", "JPEG"),
    "lenet as WebP": load.predicting("lenet", "WEBP"),
    "resnet18": load.predicting("resnet18", "JPEG"),
    "compare": load.comparing,
    "compare, line by line": load.comparing_lines,
    "batch": load.batching,
    "read": load.reading,
    "bad pictures": load.sending_bad(),
    "bombs": load.bombing,
    "clients that vanish": load.vanishing(),
}


@dataclass
class Seen:
    """What was done to a service, and what it did."""

    seconds: float
    left_out: list[str]
    done: Counter[str] = field(default_factory=Counter)
    usage: list[Usage] = field(default_factory=list)  # at even times while the load was on
    outcomes: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    idle: float = 0.0  # of a core


async def chaos(served: Served, seconds: float) -> Seen:
    """So many seconds of it."""
    under = load.Load(served.url)
    seen = Seen(seconds, [], outcomes=under.outcomes, faults=under.faults)
    troubles = [_watch(served, seen, seconds / 60)]
    if served.children("app.cli.worker"):
        troubles.append(_kill(served, under, seen, "worker", seconds / 20))
    else:
        seen.left_out.append("workers killed")
    troubles.append(_kill(served, under, seen, "decoder", seconds / 30))
    with Client(served.url) as client:
        document = client.ask(Call("GET", "/openapi.json", json.loads))
    if "/admin/reload" in document["paths"]:
        troubles.append(_reload(served, seen, seconds / 15))
    else:
        seen.left_out.append("checkpoints swapped")
    tasks = [asyncio.create_task(under.ask_on(name, ask)) for name, ask in CLIENTS.items()]
    beside = [asyncio.create_task(trouble) for trouble in troubles]
    await asyncio.sleep(seconds)
    for task in beside:
        task.cancel()
    under.over.set()
    await asyncio.gather(*tasks)
    for task in beside:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    await asyncio.sleep(SETTLE_S)
    before = served.usage()
    await asyncio.sleep(IDLE_S)
    seen.idle = round((served.usage().cpu_s - before.cpu_s) / IDLE_S, 4)
    seen.usage.append(served.usage())
    return seen


def judged(seen: Seen, log: str) -> list[str]:
    """What is wrong, in words."""
    wrong = list(seen.faults[: load.SHOWN])
    for name, counted in seen.outcomes.items():
        if not counted["right"] and not counted["gone"] and name != "bombs":  # those may all be refused
            wrong.append(f"{name}: not one right answer, but {dict(counted)}")
    warm, end = _warm(seen.usage), seen.usage[-1]
    if end.megabytes > GROWTH * warm.megabytes + SLACK_MB:
        wrong.append(f"memory grew from {warm.megabytes:.0f} MB to {end.megabytes:.0f} MB")
    if end.descriptors > warm.descriptors + SLACK_DESCRIPTORS:
        wrong.append(f"descriptors grew from {warm.descriptors} to {end.descriptors}")
    if seen.idle > IDLE_SHARE:
        wrong.append(f"idle, it takes {seen.idle:.1%} of a core; at most {IDLE_SHARE:.0%}")
    if "Traceback" in log:
        wrong.append(f"its log has a traceback: {log[log.index('Traceback') :][:2000]}")
    return wrong


def _warm(usage: list[Usage]) -> Usage:
    """The most between a quarter and the half of the time: while a process is dead there is less."""
    part = usage[len(usage) // 4 : max(len(usage) // 2, len(usage) // 4 + 1)]
    return Usage(*(max(getattr(one, name) for one in part) for name in Usage.__annotations__))


async def _watch(served: Served, seen: Seen, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        seen.usage.append(await asyncio.to_thread(served.usage))


async def _kill(served: Served, under: load.Load, seen: Seen, kind: str, every_s: float) -> None:
    while True:
        await asyncio.sleep(every_s)
        if found := served.children(PROCESSES[kind]):
            under.killed_at = time.monotonic()
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(found), signal.SIGKILL)
                seen.done[f"{kind}s killed"] += 1


async def _reload(served: Served, seen: Seen, every_s: float) -> None:
    """By the route and by the signal, in turn."""
    options = {"headers": {"Authorization": f"Bearer {KEY}"}}
    async with AsyncClient(served.url, deadline_s=120) as client:
        while True:
            await asyncio.sleep(every_s)
            served.process.send_signal(signal.SIGHUP)
            seen.done["SIGHUP"] += 1
            await asyncio.sleep(every_s)
            try:
                await client.ask(Call("POST", "/admin/reload", bytes, options))
                seen.done["reloads"] += 1
            except LineupError as error:
                seen.done[f"reload refused: {error.code}"] += 1


def run(seconds: float) -> tuple[Seen, list[str], float]:
    """Start a service, judge it, end it; what was seen, what is wrong, and seconds to the end after SIGTERM."""
    options = ("--workers", "2") if offers("--workers") else ()
    with serve(*options, networks=NETWORKS, admin_key=KEY, device="cpu") as served:
        seen = asyncio.run(chaos(served, seconds))
        wrong = judged(seen, served.log())
        ended = time.monotonic()
    return seen, wrong + served.ended_badly, time.monotonic() - ended


def record(seen: Seen, wrong: list[str], ended_s: float) -> dict[str, Any]:
    """What is kept of it."""
    flags = Path("/proc/cpuinfo").read_text().partition("model name\t: ")[2].partition("\n")[0]
    taken = {"warm": asdict(_warm(seen.usage)), "at the end": asdict(seen.usage[-1])}
    taken["most"] = {name: max(getattr(one, name) for one in seen.usage) for name in Usage.__annotations__}
    for one in taken.values():
        one["megabytes"] = round(one["megabytes"], 1)
    return {
        "what": f"{len(CLIENTS)} clients, one of each kind, through app.client; networks {NETWORKS}",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores of {flags}, Python {platform.python_version()}",
        "versions": {"httpx": httpx.__version__},
        "seconds": seen.seconds,
        "requests": sum(counted.total() for counted in seen.outcomes.values()),
        "outcomes": {name: dict(counted.most_common()) for name, counted in seen.outcomes.items()},
        "done": dict(seen.done),
        "left_out": seen.left_out,
        "usage": taken,
        "idle_share_of_a_core": seen.idle,
        "ended_after_s": round(ended_s, 1),
        "wrong": wrong,
    }


def main() -> int:
    """Run, write the record, tell it; 1 where something is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--record", type=Path, default=RECORD)
    options = parser.parse_args()
    told = record(*run(options.seconds))
    text = json.dumps(told, indent=1, ensure_ascii=False)
    options.record.write_text(text + "\n", encoding="utf-8")
    print(text)
    return int(bool(told["wrong"]))


if __name__ == "__main__":
    sys.exit(main())
