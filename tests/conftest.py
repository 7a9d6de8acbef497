"""What every test needs: no network, threads set on purpose, and the real data where it is there."""

import os
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def pytest_configure() -> None:
    """No test sees what is set in the shell it was started from."""
    for name in [name for name in os.environ if name.startswith("LINEUP_")]:
        del os.environ[name]


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist, which reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of a file share a process, as they share what it makes ready. Those that start browsers, clusters or loads
    share one, too: beside each other they want more cores than there are. The longest groups come first: the last to
    begin decides when all is over.
    """
    longest = (
        "processes",
        "tests/test_shipped_weights.py",
        "tests/models/training/test_train.py",
        "tests/models/training/test_trainer.py",
        "tests/models/intake/test_auto.py",
        "tests/app/cli/test_serving.py",
        "tests/app/web/test_connections.py",
    )
    groups: dict[str, list[pytest.Item]] = {group: [] for group in longest}
    for item in items:
        file = item.path.relative_to(item.config.rootpath)
        group = "processes" if file.parts[1] in ("browser", "cluster", "judges") else str(file)
        item.add_marker(pytest.mark.xdist_group(group))
        groups.setdefault(group, []).append(item)
    items[:] = [item for group in groups.values() for item in group]


@pytest.fixture(scope="session", autouse=True)
def _this_machine_only() -> Iterator[None]:
    """A test that reaches for another machine fails, with a network as well as without."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", _local(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", _local(socket.socket.connect_ex))
        yield


def _local(connect: Callable[[socket.socket, Any], Any]) -> Callable[[socket.socket, Any], Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in ("127.0.0.1", "::1", "localhost"):
            raise PermissionError(f"a test reaches for {address[0]}")
        return connect(self, address)

    return guarded


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Networks are compiled once for all tests, of all processes, and nothing is left behind."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINEUP_CACHE_DIR", str(folder))
        yield


@pytest.fixture(scope="session", autouse=True)
def _certificates_once() -> Iterator[None]:
    """httpx loads all certificates of the world for each request without a client: a tenth of a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", cache(ssl.create_default_context))
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """torch's pool of threads collapses when another process wants a core."""
    import torch  # here: whoever only hands tests out to processes needs none

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """../shared/data: the official datasets and photographs; the test is skipped on machines without them."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data here")
    return SHARED
