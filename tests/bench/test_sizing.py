"""From records of round numbers to costs and nodes, worked out by hand."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.capacity import costs, sizing
from bench.capacity.__main__ import main
from bench.capacity.sizing import Assumptions, Mix
from tests.bench import records

RAY, HAPROXY = costs.PROXIES


@pytest.fixture
def known(tmp_path: Path) -> costs.Costs:
    return costs.read(records.written(tmp_path))


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.capacity.__main__.SIMULATED", {})
    monkeypatch.setattr("bench.capacity.one_process.SECONDS", 1.2)


def test_a_network_costs_what_its_request_takes_more_than_lenets(known: costs.Costs) -> None:
    assert known.networks["lenet"].seconds(1) == 0
    for name, ms in records.NETWORK_MS.items():
        assert known.networks[name].seconds(1) == pytest.approx(ms / 1e3)
    assert known.way.seconds(1) == pytest.approx(0.002)
    assert known.way.among(16) == pytest.approx(0.001)
    assert known.photograph_s == pytest.approx(0.040 + 0.004 + 0.026)


def test_batches_are_as_large_as_the_clients_of_one_core_of_the_record(tmp_path: Path) -> None:
    """GoogLeNet gains by batches here, and what it gains is told by how many pictures were in one."""
    networks = records.serving()["servers"]["lineup"]["networks"]
    networks["googlenet"]["many"]["cpu_ms"] = 1.0 + 1.0
    for cores, together in ((2, 8), (4, 4), (16, 1), (64, 1)):
        told = {**records.serving(), "hardware": {**records.HARDWARE, "cores": cores}}
        told["servers"] = {"lineup": told["servers"]["lineup"] | {"networks": networks}}
        (records.written(tmp_path) / "serving.json").write_text(json.dumps(told))
        assert costs.read(tmp_path).networks["googlenet"] == costs._work(2.0, 1.0, together)


def test_a_batch_is_what_was_measured_alone_and_among_others() -> None:
    work = costs._work(2.0, 1.25, 4)
    assert (work.fixed_s, work.each_s) == pytest.approx((0.001, 0.001))
    assert work.among(4) == pytest.approx(0.00125)
    assert costs._work(1.0, 1.5, 8) == costs.Work(0.0, 0.0015)  # nothing was gained by batches


def test_hops_are_scaled_to_the_quicker_machine_and_idle_time_is_nobodys(known: costs.Costs) -> None:
    assert known.scale == 0.5
    hops = known.hops[RAY]
    assert hops.proxy_s == pytest.approx(0.5 * 0.005)  # proxy 4 ms, the rest 2 less 1 of idle time
    assert hops.ingress_s == pytest.approx(0.5 * 0.006)
    assert hops.call_s == pytest.approx(0.5 * 0.012 / (len(records.NETWORK_MS) - 1))
    assert hops.intake_s == pytest.approx(0.5 * 0.003)
    assert hops.network_s == pytest.approx(0.5 * 0.002)
    assert hops.transit_s == pytest.approx(0.5 * (0.022 - 0.016) / 3)
    assert (hops.one_proxy, known.hops[HAPROXY].one_proxy) == (True, False)


def test_batches_are_those_of_the_engine() -> None:
    assert [costs.max_batch(name) for name in ("lenet", "resnet18", "alexnet", "vgg11")] == [64, 15, 5, 1]


def test_the_nodes_of_a_mix_by_hand(known: costs.Costs) -> None:
    """VGG-11 at 1,000/s, each stage at most half busy: 40 + 1 ms make 41 erlangs and 82 servers, and so on."""
    told = Assumptions(node_cores=8, utilisation=0.5, waiting=0.999, price=0.1)
    plan = sizing.on_ray(known, known.hops[HAPROXY], Mix("vgg11", ("vgg11",)), 1000, told)
    assert plan.servers == {"proxy": 5, "ingress": 6, "intake": 3, "vgg11": 82}
    assert plan.nodes == math.ceil(96 / (8 - 0.05))
    assert plan.first == "vgg11"
    assert plan.hourly == pytest.approx(13 * 8 * 0.1)
    assert plan.lost == pytest.approx(0.5 * 13 / 12, abs=1e-3)
    assert plan.mean_s == pytest.approx(0.0025 + 0.003 + 0.0015 + 0.041 + 0.003, rel=0.1)
    assert plan.mean_s <= plan.p99_s


def test_a_proxy_of_one_process_rules_where_requests_are_light(known: costs.Costs) -> None:
    told = Assumptions(utilisation=0.5, waiting=0.999, node_cores=64)
    lenet = Mix("lenet", ("lenet",))
    assert sizing.on_ray(known, known.hops[RAY], lenet, 10_000, told).nodes == 50
    assert sizing.on_ray(known, known.hops[HAPROXY], lenet, 10_000, told).nodes == 3  # 150 cores in all


def test_without_ray_a_process_does_everything(known: costs.Costs) -> None:
    told = Assumptions(utilisation=0.5, waiting=0.999)
    plan = sizing.without_ray(known, Mix("vgg11", ("vgg11",)), 1000, told)
    assert plan.servers == {"process": 82}
    assert plan.nodes == 11
    assert sizing.without_ray(known, Mix("lenet", ("lenet",)), 1, told).nodes == told.least


def test_ray_itself_leaves_something_of_a_node(known: costs.Costs) -> None:
    hops = replace(known.hops[HAPROXY], idle_cores=1.25)
    with pytest.raises(ValueError, match=r"1 cores of a node are too few; Ray by itself takes 1\.25"):
        sizing.on_ray(known, hops, Mix("lenet", ("lenet",)), 10, Assumptions(node_cores=1))


def test_a_stage_has_a_server() -> None:
    with pytest.raises(ValueError, match="0 servers are none; wanted at least 1 of every stage"):
        Assumptions(least=0)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--price", "-1"], "a price of -1 cannot be; wanted 0 or more"),
        (["--price", "nan"], "a price of nan cannot be; wanted 0 or more"),
        (["--waiting", "-0.1"], "a share of -0.1 cannot be what waits; wanted more than 0 and at most 1"),
        (["--utilisation", "1"], "a utilisation of 1 cannot be aimed at; wanted more than 0 and less than 1"),
    ],
)
def test_an_option_that_cannot_be_is_named(
    options: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--records", str(records.written(tmp_path)), "--record", str(tmp_path / "out.json"), *options]) == 2
    assert capsys.readouterr().err == f"capacity: {told}\n"
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("option", "least"), [("--node-cores=0", 1), ("--node-cores=-8", 1), ("--node-cores=few", 1), ("--seed=-1", 0)]
)
def test_a_number_that_cannot_be_is_named(option: str, least: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([option])
    name, _, value = option.partition("=")
    assert f"{name}: it is '{value}'; wanted a whole number from {least} up" in capsys.readouterr().err


WRONG = {"error": "did not start: ended with 1"}


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("serving", lambda it: it["servers"]["lineup"]["networks"].update(nin=WRONG), "of lineup, nin: did not start"),
        ("serving", lambda it: it["servers"]["lineup"].update(compare=WRONG), "of lineup, all seven: did not start"),
        ("serving", lambda it: it["servers"]["lineup"]["networks"].pop("vgg11"), "of lineup, vgg11: was not measured"),
        ("serving", lambda it: it["servers"].clear(), "of lineup, lenet: was not measured; `make bench`"),
        ("cluster", lambda it: it["ways"].update({costs.PLAIN: WRONG}), "of lineup serve: did not start"),
        ("cluster", lambda it: it["ways"].update(dict.fromkeys((RAY, HAPROXY), WRONG)), "of Ray Serve: did not start"),
    ],
)
def test_a_row_without_figures_is_named_with_why(
    name: str, change: Callable[[dict[str, Any]], object], told: str, tmp_path: Path
) -> None:
    record = getattr(records, name)()
    change(record)
    (records.written(tmp_path) / f"{name}.json").write_text(json.dumps(record))
    with pytest.raises(costs.MissingRecord, match=re.escape(f"{name}.json has no figures {told}")):
        costs.read(tmp_path)


def test_one_way_over_ray_is_enough(tmp_path: Path) -> None:
    record = records.cluster()
    record["ways"][RAY] = WRONG
    (records.written(tmp_path) / "cluster.json").write_text(json.dumps(record))
    assert list(costs.read(tmp_path).hops) == [HAPROXY]


@pytest.mark.parametrize(
    ("hardware", "same"),
    [
        ({"intake": "P", "networks": "CPU"}, True),  # as older records tell it
        ({"intake": "Q", "networks": "CPU"}, False),
        (records.HARDWARE, True),
        (records.HARDWARE | {"cores": 8}, True),  # of one core are all figures
        (records.HARDWARE | {"processor": "Q"}, False),
        (records.HARDWARE | {"flags": []}, False),
    ],
)
def test_the_intake_is_of_the_machine_of_the_others(hardware: dict[str, Any], same: bool, tmp_path: Path) -> None:
    told = records.intake() | {"hardware": hardware}
    (records.written(tmp_path) / "intake.json").write_text(json.dumps(told))
    if same:
        costs.read(tmp_path)
        return
    both = f"serving.json is of {records.HARDWARE} and intake.json of {hardware}; measure both on one machine"
    with pytest.raises(ValueError, match=re.escape(both)):
        costs.read(tmp_path)


def test_the_records_as_they_are_belong_together() -> None:
    assert costs.read().photograph_s > 0


@pytest.mark.parametrize("name", costs.RECORDS)
def test_a_measurement_that_is_missing_is_named_with_what_makes_it(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (records.written(tmp_path) / name).unlink()
    assert main(["--records", str(tmp_path), "--record", str(tmp_path / "out.json")]) == 2
    told = capsys.readouterr().err
    assert name in told
    assert costs.RECORDS[name] in told
    assert not (tmp_path / "out.json").exists()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("option", ["--price=2", "--node-cores=4", "--utilisation=.5", "--waiting=.1", "--seed=1"])
def test_other_assumptions_are_shown_and_leave_the_record_as_it_was(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "capacity.json"
    kept.write_text("as it was")
    records.written(tmp_path)
    monkeypatch.setattr("bench.capacity.__main__.RECORD", kept)
    monkeypatch.setattr("bench.capacity.__main__.FOLDER", tmp_path)
    assert main([option]) == 0
    told = capsys.readouterr().out
    assert f"{option.partition('=')[0]}: other than in capacity.json: shown and not recorded; --record FILE" in told
    assert "vgg11, 1,000/s: lineup serve " in told
    assert kept.read_text() == "as it was"
    assert main([option, "--record", str(tmp_path / "mine.json")]) == 0
    assert json.loads((tmp_path / "mine.json").read_text())["plans"]
    assert main([]) == 0
    assert json.loads(kept.read_text())["seed"] == 13
    assert "not recorded" not in capsys.readouterr().out


@pytest.mark.usefixtures("quick")
def test_the_record_follows_from_records_and_options(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    options = ["--records", str(records.written(tmp_path)), "--record", str(out), "--price", "2", "--node-cores", "4"]
    assert main(options) == 0
    found = json.loads(out.read_text())
    assert (found["assumptions"]["price"], found["assumptions"]["node_cores"]) == (2, 4)
    assert len(found["plans"]) == len(sizing.MIXES) * 3
    for row in found["plans"]:
        for way in (RAY, HAPROXY, costs.PLAIN):
            assert row[way]["hourly"] == row[way]["nodes"] * 4 * 2
    assert found["stages"][RAY]["vgg11"] == {"ms": 41.0, "saturates_at": 24.4}
    assert found["inputs"]["cluster.json"]["date"] == "2026-01-02"
    assert set(found["one_process"]) == {*records.NETWORK_MS, "all seven"}
