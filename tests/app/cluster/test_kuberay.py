"""The manifest for KubeRay: fields that its ray.io/v1 has, parts that fit each other, and nothing left open."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from app.cluster import kuberay, sizes
from app.cluster.nodes import Pods
from app.settings import Settings

# Of https://docs.ray.io/en/latest/cluster/kubernetes/references/api.html, KubeRay 1.6, and Kubernetes' own API; an
# operator forgets a field that it does not know, so that a wrong name would be seen by nobody.
FIELDS = {
    "spec": {"serveConfigV2", "rayClusterConfig", "serveService", "upgradeStrategy", "excludeHeadPodFromServeSvc"},
    "rayClusterConfig": {
        *("rayVersion", "authOptions", "enableInTreeAutoscaling", "autoscalerOptions", "headGroupSpec"),
        *("workerGroupSpecs", "headServiceAnnotations", "suspend", "gcsFaultToleranceOptions", "managedBy"),
    },
    "authOptions": {"mode", "secretName"},
    "autoscalerOptions": {
        *("resources", "image", "imagePullPolicy", "securityContext", "idleTimeoutSeconds", "upscalingMode"),
        *("env", "envFrom", "volumeMounts", "version"),
    },
    "headGroupSpec": {"serviceType", "headService", "enableIngress", "rayStartParams", "template", "resources"},
    "workerGroupSpecs": {
        *("groupName", "replicas", "minReplicas", "maxReplicas", "numOfHosts", "rayStartParams", "template"),
        *("idleTimeoutSeconds", "scaleStrategy", "suspend", "resources", "labels"),
    },
    "template": {"metadata", "spec"},
    "containers": {
        *("name", "image", "env", "ports", "resources", "securityContext", "volumeMounts"),
        *("livenessProbe", "readinessProbe"),
    },
    "livenessProbe": {"httpGet", "initialDelaySeconds", "periodSeconds", "timeoutSeconds", "failureThreshold"},
    "secretKeyRef": {"name", "key", "optional"},
}
FIELDS["readinessProbe"] = FIELDS["livenessProbe"]
POD = {
    *("containers", "volumes", "securityContext", "terminationGracePeriodSeconds", "topologySpreadConstraints"),
    *("automountServiceAccountToken", "enableServiceLinks"),
}
NAME = re.compile(r"[a-z]([-a-z0-9]{0,13}[a-z0-9])?")  # what a port may be called, the strictest of them


def service(settings: Settings | None = None, **given: Any) -> dict[str, Any]:
    settings = settings or Settings.model_construct()
    return kuberay.ray_service(settings, Pods(**given), "applications: []\n")


def walk(value: Any, name: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every mapping with the field that it, or the list that it is in, stands under."""
    if isinstance(value, dict):
        yield name, value
        for key, inner in value.items():
            yield from walk(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, name)


