"""`lineup bench` as its users type it, against a service with fakes inside and a real socket before it."""

import io
import json
import socket
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr

from app.cli import bench, main
from app.cli.bench import Asked, address, drawn, quantile_ms, report_of
from app.cli.load import Load, Tally
from app.main import create_app
from models.intake import picture
from tests.fakes import FakeEngine, FakeIntake, fake_service
from tests.serving import running, until

# Client and service share a process here: on a busy machine a third of a second went by without one answer.
QUICK = ["--seconds", "1", "--warm-up", "0.1"]


@pytest.fixture
def intake() -> FakeIntake:
    return FakeIntake()


@pytest.fixture
def service(intake: FakeIntake, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("COLUMNS", "140")
    with running(create_app(service=fake_service(FakeEngine(), intake))) as port:
        url = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(f"{url}/readyz").status_code == 200)
        yield url


def asked(**load: float) -> Asked:
    return Asked("http://127.0.0.1:1/predict", "image/png", b"", Load(clients=1, seconds=2.0, **load))  # type: ignore[arg-type]


def tally(*, offered: int = 4, taken: tuple[float, ...] = (0.001, 0.002, 0.003, 0.004), cpu: float = 0.1) -> Tally:
    found = Tally(0.0, 2.0, offered, len(taken), array("d", taken))
    found.cpu = cpu
    return found


def test_a_closed_loop_is_shown_as_a_table(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", service, "--model", "lenet", "--dataset", "mnist", "--clients", "2", *QUICK]) == 0
    shown = capsys.readouterr().out
    assert f"{service}/predict?model=lenet&dataset=mnist" in shown
    assert "closed loop: 2 clients" in shown
    for word in ("offered", "completed", "requests/s", "p50", "p95", "p99", "max", "none", "of a core"):
        assert word in shown


def test_json_has_every_figure(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", service, "--rate", "40", "--arrivals", "even", "--json", *QUICK]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["loop"], told["rate"], told["clients"]) == ("open", 40, 128)
    assert told["offered"] == told["completed"] in (40, 41)
    assert told["p50_ms"] <= told["p95_ms"] <= told["p99_ms"] <= told["max_ms"]
    assert told["errors"] == {}
    assert told["sent_late_p99_ms"] >= 0
    assert told["client_cpu"] > 0


@pytest.mark.parametrize("options", [[], ["--raw"]])
def test_a_file_is_sent_as_it_is(service: str, intake: FakeIntake, tmp_path: Path, options: list[str]) -> None:
    path = tmp_path / "seven.png"
    path.write_bytes(b"\x07 and more")
    assert main(["bench", service, "--picture", str(path), "--json", *options, *QUICK]) == 0
    assert set(intake.seen) == {b"\x07 and more"}


def test_other_services_are_reached_by_path_and_field(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--path", "/predict/batch?model=lenet", "--field", "files", "--dataset", "mnist", "--json"]
    assert main(["bench", service, *options, *QUICK]) == 0
    assert json.loads(capsys.readouterr().out)["url"] == f"{service}/predict/batch?model=lenet&dataset=mnist"


def test_what_the_service_refuses_is_said_and_not_measured(service: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", service, "--model", "resnet19", *QUICK]) == 1
    told = capsys.readouterr().err
    assert "answers 404" in told
    assert "no network 'resnet19'" in told


def test_a_service_with_keys_is_measured_with_one_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "key"
    with running(create_app(service=fake_service(api_key=SecretStr("key-of-one,key-of-two")))) as port:
        url = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(f"{url}/readyz").status_code == 200)
        assert main(["bench", url, *QUICK]) == 1
        assert "answers 401" in capsys.readouterr().err
        path.write_text("key-of-two\n")
        assert main(["bench", url, "--key-file", str(path), "--json", *QUICK]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["errors"] == {}
    assert "key-of-two" not in told.out + told.err


def test_a_key_that_cannot_be_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "key"
    for written, why in (("", "the API key has 0 characters"), ("secret\nkey", "character 7 of 10 is U+000A")):
        path.write_text(written)
        assert main(["bench", "http://127.0.0.1:1", "--key-file", str(path)]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"lineup: --key-file is {path}: ")
        assert why in told
        assert "secret" not in told
    assert "secret" not in repr(Asked("http://h", "image/png", b"", Load(1, 1.0), {"Authorization": "secret"}))


def test_where_nothing_listens_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert main(["bench", url, *QUICK]) == 1
    assert f"no answer from {url}/predict" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--clients", "0"], "--clients is 0; wanted 1 to 512"),
        (["--clients", "513"], "--clients is 513"),
        (["--rate", "-1"], "--rate is -1; wanted 0.01 to"),
        (["--rate", "nan"], "--rate is nan"),
        (["--seconds", "0"], "--seconds is 0; wanted 0.1 to"),
        (["--warm-up", "-2"], "--warm-up is -2"),
        (["--timeout", "0"], "--timeout is 0"),
        (["--key-file", "nowhere"], "--key-file is nowhere, which cannot be read: No such file"),
        (["--picture", "nowhere.png"], "--picture is nowhere.png, which cannot be read: No such file"),
    ],
)
def test_a_wrong_option_is_named(options: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "http://127.0.0.1:1", *options]) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("url", ["localhost:8000", "http://[::1", "http://a..b", f"http://{'a' * 64}.de"])
def test_a_wrong_address_is_named(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", url]) == 2
    told = capsys.readouterr().err
    assert f"{url}/predict'" in told
    assert "wanted one like http://127.0.0.1:8000" in told


def test_a_host_that_only_looks_like_one_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "http://xn--", *QUICK]) == 1
    assert "no answer from http://xn--/predict" in capsys.readouterr().err


