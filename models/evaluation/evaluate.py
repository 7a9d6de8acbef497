"""Evaluate checkpoints: ``python -m models.evaluation.evaluate --model resnet18 --dataset mnist``, or ``--all``;
``lineup evaluate`` is the same.

Each file is measured as it was saved. The temperature is fitted on training pictures held out from learning; then
the test set is looked at once. The whole report goes as JSON beside the checkpoint, accuracy and calibration into
its header too. With ``--pictures`` or ``--pictures-from-test`` pictures go the whole way of the service instead, and
no checkpoint is changed: ``evaluation.evaluate_pictures``; nor with ``--forms`` or ``--backend``, which measure
compiled networks: ``evaluation.evaluate_forms``; nor with ``--mistakes``, which adds to the report of an older
evaluation what it does not tell: ``evaluation.evaluate_mistakes``; nor with ``--robustness``, which measures spoiled
pictures: ``evaluation.evaluate_robustness``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import torch

from models import checkpoints
from models.checkpoints import atomic, file_format, reports
from models.classifier import Classifier
from models.compiled.forms import FORMS
from models.data import scene_sets
from models.data.pictures import evenly, held_out, spread
from models.data.scene_sets import SceneSet
from models.data.splits import load_split
from models.evaluation import evaluate_forms, evaluate_mistakes, evaluate_pictures, evaluate_robustness, metrics
from models.evaluation.choice import add_choice, chosen, parsed
from models.evaluation.each import each
from models.evaluation.logits import compute_logits
from models.evaluation.outdated import outdated

IN_HEADER = ("accuracy", "n", "ece", "ece_at_temperature_1", "nll")


def evaluate(
    path: str | Path,
    data_dir: str | Path,
    *,
    device: torch.device | str = "cpu",
    test_images: int | None = None,
    held_out_images: int | None = None,
    scenes: Path = scene_sets.FOLDER,
    history: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Measure one checkpoint, write the report beside it and the figures and the temperatures into it; return the
    report.

    Where the folder ``scenes`` has scenes such as people send (``data.scene_sets``), those held out give accuracy and
    temperature for such pictures too; where it has none, what this file's header and report say of them stays.

    CheckpointError for a file that cannot be trusted, took another's place meanwhile, or gives logits that are not
    finite.

    ``history``: the learning curve, to be kept in the report; without one, that of this file's report so far stays.

    ``test_images`` and ``held_out_images`` bound how many pictures are looked at where time is short; ``n`` tells
    the number.
    """
    classifier = checkpoints.load(path, device)
    others, temperature = _of_others(classifier, data_dir, scenes, held_out_images)
    pictures, labels = load_split(classifier.dataset, "test", data_dir)
    places = spread(len(pictures), test_images)
    pictures, labels = evenly(pictures, labels, test_images)
    logits = compute_logits(classifier, pictures, note=f"{_name(classifier)}: test")
    report = {
        "architecture": classifier.architecture,
        "dataset": classifier.dataset,
        "split": "test",
        **metrics.report(logits, labels, temperature, classifier.classes),
        **others,
    }
    recorded = _recorded(path, classifier.metadata["digest"])
    if "sent" in recorded:
        report.setdefault("sent", recorded["sent"])
    if (curve := history or recorded.get("history")) is not None:
        report["history"] = curve
    report["mistakes"] = metrics.mistakes(logits.argmax(1), labels, places)
    return _write(path, classifier, report)


def compared(
    path: Path, data_dir: Path, *, device: torch.device | str, held_out_images: int | None, scenes: Path
) -> dict[str, Any]:
    """The figures by which a checkpoint is compared with another, of the pictures that ``evaluate`` would take now and
    named as it writes them into the header; nothing is written. CheckpointError for a file that cannot be trusted.
    """
    classifier = checkpoints.load(path, device)
    others, _ = _of_others(classifier, data_dir, scenes, held_out_images)
    keys = ("accuracy", "n", "of")
    return {f"{part}_{key}": told[key] for part, told in others.items() for key in keys if key in told}


def _recorded(path: str | Path, digest: str) -> dict[str, Any]:
    """The report so far of the file with this digest; empty where there is none. One that was written when its figures
    could not go into the file any more is of it too.
    """
    with suppress(OSError, ValueError, RecursionError):
        told = json.loads(reports.path_for(path).read_text(encoding="utf-8"))
        if isinstance(told, dict) and told.get("digest_before") == digest:
            return reports.of(path, told.get("digest")) or {}
    return reports.of(path, digest) or {}


def _write(path: str | Path, classifier: Classifier, report: dict[str, Any]) -> dict[str, Any]:
    """Write a report, and its figures and temperatures into the checkpoint's header; the report with both digests.

    The report goes first, with the digest that the file is about to have: stopped in between, it holds all that the one
    before told, and is found by ``digest_before``.
    """
    changes = _in_header(report, classifier.metadata.get("metrics", {}))
    with NamedTemporaryFile(suffix=Path(path).suffix) as copy:
        atomic.copy(path, copy.name)
        report |= {"digest_before": classifier.metadata["digest"], "digest": file_format.amend(copy.name, changes)}
    reports.check_same(path, classifier.metadata["digest"])
    atomic.write_json(reports.path_for(path), report)
    file_format.amend(path, changes)
    return report


