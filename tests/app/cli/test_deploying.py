"""`lineup deploy` as its users type it, and the files of deploy/."""

import sys
from typing import Any

import pytest

from app.cli import main
from app.settings import Settings
from tools import deployments

yaml = pytest.importorskip("yaml")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"LINEUP_{name.upper()}", raising=False)


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[Any]:
    assert main(["deploy", "--print", *arguments]) == 0
    return list(yaml.safe_load_all(capsys.readouterr().out))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["deploy", "--print", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    (line,) = told.err.splitlines()
    return line


@pytest.mark.parametrize(("name", "kind"), deployments.KINDS.items())
def test_the_committed_files_are_up_to_date(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEUP_QUEUE_SIZE", "3")  # of whoever makes them
    committed = (deployments.FOLDER / name).read_text(encoding="utf-8")
    assert committed == deployments.text(kind), "run: make deploy-files"


def test_the_committed_files_are_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    for name, kind in deployments.KINDS.items():
        assert main(["deploy", "--print", kind]) == 0
        assert capsys.readouterr().out == (deployments.FOLDER / name).read_text(encoding="utf-8")


def test_the_committed_configuration_is_one_by_rays_schema() -> None:
    schema = pytest.importorskip("ray.serve.schema")
    read = yaml.safe_load((deployments.FOLDER / "serve.yaml").read_text(encoding="utf-8"))
    assert schema.ServeDeploySchema.model_validate(read).applications[0].name == "lineup"


def test_inside_the_manifest_is_the_configuration_for_pods(capsys: pytest.CaptureFixture[str]) -> None:
    (alone,) = printed(capsys, "serve", "--max-replicas", "3")
    service, policy = printed(capsys, "kuberay", "--max-replicas", "3", "--port", "9000")
    inside = yaml.safe_load(service["spec"]["serveConfigV2"])
    assert alone["http_options"]["host"] == "127.0.0.1"
    assert (inside["http_options"]["host"], inside["http_options"]["port"]) == ("0.0.0.0", 8000)
    assert inside["applications"] == alone["applications"]
    assert policy["kind"] == "NetworkPolicy"


def test_options_arrive(capsys: pytest.CaptureFixture[str]) -> None:
    (config,) = printed(capsys, "serve", "--host", "::", "--port", "9000", "--max-replicas", "40")
    assert (config["http_options"]["host"], config["http_options"]["port"]) == ("::", 9000)
    most = {part["autoscaling_config"]["max_replicas"] for part in config["applications"][0]["deployments"]}
    assert most == {40}
    options = ["--image", "registry.example.org/lineup:1", "--workers", "9", "--cpus", "16", "--memory", "32"]
    service, _ = printed(capsys, "kuberay", *options, "--secret", "ours")
    (workers,) = service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    (container,) = workers["template"]["spec"]["containers"]
    assert (workers["minReplicas"], workers["maxReplicas"]) == (9, 9)
    assert container["image"] == "registry.example.org/lineup:1"
    assert container["resources"]["limits"] == {"cpu": "16", "memory": "32Gi"}
    secret = [entry["valueFrom"] for entry in container["env"] if "valueFrom" in entry]
    assert {source["secretKeyRef"]["name"] for source in secret} == {"ours"}


def test_settings_of_files_stay_out_of_pods_and_keys_out_of_both(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"API_KEY": "key-of-one", "ADMIN_KEY": "key-of-two", "WEIGHTS": "/here/weights", "RATE_LIMIT": "7"}
    for name, value in given.items():
        monkeypatch.setenv(f"LINEUP_{name}", value)
    for kind in ("serve", "kuberay"):
        assert main(["deploy", "--print", kind]) == 0
        text = capsys.readouterr().out
        assert "key-of-" not in text
        assert ("/here/weights" in text) == (kind == "serve")
        assert "LINEUP_RATE_LIMIT: '7.0'" in text


def of_pods(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[str, set[str]]:
    """The head's line on the image, and the images of all pods."""
    assert main(["deploy", "--print", "kuberay", *options]) == 0
    text = capsys.readouterr().out
    (told,) = [line for line in text.splitlines() if line.startswith("# Its image: ")]
    cluster = next(yaml.safe_load_all(text))["spec"]["rayClusterConfig"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return told, {one["image"] for group in groups for one in group["template"]["spec"]["containers"]}


@pytest.mark.parametrize(("name", "value"), [("DEVICE", "cuda"), ("BACKEND", "torch")])
def test_where_networks_run_on_pytorch_the_image_has_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    told = "# Its image: docker build -t {} --build-arg 'EXTRAS=[ray]'{} ."
    assert of_pods(capsys) == (told.format("lineup:ray", ""), {"lineup:ray"})
    monkeypatch.setenv(f"LINEUP_{name}", value)
    torch = " --build-arg TORCH_INDEX=default"
    assert of_pods(capsys) == (told.format("lineup:ray-gpu", torch), {"lineup:ray-gpu"})
    assert of_pods(capsys, "--image", "ours:1") == (told.format("ours:1", torch), {"ours:1"})


@pytest.mark.parametrize("name", ["LINEUP_TLS_CERT", "LINEUP_TLS_KEY"])
def test_a_certificate_that_pods_would_not_have_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "/here/one.pem")
    told = refused(capsys, "kuberay")
    assert told.startswith(f"lineup: {name} is /here/one.pem, a file of this machine, and pods would speak plain HTTP;")
    monkeypatch.setenv("LINEUP_TLS_CERT", "/here/one.pem")
    assert main(["deploy", "--print", "serve"]) == 0  # on the nodes' own paths


def test_a_key_without_its_certificate_is_refused(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEUP_TLS_KEY", "/here/key.pem")
    told = "lineup: LINEUP_TLS_KEY is /here/key.pem without a certificate, and proxies would speak plain HTTP;"
    assert refused(capsys, "serve") == f"{told} set LINEUP_TLS_CERT too, or neither"


def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(capsys, "helm") == "lineup: --print is 'helm'; wanted serve or kuberay"
    too_few = refused(capsys, "kuberay", "--workers", "4", "--max-workers", "2")
    assert too_few == "lineup: --max-workers is 2; wanted 4 (--workers) or more"
    monkeypatch.setenv("LINEUP_DEVICE", "cuda:1")
    assert "use 'cuda', or 'cpu'" in refused(capsys, "serve")
    monkeypatch.setenv("LINEUP_DEVICE", "cpu")
    monkeypatch.setenv("LINEUP_NETWORKS", "resnet19")
    assert "no network 'resnet19'; there are: lenet, " in refused(capsys, "kuberay")


def test_a_count_is_a_whole_number(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in ("0", "-1", "2.5", "many"):
        with pytest.raises(SystemExit, match="2"):
            main(["deploy", "--print", "serve", "--max-replicas", wrong])
        assert f"it is {wrong!r}; wanted a whole number from 1 up" in capsys.readouterr().err


def test_without_pyyaml_it_says_how_to_install_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert refused(capsys, "serve") == "lineup: deploy needs yaml; install it: python -m pip install pyyaml"
