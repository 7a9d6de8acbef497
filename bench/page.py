"""How soon the page is there, and how soon it answers a stroke: ``make bench-page``, or ``python -m bench.page``.

A real Chromium on the same machine as the service. `first paint` and `usable pad` are from the navigation's start, with
an empty cache; `light networks` from the pen's move to the frame that shows the answer of every network that is asked
while drawing, `all seven` from the lifted pen. Written to RECORD.
"""

from __future__ import annotations

import gzip
import re
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from app.web import pages
from app.web.static import without_comments
from bench import machine, servers
from models.catalog import ARCHITECTURES
from models.checkpoints import atomic

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

RECORD = Path(__file__).with_name("page.json")
LOADS = 20
DRAWINGS, MOVES = 8, 12  # of each drawing: moves of the pen, each answered before the next
PAUSE_MS = 120  # longer than the page lets pass between two questions
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# Notes when the cards have waited since the pen's last move and do so no more; a frame later it is on the screen.
PROBE = """(light) => {
  window.shown = { light: [], seven: [] };
  let since = 0, lifted = false, waited = false;
  const note = (event) => { since = event.timeStamp; lifted = event.type === 'pointerup'; waited = false; };
  addEventListener('pointermove', (event) => event.buttons && note(event), true);
  addEventListener('pointerup', note, true);
  new MutationObserver(() => {
    const waits = [...document.querySelectorAll('#cards .waits')].map((card) => card.dataset.network);
    waited ||= waits.length > 0;
    if (!since || !waited || waits.some((name) => lifted || light.includes(name))) return;
    const [from, list] = [since, lifted ? window.shown.seven : window.shown.light];
    since = 0;
    requestAnimationFrame(() => setTimeout(() => list.push(performance.now() - from)));
  }).observe(document.getElementById('cards'), { subtree: true, childList: true, attributes: true });
}"""
START = """() => {
  const { domContentLoadedEventStart } = performance.getEntriesByType('navigation')[0];
  const painted = performance.getEntriesByName('first-contentful-paint')[0];
  return painted ? [painted.startTime, domContentLoadedEventStart] : null;
}"""


def sizes() -> dict[str, int]:
    """Bytes, gzip, of what the page is made of as it travels: each file by itself."""
    kinds = {"scripts": "js/**/*.js", "sheets": "style/*.css", "vendored scripts": "vendor/**/*.js"}
    return {kind: sum(_travelling(path) for path in pages.PAGE.glob(pattern)) for kind, pattern in kinds.items()}


def _travelling(path: Path) -> int:
    own, source = path.parent in pages.OWN, path.read_bytes()
    return len(gzip.compress(without_comments(source) if own else source, 9))


def loads(browser: Browser, address: str) -> Iterator[tuple[float, float]]:
    """Of LOADS visits with nothing cached after one: first paint and usable pad, in ms."""
    for number in range(LOADS + 1):
        context = browser.new_context()
        page = context.new_page()
        page.goto(address, wait_until="load")
        page.wait_for_function(START)
        painted, usable = page.evaluate(START)
        context.close()
        if number:
            yield painted, usable


def strokes(page: Page, light: list[str]) -> dict[str, list[float]]:
    """What the probe noted of DRAWINGS, each a zigzag of MOVES, after one more that does not count: in ms."""
    page.wait_for_selector("#cards .card")
    page.evaluate(PROBE, light)
    for number in range(DRAWINGS + 1):
        _zigzag(page)
        page.locator("#clear").click()
        if not number:
            page.evaluate("window.shown.light.length = window.shown.seven.length = 0")
    noted: dict[str, list[float]] = page.evaluate("window.shown")
    return noted


def _zigzag(page: Page) -> None:
    box = page.locator("#pad").bounding_box()
    assert box is not None
    before = page.evaluate("[window.shown.light.length, window.shown.seven.length]")
    for move in range(MOVES + 1):
        x = (0.3, 0.7)[move % 2]
        page.mouse.move(box["x"] + x * box["width"], box["y"] + (0.2 + 0.6 * move / MOVES) * box["height"])
        if not move:
            page.mouse.down()
        else:
            page.wait_for_function("n => window.shown.light.length >= n", arg=before[0] + move)
        page.wait_for_timeout(PAUSE_MS)
    page.mouse.up()
    page.wait_for_function("n => window.shown.seven.length > n", arg=before[1])


def asked_while_drawing(address: str) -> list[str]:
    """The networks that the page asks before the pen is lifted: as many multiply-adds as its draw.js says."""
    found = re.search(r"LIGHT_MACS = ([\d.e]+);", (pages.PAGE / "js" / "draw.js").read_text("utf-8"))
    assert found is not None, "draw.js names no LIGHT_MACS"
    most = float(found[1])
    return [network["name"] for network in httpx.get(f"{address}/models").json()["models"] if network["macs"] < most]


def told(values: list[float]) -> dict[str, Any]:
    """Median and 95th percentile, and of how many."""
    middle, high = np.percentile(values, [50, 95])
    return {"median": round(float(middle), 1), "p95": round(float(high), 1), "n": len(values)}


def measure(chromium: str, address: str) -> dict[str, Any]:
    """All figures of a service at that address."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as it:
        browser = it.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        painted, usable = zip(*loads(browser, address), strict=True)
        light = asked_while_drawing(address)
        noted = strokes(_opened(browser, address), light)
        found = {"chromium": browser.version, "light": light}
        browser.close()
    parts = {
        "first paint": painted,
        "usable pad": usable,
        "light networks": noted["light"],
        "all seven": noted["seven"],
    }
    return found | {"ms": {name: told(list(values)) for name, values in parts.items()}}


def _opened(browser: Browser, address: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(address)
    return page


def main() -> int:
    """Measure, print and record, once no other measurement runs; 2 where there is no Chromium, 1 where the service does
    not start.
    """
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        print("bench: no chromium here; on Debian: apt install chromium", file=sys.stderr)
        return 2
    with machine.alone():
        now, of = machine.now(), servers.checkpoints_of(ARCHITECTURES)
        lineup = servers.SERVERS["lineup"]
        try:
            with servers.running(lineup, "", servers.pythons(Path()), list(ARCHITECTURES)) as (address, _):
                measured = measure(chromium, address)
        except servers.NotStartedError as error:
            print(f"bench: `lineup serve` did not start: {error}", file=sys.stderr)
            return 1
    for name, ms in measured["ms"].items():
        print(f"{name:16} {ms['median']:8.1f} ms, 95 % {ms['p95']:8.1f}, n = {ms['n']}")
    about = {"date": now["date"][:10], **now["hardware"], "busy_cores": now["busy_cores_before"], "of": of}
    versions = {name: version(name) for name in ("fastapi", "uvicorn", "onnxruntime", "playwright")}
    found = {**about, "versions": versions, **measured, "gzip": sizes()}
    atomic.write_json(RECORD, found)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