def pods(made: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = made["spec"]["rayClusterConfig"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"] for group in groups]


def test_it_has_only_fields_that_the_operator_knows() -> None:
    made = service(Settings.model_construct(device="cuda"))
    assert (made["apiVersion"], made["kind"]) == ("ray.io/v1", "RayService")
    templates = [id(pod["spec"]) for pod in pods(made)]
    seen = set()
    for name, fields in walk(made["spec"], "spec"):
        known = POD if id(fields) in templates else FIELDS.get(name)
        if known is not None:
            assert set(fields) <= known, f"{name} has {set(fields) - known}"
            seen.add(name)
    assert seen == set(FIELDS)


def test_start_parameters_are_texts_and_numbers_are_numbers() -> None:
    cluster = service(workers=3, max_workers=9)["spec"]["rayClusterConfig"]
    (workers,) = cluster["workerGroupSpecs"]
    for group in (cluster["headGroupSpec"], workers):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    assert [workers[name] for name in ("replicas", "minReplicas", "maxReplicas")] == [3, 3, 9]
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"


@pytest.mark.parametrize(("trusted", "believed"), [("", ""), ("10.0.0.0/8, 10.1.2.3", "10.0.0.0/8,10.1.2.3")])
def test_rays_proxies_believe_whom_the_service_would(trusted: str, believed: str) -> None:
    for pod in pods(service(Settings.model_construct(trusted_proxies=trusted))):
        (container,) = pod["spec"]["containers"]
        assert {"name": "FORWARDED_ALLOW_IPS", "value": believed} in container["env"]


def test_names_ports_and_volumes_fit_each_other() -> None:
    for pod in pods(service()):
        (container,) = pod["spec"]["containers"]
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
        names = [port["name"] for port in container["ports"]]
        assert len(set(names)) == len(names)
        assert all(NAME.fullmatch(name) for name in [*names, *volumes, container["name"]])
        assert {"containerPort": 8000, "name": "serve"} in container["ports"]
        probes = [container[name]["httpGet"] for name in ("livenessProbe", "readinessProbe")]
        assert {probe["port"] for probe in probes} <= {8000, kuberay.AGENT}
        resources = container["resources"]
        assert resources["requests"] == resources["limits"]


def test_a_worker_has_room_for_one_replica_of_each_and_the_head_for_none() -> None:
    settings = Settings.model_construct()
    (_, worker) = pods(service(settings))
    cores = sum(sizes.size(name, settings).num_cpus for name in sizes.deployments(settings))
    limits = worker["spec"]["containers"][0]["resources"]["limits"]
    assert int(limits["cpu"]) >= cores
    assert int(limits["memory"].removesuffix("Gi")) * 1024**3 > 2 * kuberay.OBJECT_STORE_BYTES


def test_every_container_is_as_closed_as_those_of_compose() -> None:
    made = service()
    for pod in pods(made):
        (container,) = pod["spec"]["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
        assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]
    cluster = made["spec"]["rayClusterConfig"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["autoscalerOptions"]["securityContext"]["runAsNonRoot"] is True
    assert pods(made)[1]["spec"]["automountServiceAccountToken"] is False


def test_a_pod_that_ends_has_time_to_answer_what_it_accepted() -> None:
    settings = Settings.model_construct(deadline_s=90.5)
    longest = max(sizes.size(name, settings).graceful_shutdown_timeout_s for name in sizes.deployments(settings))
    for pod in pods(service(settings)):
        assert pod["spec"]["terminationGracePeriodSeconds"] > longest


def test_a_service_named_lineup_does_not_set_the_port_of_pods() -> None:
    assert [pod["spec"]["enableServiceLinks"] for pod in pods(service())] == [False, False]


@pytest.mark.parametrize("given", [None, SecretStr("key-of-one")])
def test_keys_come_from_the_secret_which_must_be_there_once_one_was_set(given: SecretStr | None) -> None:
    made = service(Settings.model_construct(api_key=given), secret="our-keys")
    for pod in pods(made):
        api, admin = (entry for entry in pod["spec"]["containers"][0]["env"] if "valueFrom" in entry)
        assert api == {
            "name": "LINEUP_API_KEY",
            "valueFrom": {"secretKeyRef": {"name": "our-keys", "key": "api-key", "optional": given is None}},
        }
        assert admin["name"] == "LINEUP_ADMIN_KEY"
        assert admin["valueFrom"]["secretKeyRef"]["optional"] is True
    assert "key-of-one" not in str(made)


def test_on_a_gpu_each_worker_has_one_and_the_head_none() -> None:
    head, worker = (
        pod["spec"]["containers"][0]["resources"]["limits"]
        for pod in pods(service(Settings.model_construct(device="cuda")))
    )
    assert worker["nvidia.com/gpu"] == "1"
    assert "nvidia.com/gpu" not in head


def test_from_outside_only_the_service_is_reached() -> None:
    policy = kuberay.network_policy()
    assert policy["kind"] == "NetworkPolicy"
    selected = policy["spec"]["podSelector"]["matchLabels"]
    assert all(selected.items() <= pod["metadata"]["labels"].items() for pod in pods(service()))
    for_all = [rule["ports"] for rule in policy["spec"]["ingress"] if "from" not in rule]
    assert for_all == [[{"port": 8000}]]
    (operators,) = [rule for rule in policy["spec"]["ingress"] if "from" in rule and "ports" in rule]
    assert {port["port"] for port in operators["ports"]} == {kuberay.DASHBOARD, kuberay.AGENT}
