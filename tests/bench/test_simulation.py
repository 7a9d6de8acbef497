"""The simulation against what is known of simple queues, against itself, and against what was measured."""

import json
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

simpy = pytest.importorskip("simpy", reason="the extra `dev` has it")

from bench.capacity import costs, one_process, queues, scenarios, sizing  # noqa: E402
from bench.capacity.changes import autoscale  # noqa: E402
from bench.capacity.fleet import Answer, Fleet, Rules  # noqa: E402
from bench.capacity.stations import DONE, GONE, REFUSED, Cores, Own, Station, steady, varying  # noqa: E402
from tests.bench import records  # noqa: E402

RAY, HAPROXY = costs.PROXIES
TOLD = sizing.Assumptions(utilisation=0.6)
RESNET = sizing.Mix("resnet18", ("resnet18",))
SEVEN = sizing.MIXES[-1]


@pytest.fixture
def known(tmp_path: Path) -> costs.Costs:
    return costs.read(records.written(tmp_path))


def run(known: costs.Costs, scenario: scenarios.Scenario, mix=RESNET, rate=100, seed=1, rules=None):
    hops = known.hops[HAPROXY]
    plan = sizing.on_ray(known, hops, mix, rate, TOLD)
    return scenarios.simulated(known, hops, mix, plan, rate, scenario, seed, rules)


def waits(vary, load: float, count: int = 25_000) -> float:
    """Mean wait in services of a station that a Poisson process asks."""
    env, source, waited = simpy.Environment(), random.Random(7), []
    station = Station(env, Own(env), costs.Work(0, 1.0), vary=vary)

    def ask():
        begun = env.now
        yield station.submit(float("inf"))
        waited.append(env.now - begun - 1)

    def arrive():
        for _ in range(count):
            yield env.timeout(source.expovariate(load))
            env.process(ask())

    env.process(arrive())
    env.run()
    assert len(waited) == count
    return sum(waited) / count


def test_a_steady_server_waits_as_md1() -> None:
    assert waits(steady, 0.6) == pytest.approx(queues.mean_wait_s(1, 0.6, 1, 0), rel=0.1)


def test_an_exponential_server_waits_as_mm1() -> None:
    source = random.Random(8)
    exponential = waits(lambda seconds: source.expovariate(1 / seconds), 0.6)
    assert exponential == pytest.approx(queues.mean_wait_s(1, 0.6, 1, 1), rel=0.15)


def test_services_vary_as_much_as_they_are_told_to() -> None:
    vary = varying(0.25, random.Random(3))
    drawn = [vary(2.0) for _ in range(50_000)]
    mean = sum(drawn) / len(drawn)
    assert mean == pytest.approx(2, rel=0.02)
    assert sum((one - mean) ** 2 for one in drawn) / len(drawn) / mean**2 == pytest.approx(0.25, rel=0.1)


def test_a_batch_is_cut_when_a_stream_is_free_and_is_its_share() -> None:
    """What waits stays together until it is known how long one takes; then each free stream takes its half, up to 4."""
    env, sizes = simpy.Environment(), []

    def noted(seconds):
        sizes.append(round((seconds - 1) * 1e3))
        return seconds

    station = Station(env, Own(env), costs.Work(1.0, 0.001), streams=2, max_batch=4, vary=noted)
    asked = [station.submit(100)]
    env.run(0.1)
    asked += [station.submit(100) for _ in range(9)]
    env.run()
    assert sizes == [1, 4, 3, 1, 1]
    assert [one.value for one in asked] == [DONE] * 10


def test_who_would_be_late_or_finds_a_full_queue_is_refused_at_once() -> None:
    env = simpy.Environment()
    station = Station(env, Own(env), costs.Work(0, 1.0), max_queue=3)
    station.submit(100)
    env.run(1.5)  # it is known now what one takes
    asked = [station.submit(env.now + 2.5) for _ in range(4)]
    assert [one.triggered and one.value == REFUSED for one in asked] == [False, False, False, True]
    env.run()
    assert [one.value for one in asked[:2]] == [DONE, DONE]
    full = [station.submit(1e9) for _ in range(5)]
    assert [one.triggered for one in full] == [False] * 4 + [True]


