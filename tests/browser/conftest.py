"""A browser and what it visits. Without Chromium these tests are left out; with BROWSER_TESTS=required they fail."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from app.main import create_app
from models.catalog import ARCHITECTURES
from models.compiled import cache
from tests.browser.visits import Visits
from tests.fakes import FakeEngine, FakeIntake, fake_service
from tests.served import served, until
from tests.serving import running

# The headless shell first: it draws the same pages for half the work.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

ServeFake = Callable[..., str]


class SevenNetworks(FakeEngine):
    """Has all that the page shows."""

    names = tuple(ARCHITECTURES)

    def describe(self, name: str) -> dict[str, Any]:
        known = ARCHITECTURES[name]
        told = {
            part: getattr(known, part)
            for part in ("title", "year", "paper", "idea", "input_size", "parameters", "macs")
        }
        return super().describe(name) | told


# Of this folder, not of all tests: while Playwright runs, no other event loop can run in its thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Chromium, once for all tests of this folder."""
    if CHROMIUM is None:
        leave = pytest.fail if os.environ.get("BROWSER_TESTS") == "required" else pytest.skip
        leave("no chromium here; on Debian: apt install chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as it:
        started = it.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Any) -> Iterator[Visits]:
    """Makes pages, and fails the test where anything goes wrong in one."""
    it = Visits(browser)
    try:
        yield it
    finally:
        it.close()


@pytest.fixture
def serve_fake() -> Iterator[ServeFake]:
    """Starts a server of its own round a fake service: `serve_fake(engine, intake, queue_size=1)` -> its address."""
    with ExitStack() as stack:

        def start(engine: FakeEngine | None = None, intake: FakeIntake | None = None, **settings: Any) -> str:
            app = create_app(service=fake_service(engine or SevenNetworks(), intake, **settings))
            return f"http://127.0.0.1:{stack.enter_context(running(app))}"

        yield start


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    """A server round a fake service, which answers at once what the upload's first byte says: of a PNG, 137, a 7."""
    with running(create_app(service=fake_service(SevenNetworks()))) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="package")
def real_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`lineup serve` with all seven and what ships with them. Its compiled networks stay in the user's cache folder: to
    compile them takes a minute, to load them ten seconds.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LINEUP_CACHE_DIR")
        kept = cache.folder()
    with served(tmp_path_factory.mktemp("real"), networks="", cache_dir=kept) as it:
        until(lambda: it.status("/readyz") == 200, 600)
        yield f"http://127.0.0.1:{it.port}"
