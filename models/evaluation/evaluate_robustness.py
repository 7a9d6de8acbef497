"""How much of a network's accuracy is left on spoiled pictures (``corruptions``): ``lineup evaluate --robustness``.

Test pictures as the dataset has them are spoiled and shown to the network as they then are, with no step of the intake
before it. It runs compiled, in the form that the service would take on this machine (``compiled.compiler``). What was
found is recorded beside the checkpoint, which stays as it is, after each corruption: a run that was interrupted goes on
from there.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import scipy
from torch import Tensor

from models.checkpoints import atomic, file_format, reports
from models.checkpoints.described import described
from models.compiled import compiler, forms
from models.compiled.runner import Runner
from models.data.idx import UInt8
from models.data.pictures import evenly
from models.data.splits import load_split
from models.evaluation.corruptions import CORRUPTIONS
from models.evaluation.each import each
from models.evaluation.logits import run_logits

TEST_IMAGES = 2_000
KEPT = "corruptions"


def measure(path: Path, data_dir: Path, count: int | None = None, threads: int | None = None) -> dict[str, Any]:
    """Measure a checkpoint on ``count`` test pictures (default: TEST_IMAGES), evenly spread, write its record, and
    return that. ``threads``: batches at once; default: as many as there are processors.

    CheckpointError for a file that cannot be trusted, or took another's place meanwhile; DataError where the dataset is
    not there.
    """
    source = described(file_format.open_file(path))
    runner, made = compiler.load(source)
    pictures, labels = evenly(*load_split(source.dataset.name, "test", data_dir), count or TEST_IMAGES)
    digest = source.content.header["digest"]
    record = _begun(path, digest, _circumstances(made.header["form"], len(labels)))

    def share(shown: UInt8, note: str) -> float:
        return accuracy(runner, shown, labels, threads, f"{source.architecture.name}, {source.dataset.name}: {note}")

    if "clean" not in record:
        record |= {"clean": share(pictures.numpy(), "as they are"), KEPT: record.pop(KEPT)}
    for name, spoiled in CORRUPTIONS.items():
        if name in record[KEPT]:
            continue
        shares = [share(spoiled.apply(pictures.numpy(), s), f"{name}, {s:g}") for s in spoiled.strengths]
        record[KEPT][name] = {"unit": spoiled.unit, "strengths": [*spoiled.strengths], "accuracy": shares}
        reports.check_same(path, digest)
        atomic.write_json(reports.path_for(path, reports.ROBUSTNESS), {**record, "digest": digest})
    return {**record, "digest": digest}


def accuracy(runner: Runner, pictures: UInt8, labels: Tensor, threads: int | None, who: str) -> float:
    """Share of uint8 [N, 28, 28] that a network gets right by labels int64 [N]. ``threads``, ``who`` and
    CheckpointError: as of ``run_logits``.
    """
    answers = run_logits(runner, pictures, who, threads).argmax(1)
    return round(float((answers == labels.numpy()).mean()), 6)


def _circumstances(form: str, count: int) -> dict[str, Any]:
    """What decides the figures, beside checkpoint and data."""
    versions = {"onnxruntime": onnxruntime.__version__, "numpy": np.__version__, "scipy": scipy.__version__}
    return {"n": count, "form": form, "instructions": forms.instruction_set(), "versions": versions}


def _begun(path: Path, digest: str, circumstances: Mapping[str, Any]) -> dict[str, Any]:
    """What an interrupted run left, if it was of this checkpoint under these circumstances; else a record of nothing
    yet. One that is whole is measured anew.
    """
    left = reports.of(path, digest, reports.ROBUSTNESS) or {}
    same = all(left.get(key) == value for key, value in circumstances.items()) and "clean" in left
    done = {name: told for name, told in left.get(KEPT, {}).items() if same and _as_now(name, told)}
    if not same or len(done) == len(CORRUPTIONS):
        return {**circumstances, KEPT: {}}
    return {**circumstances, "clean": left["clean"], KEPT: done}


def _as_now(name: str, told: Mapping[str, Any]) -> bool:
    return name in CORRUPTIONS and told["strengths"] == [*CORRUPTIONS[name].strengths]


def run(options: argparse.Namespace, pairs: Sequence[tuple[str, str]]) -> int:
    """Measure each pair; 1 if one cannot be measured or recorded."""

    def told(path: Path) -> str:
        return summary(measure(path, options.data_dir, options.test_images, options.threads))

    return each(pairs, options.weights, told)


def summary(record: Mapping[str, Any]) -> str:
    """One line of a record for the terminal."""
    each = (f"{name} {min(told['accuracy']):.2%} to {max(told['accuracy']):.2%}" for name, told in record[KEPT].items())
    return f"{record['clean']:.2%} of {record['n']:,} in {record['form']}; {', '.join(each)}"
