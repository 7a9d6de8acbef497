"""Visits to pages in a real browser, watched: what goes wrong in one fails the test that made it."""

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Response

Place = tuple[float, float]  # on the pad, from its left and upper edge: 0 to 1


class Visits:
    """Makes pages: `visit(address, "/docs")`. At its end everything that they logged as an error or warning, raised,
    could not load or asked of another host is a failure, unless the test said that it will come (`expect`) or may come
    (`allow`); and so is what was expected and did not come.
    """

    def __init__(self, browser: "Browser") -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._expected: dict[str, bool] = {}  # pattern -> whether it came
        self._allowed: set[str] = set()
        self.problems: list[str] = []
        self.requests: list[Request] = []

    def __call__(
        self,
        address: str,
        path: str = "/",
        *,
        size: tuple[int, int] = (1280, 900),
        scheme: str = "light",
        touch: bool = False,
        **options: Any,
    ) -> "Page":
        """A page at an address, in a browser without a past; `options` are those of Playwright's `new_context`, as
        locale, reduced_motion, permissions.
        """
        viewport = {"width": size[0], "height": size[1]}
        told = {"has_touch": touch, "is_mobile": touch, "locale": "en-GB", **options}
        context = self._browser.new_context(viewport=viewport, color_scheme=scheme, **told)  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        self._watch(context, urlsplit(address).netloc)
        page = context.new_page()
        page.goto(address + path)
        return page

    def expect(self, pattern: str) -> None:
        """A problem that this regular expression finds is part of the test: the test fails where it does not come."""
        self._expected[pattern] = False

    def allow(self, pattern: str) -> None:
        """A problem that this regular expression finds is none."""
        self._allowed.add(pattern)

    def asked(self, part: str) -> list["Request"]:
        """The requests so far whose address has this part."""
        return [request for request in self.requests if part in request.url]

    def close(self) -> None:
        """End all visits; AssertionError where any had a problem."""
        while self._contexts:
            self._contexts.pop().close()
        assert not self.problems, self.problems
        missed = [pattern for pattern, came in self._expected.items() if not came]
        assert not missed, f"expected, and did not come: {missed}"

    def _watch(self, context: "BrowserContext", host: str) -> None:
        def on_request(request: "Request") -> None:
            self.requests.append(request)
            if urlsplit(request.url).scheme in ("http", "https", "ws", "wss") and urlsplit(request.url).netloc != host:
                self._problem(f"asks another host: {request.url}")

        context.on("request", on_request)
        context.on("requestfailed", self._failed)
        context.on("response", self._answered)
        context.on("console", self._logged)
        context.on("weberror", lambda raised: self._problem(f"raised: {raised.error}"))

    def _failed(self, request: "Request") -> None:
        given_up = request.failure == "net::ERR_ABORTED" and request.resource_type == "fetch"  # for a newer one
        if not given_up:
            self._problem(f"failed: {request.method} {request.url}: {request.failure}")

    def _answered(self, response: "Response") -> None:
        if response.status >= 400:
            self._problem(f"answered {response.status}: {response.request.method} {response.url}")

    def _logged(self, message: "ConsoleMessage") -> None:
        if message.type in ("error", "warning"):
            self._problem(f"console: {message.text} ({message.location.get('url', '')})")

    def _problem(self, told: str) -> None:
        known = [pattern for pattern in self._expected if re.search(pattern, told)]
        self._expected |= dict.fromkeys(known, True)
        if not known and not any(re.search(pattern, told) for pattern in self._allowed):
            self.problems.append(told)


def draw(page: "Page", *strokes: Sequence[Place], pad: str = "#pad", steps: int = 4) -> None:
    """Move the mouse over the pad with its button down, stroke after stroke, in `steps` moves from place to place."""
    box = page.locator(pad).bounding_box()
    assert box is not None, f"{pad} is not to be seen"

    def places(stroke: Sequence[Place]) -> Iterator[Place]:
        for x, y in stroke:
            yield box["x"] + x * box["width"], box["y"] + y * box["height"]

    for stroke in strokes:
        first, *others = places(stroke)
        page.mouse.move(*first)
        page.mouse.down()
        for x, y in others:
            page.mouse.move(x, y, steps=steps)
        page.mouse.up()


def soon(page: "Page", condition: Callable[[], bool], seconds: float = 15) -> bool:
    """Whether that comes true while the page goes on: events of the browser arrive in between."""
    end = time.monotonic() + seconds
    while not (come := condition()) and time.monotonic() < end:
        page.wait_for_timeout(20)
    return come


def look(page: "Page", name: str, *, whole: bool = True) -> None:
    """Keep a picture of the page, for people to look at, in the folder that the environment's SCREENSHOTS names."""
    if folder := os.environ.get("SCREENSHOTS"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole, animations="disabled")


def greys(canvas: "Locator") -> list[int]:
    """The grey values of a canvas of 28x28, row by row."""
    told: list[int] = canvas.evaluate(
        """(it) => {
          const context = new OffscreenCanvas(28, 28).getContext('2d', { willReadFrequently: true });
          context.drawImage(it, 0, 0);
          return [...context.getImageData(0, 0, 28, 28).data].filter((_, at) => at % 4 === 0);
        }"""
    )
    return told
