"""The service on Kubernetes: a `RayService` for the KubeRay operator, and a wall around it.

Fields: https://docs.ray.io/en/latest/cluster/kubernetes/references/api.html (ray.io/v1, KubeRay 1.5.1 or newer).
"""

import math
from typing import Any

from app.cluster import ray_version, sizes
from app.cluster.nodes import Pods
from app.settings import PREFIX, Settings, split

NAME = "lineup"
LABELS = {"app": NAME}
PORT = 8000  # where KubeRay looks for Serve
AGENT, DASHBOARD = 52365, 8265  # Ray's ports for health and for the operator
# Settings that mean files, addresses and ports of another machine than a pod (as in docker-compose.yml).
NOT_IN_A_POD = ("weights", "data_dir")
USER = 10001  # as in the Dockerfile
# Pictures on their way from the ingress to the intake lie here for milliseconds; Ray would take a third of the memory.
OBJECT_STORE_BYTES = 1024**3
# Where Ray puts its logs, its sockets, and pictures that the object store has no room for: in memory, as no picture is
# to lie on a disk. What is there counts as the pod's memory.
TMP = {"medium": "Memory", "sizeLimit": "1Gi"}


def ray_service(settings: Settings, pods: Pods, serve_config: str) -> dict[str, Any]:
    """The `RayService`, of what YAML knows; `serve_config` is the Serve configuration as text."""
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": {"name": NAME, "labels": LABELS},
        "spec": {
            "serveConfigV2": serve_config,
            "excludeHeadPodFromServeSvc": True,  # requests stay away from the one pod that must not be busy
            "rayClusterConfig": {
                "rayVersion": f"{ray_version.SERIES}.0",
                # Whoever reaches Ray's ports can run anything there: the operator makes a token, for its pods alone.
                "authOptions": {"mode": "token"},
                "enableInTreeAutoscaling": True,
                "autoscalerOptions": {
                    "upscalingMode": "Default",
                    "idleTimeoutSeconds": int(sizes.DOWNSCALE_DELAY_S),
                    "resources": _resources("500m", "512Mi"),
                    "securityContext": _hardened(read_only=False),
                },
                "headGroupSpec": _head(settings, pods),
                "workerGroupSpecs": [_workers(settings, pods)],
            },
        },
    }


def network_policy() -> dict[str, Any]:
    """Who may reach the pods: everybody the service, each other and the operator the rest."""
    operator = {"matchLabels": {"app.kubernetes.io/name": "kuberay-operator"}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": NAME, "labels": LABELS},
        "spec": {
            "podSelector": {"matchLabels": LABELS},
            "policyTypes": ["Ingress"],
            "ingress": [
                {"ports": [{"port": PORT}]},
                {"from": [{"podSelector": {"matchLabels": LABELS}}]},
                {
                    "from": [{"namespaceSelector": {}, "podSelector": operator}],
                    "ports": [{"port": DASHBOARD}, {"port": AGENT}],
                },
            ],
        },
    }


def _head(settings: Settings, pods: Pods) -> dict[str, Any]:
    # It has the books of the cluster and a proxy, and no cores for replicas: their load must not take it down.
    container = _container("ray-head", settings, pods) | {
        "ports": [
            {"containerPort": 6379, "name": "gcs-server"},
            {"containerPort": DASHBOARD, "name": "dashboard"},
            {"containerPort": 10001, "name": "client"},
            {"containerPort": PORT, "name": "serve"},
        ],
        "resources": _resources("1", "4Gi"),
        "readinessProbe": _probe(AGENT, "/api/healthz", failures=10),
    }
    parameters = _parameters() | {"dashboard-host": "0.0.0.0", "num-cpus": "0"}
    return {"rayStartParams": parameters, "template": _pod(settings, container)}


def _workers(settings: Settings, pods: Pods) -> dict[str, Any]:
    gpus = {"nvidia.com/gpu": "1"} if sizes.uses_gpu(settings) else {}
    container = _container("ray-worker", settings, pods) | {
        "ports": [{"containerPort": PORT, "name": "serve"}],
        "resources": _resources(str(pods.cpus), f"{pods.memory_gib}Gi", gpus),
        # Requests are sent here while the proxy answers, which it does not before there is something to answer.
        "readinessProbe": _probe(PORT, "/-/healthz", failures=1),
    }
    pod = _pod(settings, container)
    pod["spec"] |= {
        "automountServiceAccountToken": False,
        "topologySpreadConstraints": [  # the loss of a machine should cost few of them
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": LABELS},
            }
        ],
    }
    return {
        "groupName": "workers",
        "replicas": pods.workers,
        "minReplicas": pods.workers,
        "maxReplicas": pods.max_workers,
        "rayStartParams": _parameters(),
        "template": pod,
    }


def _parameters() -> dict[str, str]:
    return {"object-store-memory": str(OBJECT_STORE_BYTES)}


def _container(name: str, settings: Settings, pods: Pods) -> dict[str, Any]:
    return {
        "name": name,
        "image": pods.image,
        "env": [
            _key("api_key", settings, pods),
            _key("admin_key", settings, pods),
            # Ray's proxies are uvicorn, which believes whom this names; unset, whoever is in the pod.
            {"name": "FORWARDED_ALLOW_IPS", "value": ",".join(split(settings.trusted_proxies))},
        ],
        "livenessProbe": _probe(AGENT, "/api/healthz", failures=12),
        "securityContext": _hardened(),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }


def _key(name: str, settings: Settings, pods: Pods) -> dict[str, Any]:
    # Without the Secret the service is open, as it is without the setting; where it is set, no pod starts without.
    reference = {"name": pods.secret, "key": name.replace("_", "-"), "optional": getattr(settings, name) is None}
    return {"name": f"{PREFIX}{name.upper()}", "valueFrom": {"secretKeyRef": reference}}


def _pod(settings: Settings, container: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"labels": LABELS},
        "spec": {
            # Kubernetes tells pods of a Service named lineup as LINEUP_PORT=tcp://..., which is no port to listen on.
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": math.ceil(settings.deadline_s + sizes.GRACE_S) + 15,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [container],
            "volumes": [{"name": "tmp", "emptyDir": TMP}],
        },
    }


def _hardened(*, read_only: bool = True) -> dict[str, Any]:
    context: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return context | ({"readOnlyRootFilesystem": True} if read_only else {"runAsNonRoot": True, "runAsUser": USER})


def _resources(cpu: str, memory: str, more: dict[str, str] | None = None) -> dict[str, Any]:
    # The same twice: Ray plans with the limits, and a pod that gets less than it was promised is slow or ended.
    each = {"cpu": cpu, "memory": memory, **(more or {})}
    return {"requests": each, "limits": dict(each)}


def _probe(port: int, path: str, *, failures: int) -> dict[str, Any]:
    # By HTTP, as KubeRay does it where Ray is new enough; what it runs else needs wget, which the image has not.
    request = {"path": path, "port": port}
    return {
        "httpGet": request,
        "initialDelaySeconds": 10,
        "periodSeconds": 5,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
