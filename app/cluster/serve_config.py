"""The Serve configuration of the service, as `serve deploy` and `serve run` take it."""

from pathlib import Path
from typing import Any

from app.cluster import sizes
from app.cluster.nodes import MAX_REPLICAS
from app.settings import PREFIX, Settings

APPLICATION = "lineup"
IMPORT_PATH = "app.cluster.application:build"
# Keys never stand in a file: replicas find them in the environment of their node.
SECRETS = ("api_key", "admin_key")
# The proxy's own, which stand under http_options; and replicas instead of workers.
ELSEWHERE = ("host", "port", "tls_cert", "tls_key", "workers")


def config(settings: Settings, *, max_replicas: int = MAX_REPLICAS, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The configuration, of what YAML knows. `without` names settings that are left out. ValueError as from `sizes`,
    and for a key of TLS without its certificate.
    """
    return {
        "proxy_location": "EveryNode",  # on every node that has replicas: the loss of one node loses one proxy
        "http_options": _http(settings),
        # The service counts requests, and LINEUP_LOG_REQUESTS logs them; a second line each would cost more than LeNet.
        "logging_config": {"log_level": "INFO", "enable_access_log": False},
        "applications": [
            {
                "name": APPLICATION,
                "route_prefix": "/",
                "import_path": IMPORT_PATH,
                "runtime_env": {"env_vars": environment(settings, without)},
                "deployments": [
                    sizes.options(name, settings, max_replicas=max_replicas) for name in sizes.deployments(settings)
                ],
            }
        ],
    }


def environment(settings: Settings, without: tuple[str, ...] = ()) -> dict[str, str]:
    """Of the settings those that somebody set, as variables; never a key, nor what is the proxy's."""
    left_out = {*SECRETS, *ELSEWHERE, *without}
    names = [name for name in Settings.model_fields if name in settings.model_fields_set - left_out]
    return {f"{PREFIX}{name.upper()}": _text(getattr(settings, name)) for name in names}


def _http(settings: Settings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        # The service answers before it, and in its own words; this ends what it can no longer end.
        "request_timeout_s": settings.upload_s + settings.deadline_s + sizes.GRACE_S,
    }
    if settings.tls_cert is not None:
        key = settings.tls_key or settings.tls_cert
        options |= {"ssl_certfile": _text(settings.tls_cert), "ssl_keyfile": _text(key)}
    elif settings.tls_key is not None:
        told = f"LINEUP_TLS_KEY is {settings.tls_key} without a certificate, and proxies would speak plain HTTP"
        raise ValueError(f"{told}; set LINEUP_TLS_CERT too, or neither")
    return options


def _text(value: object) -> str:
    # Proxies and replicas start in another folder.
    return str(value.absolute() if isinstance(value, Path) else value)
