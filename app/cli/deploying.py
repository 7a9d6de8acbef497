"""`lineup deploy`: the files with which the service is deployed on a Ray cluster."""

import argparse
from typing import Any

from app.cluster import kuberay, serve_config, sizes
from app.cluster.nodes import GPU_IMAGE, Pods
from app.settings import Settings

KINDS = ("serve", "kuberay")
INSTALL = "python -m pip install pyyaml"  # the extra `ray` brings it

SERVE_HEAD = """\
# Lineup on a Ray cluster: serve deploy deploy/serve.yaml, or serve run deploy/serve.yaml
# Made by `lineup deploy --print serve` from the settings of its environment (app/cluster/sizes.py gives the reasons for
# the numbers); with --host 0.0.0.0 the proxies listen to other machines too. Keys are not here: set LINEUP_API_KEY and
# LINEUP_ADMIN_KEY where `ray start` runs, on every node.
"""
KUBERAY_HEAD = """\
# Lineup on Kubernetes, by the KubeRay operator 1.5.1 or newer: kubectl apply -f deploy/rayservice.yaml
# Made by `lineup deploy --print kuberay` from the settings of its environment. Keys come from the Secret {secret}:
# kubectl create secret generic {secret} --from-literal=api-key=... --from-literal=admin-key=...
# Its image: docker build -t {image} {arguments} .
"""
RAY, TORCH = "--build-arg 'EXTRAS=[ray]'", "--build-arg TORCH_INDEX=default"


def text(options: argparse.Namespace, settings: Settings) -> str:
    """The file that the options ask for, as YAML. ValueError, in one line, for what cannot be."""
    if options.kind not in KINDS:
        raise ValueError(f"--print is {options.kind!r}; wanted {' or '.join(KINDS)}")
    if options.kind == "serve":
        return SERVE_HEAD + _yaml(serve_config.config(settings, max_replicas=options.max_replicas))
    most = options.max_workers or max(options.workers, Pods.max_workers)
    if most < options.workers:
        raise ValueError(f"--max-workers is {most}; wanted {options.workers} (--workers) or more")
    if (tls := settings.tls_cert or settings.tls_key) is not None:
        name = "LINEUP_TLS_CERT" if tls == settings.tls_cert else "LINEUP_TLS_KEY"
        told = f"{name} is {tls}, a file of this machine, and pods would speak plain HTTP"
        raise ValueError(f"{told}; unset it, and let the Ingress before the service speak HTTPS")
    torch = sizes.uses_gpu(settings) or settings.backend == "torch"
    image = options.image or (GPU_IMAGE if torch else Pods.image)
    pods = Pods(image, options.workers, most, options.cpus, options.memory, options.secret)
    inside = settings.model_copy(update={"host": "0.0.0.0", "port": kuberay.PORT})
    config = serve_config.config(inside, max_replicas=options.max_replicas, without=kuberay.NOT_IN_A_POD)
    service = kuberay.ray_service(settings, pods, _yaml(config))
    head = KUBERAY_HEAD.format(secret=pods.secret, image=image, arguments=f"{RAY} {TORCH}" if torch else RAY)
    return head + _yaml(service, kuberay.network_policy())


def _yaml(*documents: dict[str, Any]) -> str:
    try:
        import yaml
    except ImportError as error:
        raise ValueError(f"deploy needs {error.name}; install it: {INSTALL}") from error

    def as_block(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    dumper: Any = type("Dumper", (yaml.SafeDumper,), {"ignore_aliases": lambda dumper, data: True})
    dumper.add_representer(str, as_block)
    made: str = yaml.dump_all(documents, Dumper=dumper, sort_keys=False, width=120, allow_unicode=True)
    return made
