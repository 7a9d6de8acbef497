"""The measurement of a cluster, on a server of a few lines: no Ray, no wrk."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from bench import cluster, machine, wrk
from bench.servers import PORT, PYTHON, Server
from tests.bench.unmeasured import unmeasured
from tests.test_bench_serving import SERVER, closed

WAY = Server((PYTHON, SERVER, PORT, "7", "0"), {"way": ""}, "small", "/", ())
BROKEN = Server((PYTHON, "-c", "raise SystemExit('no Ray')"), {"broken": ""}, "-", "/", ())


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unmeasured(monkeypatch, tmp_path, cluster)
    monkeypatch.setattr(wrk, "closed_loop", closed)
    monkeypatch.setattr(cluster, "IDLE_S", 0.1)
    monkeypatch.setattr(cluster, "WAYS", {"a way": WAY, "another": BROKEN})


def test_every_question_is_measured_and_a_way_that_does_not_start_says_why(tmp_path: Path) -> None:
    out = tmp_path / "cluster.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cluster, "_version", lambda name: "1")
        assert cluster.main(["--seconds", "0.2", "--record", str(out)]) == 1
    found = json.loads(out.read_text())
    assert {"date", "hardware", "versions", "load", "busy_cores_before"} <= set(found)
    assert found["load"]["seconds"] == 1  # of wrk, which knows no shorter ones
    assert "no Ray" in found["ways"]["another"]["error"]
    way = found["ways"]["a way"]
    assert set(way["asked"]) == {"healthz", "lenet", "resnet18", "compare"}
    for name, parts in way["asked"].items():
        assert (parts["lone"]["clients"], parts["many"]["clients"]) == (1, 8 if name == "compare" else 16)
        for part in parts.values():
            assert part["n"] > 0
            assert not part["errors"]
            assert part["cpu_ms"] == pytest.approx(sum(part["cpu_ms_of"].values()), abs=0.002)
    assert way["processes"] == 1
    assert way["peak_mb"] > 1


def test_a_way_without_figures_replaces_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "_version", lambda name: "1")
    monkeypatch.setattr(cluster, "measure_way", lambda name, *_: {"error": "out of luck"} if name == "another" else {})
    out = tmp_path / "cluster.json"
    out.write_text("as it was")
    assert cluster.main(["--record", str(out)]) == 1
    assert out.read_text() == "as it was"
    assert f"no figures of another: {out} stays as it was" in capsys.readouterr().err
    monkeypatch.setattr(cluster, "measure_way", lambda *_: {})
    assert cluster.main(["--record", str(out)]) == 0
    assert list(json.loads(out.read_text())["ways"]) == ["a way", "another"]


def test_a_shorter_trial_is_shown_and_leaves_the_record_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cluster, "_version", lambda name: "1")
    monkeypatch.setattr(cluster, "RECORD", tmp_path / "cluster.json")
    cluster.RECORD.write_text("as it was")
    for error, code in (({}, 0), ({"error": "out of luck"}, 1)):
        monkeypatch.setattr(cluster, "measure_way", lambda *_, of=error: of)
        assert cluster.main(["--seconds", "1"]) == code
        assert "--seconds: other than in cluster.json: shown and not recorded" in capsys.readouterr().out
    assert cluster.main(["--seconds", "1", "--record", str(cluster.RECORD)]) == 2
    assert "which is of the defaults, and --seconds is other" in capsys.readouterr().err
    assert cluster.RECORD.read_text() == "as it was"


@pytest.mark.parametrize(("body", "method"), [(b"picture", "POST"), (b"", "GET")])
def test_nothing_of_the_warm_up_is_left_when_measuring_begins(
    body: bytes, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[object] = []

    def loop(url: str, content_type: str, body: bytes, clients: int, seconds: float) -> dict[str, Any]:
        happened.append(seconds)
        return {"n": 60, "per_second": 0.0}

    def one(method: str, url: str, **_: Any) -> httpx.Response:
        happened.append(method)
        return httpx.Response(200 if url == "http://x" else 503, request=httpx.Request(method, url))

    monkeypatch.setattr(httpx, "request", one)
    monkeypatch.setattr(cluster, "cpu_by_role", lambda pid: happened.append("cpu") or Counter())
    cluster._closed("http://x", 1, body, 16, 3, loop)
    assert happened == [cluster.WARM_UP_S, method, "cpu", 3 * wrk.LONGEST, "cpu"]
    with pytest.raises(RuntimeError, match=r"http://y: no answer after the warm-up: .*503"):
        cluster._closed("http://y", 1, body, 16, 3, loop)


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("ray::ServeReplica:lineup:ingress", "ingress"),
        ("ray::ServeReplica:lineup:vgg11.submit", "vgg11"),
        ("ray::SERVE_REPLICA::lineup#nin#4528v1ia:ServeReplica:lineup:nin.__init__", "nin"),
        ("ray::ProxyActor", "proxy"),
        ("ray::HAProxyManager.ready", "proxy"),
        ("/venv/bin/haproxy -W -db -f /tmp/haproxy.cfg", "proxy"),
        ("ray::ServeController.run_control_loop", "controller"),
        ("/venv/ray/core/src/ray/raylet/raylet --flag=ray::ProxyActor", "rest"),
        ("", "rest"),
    ],
)
def test_processes_are_known_by_what_they_call_themselves(command: str, told: str) -> None:
    assert cluster.role(command) == told


def test_processor_time_is_told_by_process() -> None:
    busy = "import time\nwhile time.process_time() < .3: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen([sys.executable, "-c", busy], stdin=-1, stdout=-1, text=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        each = machine.cpu_seconds_each(os.getpid())
        assert each[child.pid] >= 0.25
        assert machine.cpu_seconds(os.getpid()) >= sum(each.values())
        assert machine.command(child.pid).startswith(sys.executable)
        child.communicate("\n")
    assert machine.command(child.pid) == ""


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "long"])
def test_a_time_that_cannot_be_is_named(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cluster.main([f"--seconds={seconds}"])
    assert f"--seconds: it is '{seconds}'; wanted a number above 0" in capsys.readouterr().err


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cluster, "_version", lambda name: None)
    assert cluster.main([]) == 2
    assert "Ray is not installed; pip install -e '.[ray]'" in capsys.readouterr().err
    monkeypatch.setattr(wrk, "version", lambda: None)
    assert cluster.main([]) == 2
    assert wrk.MISSING in capsys.readouterr().err


def test_the_recorded_figures_are_of_every_way() -> None:
    found: dict[str, Any] = json.loads(cluster.RECORD.read_text())
    assert list(found["ways"]) == [cluster.PLAIN, cluster.OVER_RAY, cluster.OVER_HAPROXY]
    for way in found["ways"].values():
        assert list(way["asked"]) == list(cluster.ASKED)
        assert not any(part["errors"] for parts in way["asked"].values() for part in parts.values())
