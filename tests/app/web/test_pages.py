"""The page as the service gives it: in the language that is wanted, from its own files, with nothing inline."""

import ast
import json
import re
from pathlib import Path

import httpx
import pytest

from app.web import pages
from models import intake
from models.catalog import ARCHITECTURES
from models.compiled import stages
from models.datasets import DATASETS
from models.intake.gate import KINDS

pytestmark = pytest.mark.anyio
TEXTS = {
    language: pages.flat(json.loads((pages.PAGE / "text" / f"{language}.json").read_text("utf-8")))
    for language in pages.languages()
}
IN_SCRIPT = re.compile(r'<script type="application/json" id="texts">(.*?)</script>', re.DOTALL)


@pytest.mark.parametrize(
    ("query", "accept", "language"),
    [
        ("", "", "en"),
        ("", "de-DE,de", "en"),
        ("", "zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("", "en-GB,zh;q=0.9", "en"),
        ("", "fr, zh-TW;q=0.3, en;q=0.2", "zh"),
        ("?lang=zh", "en", "zh"),
        ("?lang=en", "zh", "en"),
        ("?lang=../../etc/passwd", "zh", "zh"),
    ],
)
async def test_the_page_speaks_the_language_that_is_wanted(
    client: httpx.AsyncClient, query: str, accept: str, language: str
) -> None:
    response = await client.get(f"/{query}", headers={"Accept-Language": accept})
    assert response.status_code == 200
    assert response.headers["Vary"] == "Accept-Language"
    assert f'<html lang="{language}">' in response.text
    assert TEXTS[language]["pad.clear"] in response.text


@pytest.mark.parametrize("language", pages.languages())
async def test_its_scripts_get_every_text(client: httpx.AsyncClient, language: str) -> None:
    found = IN_SCRIPT.search((await client.get(f"/?lang={language}")).text)
    assert found is not None
    assert json.loads(found[1]) == TEXTS[language] | {"language": language}
    assert "<" not in found[1]  # no text ends the element


@pytest.mark.parametrize("language", pages.languages())
async def test_it_has_nothing_inline_and_nothing_from_another_host(client: httpx.AsyncClient, language: str) -> None:
    text = IN_SCRIPT.sub("", (await client.get(f"/?lang={language}")).text)
    assert "{{" not in text
    assert "//" not in text
    assert "style=" not in text
    assert "<style" not in text
    assert not re.search(r"\son\w+=", text)
    for path in re.findall(r'(?:src|href)="([^"#]+)"', text):
        assert (await client.get(f"/{path.removeprefix('./')}")).status_code == 200, path


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    response = await client.head("/")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/docs"])
@pytest.mark.parametrize("part", ["items=0-5", "bytes=999999-", "bytes=0-5"])
async def test_a_page_comes_whole_whatever_part_is_wanted(client: httpx.AsyncClient, path: str, part: str) -> None:
    response = await client.get(path, headers={"Range": part})
    assert (response.status_code, response.text) == (200, (await client.get(path)).text)


@pytest.mark.parametrize("language", pages.languages())
def test_every_class_and_every_reason_of_the_gate_has_its_words(language: str) -> None:
    texts = TEXTS[language]
    for dataset, kinds in KINDS.items():
        own, *others = kinds.values()
        assert f"reason.it looks like {own}" in texts
        for other in others:
            assert f"reason.it looks like {other}, not like {own}" in texts
        if dataset != "mnist":  # digits are the same in every language
            assert {f"class.{dataset}.{index}" for index in range(10)} <= texts.keys()
        assert f"dataset.{dataset}" in texts
    assert set(KINDS) == set(DATASETS)


def test_the_english_names_of_classes_are_the_datasets_own() -> None:
    known = DATASETS["fashion-mnist"].classes
    assert tuple(TEXTS["en"][f"class.fashion-mnist.{index}"] for index in range(10)) == tuple(known)


@pytest.mark.parametrize("language", pages.languages())
def test_what_changed_with_each_network_is_told_with_its_figures(language: str) -> None:
    texts = TEXTS[language]
    for name in ARCHITECTURES:
        assert all(texts[f"inside.{change}.{name}"] for change in ("idea", "stayed", "went", "came", "here"))
    for name, text in (("lenet", "stayed"), ("alexnet", "stayed"), ("vgg11", "went")):
        *_, connected = (table := stages.load(name)).stages
        assert f"{connected.parameters / table.parameters:.0%}" in texts[f"inside.{text}.{name}"].replace(" %", "%")
    linear = stages.load("googlenet").stages[-1].parameters
    assert f"{linear:,}" in texts["inside.went.googlenet"]


def test_the_english_ideas_are_the_catalogs() -> None:
    for name, known in ARCHITECTURES.items():
        assert TEXTS["en"][f"inside.idea.{name}"] == known.idea


@pytest.mark.parametrize("language", pages.languages())
def test_every_kind_of_layer_has_its_words(language: str) -> None:
    prefix = "inside.kind."
    words = {name.removeprefix(prefix) for name in TEXTS[language] if name.startswith(prefix)}
    pattern = re.search(r"const KINDS =\s*/(.+)/g;", (pages.PAGE / "js" / "stages.js").read_text("utf-8"))
    assert pattern is not None
    assert set(pattern[1].split("|")) == words
    for name in ARCHITECTURES:
        for layer in (layer for stage in stages.load(name).stages for layer in stage.layers):
            assert not re.search("[a-z]{3,}", re.sub(pattern[1], "", layer.kind)), layer.kind


@pytest.mark.parametrize("language", pages.languages())
def test_the_files_are_readable(language: str) -> None:
    text = (pages.PAGE / "text" / f"{language}.json").read_text("utf-8")
    assert text == json.dumps(json.loads(text), ensure_ascii=False, indent=2) + "\n"


@pytest.mark.parametrize("language", pages.languages())
def test_every_step_of_the_preparation_has_its_words(language: str) -> None:
    told = {name.removeprefix("seen.step.") for name in TEXTS[language] if name.startswith("seen.step.")}
    missing = {name for name in steps_of_the_intake() if not any(re.match(rf"{name}(\.|$)", text) for text in told)}
    assert missing == {"as it was sent"}  # what the page itself does to the picture then has other words


def steps_of_the_intake() -> set[str]:
    """The names in the calls `Step("name", ...)` of its modules."""
    trees = [ast.parse(path.read_text("utf-8")) for path in Path(intake.__path__[0]).glob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [call.args[0] for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Step"]
    constants = [node for first in named for node in ast.walk(first) if isinstance(node, ast.Constant)]
    return {node.value for node in constants if isinstance(node.value, str)}
