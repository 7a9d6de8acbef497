"""The same rows over Ray Data, also where a worker is killed; and clusters that are not there."""

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from app.batch import run, work
from app.batch.asked import Asked
from app.batch.partial import Partial
from app.batch.run import Progress
from app.batch.sources import Place
from app.cli import main
from app.serving.state import State
from app.settings import Settings
from bench import machine
from models import checkpoints
from tests.app.batch.test_work import Three, bytes_of
from tests.models.intake.test_picture import draw_seven

ray = pytest.importorskip("ray")
from app.batch import cluster, on_ray  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own
COUNT = 200
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Digits, with a name that is no Unicode, a broken one and one that is too large."""
    folder = tmp_path_factory.mktemp("pictures")
    image = draw_seven().resize((28, 28)).convert("L")
    with zipfile.ZipFile(folder / "x.zip", "w") as packed:
        for n in range(COUNT):
            data = b"broken" if n % 7 == 3 else b"0" * 5000 if n == 5 else bytes_of(image.rotate(n % 30))
            packed.writestr(f"{n:03}.png", data)
    return Place(folder / "x.zip", "path", 4000, folder / "listing")


@pytest.fixture(scope="module")
def joined():
    """A cluster of this machine, of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        with cluster.connected("local"):
            yield
    logging.getLogger("ray.data").setLevel(logging.NOTSET)


def settings():
    return Settings(device="cpu", threads=1, max_upload_bytes=4000)


def rows_here(place, asked):
    here = work.Work(settings(), asked)
    try:
        told = run.here(here, place.open(), 1, 1 << 20)(0)
        return [row for _, rows, _ in told for row in rows]
    finally:
        here.close()


def kept(place, asked, out, tell=lambda now: None):
    """What a run over Ray keeps, beginning where it was."""
    digests = asked.digests(checkpoints.root(None))
    with Partial(out) as partial:
        before = partial.begin({"model": asked.model})
        classify = on_ray.classifier(place, settings(), asked, digests)
        run.keep(classify, partial, Progress(before, before), tell)
        return list(partial.rows())


def test_rows_are_those_of_this_machine_also_where_a_worker_is_killed(place, joined, tmp_path, monkeypatch):
    asked = Asked("lenet", "mnist")
    killed = []

    def kill(now):
        if not killed and (workers := [pid for pid in machine.family(os.getpid()) if "MapWorker" in title(pid)]):
            os.kill(workers[0], signal.SIGKILL)
            killed.append(workers[0])

    found = kept(place, asked, tmp_path / "x.jsonl", kill)
    assert killed
    assert found == rows_here(place, asked)
    assert [row["picture"] for row in found] == [f"{n:03}.png" for n in range(COUNT)]
    assert {row.get("error_code") for row in found} == {None, "undecodable", "too_large"}


def title(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.slow
def test_a_run_goes_on_in_the_midst_of_a_source(place, joined, tmp_path):
    asked = Asked("lenet", "mnist")
    wanted = rows_here(place, asked)
    with Partial(tmp_path / "x.jsonl") as partial:
        partial.begin({"model": "lenet"})
        partial.add(wanted[:77], 0)
    assert kept(place, asked, tmp_path / "x.jsonl") == wanted


@pytest.mark.slow
def test_workers_with_other_checkpoints_end_the_run(place, joined):
    digests = {"mnist/lenet": "0" * 64}
    told = on_ray.classifier(place, settings(), Asked("lenet", "mnist"), digests)(0)
    with pytest.raises(RuntimeError, match=r"^the checkpoint of mnist/lenet on \S+ is another than where this began$"):
        list(told)


def test_a_worker_that_lacks_a_network_does_not_begin(monkeypatch):
    asked = Asked("vote", "mnist")
    engine = Three()
    engine.then["mnist", "vgg11"] = State("failed", "not enough memory")
    monkeypatch.setattr(work, "Engine", lambda settings: engine)
    digests = asked.digests(checkpoints.root(None))
    with pytest.raises(RuntimeError, match=rf"on {os.uname().nodename} vgg11 for mnist is failed: not enough memory;"):
        on_ray._Worker(settings().model_dump(), asked, digests)
    real = Asked.digests
    monkeypatch.setattr(Asked, "digests", lambda *given: real(*given) | {"mnist/vgg11": None})
    on_ray._Worker(settings().model_dump(), asked, digests | {"mnist/vgg11": None})._work.close()  # nobody has it


def test_relative_folders_are_told_to_workers_as_of_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = Settings(weights="trained", api_key="of-one", admin_key="of-two")
    told = on_ray._told(given)
    assert told["weights"] == tmp_path / "trained"
    assert Settings.model_construct(**told).threads == given.threads
    assert not {"api_key", "admin_key"} & set(told)
    assert on_ray._told(Settings(weights=tmp_path))["weights"] == tmp_path
    monkeypatch.delenv("LINEUP_WEIGHTS", raising=False)
    assert on_ray._told(Settings())["weights"] is None
    for named, wanted in (("graphs", str(tmp_path / "graphs")), ("/elsewhere", "/elsewhere"), ("", None)):
        monkeypatch.setenv("LINEUP_CACHE_DIR", named)
        assert cluster._options("auto")["runtime_env"]["env_vars"].get("LINEUP_CACHE_DIR") == wanted


def test_what_reads_a_folder_takes_the_listing_of_who_asked(tmp_path):
    (tmp_path / "pictures").mkdir()
    place = Place(tmp_path / "pictures", "path", 4000, tmp_path / "listing")
    for name in ("b.png", "d.png"):
        (place.path / name).write_bytes(name.encode())
    place.open()
    (place.path / "c.png").write_bytes(b"between")
    (task,) = on_ray._Chunks(place, 0).get_read_tasks(1)
    (table,) = task()
    assert table.to_pylist()[0]["contents"] == [b"b.png", b"d.png"]


def batch(tmp_path, address, capsys):
    (tmp_path / "pictures").mkdir()
    draw_seven().save(tmp_path / "pictures" / "seven.png")
    command = [
        "batch",
        str(tmp_path / "pictures"),
        "--out",
        str(tmp_path / "x.csv"),
        "--model",
        "lenet",
        "--ray",
        address,
    ]
    assert main(command) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_a_cluster_that_is_not_there_is_named_with_the_command_that_starts_one(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said = batch(tmp_path, f"127.0.0.1:{port}", capsys)
    assert f"no Ray cluster at 127.0.0.1:{port} (" in said
    assert f"start one: ray start --head --port={port}" in said


@pytest.mark.parametrize("address", ["ray://head:10001", "head", "head:port", ":6379"])
def test_what_is_no_address_is_told(tmp_path, capsys, address):
    assert f"--ray is {address!r}; it should be host:port" in batch(tmp_path, address, capsys)


SILENT = """
import sys
from app.batch import cluster
cluster.JOIN_S = 5.0
try:
    with cluster.connected(sys.argv[1]):
        print("joined")
except RuntimeError as error:
    print(error, flush=True)
"""


def test_what_listens_and_is_no_cluster_is_not_waited_for(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=accept_all, args=(server,), daemon=True).start()
        address = f"127.0.0.1:{server.getsockname()[1]}"
        command = [sys.executable, "-c", SILENT, address]
        done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT)
        try:
            told = done.communicate(timeout=60)[0].decode()
        finally:
            done.kill()
            done.wait()
    assert f"{address}" in told
    assert "ray start --head" in told


def accept_all(server):
    held = []
    while True:
        try:
            held.append(server.accept())
        except OSError:
            return
