"""Auto and gate compiled: what runs them without torch, for ``intake.auto.Auto`` and ``intake.gate.Gate``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from models.checkpoints import SUFFIX, file_format, headers
from models.checkpoints.file_format import Content
from models.compiled import compiler, forms
from models.compiled.record import Record
from models.compiled.runner import Float, Runner, UInt8, open_runner


def load_auto(
    weights: Path, answers: Sequence[str], folder: Path | None = None, *, threads: int = 1
) -> Callable[[UInt8], Float]:
    """What runs a folder's auto on thumbnails uint8 [N, 64, 64], giving float32 [N, 2], on ``threads`` threads a call.
    CheckpointError.
    """
    content = file_format.open_file(weights / f"auto{SUFFIX}")
    headers.expect(content, kind="auto", answers=list(answers))
    return _runners(content, {"auto": ""}, {"auto": 1.0}, folder, threads)["auto"].chances


def load_gate(
    weights: Path, kinds: Mapping[str, Collection[str]], folder: Path | None = None, *, threads: int = 1
) -> dict[str, Callable[[UInt8, UInt8], Float]]:
    """What runs each dataset's gate of a folder on thumbnails uint8 [N, 64, 64] and pictures uint8 [N, 28, 28], giving
    float32 [N, kinds]. CheckpointError.
    """
    content = file_format.open_file(weights / f"gate{SUFFIX}")
    headers.expect(content, kind="gate", kinds={name: list(each) for name, each in kinds.items()})
    temperatures = headers.temperatures(content, kinds)
    prefixes = {f"gate-{name}": f"{name}." for name in kinds}
    runners = _runners(content, prefixes, {f"gate-{name}": temperatures[name] for name in kinds}, folder, threads)
    return {name: runners[f"gate-{name}"].chances for name in kinds}


def _runners(
    content: Content, prefixes: Mapping[str, str], temperatures: Mapping[str, float], folder: Path | None, threads: int
) -> dict[str, Runner]:
    """What runs the networks of a file, which are one in the cache each."""
    key = compiler.made_from(content.header["digest"], Record(), forms.instruction_set())
    places = {name: compiler.place(folder, name, key) for name in prefixes}
    found = {name: compiler.find(path, key, temperatures[name], threads=threads) for name, path in places.items()}
    if all(found.values()):
        return {name: each[0] for name, each in found.items() if each}
    from models.compiled import making  # and with it onnx, which only making needs

    networks = making.small(content, prefixes)
    made = {
        name: compiler.keep(places[name], key, *making.arrays(each, "float32", {})) for name, each in networks.items()
    }
    return {name: open_runner(each, temperatures[name], threads=threads) for name, each in made.items()}
