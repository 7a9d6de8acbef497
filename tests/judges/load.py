"""Clients of every kind that ask a service until they are told to stop, and what came of it."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from urllib.parse import urlsplit

from app.answers import ComparisonTail, ErrorBody
from app.client import AsyncClient, DeadlineExceeded, LineupError, Unreachable
from tests.judges.pictures import BAD, BOMB, NUMBER, SEVENS

REFUSALS = {"queue_full", "rate_limited", "not_ready", "model_unavailable", "too_many_connections", "deadline_exceeded"}
PAUSE_S = 0.02  # between two questions of one client
SHOWN = 50  # faults that are told

Ask = Callable[[AsyncClient], Awaitable[str]]  # gives what came of it, "right" or in words


class Load:
    """What came of all questions, by kind of client and by outcome; `faults` in words should stay empty."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.outcomes: dict[str, Counter[str]] = {}
        self.faults: list[str] = []
        self.killed_at = float("-inf")  # when a process was last killed: what it had in hand may be lost
        self.over = asyncio.Event()

    async def ask_on(self, name: str, ask: Ask) -> None:
        """One client, which asks on and on."""
        counted = self.outcomes.setdefault(name, Counter())
        async with AsyncClient(self.url, deadline_s=30) as client:
            while not self.over.is_set():
                begin = time.monotonic()
                outcome = await self._outcome(ask, client, begin)
                counted[outcome] += 1
                if outcome.startswith("FAULT"):
                    self.faults.append(f"{name}: {outcome} after {time.monotonic() - begin:.1f} s")
                await asyncio.sleep(PAUSE_S)

    async def _outcome(self, ask: Ask, client: AsyncClient, begin: float) -> str:
        try:
            return await ask(client)
        except LineupError as error:
            lost = self.killed_at > begin - 1
            if isinstance(error, Unreachable) or error.code == "internal":  # of a decoder that was killed, say
                return f"lost with a process: {error.code}" if lost else f"FAULT {error}"
            in_words = error.code in REFUSALS and not (isinstance(error, DeadlineExceeded) and error.status is None)
            return error.code if in_words else f"FAULT {error}"


def expect(found: object, right: object) -> str:
    """The outcome of an answer."""
    return "right" if found == right else f"FAULT it says {found!r}, not {right!r}"


def predicting(model: str, kind: str) -> Ask:
    """Asks one network for a 7."""

    async def ask(client: AsyncClient) -> str:
        answer = await client.predict(SEVENS[kind], model=model)
        return expect((answer.model, answer.label), (model, "7"))

    return ask


async def comparing(client: AsyncClient) -> str:
    """Asks all."""
    answer = await client.compare(SEVENS["JPEG"], dataset="mnist")
    if answer.unavailable:
        return ", ".join(sorted({error.code for error in answer.errors.values()}))
    return expect({one.label for one in answer.results}, {"7"})


async def comparing_lines(client: AsyncClient) -> str:
    """Asks all, line by line."""
    lines = [line async for line in client.compare_lines(SEVENS["PNG"], dataset="mnist")]
    labels = {label for line in lines if (label := getattr(line, "label", None))}
    assert isinstance(lines[-1], ComparisonTail)
    return expect((labels, len(lines)), ({"7"}, 2 + len(lines[0].models))) if not lines[-1].errors else "unavailable"


async def batching(client: AsyncClient) -> str:
    """Asks for many, a bad one among them, which hurts nobody."""
    bad = b"%PDF-1.7\n%"
    answer = await client.batch([SEVENS["PNG"], bad, SEVENS["WEBP"], *[SEVENS["JPEG"]] * 13], model="lenet")
    errors = {place: one.error.code for place, one in enumerate(answer.results) if isinstance(one, ErrorBody)}
    labels = {one.label for one in answer.results if not isinstance(one, ErrorBody)}
    others = set(errors.values()) - {"unsupported_type"}
    if others and others <= REFUSALS:
        return ", ".join(sorted(others))
    return expect((labels, errors), ({"7"}, {1: "unsupported_type"}))


async def reading(client: AsyncClient) -> str:
    """Asks for a number."""
    return expect((await client.read(NUMBER)).number, "2357")


def sending_bad() -> Ask:
    """Sends what is no picture, each thing in turn."""
    turns = itertools.cycle(BAD.items())

    async def ask(client: AsyncClient) -> str:
        picture, codes = next(turns)
        try:
            answer = await client.predict(picture, model="lenet")
        except LineupError as error:
            if error.code in codes:
                return "right"
            raise
        return f"FAULT {answer.label} for {picture[:20]!r}"

    return ask


async def bombing(client: AsyncClient) -> str:
    """Sends as many pixels as are taken."""
    try:
        await client.predict(BOMB, model="lenet")
    except LineupError as error:
        if error.code in ("nothing_found", "undecodable", "too_many_pixels"):
            return "right"
        raise
    return "right"


def vanishing() -> Ask:
    """Hangs up: in the head, in the body, while it waits for the answer, and in the middle of a stream."""
    turns = itertools.cycle((20, 200, None, "stream"))
    body = SEVENS["JPEG"]
    head = f"POST /predict HTTP/1.1\r\nHost: here\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"

    async def ask(client: AsyncClient) -> str:
        turn = next(turns)
        if isinstance(turn, str):
            async with aclosing(client.compare_lines(SEVENS["PNG"])) as lines:
                await anext(lines)
            return "gone"
        where = urlsplit(client.base_url)
        with suppress(ConnectionError):
            _, writer = await asyncio.open_connection(where.hostname, where.port)
            writer.write((head.encode() + body)[:turn])
            await writer.drain()
            await asyncio.sleep(0.01)
            writer.transport.abort()
        return "gone"

    return ask
