"""Compiled networks out of checkpoints, each made once: from the cache, else made now and kept there.

Which forms may run is recorded beside the checkpoint; which of them does is decided here, on this machine, by speed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from models.checkpoints.codings import Array
from models.checkpoints.described import Described
from models.checkpoints.file_format import CheckpointError
from models.compiled import cache as kept
from models.compiled import forms, record
from models.compiled.cache import Compiled
from models.compiled.record import Record
from models.compiled.runner import Runner, open_runner
from models.datasets import SIDE

log = logging.getLogger(__name__)

HERE = Path(__file__).parent
SUFFIX = ".graph"
RUNS = 9  # of each form, to see which is the quickest


def load(source: Described, folder: Path | None = None, instructions: str | None = None) -> tuple[Runner, Compiled]:
    """What runs a checkpoint's network, and the compiled network that it runs: of the cache in ``folder`` (default:
    ``cache.folder``), or made for an instruction set (default: this machine's) and kept there.

    CheckpointError if its tensors do not fit the network that it names, or that has no skeleton, or one that does not
    run.
    """
    instructions = instructions or forms.instruction_set()
    digest = source.content.header["digest"]
    told = record.read(source.content.path, digest)
    key = made_from(digest, told, instructions)
    path = place(folder, f"{source.dataset.name}-{source.architecture.name}", key)
    temperatures = source.temperature, source.temperature_sent
    if found := find(path, key, *temperatures):
        return found
    try:
        made = keep(path, key, *_quickest(_candidates(source, told, instructions)))
        return open_runner(made, *temperatures), made
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):  # whose errors have no base of their own
            raise
        right = "`make skeletons` makes that anew and checks it, and with LINEUP_BACKEND=torch PyTorch runs the network"
        raise CheckpointError(f"the skeleton of {source.architecture.name} does not run ({error}); {right}") from error


def find(path: Path, key: Mapping[str, str], *temperatures: float, threads: int = 1) -> tuple[Runner, Compiled] | None:
    """What runs a network of the cache, and that network; None where it is not there, or is nothing that runs."""
    if (made := kept.read(path, key)) is None:
        return None
    try:
        return open_runner(made, *temperatures, threads=threads), made
    except Exception as error:  # whole, and made of the same, and yet not by us; ONNX Runtime has many errors
        log.warning("%s is no compiled network (%s): it is made anew", path, type(error).__name__)
        return None


def keep(path: Path, key: Mapping[str, str], header: Mapping[str, Any], arrays: Mapping[str, Array]) -> Compiled:
    """Put a compiled network into the cache; where that cannot be, it lives in memory alone."""
    try:
        return kept.write(path, {**key, **header}, arrays)
    except OSError as error:
        right = "LINEUP_CACHE_DIR names a folder that can be written"
        log.warning("%s cannot be kept (%s) and is made anew at every start; %s", path, error.strerror, right)
        return kept.build({**key, **header}, arrays)


def made_from(digest: str, told: Record, instructions: str) -> dict[str, str]:
    """All that decides what a compiled network is, but for which form was the quickest."""
    return {
        "checkpoint": digest,
        "record": told.digest(),
        "compiler": version(),
        "instructions": instructions,
        "onnxruntime": onnxruntime.__version__,
    }


def place(folder: Path | None, name: str, key: Mapping[str, str]) -> Path:
    """Where the cache keeps it."""
    told = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    return (folder or kept.folder()) / f"{name}-{told}{SUFFIX}"


@cache
def version() -> str:
    """Of the code and the skeletons that make graphs, and of the code that reads weights; others make other graphs."""
    reading = [HERE.parent / "checkpoints" / name for name in ("codings.py", "file_format.py")]
    files = [*sorted(HERE.glob("*.py")), *reading, *sorted(HERE.glob("skeletons/*.onnx"))]
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]


def _candidates(source: Described, told: Record, instructions: str) -> list[tuple[dict[str, Any], dict[str, Array]]]:
    """A network in every form that may run here. Float32 is always among them."""
    from models.compiled import making  # and with it onnx, which only making needs

    network = making.classifier(source)
    candidates = []
    for form in (form for form in forms.usable(instructions) if form in told.allowed):
        try:
            candidates.append(making.arrays(network, form, told.ranges))
        except KeyError as error:  # recorded with another skeleton
            right = "lineup evaluate --forms measures them anew"
            log.warning("%s: %s is left out, its ranges lack %s; %s", source.content.path, form, error, right)
    return candidates


def _quickest(candidates: Sequence[tuple[dict[str, Any], dict[str, Array]]]) -> tuple[dict[str, Any], dict[str, Array]]:
    if len(candidates) == 1:
        return candidates[0]
    return min(candidates, key=lambda candidate: _seconds(open_runner(Compiled(candidate[0], candidate[1], ""))))


def _seconds(runner: Runner) -> float:
    """The shortest of several runs on one picture: what else the machine does makes others longer."""
    picture = np.zeros((1, SIDE, SIDE), np.uint8)
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        runner.logits(picture)
        times.append(time.perf_counter() - start)
    return min(times)