def test_cores_are_shared_in_slices() -> None:
    """A millisecond's work is not kept waiting by a long one for longer than a slice."""
    env = simpy.Environment()
    cores = Cores(env, 1)
    heavy, light = Station(env, cores, costs.Work(0, 1.0)), Station(env, cores, costs.Work(0, 0.001))
    heavy.submit(100)
    env.run(0.0101)
    env.run(light.submit(100))
    assert env.now < 0.02
    env.run()
    assert env.now == pytest.approx(1.001)


def test_what_is_lost_tells_whoever_waits_when_it_is_noticed() -> None:
    env = simpy.Environment()
    station = Station(env, Own(env), costs.Work(0, 1.0))
    before = station.submit(100)
    station.lose()
    after = station.submit(100)
    env.run()
    assert not before.triggered
    assert not after.triggered
    station.bury()
    assert (before.value, after.value) == (GONE, GONE)


BURST = scenarios.Scenario("burst", 12, 4, 8, times=6)
LOSS = scenarios.Scenario("loss", 16, 4, 10, lost=True)
QUIET = scenarios.Scenario("quiet", 12, 4, 8)


@pytest.mark.parametrize("mix", [RESNET, SEVEN], ids=["resnet18", "seven"])
@pytest.mark.parametrize("scenario", [BURST, LOSS], ids=["burst", "loss"])
def test_every_request_is_answered_once_and_by_its_deadline(
    known: costs.Costs, scenario: scenarios.Scenario, mix: sizing.Mix
) -> None:
    rules = Rules(node_s=6, deadline_s=3)
    answers = run(known, scenario, mix, 60, rules=rules)
    expected = 60 * (scenario.seconds + (scenario.times - 1) * (scenario.to_s - scenario.from_s))
    assert len(answers) == pytest.approx(expected, rel=0.15)
    assert {answer.status for answer in answers} <= {200, 429, 504}
    assert max(answer.seconds for answer in answers) <= rules.deadline_s
    assert sum(part["n"] for part in scenarios.phases(answers, scenario).values()) < len(answers)  # the first settle


