"""The comparison with other servers, run on small ones with a closed loop of our own: no wrk, LitServe or BentoML."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli.bench import Asked, report_of
from app.cli.clients import run
from app.cli.load import Load, Tally, arrivals, target
from bench import machine, servers, serving, wrk
from bench.servers import PORT, PYTHON, Server
from models import catalog
from tests.bench.unmeasured import unmeasured
from tools import speed

SERVER = str(Path(__file__).with_name("bench_server.py"))
SEVEN = list(catalog.ARCHITECTURES)


def server(name: str, label: str = "7", seconds: float = 0, **options: Any) -> Server:
    paths = {name: "/predict?model=NETWORK"}
    return Server((PYTHON, SERVER, PORT, label, str(seconds)), paths, "small", "/", ("numpy",), **options)


def closed(url: str, content_type: str, body: bytes, clients: int, seconds: float) -> dict[str, Any]:
    """What wrk would say."""
    load = Load(clients, seconds, warm_up_s=0)
    report = report_of(Asked(url, content_type, body, load), run(target(url, content_type, body), load))
    times = {name: getattr(report, name) for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms")}
    failed = sum(report.errors.values())
    return {"n": report.completed, "per_second": report.per_second, **times, "errors": failed}


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unmeasured(monkeypatch, tmp_path, serving)
    monkeypatch.setattr(wrk, "closed_loop", closed)
    monkeypatch.setattr(serving, "ENOUGH_LATE", 1)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, Server]:
    """Servers by name, in place of the real ones."""
    known = {
        "tutorial": server("tutorial", seconds=0.01, compare="/compare"),
        "litserve": server("litserve", one_network=True),
        "bentoml": Server((PYTHON, "-c", "raise SystemExit('no bento')"), {"bentoml": "/"}, "-", "/", (), None, True),
        "lineup": server("lineup", compare="/compare"),
    }
    known["lineup"].paths["lineup, dataset=auto"] = "/predict?model=NETWORK&dataset=auto"
    monkeypatch.setattr(serving, "SERVERS", known)
    return known


def recorded(tmp_path: Path, *options: str) -> dict[str, Any]:
    path = tmp_path / "serving.json"
    assert serving.main(["--seconds", "0.1", "--record", str(path), *options]) == 0
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_every_server_is_measured_and_one_that_does_not_start_says_why(
    known: dict[str, Server], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = recorded(tmp_path, "--networks", "lenet,vgg11", "--shares", ".5,.75")
    assert {"date", "hardware", "versions", "load", "busy_cores_before"} <= set(found)
    assert found["of"] == servers.checkpoints_of(["lenet", "vgg11"])
    assert found["versions"]["numpy"]
    assert set(found["servers"]) == {"tutorial", "litserve", "bentoml", "lineup", "lineup, dataset=auto"}
    for name, told in found["servers"].items():
        assert list(told["networks"]) == ["lenet", "vgg11"]
        assert "compare" not in told  # only where all seven are measured
        for figures in told["networks"].values():
            check(figures, name)
    shown = capsys.readouterr().out
    assert "0.5 cores are busy with something else" in shown
    assert "did not start: ended with 1: no bento" in shown


def check(figures: dict[str, Any], name: str) -> None:
    if name == "bentoml":
        assert figures == {"error": "did not start: ended with 1: no bento"}
        return
    assert (figures["lone"]["clients"], figures["many"]["clients"]) == (1, 16)
    for part in (figures["lone"], figures["many"], *figures["open"]):
        assert part["n"] > 0
        assert part["p50_ms"] <= part["p95_ms"] <= part["p99_ms"] <= part["max_ms"]
        assert not part["errors"]
    assert figures["many"]["cpu_ms"] >= 0
    assert figures["peak_mb"] > 1
    shares = [] if name.endswith("auto") else [0.5, 0.75]
    assert [part["share"] for part in figures["open"]] == shares
    for part in figures["open"]:
        assert part["rate"] == pytest.approx(part["share"] * figures["many"]["per_second"], rel=0.01)


def test_all_seven_are_asked_together_by_those_who_can(known: dict[str, Server], tmp_path: Path) -> None:
    found = recorded(tmp_path, "--servers", "lineup", "--shares", "")
    compared = found["servers"]["lineup"]["compare"]
    assert compared["many"]["clients"] == 8
    assert "compare" not in found["servers"]["lineup, dataset=auto"]
    assert list(found["servers"]["lineup"]["networks"]) == SEVEN


@pytest.mark.parametrize(("label", "told"), [("2", "takes the 7 for 2"), ("", "answers 503")])
def test_who_does_other_work_is_not_compared(label: str, told: str) -> None:
    with servers.running(server("x", label), "lenet", servers.pythons(Path("no")), ["lenet"]) as (address, pid):
        figures = serving.measured(f"{address}/predict", pid, 16, 0.1, [], closed)
    assert told in figures["error"]


def test_what_wrk_cannot_do_is_told_in_the_row() -> None:
    def broken(*_: Any) -> dict[str, Any]:
        raise RuntimeError("wrk failed: out of luck")

    with servers.running(server("x"), "lenet", servers.pythons(Path("no")), ["lenet"]) as (address, pid):
        figures = serving.measured(f"{address}/predict", pid, 16, 0.1, [], broken)
    assert figures == {"error": "wrk failed: out of luck"}


def test_a_server_that_answers_none_of_them_has_no_figures() -> None:
    def silent(*_: Any) -> dict[str, Any]:
        return {"n": 0, "per_second": 0.0, "p50_ms": 0.0, "errors": 16}

    with servers.running(server("x"), "lenet", servers.pythons(Path("no")), ["lenet"]) as (address, pid):
        figures = serving.measured(f"{address}/predict", pid, 16, 0.1, [0.5], silent)
    assert figures == {"error": "no request was answered"}


def test_the_slowest_servers_have_the_longest_time_and_nothing_of_the_warm_up_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    happened: list[object] = []

    def slow(url: str, content_type: str, body: bytes, clients: int, seconds: float) -> dict[str, Any]:
        happened.append(seconds)
        return {"n": 60, "per_second": 0.0 if seconds == serving.WARM_UP_S else 5.0, "errors": 0}

    monkeypatch.setattr(serving, "wrong_answer", lambda url: happened.append("awaited"))
    monkeypatch.setattr(machine, "cpu_seconds", lambda pid: happened.append("cpu") or 0.0)
    serving._closed("http://x", 1, 16, 3, slow)
    assert happened == [serving.WARM_UP_S, "awaited", "cpu", 3 * wrk.LONGEST, "cpu"]


@pytest.mark.parametrize(
    ("rate", "lasts"), [(100.0, 3), (32.0, serving.ENOUGH_LATE / 32), (6.7, serving.ENOUGH_LATE / 6.7), (1.0, 24)]
)
def test_an_open_loop_lasts_until_its_p99_is_told(rate: float, lasts: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the rates that were three quarters of a slow server's capacity; a still slower one has eight times as long."""
    monkeypatch.undo()  # ENOUGH_LATE is what it is
    loads: list[Load] = []
    monkeypatch.setattr(serving, "run", lambda _, load: loads.append(load) or Tally(0, load.seconds))
    serving._open("http://127.0.0.1:1/predict", 0.75, rate, 3)
    assert loads[0].seconds == pytest.approx(lasts)
    due = list(arrivals(0.0, loads[0].seconds, rate, loads[0].arrivals))
    assert len(due) >= speed.ENOUGH or lasts == 24


def test_a_missing_wrk_is_named_with_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(wrk, "version", lambda: None)
    assert serving.main([]) == 2
    assert "apt install wrk" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--networks", "lenet,resnet19"], "no 'resnet19'; there are: lenet, alexnet"),
        (["--servers", "triton"], "no 'triton'; there are: tutorial, litserve, bentoml, lineup"),
        (["--networks", ""], "no ''; there are: lenet"),
        (["--shares", "0.5,9"], "9 is no share of the capacity"),
        (["--shares", "0.5,x"], "--shares: it is 'x'; wanted a number above 0"),
        (["--seconds", "0"], "--seconds: it is '0'; wanted a number above 0"),
        (["--seconds", "inf"], "--seconds: it is 'inf'; wanted a number above 0"),
    ],
)
def test_a_wrong_option_is_named(options: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        serving.main(options)
    assert told in capsys.readouterr().err
