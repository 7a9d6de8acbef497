"""Decoders in processes: what breaks one costs its own picture alone, and nothing of them stays."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.serving import local
from app.serving.decoder_source import DecoderSource
from app.serving.decoders import Decoders, DecodingFailed
from app.serving.intake import Intake
from app.serving.messages import send
from app.settings import Settings
from models.intake import decode
from models.intake.decode import DecodeError
from tests.app.conftest import serving
from tests.fakes import FakeEngine
from tests.models.intake.test_decode import FORMATS, encode, quarters
from tests.models.intake.test_envelope import text
from tests.serving import until

MOST = 50_000_000
ROOT = Path(__file__).resolve().parents[3]


def noise(side: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))


SLOW = encode(noise(2500), "WEBP", method=0, quality=90)  # half a second or more
SMALL = encode(quarters(), "WEBP")


def test_workers_that_have_ended_are_forgotten() -> None:
    code = """
import os
from app.serving.decoder_process import _reap
workers = {pid for _ in range(2) if (pid := os.fork()) or os._exit(0)}
while workers:
    _reap(workers)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60).returncode == 0


@pytest.fixture(scope="module")
def decoders() -> Iterator[Decoders]:
    made = Decoders(30, 1 << 30)
    yield made
    made.close()


def families() -> dict[int, int]:
    """The parent of each process that is alive."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:  # it has gone meanwhile
            continue
        if state not in "ZX":
            parents[int(stat.parent.name)] = int(parent)
    return parents


def below(pid: int) -> set[int]:
    """All processes that come from `pid`."""
    parents, found = families(), {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def workers(pid: int) -> set[int]:
    """What the processes that `pid` started have forked."""
    parents = families()
    return {child for child in below(pid) if parents.get(child) != pid}


def source(decoders: Decoders) -> int:
    """The process that forks their workers. What else comes from this process, earlier tests' resource tracker say, is
    not theirs."""
    process = decoders._source._process
    assert process is not None
    return process.pid


@contextmanager
def in_the_midst(decoders: Decoders, *others: int) -> Iterator[tuple[Future[Image.Image], int]]:
    """A picture that is being decoded, and the worker that does it, none of `others`."""
    used = decoders.budget.used
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(decoders, SLOW, max_pixels=MOST)
        until(lambda: decoders.budget.used > used or future.done())
        assert not future.done()
        (worker,) = below(source(decoders)) - {each.pid for each in decoders.idle} - set(others)
        yield future, worker


@pytest.mark.parametrize("kind", FORMATS)
def test_the_picture_is_that_of_decode(decoders: Decoders, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    for data in (encode(quarters((2600, 1900)), kind), encode(quarters(), "TIFF", exif=exif)):
        there, here = decoders(data, max_pixels=MOST), decode.decode(data, max_pixels=MOST)
        assert (there.mode, there.size, there.tobytes()) == (here.mode, here.size, here.tobytes())
        assert decode.original_size(there) == decode.original_size(here)
    assert decoders.budget.used == 0


def test_a_png_whose_metadata_are_slow_to_inflate_is_decoded_apart() -> None:
    png, texts = encode(quarters()), b"".join(text(1 << 20, key=b"%d" % number) for number in range(5))
    decoders = Decoders(30, 1 << 30)
    try:
        assert decoders(png, max_pixels=MOST).size == (64, 48)
        assert not decoders.idle
        assert decoders(png[:33] + texts + png[33:], max_pixels=MOST).size == (64, 48)
        assert [worker.held > 20 << 20 for worker in decoders.idle] == [True]
    finally:
        decoders.close()


@pytest.mark.parametrize("data", [b"hello", b"%PDF-1.7", b"", b"II*\0", encode(quarters(), "WEBP")[:50]])
def test_the_errors_are_those_of_decode(decoders: Decoders, data: bytes) -> None:
    with pytest.raises(DecodeError) as there:
        decoders(data, max_pixels=MOST)
    with pytest.raises(DecodeError) as here:
        decode.decode(data, max_pixels=MOST)
    assert (there.value.code, there.value.message) == (here.value.code, here.value.message)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_decoder_that_dies_in_the_midst_costs_its_picture_alone(
    decoders: Decoders, ending: signal.Signals, caplog: pytest.LogCaptureFixture
) -> None:
    with in_the_midst(decoders) as (future, worker), in_the_midst(decoders, worker) as (neighbour, _):
        os.kill(worker, ending)
        with pytest.raises(DecodeError, match="the decoder broke off on the picture, which may be damaged") as told:
            future.result(30)
        assert neighbour.result(30).mode == "RGB"
    assert told.value.code == "undecodable"
    (line,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "a decoder broke off on a picture" in line
    assert ("decode.py" in line) == (ending != signal.SIGKILL)  # where it was
    assert decoders(SMALL, max_pixels=MOST).size == (64, 48)
    assert decoders.budget.used == 0


def test_a_decoder_that_dies_while_it_waits_costs_nothing(decoders: Decoders) -> None:
    decoders(SMALL, max_pixels=MOST)
    (worker,) = below(source(decoders))
    os.kill(worker, signal.SIGKILL)
    until(lambda: not below(source(decoders)))
    assert decoders(SMALL, max_pixels=MOST).size == (64, 48)


def test_where_the_process_that_forks_them_has_died_there_is_another(decoders: Decoders) -> None:
    decoders(SMALL, max_pixels=MOST)
    first = source(decoders)
    os.kill(first, signal.SIGKILL)
    with ThreadPoolExecutor(2) as pool:  # the worker that is left takes one of two
        assert [one.size for one in pool.map(lambda data: decoders(data, max_pixels=MOST), [SLOW, SLOW])]
    assert source(decoders) != first
    until(lambda: not below(source(decoders)))  # who decoded a large one is ended


def test_a_process_that_forks_them_and_has_not_quite_ended_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    source, popen = DecoderSource(), DecoderSource._popen
    dying = "import os, sys, time; os.close(int(sys.argv[1])); time.sleep(0.3)"  # as a killed one, but slower

    def once(self: DecoderSource, control: int, says: int) -> "subprocess.Popen[bytes]":
        monkeypatch.setattr(DecoderSource, "_popen", popen)
        return subprocess.Popen([sys.executable, "-S", "-c", dying, str(control)], pass_fds=(control,))

    monkeypatch.setattr(DecoderSource, "_popen", once)
    try:
        connection, _ = source.worker()
        connection.close()
    finally:
        source.close()


def test_a_picture_that_takes_too_long_is_given_up() -> None:
    decoders = Decoders(0.1, 1 << 30)
    try:
        decoders(SMALL, max_pixels=MOST)
        with pytest.raises(DecodingFailed, match=r"not decoded within 0\.1 s") as told:
            decoders(SLOW, max_pixels=MOST)
        assert told.value.code == "deadline_exceeded"
        assert decoders(SMALL, max_pixels=MOST).size == (64, 48)
    finally:
        decoders.close()


def test_a_decoder_that_does_not_even_end_itself_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.serving.decoders.GRACE_S", 0.1)
    decoders = Decoders(1, 1 << 30)
    try:
        with in_the_midst(decoders) as (future, worker):
            os.kill(worker, signal.SIGSTOP)
            with pytest.raises(DecodingFailed, match="not decoded within 1 s"):
                future.result(30)
        until(lambda: worker not in families())
    finally:
        decoders.close()


def test_after_the_end_there_is_no_process_and_no_picture_is_decoded() -> None:
    before, decoders = below(os.getpid()), Decoders(30, 1 << 30)
    decoders(SMALL, max_pixels=MOST)
    assert len(below(os.getpid()) - before) == 2
    decoders.close()
    until(lambda: not below(os.getpid()) - before)
    with pytest.raises(DecodingFailed, match="shutting down") as told:
        decoders(SMALL, max_pixels=MOST)
    assert told.value.code == "not_ready"


LEFT = """
import sys, threading
from app.serving.decoders import Decoders
decoders = Decoders(600, 1 << 30)
threading.Thread(target=decoders, args=(open(sys.argv[1], "rb").read(),), kwargs={"max_pixels": 10**9}).start()
while not decoders.budget.used:
    pass
