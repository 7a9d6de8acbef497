"""Feature maps: a network compiled once more, in float32 and with every part of its stage table as an output.

In the cache beside the network that answers, under a name of its own; made from the same checkpoint, and its sparse
layers kept sparse.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.checkpoints.described import Described
from models.compiled import compiler, forms
from models.compiled.record import Record
from models.compiled.runner import Float, Runner, UInt8, open_runner
from models.compiled.stages import Table

log = logging.getLogger(__name__)

FORM = "features"


@dataclass(frozen=True)
class FeatureMaps:
    """A network that tells the output of each of its parts. Safe to call from several threads at once.

    ``ends``: for each sparse layer what its output is called before ReLU, and after it where it has one. ``kept``: its
    graph is in the cache; else it lives in memory alone.
    """

    table: Table
    runner: Runner
    ends: Sequence[tuple[str, str | None]]
    kept: bool = True

    def of(self, pictures: UInt8, part: str) -> Float:
        """uint8 [N, 28, 28] -> the output of a stage or layer, float32 [N, C, H, W] or [N, K]. KeyError for a name that
        the table has not.
        """
        return self.several(pictures, [part])[part]

    def several(self, pictures: UInt8, parts: Sequence[str]) -> dict[str, Float]:
        """The same of several parts in one pass, by their names."""
        values = {name: part.value for name in parts if (part := self.table.find(name))}
        if missing := set(parts) - set(values):
            raise KeyError(*missing)
        shown, end = self._shown(), self.runner.session.get_outputs()[0].name
        outputs = [name for name in shown if name in values.values()]
        beyond = not set(values.values()) <= shown
        outputs += [end] if beyond and end not in outputs else []
        run = self.runner.session.run(outputs, {self.runner.inputs[0]: pictures})
        given: dict[str, Float] = dict(zip(outputs, run, strict=True))
        if beyond:
            given |= self._after(given[end])
        return {name: given[value] for name, value in values.items()}

    def complete(self) -> bool:
        """Whether it has every value that the table names."""
        ends = {name for end in self.ends for name in end}
        return {part.value for part in self.table.parts()} <= self._shown() | ends

    def _shown(self) -> set[str]:
        return {output.name for output in self.runner.session.get_outputs()}

    def _after(self, x: Float) -> dict[str, Float]:
        """The values of the sparse layers, from what the graph before them gives."""
        given = {}
        for layer, (linear, rectified) in zip(self.runner.layers, self.ends, strict=True):
            x = given[linear] = layer.linear(x)
            if rectified is not None:
                x = given[rectified] = np.maximum(x, 0)
        return given


def find(dataset: str, network: str, digest: str, table: Table, folder: Path | None = None) -> FeatureMaps | None:
    """The feature maps of a checkpoint with that digest, of the cache in ``folder``; None where they are not there."""
    path, key = _place(dataset, network, digest, table, folder)
    found = compiler.find(path, key)
    if found is None:
        return None
    runner, made = found
    try:
        opened = FeatureMaps(table, runner, [(linear, rectified) for linear, rectified in made.header["ends"]])
    except (KeyError, TypeError, ValueError):
        opened = None
    if opened is None or not opened.complete() or len(opened.ends) != len(runner.layers):
        log.warning("%s lacks parts of the network: it is made anew", path)
        return None
    return opened


def make(source: Described, table: Table, folder: Path | None = None) -> FeatureMaps:
    """The feature maps of a checkpoint, made now and kept in the cache. CheckpointError if its tensors do not fit."""
    from models.compiled import making  # and with it onnx, which only making needs

    network, ends = making.features(source, {part.value for part in table.parts()})
    header, arrays = making.arrays(network, "float32", {})
    path, key = _place(source.dataset.name, source.architecture.name, source.content.header["digest"], table, folder)
    made = compiler.keep(path, key, {**header, "form": FORM, "ends": ends}, arrays)
    return FeatureMaps(table, open_runner(made), [(str(linear), rectified) for linear, rectified in ends], made.kept)


def _place(dataset: str, network: str, digest: str, table: Table, folder: Path | None) -> tuple[Path, dict[str, str]]:
    key = compiler.made_from(digest, Record(), forms.instruction_set()) | {"stages": table.digest}
    return compiler.place(folder, f"{dataset}-{network}-{FORM}", key), key
