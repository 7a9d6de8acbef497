"""Training has its memory in large pages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.training import memory

ROOT = Path(__file__).resolve().parents[3]
CHILD = """
import torch
from models.training import train

assert train.main(["--model", "lenet", "--dataset", "mnist", "--data-dir", "data", "--weights", "weights"]) == 1
large = torch.ones(64 << 20, dtype=torch.uint8)
inside = large.data_ptr() + (32 << 20)
for line in open("/proc/self/smaps"):
    first, *rest = line.split()
    if "-" in first and not first.endswith(":"):
        begin, end = (int(place, 16) for place in first.split("-"))
    elif first == "VmFlags:" and begin <= inside < end:
        print(*rest)
"""


def flags(wanted: str | None, folder: Path) -> list[str]:
    """Of 64 MiB as Linux tells them, once a training in ``folder`` has ended for want of a file's bytes."""
    raw = folder / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (raw / name).write_bytes(b"cut off")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop(memory.WANTED, None)
    environment |= {} if wanted is None else {memory.WANTED: wanted}
    how = {"env": environment, "cwd": folder, "capture_output": True, "text": True, "timeout": 100}
    done = subprocess.run([sys.executable, "-c", CHILD], **how)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    return str(done.stdout.splitlines()[-1]).split()


@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").is_dir(), reason="this Linux has none")
def test_training_asks_for_large_pages_unless_told_otherwise(tmp_path: Path) -> None:
    assert "hg" in flags(None, tmp_path)
    assert "hg" not in flags("0", tmp_path)
