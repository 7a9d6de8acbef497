"""Measure compiled forms (``models.compiled``): ``lineup evaluate --forms`` and ``lineup evaluate --backend int8``.

With ``--forms`` the ranges of activations are measured on pictures learned from, then every form on the test set, and
what was found is recorded beside the checkpoint (``compiled.record``): which forms may run is decided here. A form may
if it is as right as the checkpoint: see ``allowed``. A form that would overflow on this processor (``forms.usable``)
is rounded as its integers are and computed in float32, so that what is recorded is the same wherever it is measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.checkpoints import atomic, file_format, reports
from models.checkpoints.described import Described, described
from models.compiled import calibration, making, record
from models.compiled import forms as forms_of
from models.compiled.cache import Compiled
from models.compiled.making import Made
from models.compiled.runner import Runner, open_runner
from models.data.pictures import evenly, spread
from models.data.splits import held_out_split, load_split
from models.evaluation import metrics
from models.evaluation.each import each
from models.evaluation.logits import run_logits

LEARNED = 256  # pictures of which ranges are taken
LESS_ACCURATE, WORSE_CALIBRATED = 0.001, 0.002  # how far a form may be below float32, on the test set
FIGURES = ("accuracy", "n", "ece", "nll")


class NotRecorded(RuntimeError):
    """A form wants ranges of activations that are not recorded; the message says what measures them."""


def forms(path: Path, data_dir: Path, count: int | None = None, threads: int | None = None) -> dict[str, Any]:
    """Measure ranges and forms of a checkpoint, write its record, and return that. ``count``: test pictures, None: all.
    ``threads``: to compute on; None: as many as there are processors.

    CheckpointError for a file that cannot be trusted, or took another's place meanwhile; DataError where the dataset is
    not there.
    """
    source = described(file_format.open_file(path))
    made = making.classifier(source)
    pictures, _ = load_split(source.dataset.name, "train", data_dir)
    learned, _ = held_out_split(len(pictures))
    found = calibration.ranges(made, pictures[learned[spread(len(learned), LEARNED)]].numpy(), threads or 0)
    ranges = {name: (round(least, 6), round(most, 6)) for name, (least, most) in found.items()}  # as they are read
    test = evenly(*load_split(source.dataset.name, "test", data_dir), count)
    measured = {
        form: measure(runner_of(source, made, form, ranges), source, test, form, threads) for form in forms_of.FORMS
    }
    told = {
        "checkpoint": (digest := source.content.header["digest"]),
        "allowed": [form for form, figures in measured.items() if allowed(figures, measured["float32"])],
        "measured": measured,
        "ranges": ranges,
    }
    reports.check_same(path, digest)
    atomic.write_json(record.path_for(path), told)
    return told


def allowed(figures: Mapping[str, float], reference: Mapping[str, float]) -> bool:
    """Whether a form is as right as float32, which gives the checkpoint's answers to 1e-6: at most a tenth of a point
    less accurate, its calibration error at most two tenths larger.
    """
    return (
        figures["accuracy"] >= reference["accuracy"] - LESS_ACCURATE - 1e-9
        and figures["ece"] <= reference["ece"] + WORSE_CALIBRATED + 1e-9
    )


def runner_of(source: Described, made: Made, form: str, ranges: Mapping[str, tuple[float, float]]) -> Runner:
    """What runs a checkpoint's network in a form, as a processor that has it would. KeyError where the form wants
    ranges that are not there.
    """
    compiled = Compiled(*making.arrays(made, form, ranges), "")
    fused = form in forms_of.usable(forms_of.instruction_set())
    return open_runner(compiled, source.temperature, source.temperature_sent, fused=fused)


def measure(
    runner: Runner, source: Described, test: tuple[Tensor, Tensor], form: str, threads: int | None = None
) -> dict[str, Any]:
    """Accuracy and calibration on pictures uint8 [N, 28, 28] and labels int64 [N], at the checkpoint's temperature.
    ``threads`` and CheckpointError: as of ``run_logits``.
    """
    logits = run_logits(runner, test[0].numpy(), f"{source.architecture.name}, {source.dataset.name}, {form}", threads)
    found = metrics.report(torch.from_numpy(logits), test[1], source.temperature, source.dataset.classes)
    return {name: found[name] for name in FIGURES}


def run(options: argparse.Namespace, pairs: Sequence[tuple[str, str]]) -> int:
    """Do what ``--forms`` or ``--backend`` asks for each pair; 1 if one cannot be measured or recorded."""
    return each(pairs, options.weights, lambda path: _told(path, options), NotRecorded)


def _told(path: Path, options: argparse.Namespace) -> str:
    if options.forms:
        found = forms(path, options.data_dir, options.test_images, options.threads)
        each = (f"{form} {_figures(figures)}" for form, figures in found["measured"].items())
        return f"{'; '.join(each)}; allowed: {', '.join(found['allowed'])}"
    source = described(file_format.open_file(path))
    ranges = record.read(path, source.content.header["digest"]).ranges
    try:
        runner = runner_of(source, making.classifier(source), options.backend, ranges)
    except KeyError as error:
        wants = f"{options.backend} wants the range of {error}, which {record.path_for(path)} does not tell"
        raise NotRecorded(f"{wants}; lineup evaluate --forms measures it") from error
    test = evenly(*load_split(source.dataset.name, "test", options.data_dir), options.test_images)
    return f"{options.backend} {_figures(measure(runner, source, test, options.backend, options.threads))}"


def _figures(figures: Mapping[str, float]) -> str:
    return f"{figures['accuracy']:.2%} of {figures['n']}, ECE {figures['ece']:.2%}"
