"""Where a network was wrong and most sure of it, as pictures: made where the data is, and never committed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.checkpoints import file_format
from models.checkpoints.described import described
from models.compiled import compiler
from models.data import idx
from models.data.idx import DataError, UInt8
from models.evaluation import contact_sheet
from models.evaluation.contact_sheet import Entry
from models.report.material import Taken

SHOWN = 25
BATCH = 64


def sheet(one: Taken, data_dir: Path, folder: Path) -> str:
    """Draw the SHOWN surest wrong answers of a checkpoint on a sheet in ``folder``; returns where, or why not.

    Only the pictures whose places are recorded as mistakes are shown to the network again, compiled as it is served.
    """
    name = f"{one.architecture.name}, {one.dataset.name}"
    wrong = one.report.get("mistakes")
    if one.digest is None:
        return f"{name}: no sheet of mistakes, there is no checkpoint; {one.training} makes it"
    if wrong is None:
        command = one.command(*(["--mistakes"] if one.accuracy else []))  # which completes a report, and makes none
        return f"{name}: where it is wrong is not recorded; {command} records it"
    if missing := idx.missing(one.dataset, "test", data_dir):
        return f"{name}: no sheet of mistakes, there is no {missing[0]} in {idx.folder_of(one.dataset, data_dir)}"
    if not wrong:
        return f"{name}: it was never wrong"
    try:
        pictures, labels = idx.read_split(one.dataset, "test", data_dir)
    except DataError as error:
        return f"{name}: no sheet of mistakes, {error}"
    entries = surest(one, pictures, labels)
    path = folder / f"{one.dataset.name}-{one.architecture.name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    contact_sheet.draw(entries).save(path)
    return f"{name}: {path}"


def surest(one: Taken, pictures: UInt8, labels: UInt8) -> list[Entry]:
    """Of the mistakes of a checkpoint on uint8 [N, 28, 28] with labels [N] the SHOWN surest, surest first."""
    runner, _ = compiler.load(described(file_format.open_file(one.path)))
    places, said = np.array(one.report["mistakes"]).T
    shown = [pictures[places[start : start + BATCH]] for start in range(0, len(places), BATCH)]
    chances = np.concatenate([runner.chances(part) for part in shown])[np.arange(len(said)), said]
    names = one.dataset.classes
    return [
        Entry(
            None,
            pictures[places[k]],
            [f"is {names[labels[places[k]]]}", f"said {names[said[k]]}, {chances[k]:.1%}", f"picture {places[k]}"],
        )
        for k in np.argsort(-chances, kind="stable")[:SHOWN]
    ]
