"""What README.md and docs/ show works as shown, their tables are of what was recorded, and the Chinese ones tell the
same.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image, ImageDraw, ImageFont

from app.main import create_app
from app.settings import Settings
from models import catalog, checkpoints
from tests.models.intake.test_picture import draw_seven, draw_shirt
from tests.serving import running, until
from tools import tables

ROOT = Path(__file__).resolve().parent.parent
NAMES = ("README", *(f"docs/{path.stem}" for path in sorted((ROOT / "docs").glob("*.md")) if ".zh" not in path.name))
ENGLISH = {name: (ROOT / f"{name}.md").read_text(encoding="utf-8") for name in NAMES}
CHINESE = {name: (ROOT / f"{name}.zh.md").read_text(encoding="utf-8") for name in NAMES}
README, TOLD = ENGLISH["README"], "".join(ENGLISH.values())
LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
MINUTES, WORDS_A_MINUTE = 5, 300  # of prose, which tables and code are not
URL = "http://127.0.0.1:8000"


def blocks(readme):
    """Each block of code with its language."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)


def snippets(language):
    return [text for kind, text in blocks(TOLD) if kind == language]


def told(text):
    """What somebody wrote: neither code nor tables made of records."""
    return re.sub(r"<!-- table.*?<!-- end -->|^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


# What the Chinese README calls as the English one does: names and measures.
KEPT = {
    *catalog.ARCHITECTURES,
    "MNIST",
    "Fashion-MNIST",
    "ECE",
    "AUROC",
    "n",
    "Lineup",
    "LitServe",
    "BentoML",
    "tutorial",
    "Ray",
    "Serve",
    "HAProxy",
}
KEPT |= {"float32", "int8", "int8-narrow"}
KEPT.add("CPU")


@pytest.fixture(scope="module")
def service():
    """The address of a service with the shipped checkpoints of the networks that the examples name."""
    with running(create_app(Settings(device="cpu", networks="lenet,resnet18,densenet", threads=1))) as port:
        address = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(f"{address}/readyz").status_code == 200)
        yield address


@pytest.fixture(autouse=True)
def pictures(tmp_path, monkeypatch):
    """The files that the examples name, in the current folder."""
    draw_seven().save(tmp_path / "seven.png")
    draw_shirt().save(tmp_path / "shirt.jpg")
    number = Image.new("L", (600, 220), 240)
    ImageDraw.Draw(number).text((60, 50), "2357", 20, ImageFont.load_default(110))
    number.save(tmp_path / "number.jpg")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("number", range(len(snippets("python"))))
def test_the_python_examples_say_seven(number, service, capsys):
    exec(snippets("python")[number].replace(URL, service), {})
    assert capsys.readouterr().out.startswith("7")


CURL = [line for block in snippets("sh") for line in block.splitlines() if line.startswith("curl")]


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
@pytest.mark.parametrize("line", CURL)
def test_the_curl_examples_are_answered(line, service):
    command = shlex.split(line.replace(URL, service), comments=True)
    done = subprocess.run([*command, "-sS", "--fail-with-body"], capture_output=True, text=True, check=True)
    if "-o" in command:
        with Image.open(command[command.index("-o") + 1]) as seen:
            assert seen.size == (280, 280)
        return
    answers = [json.loads(part) for part in done.stdout.splitlines()]
    said = {answers[0].get("label"), answers[0].get("number"), *(a["label"] for a in answers[0].get("results", []))}
    said |= {answer.get("label") for answer in answers}
    assert said & ({"T-shirt/top", "Shirt"} if "shirt.jpg" in line else {"7", "2357"}), done.stdout


def test_who_has_no_picture_can_draw_one():
    Path("seven.png").unlink()
    (line,) = [
        line for block in snippets("sh") for line in block.splitlines() if "seven.png" in line and "drawn" in line
    ]
    subprocess.run([sys.executable, *shlex.split(line)[1:]], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    with Image.open("seven.png") as picture:
        assert picture.size == (28, 28)


def test_there_are_examples_to_check():
    assert len(snippets("python")) == 2
    assert len(CURL) == 6


def test_the_example_of_an_answer_has_the_fields_of_an_answer(service):
    shown = json.loads(snippets("json")[0])
    with Path("seven.png").open("rb") as file:
        answer = httpx.post(f"{service}/predict", params={"top_k": 2}, files={"file": file}).json()
    assert shown.keys() == answer.keys()
    assert shown["timing_ms"].keys() == answer["timing_ms"].keys()
    assert shown["predictions"][0].keys() == answer["predictions"][0].keys()


@pytest.mark.parametrize("path", tables.FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_tables_are_current(path):
    text = path.read_text(encoding="utf-8")
    assert tables.fill(text) == text, "run `make tables`"
    assert "<!-- table:" in text


def test_the_command_line_example_has_a_line_for_every_network():
    shown = next(block for block in snippets("") if "MNIST handwritten digits" in block)
    for known in catalog.ARCHITECTURES.values():
        assert known.title in shown


@pytest.mark.parametrize("end", [".md", ".zh.md"])
@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name, end):
    path = ROOT / f"{name}{end}"
    links = LINK.findall(path.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not link.startswith("http") and not (path.parent / link).exists()] == []


def test_the_readme_is_read_in_five_minutes():
    words = re.sub(r"\]\([^)]*\)", "", re.sub(r"^\|.*$", "", told(README), flags=re.MULTILINE)).split()
    assert len(words) < MINUTES * WORDS_A_MINUTE


@pytest.mark.parametrize("language", [ENGLISH, CHINESE], ids=["English", "Chinese"])
def test_every_setting_and_route_is_told(language):
    for name in Settings.model_fields:
        assert f"LINEUP_{name.upper()}" in language["docs/operation"]
    for route in ("/predict", "/compare", "/predict/batch", "/models", "/datasets", "/limits", "/readyz", "/metrics"):
        assert route in language["README"]


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_show_the_same_code(name):
    def uncommented(text):
        return [(kind, re.sub(r"\s+# .*$", "", text, flags=re.MULTILINE)) for kind, text in blocks(text)]

    assert uncommented(CHINESE[name]) == uncommented(ENGLISH[name])


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_parts(name):
    """Sections, tables and their rows, links and names in code: who changes one is told of the other."""
    chinese, english = CHINESE[name], ENGLISH[name]
    itself = f"{Path(name).name}.md"
    links = [{link.replace(".zh.md", ".md") for link in LINK.findall(one)} - {itself} for one in (chinese, english)]
    assert links[0] == links[1]
    for part in (r"^(#+) ", r"<!-- table: (\w+)", r"^\| (`[^|`]+`)", r"^(\d\.|-) "):
        found = re.compile(part, re.MULTILINE)
        assert found.findall(chinese) == found.findall(english)
    names = re.compile(r"`[^`\n]+`")
    assert set(names.findall(told(chinese))) == set(names.findall(told(english)))


@pytest.mark.parametrize("name", NAMES)
def test_the_headings_of_tables_are_in_the_documents_language(name):
    for table in re.findall(r"<!-- table: \w+ zh -->\n(\|.+)\n", CHINESE[name]):
        words = re.sub(r"`[^`]+`", "", table)
        assert set(re.findall(r"[A-Za-z][\w-]*", words)) <= KEPT


def test_the_results_are_those_of_the_shipped_files():
    header = checkpoints.read_header(checkpoints.path_for("mnist", "lenet"))
    assert f"{header['metrics']['accuracy']:.2%}" in tables.results()
