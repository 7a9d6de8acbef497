"""Training for real, in folders of a test's own."""

import signal

import pytest

from models.training import memory
from tests.idx import write_dataset


@pytest.fixture(autouse=True)
def pages_as_they_are(monkeypatch):
    """``main`` sets it for its process, which here is that of other tests too."""
    monkeypatch.setenv(memory.WANTED, "0")


@pytest.fixture
def signals():
    """``main`` takes SIGINT and SIGTERM over; give them back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def data_dir(tmp_path):
    for name in ("mnist", "fashion-mnist"):
        write_dataset(tmp_path / "data", name, train=600, test=100)
    return tmp_path / "data"


@pytest.fixture
def run(tmp_path, data_dir, signals):
    """``training.train`` with its folders below tmp_path."""
    from models.training import train

    def run(*arguments: str) -> int:
        places = [
            "--data-dir",
            data_dir,
            "--weights",
            tmp_path / "weights",
            "--runs",
            tmp_path / "runs",
            "--scenes",
            tmp_path / "scenes",
            "--device",
            "cpu",
        ]
        return train.main([*map(str, places), *arguments])

    return run
