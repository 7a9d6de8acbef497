"""What watches every page in the browser's tests sees what it is there to see."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.visits import Visits, soon

pytestmark = pytest.mark.browser
PLAIN = "/"


@pytest.fixture
def watched(browser: Any, address: str) -> Iterator[Visits]:
    """Visits whose problems are what the test is about."""
    it = Visits(browser)
    yield it
    it.problems.clear()
    it.close()


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("console.error('went wrong')", "console: went wrong"),
        ("console.warn('nearly')", "console: nearly"),
        ("setTimeout(() => { throw new Error('by itself') })", "raised: .*by itself"),
        ("fetch('/static/nowhere.js')", "answered 404: GET http://127.*/static/nowhere.js"),
        ("new Image().src = 'http://localhost:9/one.png'", "asks another host: http://localhost:9/one.png"),
    ],
)
def test_what_goes_wrong_in_a_page_is_seen(watched: Visits, address: str, script: str, told: str) -> None:
    page = watched(address, PLAIN)
    assert watched.problems == []
    page.evaluate(f"() => {{ {script} }}")
    assert soon(page, lambda: any(re.search(told, problem) for problem in watched.problems)), watched.problems


def test_what_was_expected_has_to_come(watched: Visits, address: str) -> None:
    watched.expect("answered 404")
    watched.allow("console: .*404")
    with pytest.raises(AssertionError, match="did not come"):
        watched.close()
    page = watched(address, PLAIN)
    page.evaluate("() => fetch('/static/nowhere.js').then(() => null)")
    watched.close()


def test_a_request_that_the_page_gave_up_is_no_problem(watched: Visits, address: str) -> None:
    page = watched(address, PLAIN)
    failed: list[Any] = []
    page.on("requestfailed", lambda request: failed.append(request))
    page.evaluate("() => { const c = new AbortController(); fetch('/models', c).catch(() => 0); c.abort() }")
    assert soon(page, lambda: bool(failed))
    assert watched.problems == []


def test_what_the_policy_forbids_is_seen(watched: Visits, address: str) -> None:
    page = watched(address, "/healthz")
    page.evaluate("() => { document.body.append(Object.assign(document.createElement('script'), {text: '1'})) }")
    assert soon(page, lambda: any("Content Security Policy" in problem for problem in watched.problems))