def _in_header(report: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint's header says of its report: the temperatures, and the figures in short; of pictures as people
    send them what it said ``before``, where there are none to measure it anew.
    """
    figures = {"split": "test", **{key: report[key] for key in IN_HEADER}}
    figures |= {f"held_out_{key}": report["held_out"][key] for key in ("accuracy", "n")}
    if "sent" not in report:
        sent = {key: value for key, value in before.items() if key.startswith("sent_")}
        temperatures = {} if sent else {"temperature_sent": report["temperature"]}  # one for all, unless measured
        return {"temperature": report["temperature"], **temperatures, "metrics": figures | sent}
    # An older report, whose figures stay where there are no scenes, does not say of which scenes they are.
    figures |= {f"sent_{key}": report["sent"][key] for key in ("accuracy", "n", "of", "ece") if key in report["sent"]}
    temperatures = {"temperature": report["temperature"], "temperature_sent": report["sent"]["temperature"]}
    return {**temperatures, "metrics": figures}


def _of_others(
    classifier: Classifier, data_dir: str | Path, scenes: Path, count: int | None
) -> tuple[dict[str, dict[str, Any]], float]:
    """What is measured beside the test set, "held_out" and, where there are scenes, "sent"; and the temperature."""
    figures, temperature = _of_held_out(classifier, data_dir, count)
    told = {"held_out": figures}
    if scene_sets.path_for(scenes, classifier.dataset).is_file():
        told["sent"] = _of_sent(classifier, scene_sets.load(scenes, classifier.dataset, "held"), count)
    return told, temperature


def _of_held_out(classifier: Classifier, data_dir: str | Path, count: int | None) -> tuple[dict[str, Any], float]:
    """Accuracy on training pictures held out from learning, and the temperature that fits them."""
    pictures, labels = held_out(classifier.dataset, data_dir, count)
    logits = compute_logits(classifier, pictures, note=f"{_name(classifier)}: held out")
    accuracy = round(float((logits.argmax(1) == labels).double().mean()), 6)
    return {"n": len(labels), "accuracy": accuracy}, metrics.fit_temperature(logits, labels)


def _of_sent(classifier: Classifier, held: SceneSet, count: int | None) -> dict[str, Any]:
    """Accuracy and calibration on pictures as people send them, of those for which one class is right."""
    pictures, labels = evenly(*held.clear(), count)
    of = sha256(pictures.numpy().tobytes() + labels.numpy().tobytes()).hexdigest()[:16]  # others can be as many
    logits = compute_logits(classifier, pictures, note=f"{_name(classifier)}: sent")
    temperature = metrics.fit_temperature(logits, labels)
    told = metrics.report(logits, labels, temperature, classifier.classes)
    return {key: told[key] for key in ("accuracy", "n", "per_class", "temperature", "ece", "nll")} | {"of": of}


def _name(classifier: Classifier) -> str:
    return f"{classifier.architecture}, {classifier.dataset}"


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="lineup evaluate", description=__doc__)
    add_choice(parser)
    parser.add_argument("--weights", type=Path, help="folder of checkpoints (default: LINEUP_WEIGHTS, else weights/)")
    parser.add_argument(
        "--pictures",
        type=Path,
        metavar="DIR",
        help="measure pictures in folders by label, in DIR or below (of --dataset)",
    )
    parser.add_argument("--pictures-from-test", action="store_true", help="measure the test pictures as PNG files")
    compiled = parser.add_mutually_exclusive_group()
    compiled.add_argument("--forms", action="store_true", help="measure the compiled forms and record which may run")
    compiled.add_argument(
        "--mistakes",
        action="store_true",
        help="add to an older report where the network was wrong, and its reliability; change nothing else",
    )
    compiled.add_argument(
        "--robustness",
        action="store_true",
        help=f"measure spoiled test pictures (default: {evaluate_robustness.TEST_IMAGES:,} of them), record it beside",
    )
    compiled.add_argument("--backend", choices=[*FORMS], help="measure one compiled form; nothing is written")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write what was measured of pictures as JSON")
    options = parsed(parser, argv)
    evaluate_pictures.check_together(parser, options)
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate the checkpoints that the arguments name; 1 if one is missing or cannot be trusted, or what was found
    cannot be written.
    """
    options = _parse(argv)
    pairs = chosen(options)
    try:
        options.weights = checkpoints.root(options.weights)
    except FileNotFoundError as error:
        print(error)
        return 1
    if options.forms or options.backend:
        return evaluate_forms.run(options, pairs)
    if options.mistakes:
        return evaluate_mistakes.run(options, pairs)
    if options.robustness:
        return evaluate_robustness.run(options, pairs)
    if options.pictures or options.pictures_from_test:
        return evaluate_pictures.run(options, pairs)
    return each(pairs, options.weights, lambda path: _told(path, options))


def _told(path: Path, options: argparse.Namespace) -> str:
    how = {name: getattr(options, name) for name in ("device", "test_images", "held_out_images", "scenes")}
    report = evaluate(path, options.data_dir, **how)
    return "\n".join([_figures(report), *outdated(path, report)])


def summary(report: Mapping[str, Any]) -> str:
    """One line of a report for the terminal."""
    return f"{report['architecture']}, {report['dataset']}: {_figures(report)}"


def _figures(report: Mapping[str, Any]) -> str:
    accuracy, ece = f"{report['accuracy']:.2%} of {report['n']}", f"ECE {report['ece']:.2%}"
    return f"{accuracy}, {ece} at temperature {report['temperature']}"


if __name__ == "__main__":
    raise SystemExit(main())
