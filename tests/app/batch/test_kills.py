"""Runs that are ended by SIGKILL, wherever they are, and go on: nothing is lost, nothing is doubled."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from tests.app.batch.test_work import bytes_of
from tests.models.intake.test_picture import draw_seven

ROOT = Path(__file__).resolve().parents[3]

# Forks a run for every moment at which it changes something on disk, has it kill itself there, and goes on once in a
# whole run, and once in one that is killed two moments later, again and again. No network: what is kept is looked at.
EVERYWHERE = """
import json, os, shutil, signal, sys
from collections import Counter
from pathlib import Path
from app.batch import run
from app.batch.asked import Asked
from app.batch.partial import Partial
from app.batch.rows import failed
from app.errors import ApiError

out, count = Path(sys.argv[1]) / "answers.jsonl", 25
run.PART_ROWS = 7

def classify(start):
    for at in range(start, count, 3):
        names = range(at, min(at + 3, count))
        yield at, [failed(f"{n}.png", ApiError("undecodable", "x")) for n in names], names[-1] / count

def whole_run():
    with Partial(out) as partial:
        if partial.finished() is None and not out.exists():  # as the command: else it was whole already
            run.keep(classify, partial, run.Progress(*[partial.begin({"model": "x"})] * 2), lambda now: None)
            run.finish(partial, Asked("lenet", "auto"))

def die_at(moment):
    left = [moment]
    def counted(real):
        def step(*given, **options):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **options)
        return step
    os.fsync, os.replace, os.rename = map(counted, (os.fsync, os.replace, os.rename))
    os.unlink, os.rmdir, Path.replace = counted(os.unlink), counted(os.rmdir), counted(Path.replace)

def killed(moment):
    if (child := os.fork()) == 0:
        die_at(moment)
        whole_run()
        os._exit(0)
    return os.waitpid(child, 0)[1] == signal.SIGKILL

def check():
    assert [json.loads(line)["picture"] for line in out.open()] == [f"{n}.png" for n in range(count)], moment
    assert os.listdir(out.parent) == [out.name], (moment, os.listdir(out.parent))
    out.unlink()

moment, kills = 0, 0
while killed(moment):
    if not killed(10**9):
        check()
    out.unlink(missing_ok=True)
    step = max(moment, 12)
    while killed(step):
        kills += 1
    check()
    moment += 1
check()
print(moment, kills)
"""

# The command itself, which keeps what it has after 32 pictures. Once it has kept WAIT_AT it goes no further: it is
# ended there, however slow the machine is.
COMMAND = """
import os, signal, time
from app.batch import partial, run
from app.cli import main

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has what runs in its background ignore it
add, wait_at, run.PART_ROWS = partial.Partial.add, [int(os.environ["WAIT_AT"])], 32

def add_and_wait(self, rows, start):
    here = wait_at and start + len(rows) >= wait_at[0]
    if here:
        wait_at.clear()  # first: the signal may come within `add`, and what is at hand is kept once more then
    add(self, rows, start)
    if here:
        time.sleep(600)

partial.Partial.add = add_and_wait
raise SystemExit(main())
"""
NOWHERE = 10**9


def test_a_run_may_be_killed_at_every_moment(tmp_path):
    command = [sys.executable, "-c", EVERYWHERE, str(tmp_path)]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=200)
    assert told.returncode == 0, told.stderr
    moments, kills = map(int, told.stdout.split())
    assert moments > 25
    assert kills > 10


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """300 pictures, every seventh broken."""
    path = tmp_path_factory.mktemp("pictures") / "pictures.zip"
    image = draw_seven().resize((28, 28)).convert("L")
    with zipfile.ZipFile(path, "w") as packed:
        for n in range(300):
            packed.writestr(f"{n:03}.png", b"broken" if n % 7 == 3 else bytes_of(image.rotate(n % 30)))
    return path


def start(*options, wait_at=NOWHERE):
    environment = {**os.environ, "LINEUP_DEVICE": "cpu", "WAIT_AT": str(wait_at)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-c", COMMAND, "batch", *options], cwd=ROOT, env=environment, **pipes)


def ended(process, by, when):
    """End a process by a signal once `when()`; its exit code and what it said."""
    end = time.monotonic() + 120
    try:
        while process.poll() is None and not when():
            assert time.monotonic() < end
            time.sleep(0.002)
        if process.poll() is None:
            os.kill(process.pid, by)
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()  # lest it be counted among the children of later tests
    return process.returncode, (out + err).decode()


def kept(out):
    return sum(int(path.stem.split("-")[1]) for path in Path(f"{out}.partial").glob("*-*.jsonl"))


def test_the_command_is_killed_and_interrupted_and_tells_the_same_as_one_that_was_not(pictures, tmp_path):
    whole, out = tmp_path / "whole.jsonl", tmp_path / "answers.jsonl"
    code, said = ended(start(str(pictures), "--out", str(whole), "--model", "resnet18"), signal.SIGKILL, lambda: False)
    assert code == 1, said
    assert "257 pictures answered; 43 not: undecodable 43" in said
    command = (str(pictures), "--out", str(out), "--model", "resnet18")
    assert ended(start(*command, wait_at=1), signal.SIGKILL, lambda: kept(out) >= 1)[0] == -signal.SIGKILL
    assert 1 <= kept(out) < 300
    code, said = ended(start(*command, wait_at=150), signal.SIGINT, lambda: kept(out) >= 150)
    assert code == 130, said
    assert "the same command goes on from there" in said
    ended(start(*command), signal.SIGKILL, (tmp_path / "answers.jsonl.partial" / "whole").exists)
    code, said = ended(start(*command), signal.SIGKILL, lambda: False)
    assert code in (0, 1, 2), said  # 2: it was whole already when it was to be killed
    assert out.read_bytes() == whole.read_bytes()
    assert len({json.loads(line)["picture"] for line in out.read_text().splitlines()}) == 300
    assert set(tmp_path.iterdir()) == {whole, out}
