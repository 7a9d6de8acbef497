"""Files of the pages as they travel: compressed where wanted, without comments, told when they have not changed."""

import re
from pathlib import Path

import httpx
import pytest

from app.web import pages
from app.web.static import Static, without_comments
from tests.app.conftest import serving
from tests.fakes import fake_service

pytestmark = pytest.mark.anyio
OWN = sorted(path for folder in pages.OWN for path in folder.iterdir())


async def test_text_is_compressed_for_who_wants_it(client: httpx.AsyncClient) -> None:
    plain = await client.get("/static/page/js/state.js", headers={"Accept-Encoding": "identity"})
    zipped = await client.get("/static/page/js/state.js", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert "Content-Encoding" not in plain.headers
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert plain.content == zipped.content
    assert int(zipped.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
    assert plain.headers["Vary"] == zipped.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["Content-Type"] == zipped.headers["Content-Type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("encoding", ["gzip;q=0", "br", ""])
async def test_it_is_not_compressed_for_who_does_not(client: httpx.AsyncClient, encoding: str) -> None:
    response = await client.get("/static/docs/docs.js", headers={"Accept-Encoding": encoding})
    assert "Content-Encoding" not in response.headers
    assert response.content == (pages.STATIC / "docs" / "docs.js").read_bytes()


async def test_a_picture_is_sent_as_it_is(client: httpx.AsyncClient) -> None:
    response = await client.get("/static/docs/swagger-ui-5.35.0/favicon-32x32.png")
    assert "Content-Encoding" not in response.headers


@pytest.mark.parametrize("wanted", ["bytes=0-3", "bytes=9-5", "bytes=999999-", "bytes=0-10,5-3", "lines=1-2"])
@pytest.mark.parametrize("path", ["docs/swagger-ui-5.35.0/favicon-32x32.png", "docs/docs.js"])
async def test_the_whole_is_sent_whatever_range_is_asked_for(client: httpx.AsyncClient, path: str, wanted: str) -> None:
    response = await client.get(f"/static/{path}", headers={"Range": wanted})
    assert response.status_code == 200
    assert response.content == (pages.STATIC / path).read_bytes()
    assert "Accept-Ranges" not in response.headers


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_who_has_it_gets_no_body(client: httpx.AsyncClient, encoding: str) -> None:
    headers = {"Accept-Encoding": encoding}
    first = await client.get("/static/page/style/tokens.css", headers=headers)
    again = await client.get(
        "/static/page/style/tokens.css", headers={**headers, "If-None-Match": first.headers["ETag"]}
    )
    assert (again.status_code, again.content, again.headers["Vary"]) == (304, b"", "Accept-Encoding")


async def test_head_has_the_headers_of_get(client: httpx.AsyncClient) -> None:
    got, head = [await client.request(method, "/static/page/js/state.js") for method in ("GET", "HEAD")]
    assert head.headers["Content-Length"] == got.headers["Content-Length"]
    assert head.content == b""


async def test_a_file_that_changed_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "own" / "it.js"
    file.parent.mkdir()
    file.write_text("// one\nlet a = 1;\n")
    transport = httpx.ASGITransport(Static(tmp_path, (file.parent,)))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.get("/own/it.js")).text == "\nlet a = 1;\n"
        file.write_text("let a = 22;\n")
        assert (await client.get("/own/it.js")).text == "let a = 22;\n"


async def test_vendored_files_keep_their_licences() -> None:
    async with serving(fake_service()) as client:
        for path in (pages.PAGE / "vendor").rglob("lit-html.js"):
            sent = await client.get(f"/static/{path.relative_to(pages.STATIC)}")
            assert sent.content == path.read_bytes()
            assert b"@license" in sent.content


def test_comments_go_and_lines_stay() -> None:
    source = b"""// @ts-check
/**
 * What it does.
 */
import { a } from './a.js'; // of a line that is kept
const told = `http://x /* text */`;
  /** @param {string} x */
function f(x) { return x / 2 /* half */; }
"""
    assert without_comments(source) == (
        b"\n\n\n\nimport { a } from './a.js'; // of a line that is kept\nconst told = `http://x /* text */`;\n\n"
        b"function f(x) { return x / 2 /* half */; }\n"
    )


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_nothing_but_comments_is_left_out(path: Path) -> None:
    sent = without_comments(path.read_bytes()).decode().split("\n")
    within = False
    for was, now in zip(path.read_text().split("\n"), sent, strict=True):
        opens = was.strip().startswith("/*")
        comment = within or opens or was.strip().startswith("//")
        within = (within or opens) and "*/" not in was
        assert now == was or (now == "" and comment), was


# Of JavaScript's code: comments, strings, and regular expressions, which stand where a value may begin.
PASSED_OVER = re.compile(
    r"""//[^\n]*|/\*.*?\*/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|(?<=[(=,:])\ ?/(?:\[[^]\n]+]|\\.|[^/\n])+/""",
    re.DOTALL,
)


def texts(source: str) -> str:
    """What stands between backquotes in JavaScript, its lines as they are; a "~" for each value in it."""
    found, around, at = "", [""], 0  # the last of `around`: a backquote within a text, a brace within a value
    while at < len(source):
        two, one, within = source[at : at + 2], source[at], around[-1]
        if within == "`" and two == "${":
            around.append("{")
            found, at = found + "~", at + 2
        elif within == "`":
            found, at = found + one, at + 1
            if one == "`":
                around.pop()
        elif skipped := PASSED_OVER.match(source, at):
            at = skipped.end()
        else:
            around += one if one in "`{" else ""
            if one == "}":
                around.pop()
            at += 1
    assert around == [""], "this scanner has lost its way"
    return found


def test_texts_are_found() -> None:
    assert texts("f(/['`]/, '`'); // `\nt = `a ${b ? `\n// c` : {d}} e`;") == "a ~\n// c` e`"


@pytest.mark.parametrize("path", [path for path in OWN if path.suffix == ".js"], ids=lambda path: path.name)
def test_no_text_over_several_lines_has_one_that_looks_like_a_comment(path: Path) -> None:
    found = texts(path.read_text("utf-8"))
    assert without_comments(found.encode()).decode() == found
