"""The Serve configuration: by Ray's own schema, with what was set and without keys."""

from pathlib import Path
from typing import Any

import pytest

from app.cluster import serve_config, sizes
from app.settings import Settings

KEYS = {"LINEUP_API_KEY": "key-of-one,key-of-another", "LINEUP_ADMIN_KEY": "key-of-the-operator"}


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As somebody sets them who has keys, a certificate and files of his own."""
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LINEUP_{name.upper()}", raising=False)
    given = {"QUEUE_SIZE": "12", "LOG_REQUESTS": "1", "WEIGHTS": "some/weights", "PORT": "9000", "HOST": "0.0.0.0"}
    files = {"TLS_CERT": "cert.pem", "WORKERS": "3", "DEVICE": "cpu", "NETWORKS": "lenet,vgg11", "DEADLINE_S": "2.5"}
    for name, value in {**KEYS, **{f"LINEUP_{name}": value for name, value in {**given, **files}.items()}}.items():
        monkeypatch.setenv(name, value)
    return Settings()


def application(settings: Settings, **given: Any) -> dict[str, Any]:
    (one,) = serve_config.config(settings, **given)["applications"]
    assert isinstance(one, dict)
    return one


def test_rays_schema_takes_it_and_reads_the_sizes_that_were_meant(settings: Settings) -> None:
    schema = pytest.importorskip("ray.serve.schema")
    for each in (settings, Settings.model_construct(), Settings.model_construct(device="cuda")):
        read = schema.ServeDeploySchema.model_validate(serve_config.config(each, max_replicas=5))
        assert (read.http_options.host, read.http_options.port) == (each.host, each.port)
        assert not read.model_extra
        (one,) = read.applications
        assert (one.name, one.route_prefix, one.import_path) == ("lineup", "/", "app.cluster.application:build")
        assert tuple(part.name for part in one.deployments) == sizes.deployments(each)
        for part in one.deployments:
            size = sizes.size(part.name, each, max_replicas=5)
            assert part.ray_actor_options.num_cpus == size.num_cpus
            assert (part.ray_actor_options.num_gpus or 0) == size.num_gpus
            assert part.max_ongoing_requests == size.max_ongoing_requests
            assert not part.model_extra


def test_what_was_set_reaches_the_replicas_and_nothing_else(settings: Settings) -> None:
    assert application(settings)["runtime_env"]["env_vars"] == {
        "LINEUP_WEIGHTS": str(Path("some/weights").absolute()),
        "LINEUP_NETWORKS": "lenet,vgg11",
        "LINEUP_DEVICE": "cpu",
        "LINEUP_DEADLINE_S": "2.5",
        "LINEUP_QUEUE_SIZE": "12",
        "LINEUP_LOG_REQUESTS": "True",
    }
    assert serve_config.environment(Settings.model_construct()) == {}
    assert "LINEUP_WEIGHTS" not in serve_config.environment(settings, ("weights",))


def test_replicas_read_from_it_the_settings_that_were_set(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    given = serve_config.environment(settings)
    for name in settings.model_fields_set:
        monkeypatch.delenv(f"LINEUP_{name.upper()}", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    read = Settings()
    assert (read.queue_size, read.log_requests, read.networks, read.deadline_s) == (12, True, "lenet,vgg11", 2.5)


def test_keys_never_stand_in_it(settings: Settings) -> None:
    assert settings.api_key is not None
    assert settings.admin_key is not None
    told = str(serve_config.config(settings))
    assert not [value for value in KEYS.values() if value in told]
    assert "KEY" not in told


def test_the_proxy_speaks_https_and_ends_only_what_the_service_could_not(settings: Settings) -> None:
    options = serve_config.config(settings)["http_options"]
    assert options["ssl_certfile"] == options["ssl_keyfile"] == str(Path("cert.pem").absolute())
    assert options["request_timeout_s"] > settings.upload_s + settings.deadline_s
    other = settings.model_copy(update={"tls_key": Path("/keys/key.pem")})
    assert serve_config.config(other)["http_options"]["ssl_keyfile"] == "/keys/key.pem"
    assert "ssl_certfile" not in serve_config.config(Settings.model_construct())["http_options"]
