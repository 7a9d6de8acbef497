"""The page's files, without a browser: their size, what they load, and the texts that they use."""

import gzip
import json
import re
from pathlib import Path

import pytest

from app.web import pages
from app.web.static import without_comments

LIMIT = 60_000  # bytes, gzip: scripts and sheets of our own
VENDOR = pages.PAGE / "vendor"
SCRIPTS = sorted((pages.PAGE / "js").rglob("*.js"))
HTML = (pages.PAGE / "index.html").read_text("utf-8")
TEXTS = {
    language: pages.flat(json.loads((pages.PAGE / "text" / f"{language}.json").read_text("utf-8")))
    for language in pages.languages()
}
COMMENT = re.compile(r"/\*.*?\*/|(?<![:'\"`\w])//[^\n]*", re.DOTALL)
STATIC_IMPORT = re.compile(r"^(?:import|export)\s*(?:[{*\w][^;'\"()=]*?\bfrom)?\s*['\"]([^'\"]+)['\"]", re.MULTILINE)
ANY_IMPORT = re.compile(r"\b(?:from|import)\s*\(?\s*['\"]([^'\"]+)['\"]")
PLACES = re.compile(r"\{(\w+)\}")


def code(script: Path) -> str:
    """A script without its comments."""
    return COMMENT.sub("", script.read_text("utf-8"))


def test_scripts_and_sheets_are_small_as_they_travel() -> None:
    files = [path for folder in pages.OWN for path in folder.iterdir()]
    sizes = {path.name: len(gzip.compress(without_comments(path.read_bytes()), 9)) for path in files}
    assert len(sizes) > 10
    assert sum(sizes.values()) <= LIMIT, sorted(sizes.items(), key=lambda item: -item[1])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_loads_the_pages_own_files_alone(script: Path) -> None:
    for name in ANY_IMPORT.findall(code(script)):
        found = (script.parent / name).resolve()
        assert name.startswith("."), f"{name} is no path"
        assert found.is_relative_to(pages.PAGE), f"{name} is outside the page"
        assert found.is_file(), f"there is no {name}"


def loaded_with(script: Path) -> set[Path]:
    """A script and all that it cannot start without."""
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        now = waiting.pop()
        if now not in found:
            found.add(now)
            vendored = now.is_relative_to(VENDOR)
            imported = ANY_IMPORT.findall(now.read_text("utf-8")) if vendored else STATIC_IMPORT.findall(code(now))
            waiting += [(now.parent / name).resolve() for name in imported]
    return found


def test_all_that_the_start_needs_is_asked_for_at_once() -> None:
    """A module that is not preloaded is asked for when the one that imports it has come: a way there and back each."""
    main = pages.PAGE / "js" / "main.js"
    preloaded = re.findall(r'rel="modulepreload" href="([^"]+)"', HTML)
    assert {pages.STATIC.parent / path for path in preloaded} == loaded_with(main) - {main}


def used() -> tuple[set[str], set[str]]:
    """The names of texts in page and scripts, and how names begin whose end is only known when they are needed."""
    names = set(re.findall(r"\{\{([\w.-]+)\}\}", HTML)) - {"texts", "language"}
    starts = set()
    groups = "|".join({name.partition(".")[0] for name in TEXTS["en"]})
    for script in SCRIPTS:
        names |= set(re.findall(rf"['\"]((?:{groups})\.[\w.-]+)['\"]", code(script)))
        starts |= set(re.findall(rf"`((?:{groups})\.[\w.-]*)\$\{{", code(script)))
    return names, starts


def test_every_text_that_is_used_is_there() -> None:
    names, starts = used()
    assert len(names) > 30
    assert sorted(names - TEXTS["en"].keys()) == []
    for start in starts:
        assert any(name.startswith(start) for name in TEXTS["en"]), start


def test_every_text_that_is_there_is_used() -> None:
    names, starts = used()
    assert [name for name in TEXTS["en"] if name not in names and not name.startswith(tuple(starts))] == []


def test_every_language_has_the_same_texts_with_the_same_places() -> None:
    for language, texts in TEXTS.items():
        assert list(texts) == list(TEXTS["en"]), language
        for name, text in texts.items():
            assert text.strip(), f"{language}: {name} is empty"
            assert set(PLACES.findall(text)) == set(PLACES.findall(TEXTS["en"][name])), f"{language}: {name}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_the_places_of_a_text_are_filled(script: Path) -> None:
    for name, inside in re.findall(r"\bt\(\s*'([\w.-]+)'\s*(?:,\s*\{([^{}]*)\})?\s*,?\s*\)", code(script)):
        given = set(re.findall(r"(?:^|,)\s*(\w+)\s*(?=[:,]|$)", inside))
        assert set(PLACES.findall(TEXTS["en"][name])) <= given, name
