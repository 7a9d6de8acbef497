"""Training has its memory in large pages."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.training import memory

SETTING = Path("/sys/kernel/mm/transparent_hugepage/enabled")
FAULTS = """
import resource, torch
from models.training import train

train.main(["--model", "lenet", "--dataset", "mnist", "--data-dir", "not there", "--recipe", "quick"])
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(256 << 20, dtype=torch.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(wanted: str | None) -> int:
    """Pages that the system lends for 256 MiB."""
    environment = {name: value for name, value in os.environ.items() if name != memory.WANTED}
    environment |= {} if wanted is None else {memory.WANTED: wanted}
    told = [sys.executable, "-c", FAULTS]
    done = subprocess.run(told, env=environment, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


@pytest.mark.skipif(not SETTING.is_file() or "[madvise]" not in SETTING.read_text(), reason="none who ask get them")
def test_training_asks_for_large_pages_unless_told_otherwise() -> None:
    assert faults(None) < faults("0") / 2
