"""Threads: none that the system would not allow, and none whose refusal ends the service."""

import asyncio
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.serving import threads
from app.serving.pool import Pool
from app.serving.threads import Threads
from app.settings import Settings, cores
from app.uploads import Memory, Share

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("asked", "pids", "computing", "opening"),
    [
        (0, "max", min(64, cores()), min(4, max(3, cores()))),
        (1, "max", 1, 1),
        (1000, "max", cores(), 1000),
        (1000, "256", min(32, cores()), 32),
        (1000, "4", 1, 1),
    ],
)
def test_no_more_are_started_than_are_of_use_and_allowed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, asked: int, pids: str, computing: int, opening: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    monkeypatch.setattr(threads, "PIDS", tmp_path / "pids.max")
    threads.PIDS.write_text(f"{pids}\n")
    settings = Settings(threads=asked, intake_threads=asked)
    assert (threads.computing(settings), threads.opening(settings, 3)) == (computing, opening)


def test_what_is_cut_is_told(caplog: pytest.LogCaptureFixture) -> None:
    assert threads.computing(Settings(threads=1000)) <= cores()
    assert "LINEUP_THREADS would be 1000; " in caplog.text


def test_a_pool_works_on_with_the_threads_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, gate = Threads(4), threading.Event()
    pool.start()

    def cannot(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", cannot)
    waiting = [pool.submit(gate.wait, 30) for _ in range(3)]
    gate.set()
    assert all(future.result(30) for future in waiting)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        Threads(4).start()
    pool.shutdown()


SERVED = """
import asyncio, io, os, resource, sys
import httpx
from PIL import Image
from app.main import create_app
from app.settings import Settings

async def serve():
    app = create_app(Settings(device="cpu", networks="lenet", backend=sys.argv[1], threads=1000, intake_threads=1000))
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", timeout=60)
    drawn, files = Image.new("L", (300, 300)), []
    drawn.paste(255, (140, 40, 160, 260))
    for kind in ("PNG", "TIFF"):
        file = io.BytesIO()
        drawn.save(file, kind)
        files.append(file.getvalue())
    async with app.router.lifespan_context(app), client:
        while (await client.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.01)
        for file in files:  # as another user, this process may not read what it would import for the first
            assert (await client.post("/predict?model=lenet", content=file)).status_code == 200
        if os.geteuid() == 0:
            os.setuid(65534)  # limits do not hold for root
        most = resource.getrlimit(resource.RLIMIT_NPROC)
        resource.setrlimit(resource.RLIMIT_NPROC, (1, most[1]))
        asked = [client.post("/predict?model=lenet", content=file) for file in files * 8]
        codes = [answer.status_code for answer in await asyncio.gather(*asked)]
        resource.setrlimit(resource.RLIMIT_NPROC, most)  # asyncio itself wants a thread at its end
    return codes

codes = asyncio.run(serve())
print(codes.count(200), sorted(set(codes)))
"""


@pytest.mark.parametrize("backend", ["onnxruntime", pytest.param("torch", marks=pytest.mark.slow)])
def test_where_no_thread_can_be_started_requests_are_answered_all_the_same(backend: str) -> None:
    done = subprocess.run([sys.executable, "-c", SERVED, backend], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "16 [200]\n", done.stderr


def test_what_has_begun_is_answered_at_the_end_by_the_threads_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> list[int | bool]:
        pool, gate, share = Pool(2, 2, "few"), threading.Event(), Share(Memory(0))
        pool.start()
        monkeypatch.setattr(Threads, "_adjust_thread_count", lambda self: None)
        until = asyncio.get_running_loop().time() + 20
        asked = [asyncio.create_task(pool.run(work, until, work, share)) for work in (gate.wait, int)]
        while len(pool) < 2:
            await asyncio.sleep(0.001)
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0.01)
        gate.set()
        await closing
        return await asyncio.wait_for(asyncio.gather(*asked), 5)

    assert asyncio.run(ask()) == [True, 0]
