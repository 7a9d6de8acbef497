"""``lineup evaluate --pictures DIR``: what ``evaluation.measure`` and ``evaluation.measure_gate`` find on pictures as
people send them, printed, drawn and recorded.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from torch import Tensor

from models import checkpoints, datasets, vote
from models.checkpoints import atomic
from models.data import pictures, splits
from models.data.code_digest import code_digest
from models.data.pictures import PictureSet
from models.evaluation import contact_sheet, measure, measure_gate
from models.evaluation.circumstances import circumstances
from models.evaluation.contact_sheet import Entry
from models.evaluation.each import of_system
from models.evaluation.measure import PreparedSet
from models.intake import auto, gate
from models.intake.pipeline import Intake

SHEETS = Path("runs/pictures")
ON_A_SHEET = 60
PARTS = ("auto", "gate")
MODES = ("forms", "mistakes", "robustness", "backend")  # options of ``evaluate`` that measure something else
CODE = ("models.intake.pipeline", "models.vote")  # with all that these reach
OF_EACH = 300  # test pictures that the gate sees, and letters and noise, lest they outnumber the photographs
Networks = Mapping[str, Tensor]  # by name: probabilities of a set, as of measure.ask
Weights = Mapping[str, float | None]  # by name: as of vote.weight


def check_together(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with a line on stderr, exit code 2, where pictures, ``--record`` or a number of pictures would be passed over
    in silence.
    """
    of_pictures = "--pictures or --pictures-from-test"
    mode = next((f"--{name}" for name in MODES if getattr(options, name)), None)
    pictures_too = options.pictures or options.pictures_from_test
    if mode and pictures_too:
        parser.error(f"{mode} measures the test set itself; it does not go with {of_pictures}")
    if options.record and not pictures_too:
        found = f"not with {mode}" if mode else "and neither is given"
        parser.error(f"--record {options.record} goes with {of_pictures}, {found}")
    asked, held_out = f"--test-images {options.test_images}", f"--held-out-images {options.held_out_images}"
    if options.test_images and mode == "--mistakes":
        parser.error(f"{asked} does not go with {mode}, which looks at the pictures that the report is of")
    if options.test_images and options.pictures and not options.pictures_from_test:
        parser.error(f"{asked} goes with --pictures-from-test; --pictures looks at all in its folder")
    if options.held_out_images and (mode or pictures_too):
        parser.error(f"{held_out} does not go with {mode or of_pictures}; no held-out pictures are looked at there")


def run(options: argparse.Namespace, pairs: Sequence[tuple[str, str]]) -> int:
    """Measure the sets that the options name with the pairs (network, dataset); 1 if one of them cannot be had, or a
    file cannot be written.

    Prints the figures, writes them to ``options.record`` if that is given and no checkpoint was missing, and draws what
    the vote got wrong.
    """
    if options.record and (why := unwritable(options.record)):
        print(f"--record {options.record} cannot be written ({why}); wanted a file in a folder that can be written to")
        return 1
    try:
        return _measured(options, pairs)
    except (pictures.SetError, splits.DataError, checkpoints.CheckpointError) as error:
        print(error)
    except OSError as error:
        print(of_system(error))
    return 1


def unwritable(path: Path) -> str | None:
    """Why no file can be written there, None where one can: asked before what takes long. Makes the folders above."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=path.parent):
            return "it is a folder" if path.is_dir() else None
    except OSError as error:
        return f"{path.parent}: {error.strerror}"


def _measured(options: argparse.Namespace, pairs: Sequence[tuple[str, str]]) -> int:
    sets = wanted_sets(options)
    files = measured_of(options.weights, pairs)  # first: of a file that is replaced meanwhile figures count as old
    decides, judges = auto.load(options.weights), gate.load(options.weights)
    Intake(decides, judges).warm()
    prepared = {one.name: measure.prepare_set(one, decides) for one in sets if one.of_classes()}
    strangers = measure_gate.report(judges, sets, OF_EACH)
    recorded, weights, answers, failed = ask_all(options, pairs, sets, prepared)
    answered, reports = [one for one in sets if answers.get(one.name)], {}
    for one in answered:
        reports[one.name] = measure.report(one, prepared[one.name], answers[one.name], weights[one.dataset])
        if one.own:
            reports[one.name]["recorded"] = recorded[one.dataset]
        print(summary(one.name, reports[one.name]), flush=True)
    print(*(gate_summary(dataset, told) for dataset, told in strangers.items()), sep="\n", flush=True)
    if options.record and failed:
        print(f"{options.record} is not written: it wants the figures of every network that is asked for")
    elif options.record:
        found = {**circumstances(options.device), "of": files, "sets": reports, "gate": strangers}
        atomic.write_json(options.record, found)
    for one in answered:
        draw_mistakes(one, prepared[one.name], answers[one.name], weights[one.dataset])
    return failed


def measured_of(weights: Path, pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What decides figures of pictures, beside the pictures: the digests of each network's checkpoint, of auto and of
    gate by their paths in the folder without suffix, and of the code of the intake and of the vote.

    A file that is not there is left out, as is one that is damaged or another network's: it has no answers.
    CheckpointError without auto or gate.
    """
    known = {name: checkpoints.read_header(weights / f"{name}{checkpoints.SUFFIX}")["digest"] for name in PARTS}
    for name, dataset in pairs:
        path = checkpoints.path_for(dataset, name, weights)
        with suppress(checkpoints.CheckpointError):
            checkpoints.expect_network(path, header := checkpoints.read_header(path), name, dataset)
            known[f"{dataset}/{name}"] = header["digest"]
    return known | {module: code_digest(module) for module in CODE}