def test_the_picture_drawn_is_of_the_datasets_kind() -> None:
    with Image.open(io.BytesIO(drawn())) as image:
        assert (image.size, image.mode, image.format) == ((28, 28), "L", "PNG")
        assert picture.prepare(image, "mnist").as_it_was


def test_an_address_takes_path_and_query() -> None:
    assert address("http://h:1/", "predict", model=None) == "http://h:1/predict"
    assert address("http://h/base", "/p?a=1", model="x y") == "http://h/base/p?a=1&model=x+y"


def test_quantiles_are_of_the_nearest_rank() -> None:
    taken = [n / 1e3 for n in range(1, 101)]
    assert [quantile_ms(taken, share) for share in (0.0, 0.5, 0.95, 0.99, 1)] == [1, 50, 95, 99, 100]
    assert quantile_ms([0.002], 0.99) == 2
    assert quantile_ms([], 0.5) is None


def test_few_answers_are_said_to_be_few() -> None:
    (remark,) = report_of(asked(), tally()).remarks
    assert remark.startswith("p99 rests on 1 of 4 answers")


def test_a_client_that_was_busy_says_so() -> None:
    assert "the client itself was the bottleneck (93% of a core)" in report_of(asked(), tally(cpu=0.93)).remarks[0]


def test_requests_that_were_sent_late_are_told() -> None:
    found = tally()
    found.sent_late.extend([0.0001] * 98 + [0.0123] * 2)
    report = report_of(asked(rate=50.0), found)
    assert report.sent_late_p99_ms == 12.3
    assert any("sent 12.3 ms late or more" in remark for remark in report.remarks)


def test_a_service_that_falls_behind_is_told() -> None:
    report = report_of(asked(rate=50.0), tally(offered=100))
    assert any("did not keep up: 50.0 requests/s offered, 2.0 answered" in remark for remark in report.remarks)


def test_failed_requests_are_told_and_fail_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = tally(offered=7)
    found.errors = Counter({"503": 2, "connection broken": 1})
    monkeypatch.setattr(bench, "probe", lambda _: None)
    monkeypatch.setattr(bench, "run", lambda *_: found)
    assert bench.measure(asked(), as_json=False) == 1
    shown = capsys.readouterr().out
    assert "2 x 503, 1 x connection broken" in shown
    assert "3 of 7 requests failed" in shown


def test_not_one_answer_is_a_failure_without_milliseconds(capsys: pytest.CaptureFixture[str]) -> None:
    report = report_of(asked(), tally(offered=0, taken=()))
    assert (report.p50_ms, report.max_ms, report.per_second) == (None, None, 0)