print("decoding", flush=True)
"""


def test_a_service_that_is_killed_leaves_no_process(tmp_path: Path) -> None:
    picture = tmp_path / "slow.webp"
    picture.write_bytes(SLOW)
    command = [sys.executable, "-c", LEFT, str(picture)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as service:
        assert service.stdout is not None
        assert service.stdout.readline() == b"decoding\n"
        left = below(service.pid)
        assert len(left) == 2
        for pid in workers(service.pid):
            os.kill(pid, signal.SIGSTOP)  # it will not end by itself
        service.kill()
    until(lambda: not left & families().keys())


LIMITED = """
import sys
from app.serving.decoder_process import limit
from models.intake import decode
class Holding:
    def __init__(self, amount): limit(amount // 8, 0)
    def __enter__(self): pass
    def __exit__(self, *_): limit(None, 0)
decode.register_heif()
try:
    decode.decode(sys.stdin.buffer.read(), max_pixels=10**9, holding=Holding)
except decode.DecodeError as error:
    print(error.code, "-", error)
"""


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
def test_a_picture_that_needs_more_memory_than_it_may_have_is_refused_in_words(kind: str) -> None:
    data = encode(Image.new("RGB", (6000, 5000)), kind)
    done = subprocess.run([sys.executable, "-c", LIMITED], input=data, capture_output=True, check=True, cwd=ROOT)
    assert done.stdout.startswith(b"too_many_pixels - to open the picture takes more memory than")


def test_what_libraries_write_to_standard_error_is_logged_as_one_line(
    decoders: Decoders, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.INFO)
    data = bytearray(encode(noise(64), "TIFF", compression="tiff_lzw"))
    data[200:4000] = bytes(3800)
    with pytest.raises(DecodeError):
        decoders(bytes(data), max_pixels=MOST)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("decoders say: ")
    assert "\n" not in line
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "answer",
    [
        {"mode": "RGB", "size": [40_000, 40_000], "original": [1, 1]},
        {"mode": "RGBA", "size": [1, 1], "original": [1, 1]},
        {"code": "internal", "message": "boo"},
        {"holds": "much"},
        {},
    ],
)
def test_a_decoder_that_was_taken_over_can_say_nothing_harmful(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, object]
) -> None:
    ours, theirs = socket.socketpair()
    monkeypatch.setattr(DecoderSource, "worker", lambda _: (ours, 0))
    decoders = Decoders(30, 1 << 30)
    send(theirs, answer, b"abc")
    with theirs, pytest.raises(DecodeError, match="broke off"):
        decoders(SMALL, max_pixels=MOST)


def test_where_no_process_can_be_started_the_picture_is_refused_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    decoders = Decoders(30, 1 << 30)
    monkeypatch.setattr("app.serving.decoder_source.subprocess.Popen", cannot)
    decoders.start()  # it is logged, and the service starts all the same
    with pytest.raises(DecodingFailed, match="no process to decode the picture now") as told:
        decoders(SMALL, max_pixels=MOST)
    assert (told.value.code, told.value.retry_after) == ("not_ready", 2)
    png = encode(quarters())
    assert decoders(png, max_pixels=MOST).size == (64, 48)
    monkeypatch.undo()
    assert decoders(SMALL, max_pixels=MOST).size == (64, 48)
    decoders.close()


@pytest.mark.anyio
async def test_neighbours_in_a_batch_and_the_next_request_are_answered() -> None:
    before, settings = below(os.getpid()), Settings.model_construct(intake_threads=2, deadline_s=60.0)
    decoders = Decoders(60, 1 << 30)
    service = local.service(settings, FakeEngine(), Intake(decoders))  # type: ignore[arg-type]
    drawn = Image.new("L", (60, 60))
    drawn.paste(255, (25, 10, 35, 50))
    files = [encode(drawn, "PNG"), SLOW, encode(drawn, "JPEG")]

    def kill() -> None:
        until(lambda: decoders.budget.used > 0)
        for pid in workers(os.getpid()) - before:
            os.kill(pid, signal.SIGSEGV)

    async with serving(service) as client:
        killing = threading.Thread(target=kill)
        killing.start()
        told = {"params": {"model": "lenet", "dataset": "mnist"}}
        parts = [("files", (f"{n}", data, "image/png")) for n, data in enumerate(files)]
        results = (await client.post("/predict/batch", files=parts, **told)).json()["results"]
        killing.join()
        assert [result.get("error", {}).get("code") for result in results][1] == "undecodable"
        assert "the decoder broke off" in results[1]["error"]["message"]
        assert all("label" in results[at] for at in (0, 2))
        assert (await client.post("/predict", content=encode(drawn, "TIFF"), **told)).status_code == 200
    until(lambda: not below(os.getpid()) - before)
