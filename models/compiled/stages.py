"""The stages of a network and their layers, as a table: what `tools.stages` recorded from its code.

No torch, no onnx: a file of JSON for each network, read when it is asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "stages"


@dataclass(frozen=True)
class Layer:
    """A layer, or a path of a block with all its layers, or what joins a block's paths.

    ``name`` is the module's in the network's code, "conv.0"; ``kind`` says what it is, "conv 5x5, 6 channels";
    ``shape`` is that of its output for one picture, (C, H, W) or (K,); ``value``: what its output is called in the
    skeleton. Numbers that are learned, and multiply-adds for one picture, are counted once each in a stage.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    value: str
    parameters: int
    macs: int


@dataclass(frozen=True)
class Stage:
    """A part of a network that its file names, "conv2", with its layers in the order in which they compute."""

    name: str
    shape: tuple[int, ...]
    value: str
    layers: Sequence[Layer]

    @property
    def parameters(self) -> int:
        return sum(layer.parameters for layer in self.layers)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)


@dataclass(frozen=True)
class Table:
    """A network's stages in the order in which they compute; ``digest``: SHA-256 of the file, hex."""

    stages: Sequence[Stage]
    digest: str

    @property
    def parameters(self) -> int:
        return sum(stage.parameters for stage in self.stages)

    @property
    def macs(self) -> int:
        return sum(stage.macs for stage in self.stages)

    def parts(self) -> Iterator[Stage | Layer]:
        """All that has a name: first the stages, then their layers."""
        yield from self.stages
        for stage in self.stages:
            yield from stage.layers

    def find(self, name: str) -> Stage | Layer | None:
        """The stage or layer of that name; None if there is none."""
        return next((part for part in self.parts() if part.name == name), None)

    def names(self) -> list[str]:
        """Of all parts, each once."""
        return list(dict.fromkeys(part.name for part in self.parts()))


def path_for(name: str) -> Path:
    """Where a network's table lies, whether or not it is there."""
    return FOLDER / f"{name}.json"


def load(name: str) -> Table:
    """The table of a network of the catalog. FileNotFoundError if none was recorded: `make skeletons` does."""
    text = path_for(name).read_bytes()
    return Table([_stage(told) for told in json.loads(text)], hashlib.sha256(text).hexdigest())


def _stage(told: dict[str, object]) -> Stage:
    name, shape, value, layers = (told[key] for key in ("name", "shape", "value", "layers"))
    return Stage(str(name), tuple(shape), str(value), [_layer(**each) for each in layers])  # type: ignore[arg-type, attr-defined]


def _layer(name: str, kind: str, shape: Sequence[int], value: str, parameters: int, macs: int) -> Layer:
    return Layer(name, kind, tuple(shape), value, parameters, macs)
