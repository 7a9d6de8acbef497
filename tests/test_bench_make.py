"""`make bench` does what its help says."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.test_ways_to_start import with_make

ROOT = Path(__file__).resolve().parent.parent
MADE = ".venv/.serve", ".venv/.torch", ".venv/.test", ".venv-bench/.rivals"


@with_make
@pytest.mark.parametrize(
    ("options", "modules"),
    [
        ([], ["bench.serving", "bench.overload", "tools.tables"]),
        (["BENCH="], ["bench.serving", "bench.overload", "tools.tables"]),
        (["BENCH=--networks lenet"], ["bench.serving"]),
    ],
)
def test_a_part_is_measured_and_nothing_is_recorded_or_made_of_it(options: list[str], modules: list[str]) -> None:
    own = {name: value for name, value in os.environ.items() if name not in ("BENCH", "MAKEFLAGS")}
    old = [part for name in MADE for part in ("-o", name)]
    told = subprocess.run(
        ["make", "-n", *old, "bench", *options], cwd=ROOT, env=own, capture_output=True, text=True, check=True
    ).stdout
    assert re.findall(r"-m ((?:bench|tools)\.\w+)", told) == modules
