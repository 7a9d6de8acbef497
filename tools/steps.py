"""What is made anew after checkpoints change, in order (``steps``), and of each step what tells whether it is up to
date: a record names the digests of the files that it was measured of.

Studies do not depend on checkpoints; how they are made anew, ``make studies`` says.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from models import checkpoints
from models.catalog import ARCHITECTURES
from models.checkpoints import atomic, reports
from models.compiled import record
from models.data import scene_sets
from models.data.code_digest import code_digest
from models.datasets import DATASETS
from models.evaluation import corruptions, evaluate_pictures, vote_rules
from tools import deployments, figures, tables
from tools.step import EVALUATE, Place, Step, content, evaluate, named, of_another, read

PAIRS = tuple((name, dataset) for dataset in DATASETS for name in ARCHITECTURES)
PARTS = ("mistakes", "reliability")  # of a report; older ones are without
# Of which a part of the test pictures is enough to see which forms are as right: one of VGG-11 takes minutes.
FORMS_OF = {"vgg11": 2_000}


def steps(place: Place) -> list[Step]:
    """All of them, each after those that it needs."""
    of_networks = [make(place, *pair) for make in (evaluation, mistakes, forms, robustness) for pair in PAIRS]
    return [*of_networks, *(make(place) for make in (pictures, vote, of_the_page, drawings, deploy_files, all_tables))]


def evaluation(place: Place, name: str, dataset: str) -> Step:
    """Test accuracy and calibration of a checkpoint; writes into its header too, which changes its digest."""
    path = place.checkpoint(name, dataset)

    def left() -> str | None:
        measured = checkpoints.read_header(path).get("metrics", {})
        there = "sent_accuracy" not in measured or scene_sets.path_for(place.scenes, dataset).is_file()
        return None if there else scenes_lost(place, dataset)

    return Step(
        f"evaluation {dataset}/{name}",
        evaluate(place, name, dataset, "--scenes", str(place.scenes)),
        (reports.path_for(path),),
        lambda: of_another(reports.path_for(path), "digest", place.digest(name, dataset)),
        left=left,
    )


def scenes_lost(place: Place, dataset: str) -> str:
    """Why a step waits whose record has figures of scenes that are not here."""
    lost = f"its figures of scenes would be lost: there is no {scene_sets.path_for(place.scenes, dataset)}"
    return f"{lost}; make it: {scene_sets.COMMAND} --dataset {dataset}"


def mistakes(place: Place, name: str, dataset: str) -> Step:
    """What older reports lack."""
    path = reports.path_for(place.checkpoint(name, dataset))

    def stale() -> str | None:
        told = read(path) or {}
        if told.get("digest") != place.digest(name, dataset):
            return None  # evaluation makes one that is whole
        lacks = [part for part in PARTS if part not in told]
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
    )


def robustness(place: Place, name: str, dataset: str) -> Step:
    """What is left of the accuracy on spoiled pictures, in the form that the service takes."""
    path = place.checkpoint(name, dataset).with_suffix(".robustness.json")

    def stale() -> str | None:
        if why := of_another(path, "digest", place.digest(name, dataset)):
            return why
        kinds, wanted = len((read(path) or {}).get("corruptions", ())), len(corruptions.CORRUPTIONS)
        return f"{path.name} tells {kinds} of {wanted} kinds" if kinds < wanted else None  # it was interrupted

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


def vote(place: Place) -> Step:
    """Which rule of the vote is the best, on pictures that networks did not learn from."""
    path = place.weights / "vote.json"

    def stale() -> str | None:
        if (told := read(path)) is None:
            return f"there is no {path.name}"
        was, now = told.get("of", {}), {f"{d}/{n}": place.digest(n, d) for n, d in PAIRS}
        now[vote_rules.CODE] = code_digest(vote_rules.CODE)
        others = [name for name in now if was.get(name) != now[name]]
        were, made = told.get("scenes", {}), scene_sets.makers(place.scenes)
        others += [f"scenes of {dataset}" for dataset in made if were.get(dataset) != made[dataset]]
        return f"of other {named(others)}" if others else None

    def left() -> str | None:
        measured = (read(path) or {}).get("n", {})
        lost = [d for d in DATASETS if f"{d} scenes" in measured and not scene_sets.path_for(place.scenes, d).is_file()]
        return scenes_lost(place, lost[0]) if lost else None

    where = ("--data-dir", str(place.data), "--weights", str(place.weights), "--scenes", str(place.scenes))
    command = ("-m", "models.evaluation.vote_rules", *where)
    return Step("vote", command, (path,), stale, tuple(f"evaluation {d}/{n}" for n, d in PAIRS), left)


def of_the_page(place: Place) -> Step:
    """What the page shows of speed and real pictures; the report draws milliseconds from it."""

    def stale() -> str | None:
        return f"{figures.PLACE.name} is other than made now" if read(figures.PLACE) != figures.figures() else None

    return Step("page", ("-m", "tools.figures"), (figures.PLACE,), stale, ("pictures",))


def drawings(place: Place) -> Step:
    """The report, which draws what is recorded and measures nothing. What it was drawn of lies beside it, as digests of
    the records.
    """
    folder = place.weights / "report"
    path = folder / "drawn.json"

    def of() -> dict[str, str]:
        kinds = (".json", ".robustness.json")
        files = [place.checkpoint(*pair).with_suffix(kind) for pair in PAIRS for kind in kinds]
        told = {str(file.relative_to(place.weights)): content(file) for file in files}
        told["speed"] = json.dumps((read(figures.PLACE) or {}).get("speed"))
        return {name: sha256(text.encode()).hexdigest()[:16] for name, text in told.items() if text is not None}

    def stale() -> str | None:
        if (was := read(path)) is None:
            return f"there is no {path.name}"
        now = of()
        others = [name for name in {**was, **now} if was.get(name) != now.get(name)]
        return f"drawn of other {named(others)}" if others else None

    command = ("-m", "models.report", "--data-dir", str(place.data), "--weights", str(place.weights))
    needs = tuple(f"{kind} {d}/{n}" for kind in ("evaluation", "mistakes", "robustness") for n, d in PAIRS)
    return Step("report", command, (folder / "README.md",), stale, (*needs, "page"), then=write(path, of))


def write(path: Path, told: Callable[[], object]) -> Callable[[], None]:
    return lambda: atomic.write_json(path, told())


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
    return Step("tables", ("-m", "tools.tables"), made, stale, (*needs, "pictures", "vote"))


def missing_studies(place: Place) -> str | None:
    """A line if there are no studies: they are not made anew here."""
    folder = place.weights / "studies"
    there = folder.is_dir() and any(folder.glob("*.json"))
    return None if there else f"there are no studies in {folder}: make studies makes them, in hours"
