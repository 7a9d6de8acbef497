"""Training has its memory in large pages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.training import memory

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
FAULTS = """
import resource, sys, torch
from models.training import train

assert train.main(["--model", "lenet", "--dataset", "mnist", "--data-dir", sys.argv[1]]) == 1
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(256 << 20, dtype=torch.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(wanted: str | None, folder: Path) -> int:
    """Pages that the system lends for 256 MiB, once a training has ended for want of a file's bytes in ``folder``."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (raw / name).write_bytes(b"cut off")
    environment = {name: value for name, value in os.environ.items() if name != memory.WANTED}
    environment |= {} if wanted is None else {memory.WANTED: wanted}
    told = [sys.executable, "-c", FAULTS, str(folder)]
    done = subprocess.run(told, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


@pytest.mark.skipif(not SETTING.is_file() or "[madvise]" not in SETTING.read_text(), reason="none who ask get them")
def test_training_asks_for_large_pages_unless_told_otherwise(tmp_path: Path) -> None:
    assert faults(None, tmp_path) < faults("0", tmp_path) / 2