def test_the_same_seed_tells_the_same_story_and_another_another(known: costs.Costs) -> None:
    first, again, other = (run(known, LOSS, rate=40, seed=seed, rules=Rules(node_s=6)) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def test_a_burst_fills_queues_and_more_are_refused_than_late(known: costs.Costs) -> None:
    parts = scenarios.phases(run(known, BURST, rate=200, rules=Rules(deadline_s=1)), BURST)
    assert parts["before"]["429"] == parts["before"]["504"] == 0
    assert parts["during"]["429"] > 0.2
    assert parts["during"]["504"] < parts["during"]["429"]
    assert parts["during"]["p50_ms"] > 10 * parts["before"]["p50_ms"]


def test_a_lost_node_costs_nobody_an_answer_where_the_rest_suffices(known: costs.Costs) -> None:
    answers = run(known, LOSS, rate=60, rules=Rules(node_s=6))
    assert Counter(answer.status for answer in answers) == {200: len(answers)}
    assert any(answer.broken for answer in answers)
    slow = max(answer.seconds for answer in answers if answer.broken)
    assert 1 < slow < 3  # the loss was noticed after a second, and then they were asked anew


def test_where_a_stage_has_one_replica_its_node_takes_it_away(known: costs.Costs) -> None:
    hops = known.hops[HAPROXY]
    plan = sizing.on_ray(known, hops, RESNET, 10, replace(TOLD, least=1, node_cores=2))
    assert plan.servers["intake"] == 1
    env = simpy.Environment()
    fleet = Fleet(env, known, hops, RESNET, plan, Rules(), 1)
    (station,) = fleet.stages["intake"].replicas
    node = fleet.stages["intake"].node_of[station]
    number = fleet.nodes.index(node)
    fleet.nodes[0], fleet.nodes[number] = node, fleet.nodes[0]
    env.process(scenarios._at(env, 1, scenarios.lose(fleet, node)))
    env.process(scenarios._at(env, 3, one(fleet)))
    env.run()
    assert [answer.status for answer in fleet.answers] == [504]
    assert fleet.answers[0].seconds == pytest.approx(10)


def one(fleet: Fleet):
    fleet.request()
    yield fleet.env.timeout(0)


def test_more_work_brings_more_replicas_once_it_has_lasted(known: costs.Costs) -> None:
    hops = known.hops[HAPROXY]
    plan = sizing.on_ray(known, hops, RESNET, 60, TOLD)
    env = simpy.Environment()
    fleet = Fleet(env, known, hops, RESNET, plan, Rules(node_s=3, upscale_s=5, look_back_s=10), 1)
    first = len(fleet.stages["resnet18"].replicas)
    env.process(
        scenarios._arrivals(fleet, scenarios.Scenario("", 25, 2, 3, times=8, autoscaling=True), 100, random.Random(2))
    )
    env.process(autoscale(fleet, 25))
    env.run(6)
    assert len(fleet.stages["resnet18"].replicas) == first
    env.run(25)
    assert first < len(fleet.stages["resnet18"].replicas) <= 3 * first


def test_a_request_by_itself_makes_as_many_hops_as_the_formulas_say(known: costs.Costs) -> None:
    """Proxy to ingress, ingress to intake, ingress to network: three, and nothing varies and nobody waits."""
    even, hops = replace(known, cv2=0.0), replace(known.hops[HAPROXY], transit_s=0.1)
    plan = sizing.on_ray(even, hops, RESNET, 0.01, TOLD)
    env = simpy.Environment()
    fleet = Fleet(env, even, hops, RESNET, plan, Rules(), 1)
    fleet.request()
    env.run()
    assert fleet.answers[0].seconds == pytest.approx(sum(sizing.stages(even, hops, RESNET).values()) + 3 * 0.1)
    assert fleet.answers[0].seconds == pytest.approx(plan.mean_s, abs=1e-3)


def test_quantiles_are_by_nearest_rank() -> None:
    """The least that so large a share does not exceed: of a hundred the fiftieth and the ninety-ninth."""
    told = scenarios.summed([Answer(0.0, number / 1e3, 200, 0, 0) for number in range(100, 0, -1)])
    assert (told["p50_ms"], told["p99_ms"]) == (50, 99)
    assert scenarios.summed([])["p99_ms"] is None


def test_quiet_times_are_those_of_the_formulas_but_for_the_draw_of_replicas(known: costs.Costs) -> None:
    """Two of a stage's replicas are drawn where the formulas have one queue: never quicker, and not twice as slow."""
    plan = sizing.on_ray(known, known.hops[HAPROXY], RESNET, 200, TOLD)
    told = scenarios.summed(run(known, QUIET, rate=200))
    assert 0.95 * plan.mean_s <= told["mean_ms"] / 1e3 <= 2 * plan.mean_s


def test_one_process_is_simulated_as_fast_as_it_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """From processor time alone, requests a second within a fifth and lone milliseconds within a tenth."""
    monkeypatch.setattr(one_process, "SECONDS", 4.0)
    serving = json.loads((costs.FOLDER / "serving.json").read_text())
    ours, cores = serving["servers"]["lineup"]["networks"], serving["hardware"]["cores"]
    found = one_process.compared(
        costs.Costs(costs.way_of(ours), costs.networks_of(ours, cores), 0.0, {}, 0.0, 1.0),
        serving,
    )
    for name, figures in found.items():
        assert figures["simulated_per_second"] == pytest.approx(figures["measured_per_second"], rel=0.2), name
        assert figures["simulated_lone_ms"] == pytest.approx(figures["measured_lone_ms"], rel=0.1), name
