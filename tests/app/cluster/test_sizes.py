"""The sizes of deployments: what they promise together, and that Ray takes them."""

from typing import Any

import pytest

from app.cluster import sizes
from app.serving.engine import Engine
from app.settings import Settings
from models.catalog import ARCHITECTURES, EXTRAS
from models.datasets import UnknownName

EVERYTHING = ",".join([*ARCHITECTURES, *EXTRAS])


def settings_of(**given: Any) -> Settings:
    return Settings.model_construct(**{"device": "cpu", **given})


def all_of(settings: Settings, **given: Any) -> dict[str, sizes.Size]:
    return {name: sizes.size(name, settings, **given) for name in sizes.deployments(settings)}


def test_the_deployments_are_ingress_intake_and_the_networks_in_the_catalogs_order() -> None:
    assert sizes.deployments(settings_of()) == ("ingress", "intake", *ARCHITECTURES)
    assert sizes.deployments(settings_of(networks="vgg11, lenet")) == ("ingress", "intake", "lenet", "vgg11")
    with pytest.raises(UnknownName, match=r"resnet19.*lenet, alexnet"):
        sizes.deployments(settings_of(networks="resnet19"))


@pytest.mark.parametrize("networks", ["", EVERYTHING])
def test_one_replica_of_each_fits_on_two_cores_and_one_gpu(networks: str) -> None:
    for device, gpus in (("cpu", 0.0), ("auto", 0.0), ("cuda", 1.0)):
        every = all_of(settings_of(networks=networks, device=device)).values()
        assert sum(each.num_cpus * each.min_replicas for each in every) <= 2
        assert sum(each.num_gpus * each.min_replicas for each in every) <= gpus
        assert all(each.num_cpus > 0 and each.min_replicas >= 1 and each.threads >= 1 for each in every)


def test_heavier_networks_reserve_no_less_and_only_networks_reserve_a_gpu() -> None:
    every = all_of(settings_of(networks=EVERYTHING, device="cuda"))
    by_cost = sorted([*ARCHITECTURES.values(), *EXTRAS.values()], key=lambda each: each.macs)
    cores = [every[each.name].num_cpus for each in by_cost]
    gpus = [every[each.name].num_gpus for each in by_cost]
    assert cores == sorted(cores)
    assert gpus == sorted(gpus)
    assert gpus[0] > 0
    assert every["ingress"].num_gpus == every["intake"].num_gpus == 0


@pytest.mark.parametrize("given", [{}, {"max_batch_size": 7}, {"max_batch_size": 1}, {"max_batch_gmacs": 40.0}])
def test_a_replica_takes_more_than_the_batch_that_its_engine_makes(given: dict[str, Any]) -> None:
    settings = settings_of(**given)
    engine = Engine(settings)
    every = all_of(settings)
    for name in engine.names:
        assert every[name].max_ongoing_requests >= 2 * engine.max_batch(name)
        assert every[name].max_ongoing_requests > every[name].target_ongoing_requests >= 1
        assert every[name].target_ongoing_requests <= max(2, engine.max_batch(name))


def test_on_a_gpu_replicas_gather_full_batches() -> None:
    settings = settings_of(device="cuda", max_batch_size=48)
    assert {sizes.size(name, settings).target_ongoing_requests for name in ARCHITECTURES} == {48}
    assert {sizes.size(name, settings).max_ongoing_requests for name in ARCHITECTURES} == {96}


def test_limits_follow_the_settings_and_every_queue_ends_somewhere() -> None:
    every = all_of(settings_of(queue_size=3, deadline_s=60.0, max_connections=20), max_replicas=5)
    assert {every[name].max_queued_requests for name in ("intake", *ARCHITECTURES)} == {3}
    assert every["ingress"].max_ongoing_requests == 20
    assert all(each.max_queued_requests > 0 for each in every.values())
    assert all(each.graceful_shutdown_timeout_s > 60 for each in every.values())
    assert all(each.target_ongoing_requests <= each.max_ongoing_requests for each in every.values())
    assert {each.max_replicas for each in every.values()} == {5}


def test_a_gpu_by_its_number_is_refused_with_what_would_be_right() -> None:
    with pytest.raises(ValueError, match=r"LINEUP_DEVICE is 'cuda:1'.*use 'cuda', or 'cpu'"):
        sizes.size("lenet", settings_of(device="cuda:1"))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_ray_takes_every_option(device: str) -> None:
    serve = pytest.importorskip("ray.serve")

    class Part:
        pass

    settings = settings_of(device=device)
    for name in sizes.deployments(settings):
        made = serve.deployment(Part, **sizes.options(name, settings))
        assert made.name == name
        assert made.max_queued_requests == sizes.size(name, settings).max_queued_requests
