"""Standard output that is not as expected: it knows few characters, is full, or the command is interrupted."""

import io
import json
import os
import subprocess
import sys
import unicodedata
from pathlib import Path

import pytest

from app.cli import command, main, output
from models.evaluation import evaluate

ROOT = Path(__file__).resolve().parents[3]
COMMAND = [sys.executable, "-c", "import sys; from app.cli import main; sys.exit(main(sys.argv[1:]))"]


def shown(monkeypatch, encoding, *arguments):
    """What a command writes to an output that takes nothing beyond its encoding."""
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding, errors="strict"))
    assert main([*arguments, "--dataset", "mnist"]) == 0
    return raw.getvalue().decode(encoding)


@pytest.fixture
def nameless(folder):
    """A picture whose name is no UTF-8."""
    path = os.fsencode(folder) + b"/\xff.png"
    return str((folder / "seven.png").rename(os.fsdecode(path)))


@pytest.mark.parametrize("ask", [["predict", "--model"], ["compare", "--models"]], ids=lambda ask: ask[0])
def test_a_name_that_is_no_text_is_shown_all_the_same(weights, nameless, monkeypatch, ask):
    assert r"\udcff.png" in shown(monkeypatch, "utf-8", *ask, "lenet", nameless)


@pytest.mark.parametrize("ask", [["predict", "--model"], ["compare", "--models"]], ids=lambda ask: ask[0])
def test_no_name_tells_a_terminal_what_to_do(weights, folder, capsys, ask):
    for path in sorted(folder.rglob("*.*g")):
        path.rename(folder / f"\x1b[31mred\u202e\u4e03{path.suffix}")
    (folder / "\x1b]0;title\x07.png").write_bytes(b"no picture")
    assert main([*ask, "lenet", "--dataset", "mnist", str(folder)]) == 1
    shown = capsys.readouterr()
    assert r"\x1b[31mred\u202e七.png" in shown.out
    assert r"\x1b]0;title\x07.png: undecodable" in shown.err
    assert not [c for c in shown.out + shown.err if not c.isprintable() and c != "\n"]


def test_what_no_terminal_obeys_is_shown_as_it_is():
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    bidi = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    obeyed = {c for c in every if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")}
    assert set(output.OBEYED.findall(every)) == obeyed | {*bidi}
    assert output.printable("\x1b\x85\u2028\udcff") == r"\x1b\x85\u2028\udcff"
    name = "Screenshot 3.04.05\u202fPM\u3000\u00a0\U0001f469\u200d\U0001f52c.png"  # as macOS names them, say
    assert output.printable(name) == name


def test_what_knows_few_characters_gets_bars_of_those(weights, nameless, monkeypatch):
    told = shown(monkeypatch, "latin-1", "predict", "--model", "lenet", nameless)
    assert "#" in told
    assert r"\u25" not in told


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_json_is_json_whatever_the_encoding(weights, nameless, monkeypatch, encoding):
    path = f"{nameless[:-5]}\u00e9\U0001f600\x7f\x85\u202e\u202f\udcff.png"
    Path(nameless).rename(path)
    told = shown(monkeypatch, encoding, "predict", "--model", "lenet", "--json", path)
    assert json.loads(told)["picture"] == path
    assert not output.OBEYED.search(told.strip())


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_is_one_line(unbuffered):
    env = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([*COMMAND, "models"], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=env)
    told = "lineup: standard output cannot be written (No space left on device); send it elsewhere\n"
    assert (done.returncode, done.stderr) == (1, told)


def test_what_is_no_fault_of_output_stays_an_error(monkeypatch):
    for fault in (PermissionError(13, "Permission denied", "runs"), OSError(28, "No space left on device")):

        def raises(*_, fault=fault):
            raise fault

        monkeypatch.setattr(command, "_models", raises)
        with pytest.raises(type(fault), match=fault.strerror):
            main(["models"])


def test_an_interrupt_of_evaluate_is_no_traceback(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluate, "main", interrupted)
    assert main(["evaluate", "--all"]) == 130


def test_of_a_folder_is_taken_what_batch_would_take(weights, folder, capsys):
    (folder / "__MACOSX").mkdir()
    for junk in ("._seven.png", "__MACOSX/seven.png"):
        (folder / junk).write_bytes(b"no picture")
    assert main(["predict", str(folder), "--model", "lenet", "--dataset", "mnist", "--json"]) == 0
    told = [json.loads(line)["picture"] for line in capsys.readouterr().out.splitlines()]
    assert told == [str(folder / "more" / "shirt.jpg"), str(folder / "seven.png")]
    assert main(["predict", str(folder / "__MACOSX" / ".." / "__MACOSX"), "--model", "lenet"]) == 1  # named: asked for
