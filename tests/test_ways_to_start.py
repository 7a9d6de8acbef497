"""Settings of the environment hold whichever way the service is started."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from app.web.server import grace_s

ROOT = Path(__file__).resolve().parent.parent
with_make = pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
OF_THE_HOST = {"host", "port", "weights", "data_dir", "tls_cert", "tls_key"}  # they mean others in a container


def test_compose_passes_every_setting_on_so_that_a_key_closes_the_container_too() -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    passed = re.findall(r"^    - LINEUP_(\w+)$", compose, re.MULTILINE)
    assert {name.lower() for name in passed} == set(Settings.model_fields) - OF_THE_HOST


def services() -> dict[str, Any]:
    yaml = pytest.importorskip("yaml")
    made: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    return made


def test_every_container_is_closed_but_for_the_services_port() -> None:
    every = services()
    assert {"lineup", "lineup-gpu", "lineup-ray"} <= set(every)
    for service in every.values():
        assert service["read_only"] is True
        assert service["init"] is True  # who else would bury what a worker leaves that was killed?
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["ports"] == ["${LINEUP_BIND:-127.0.0.1}:${LINEUP_PORT:-8000}:8000"]
        assert "network_mode" not in service
        assert all(mount.startswith("/tmp:") for mount in service["tmpfs"])


def test_a_container_has_time_to_end_which_can_be_raised_with_the_deadline() -> None:
    default, settings = 40, {name: field.default for name, field in Settings.model_fields.items()}
    for service in services().values():
        assert service["stop_grace_period"] == f"${{LINEUP_STOP_GRACE:-{default}s}}"
    assert default > settings["drain_s"] + grace_s(Settings.model_construct())


def test_the_health_check_asks_no_proxy() -> None:
    check = re.search(r'CMD \["python", "-c", "(from.*)"\]', (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert check
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url, nowhere = f"127.0.0.1:{listening.getsockname()[1]}", "http://127.0.0.1:9"
        command = [sys.executable, "-c", check[1].replace("127.0.0.1:8000", url)]
        with subprocess.Popen(command, env={**os.environ, "http_proxy": nowhere, "no_proxy": ""}) as asking:
            listening.settimeout(30)
            with listening.accept()[0] as connection:
                assert connection.recv(65536).startswith(b"GET /readyz ")
                connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
            assert asking.wait(30) == 0


def test_an_image_has_extras_that_there_are() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    builds = [service["build"] for service in services().values() if isinstance(service["build"], dict)]
    extras = [name for build in builds for name in re.findall(r"[\w-]+", build["args"].get("EXTRAS", ""))]
    assert extras == ["ray"]
    assert set(extras) <= set(project["optional-dependencies"])


def has_compose() -> bool:
    command = ["docker", "compose", "version"]
    return bool(shutil.which("docker")) and subprocess.run(command, capture_output=True).returncode == 0


def composed(*options: str, **environment: str) -> dict[str, Any]:
    """What Compose makes of docker-compose.yml; that needs no engine."""
    command = ["docker", "compose", *options, "config", "--format", "json"]
    own = {name: value for name, value in os.environ.items() if not name.startswith(("LINEUP_", "COMPOSE_"))}
    done = subprocess.run(command, cwd=ROOT, env=own | environment, capture_output=True, text=True, check=True)
    made: dict[str, Any] = json.loads(done.stdout)["services"]
    return made


@pytest.mark.skipif(not has_compose(), reason="no Docker Compose here")
def test_compose_gives_the_profile_gpu_a_gpu_and_pytorch_and_all_else_alike() -> None:
    assert list(composed()) == ["lineup"]
    both = composed("--profile", "gpu", LINEUP_DEVICE="cuda", LINEUP_API_KEY="secret")
    on_cpu, on_gpu = both["lineup"], both["lineup-gpu"]
    wanted = {"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}
    assert on_gpu.pop("deploy")["resources"] == {"reservations": {"devices": [wanted]}}
    assert on_gpu["build"].pop("args") == {"TORCH_INDEX": "default"}
    assert [each.pop("image") for each in (on_cpu, on_gpu)] == ["lineup:cpu", "lineup:gpu"]
    assert on_gpu.pop("profiles") == ["gpu"]
    assert on_gpu == on_cpu
    assert on_gpu["environment"]["LINEUP_DEVICE"] == "cuda"
    assert on_gpu["environment"]["LINEUP_API_KEY"] == "secret"


def test_the_image_takes_the_argument_that_compose_gives_it_and_installs_what_torch_of_the_project_is() -> None:
    compose, dockerfile, project = (
        (ROOT / name).read_text(encoding="utf-8") for name in ("docker-compose.yml", "Dockerfile", "pyproject.toml")
    )
    of_gpu = compose.partition("  lineup-gpu:\n")[2]
    argument = re.search(r"args:\n +(\w+): default", of_gpu)
    assert argument
    assert f"ARG {argument[1]}=\n" in dockerfile
    wanted = re.search(r'"(torch>=[^"]+)"', project)
    assert wanted
    assert f'sh tools/install-torch.sh python "{wanted[1]}"' in dockerfile
    assert re.search(r"driver: nvidia\n +count: 1\n +capabilities: \[gpu\]", of_gpu)


@with_make
@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({}, "--host 127.0.0.1 --port 8000"),
        ({"LINEUP_HOST": "0.0.0.0", "LINEUP_PORT": "9000"}, "--host 0.0.0.0 --port 9000"),
        ({"LINEUP_PORT": "9000", "PORT": "9001"}, "--host 127.0.0.1 --port 9001"),
        ({"HOST": "myhost"}, "--host 127.0.0.1 --port 8000"),  # as tcsh, conda and openSUSE's profile export it
    ],
)
def test_make_serve_listens_where_the_environment_says(environment: dict[str, str], options: str) -> None:
    own = {name: value for name, value in os.environ.items() if not re.fullmatch("(LINEUP_)?(HOST|PORT)", name)}
    done = subprocess.run(
        ["make", "-n", "serve"], cwd=ROOT, env=own | environment, capture_output=True, text=True, check=True
    )
    assert f"lineup serve {options}\n" in done.stdout


@with_make
def test_make_serve_listens_where_it_is_told_to() -> None:
    done = subprocess.run(
        ["make", "-n", "serve", "HOST=0.0.0.0"], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True
    )
    assert "lineup serve --host 0.0.0.0 --port" in done.stdout


def script(path: Path, lines: str) -> Path:
    path.write_text(f"#!/bin/sh\n{lines}\n")
    path.chmod(0o755)
    return path


OLD = ("-o", ".venv/.serve", "-o", ".venv/.torch")  # not to be made here


@with_make
def test_make_serve_serves_what_it_can_where_something_cannot_be_compiled(tmp_path: Path) -> None:
    script(tmp_path / "lineup", 'echo "lineup $1"; [ "$1" = serve ]')
    command = ["make", *OLD, "serve", f"BIN={tmp_path}", "GPU="]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("lineup ")] == [
        "lineup compile",
        "lineup serve",
    ]


@with_make
def test_pytorch_is_made_anew_where_the_project_wants_another() -> None:
    command = [
        "make",
        "-n",
        "-o",
        ".venv/.serve",
        "-o",
        "tools/install-torch.sh",
        "-W",
        "pyproject.toml",
        ".venv/.torch",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "sh tools/install-torch.sh" in done.stdout


@pytest.mark.parametrize(("there", "fetched"), [("exit 0", False), ("exit 1", True)])
def test_pytorch_that_will_do_is_left_alone_without_a_network(there: str, fetched: bool, tmp_path: Path) -> None:
    """A Python without a network, with PyTorch or without it."""
    asked = tmp_path / "asked"
    lines = f'echo "$*" >> {asked}; case "$*" in *--no-index*) {there};; *-W*) exit 0;; *) exit 1;; esac'
    python = script(tmp_path / "python", lines)
    command = ["sh", "tools/install-torch.sh", str(python), "torch>=2.11"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode != 0) == fetched
    assert ("uninstall" in asked.read_text() or "-m pip install --quiet torch" in asked.read_text()) == fetched
