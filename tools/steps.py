"""What is made anew after checkpoints change, in order (``steps``), and of each step what tells whether it is up to
date: a record names the digests of the files that it was measured of.

Studies do not depend on checkpoints; how they are made anew, ``make studies`` says.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models import checkpoints, processor
from models.catalog import ARCHITECTURES
from models.checkpoints import reports
from models.compiled import record
from models.data import scene_sets
from models.datasets import DATASETS
from models.evaluation import evaluate_pictures
from tools import deployments, figures, tables

PAIRS = tuple((name, dataset) for dataset in DATASETS for name in ARCHITECTURES)
PARTS = ("mistakes", "reliability")  # of a report; older ones are without
EVALUATE = ("-m", "models.evaluation.evaluate")
# Networks of which a part of the test pictures is enough to see which forms are as right: a form of VGG-11 takes minutes.
FORMS_OF = {"vgg11": 2_000}
KINDS_OF_SPOILING = 5  # rotated, shifted, noised, blurred, inverted; a record of fewer was interrupted


@dataclass(frozen=True)
class Step:
    """A command and the files that it records.

    ``stale``: why these are not of what is there now, None if they are; asked anew each time. ``left``: why it cannot
    be made here, if it cannot. ``after``: the steps whose files it reads: what they change makes it stale too.
    ``repairs``: it adds what older records lack; those made now have it.
    """

    name: str
    command: tuple[str, ...]
    records: tuple[Path, ...]
    stale: Callable[[], str | None]
    after: tuple[str, ...] = ()
    left: Callable[[], str | None] = lambda: None
    repairs: bool = False


@dataclass(frozen=True)
class Place:
    """Where checkpoints, datasets and the project lie."""

    data: Path
    weights: Path
    root: Path = tables.ROOT

    def checkpoint(self, name: str, dataset: str) -> Path:
        return checkpoints.path_for(dataset, name, self.weights)

    def digest(self, name: str, dataset: str) -> str:
        return digest_of(self.checkpoint(name, dataset))


def digest_of(path: Path) -> str:
    """The digest of a checkpoint. CheckpointError if it is not there or is damaged."""
    return str(checkpoints.read_header(path)["digest"])


def steps(place: Place) -> list[Step]:
    """All of them, each after those that it needs."""
    of_networks = [make(place, *pair) for make in (evaluation, mistakes, forms, robustness) for pair in PAIRS]
    return [*of_networks, pictures(place), drawings(place), deploy_files(place), all_tables(place)]


def evaluation(place: Place, name: str, dataset: str) -> Step:
    """Test accuracy and calibration of a checkpoint; writes into its header too, which changes its digest."""
    path = place.checkpoint(name, dataset)

    def left() -> str | None:
        measured = checkpoints.read_header(path).get("metrics", {})
        if "sent_accuracy" not in measured or scene_sets.path_for(scene_sets.FOLDER, dataset).is_file():
            return None
        lost = f"its figures of scenes would be lost: there is no {scene_sets.path_for(scene_sets.FOLDER, dataset)}"
        return f"{lost}; make it: {scene_sets.COMMAND} --dataset {dataset}"

    return Step(
        f"evaluation {dataset}/{name}",
        evaluate(place, name, dataset),
        (reports.path_for(path),),
        lambda: of_another(reports.path_for(path), "digest", place.digest(name, dataset)),
        left=left,
    )


def mistakes(place: Place, name: str, dataset: str) -> Step:
    """What older reports lack."""
    path = reports.path_for(place.checkpoint(name, dataset))

    def stale() -> str | None:
        told = read(path)
        lacks = [part for part in PARTS if told is not None and part not in told]
        return f"{path.name} is without {' and '.join(lacks)}" if lacks else None

    return Step(
        f"mistakes {dataset}/{name}",
        evaluate(place, name, dataset, "--mistakes"),
        (path,),
        stale,
        repairs=True,
    )


def forms(place: Place, name: str, dataset: str) -> Step:
    """Which compiled forms may run."""
    path = record.path_for(place.checkpoint(name, dataset))
    bound = ("--test-images", str(FORMS_OF[name])) if name in FORMS_OF else ()
    return Step(
        f"forms {dataset}/{name}",
        evaluate(place, name, dataset, "--forms", *bound),
        (path,),
        lambda: of_another(path, "checkpoint", place.digest(name, dataset)),
        (f"evaluation {dataset}/{name}",),
        without_vnni,
    )


def without_vnni() -> str | None:
    """Why forms are not measured on this machine, if they are not (``evaluation.evaluate_forms``)."""
    here = processor.read()
    if any("vnni" in flag for flag in here.flags):
        return None
    return f"{here.name} has no VNNI, without which int8 is found wrong; make it where /proc/cpuinfo names it"


def robustness(place: Place, name: str, dataset: str) -> Step:
    """What is left of the accuracy on spoiled pictures, in the form that the service takes."""
    path = place.checkpoint(name, dataset).with_suffix(".robustness.json")

    def stale() -> str | None:
        if why := of_another(path, "digest", place.digest(name, dataset)):
            return why
        kinds = len((read(path) or {}).get("corruptions", ()))
        return f"{path.name} tells {kinds} of {KINDS_OF_SPOILING} kinds" if kinds < KINDS_OF_SPOILING else None

    needs = (f"evaluation {dataset}/{name}", f"forms {dataset}/{name}")
    command = evaluate(place, name, dataset, "--robustness")
    return Step(f"robustness {dataset}/{name}", command, (path,), stale, needs)


def pictures(place: Place) -> Step:
    """Real pictures, and the gate."""
    path, photos = place.weights / "pictures.json", place.data / "photos"
    chosen = ("--all", "--pictures", str(photos), "--pictures-from-test", "--test-images", "500")
    given = ("--data-dir", str(place.data), "--weights", str(place.weights), "--record", str(path))

    def stale() -> str | None:
        if (told := read(path)) is None:
            return f"there is no {path.name}"
        was, now = told.get("of", {}), evaluate_pictures.measured_of(place.weights, PAIRS)
        others = [name for name in now if was.get(name) != now[name]]
        if not others:
            return None
        return f"{path.name} does not say what it was measured of" if not was else f"of other {named(others)}"

    return Step(
        "pictures",
        (*EVALUATE, *chosen, *given),
        (path,),
        stale,
        tuple(f"evaluation {dataset}/{name}" for name, dataset in PAIRS),
        lambda: None if photos.is_dir() else f"there is no {photos}",
    )


def deploy_files(place: Place) -> Step:
    """The files that deploy the service, with default settings."""
    files = {kind: place.root / "deploy" / name for name, kind in deployments.KINDS.items()}

    def stale() -> str | None:
        others = [path.name for kind, path in files.items() if content(path) != deployments.text(kind)]
        return f"other than made now: {named(others)}" if others else None

    return Step("deploy files", ("-m", "tools.deployments"), tuple(files.values()), stale)


def all_tables(place: Place) -> Step:
    """The tables of the READMEs, and the page's figures."""

    def stale() -> str | None:
        others = [path.name for path in tables.FILES if tables.fill(content(path) or "") != content(path)]
        others += [figures.PLACE.name] if read(figures.PLACE) != figures.figures() else []
        return f"other than made now: {named(others)}" if others else None

    made = (*tables.FILES, figures.PLACE)
    needs = [f"{kind} {dataset}/{name}" for kind in ("evaluation", "forms", "robustness") for name, dataset in PAIRS]
    return Step("tables", ("-m", "tools.tables"), made, stale, (*needs, "pictures"))


def missing_studies(place: Place) -> str | None:
    """A line if there are no studies: they are not made anew here."""
    folder = place.weights / "studies"
    there = folder.is_dir() and any(folder.glob("*.json"))
    return None if there else f"there are no studies in {folder}: make studies makes them, in hours"


def evaluate(place: Place, name: str, dataset: str, *options: str) -> tuple[str, ...]:
    """The command that evaluates one checkpoint."""
    where = ("--weights", str(place.weights), "--data-dir", str(place.data))
    return (*EVALUATE, "--model", name, "--dataset", dataset, *options, *where)


def of_another(path: Path, key: str, digest: str) -> str | None:
    """Why a record is not of the checkpoint with a digest, which it names under ``key``; None if it is."""
    if (told := read(path)) is None:
        return f"there is no {path.name}"
    return None if told.get(key) == digest else f"{path.name} is of {str(told.get(key))[:8]}, not {digest[:8]}"


def read(path: Path) -> dict[str, Any] | None:
    """A record; None where there is none, or it is damaged."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def named(names: list[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