def wanted_sets(options: argparse.Namespace) -> list[PictureSet]:
    """The folders of ``--pictures``, and the test pictures if ``--pictures-from-test`` asks for them."""
    named = options.dataset[0] if options.dataset and len(options.dataset) == 1 else None
    folders = pictures.find_sets(options.pictures, named) if options.pictures else []
    if not options.pictures_from_test:
        return folders
    wanted = options.dataset or datasets.DATASETS
    return folders + [pictures.from_test(name, options.data_dir, options.test_images) for name in wanted]


def ask_all(
    options: argparse.Namespace,
    pairs: Sequence[tuple[str, str]],
    sets: Sequence[PictureSet],
    prepared: Mapping[str, PreparedSet],
) -> tuple[dict[str, dict[str, Any]], dict[str, Weights], dict[str, dict[str, Tensor]], int]:
    """Each network, loaded once, on every set of its dataset: what its checkpoint records, and what it weighs in a
    vote, by dataset and network; the probabilities, by set and network; and 1 if a checkpoint cannot be had.

    Of the dataset's own test pictures each sees those of which its accuracy is recorded, so that the two compare; or of
    those that ``--test-images`` leaves as many.
    """
    recorded: dict[str, dict[str, Any]] = {}
    weights: dict[str, dict[str, float | None]] = {}
    answers: dict[str, dict[str, Tensor]] = {name: {} for name in prepared}
    failed = 0
    for name, dataset in pairs:
        wanted = [one for one in sets if one.dataset == dataset and one.name in prepared]
        if not wanted:
            continue
        path = checkpoints.path_for(dataset, name, options.weights)
        try:
            classifier = checkpoints.load(path, options.device)
            checkpoints.expect_network(path, classifier.metadata, name, dataset)
        except checkpoints.CheckpointError as error:
            print(f"{name}, {dataset}: {error}")
            failed = 1
            continue
        measured = classifier.metadata.get("metrics", {})
        recorded.setdefault(dataset, {})[name] = {key: measured.get(key) for key in ("accuracy", "n")}
        weights.setdefault(dataset, {})[name] = vote.weight(measured)
        for one in wanted:
            answers[one.name][name] = measure.ask(
                classifier, prepared[one.name], measured.get("n") if one.own else None
            )
    return recorded, {**weights}, answers, failed


def draw_mistakes(one: PictureSet, prepared: PreparedSet, networks: Networks, weights: Weights) -> None:
    """Contact sheets of what the vote got wrong, below SHEETS; those of an earlier run go."""
    folder = SHEETS / one.name.replace(" ", "-")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    entries = list(_mistakes(one, prepared, networks, weights))
    for start in range(0, len(entries), ON_A_SHEET):
        path = folder / f"{start // ON_A_SHEET + 1}.png"
        contact_sheet.draw(entries[start : start + ON_A_SHEET]).save(path)


def _mistakes(one: PictureSet, prepared: PreparedSet, networks: Networks, weights: Weights) -> Iterator[Entry]:
    classes = datasets.find(one.dataset).classes
    voted = measure.together(list(networks.values()), [weights[name] for name in networks])["vote"]
    answers = {"vote": voted} | {name: measure.likeliest(told) for name, told in networks.items()}
    for number in measure.mistakes(voted, prepared):
        lines = [f"is: {measure.true_name(prepared, number, classes)}"]
        for name, (said, confidence) in answers.items():
            lines.append(f"{name}: {measure.answer_name(prepared, number, said, classes)}, {confidence[number]:.0%}")
        saw = prepared.pictures[number].numpy() if prepared.found[number] else None
        yield contact_sheet.entry(prepared.labelled[number].open(), saw, lines)


def summary(name: str, report: Mapping[str, Any]) -> str:
    """A set's figures for the terminal, a line for each network."""
    times = ", ".join(
        f"{step} {ms['median']:.1f} ms (95 %: {ms['p95']:.1f}, most: {ms['most']:.1f})"
        for step, ms in report["ms"].items()
    )
    head = f"{name}: {report['n']} pictures, auto right {report['auto']:.2%}, {times}, "
    head += f"unchanged {report['unchanged']:.2%}, nothing found in {report['nothing_found']}"
    told = {**report["networks"], **{name: report[name] for name in ("vote", "majority", "mean")}}
    lines = [f"  {who:10} {_judged(figures)}" for who, figures in told.items()]
    classes = ", ".join(f"{label} {share:.1%}" for label, share in report["vote"]["per_class"].items())
    pairs = ", ".join(f"{true} as {said} {number}" for true, said, number in report["vote"]["confused"])
    return "\n".join([head, *lines, f"  vote by class: {classes}", f"  vote mistook: {pairs or 'nothing'}"])


def _judged(figures: Mapping[str, Any]) -> str:
    calibration = "" if figures["ece"] is None else f", ECE {figures['ece']:.2%}"
    return f"{figures['accuracy']:.2%} ({figures['wrong']} wrong of {figures['n']}){calibration}"


def gate_summary(dataset: str, report: Mapping[str, Any]) -> str:
    """The gate's figures for the terminal."""
    against = ", ".join(f"{kind} {figures['auroc']:.3f}" for kind, figures in report["others"].items())
    return f"gate, {dataset}: AUROC {report['auroc']:.3f} ({report['n']} pictures); against {against}"
