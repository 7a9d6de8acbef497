"""The table of a network's stages and layers, drawn from its code: for ``tools.skeletons``, which writes it.

A stage is what the network's file names (its direct children: ``stem``, ``conv2``, ``head``). Within it every module
that computes by itself is a layer. A block that has a forward of its own (Inception, Residual, DenseBlock) is told as
its paths, each with all its layers in one row, and a last row of the block's own name for what joins them. Dropout,
flattening and an identity compute nothing when a network answers, and have no row.
"""

from __future__ import annotations

import json
import re
from ast import literal_eval
from collections.abc import Iterator
from typing import Any

import torch
from onnx import GraphProto, ModelProto
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

Row = dict[str, Any]

SCOPES = "pkg.torch.onnx.name_scopes"  # of a node: the modules that it comes from, the innermost before the last
NOTHING = (nn.modules.dropout._DropoutNd, nn.Flatten, nn.Identity)
CHAINS = (nn.Sequential, nn.ModuleList)
PLAIN: dict[type[nn.Module], str] = {nn.Sigmoid: "sigmoid"}
JOINS = {"Concat": "concatenation", "Add": "addition", "Mul": "multiplication", "Relu": "ReLU"}


def table(network: nn.Module, model: ModelProto) -> list[Row]:
    """The stages of ``network``, of which ``model`` is a fresh export: as ``models.compiled.stages`` reads them.

    ValueError, naming it, if a stage or layer has no part in the answer, or a parameter is in no stage.
    """
    values, joins = _values(model)
    shapes, macs = _measured(network)
    if outside := [name for name, _ in network.named_parameters(recurse=False)]:
        raise ValueError(f"parameter {outside[0]!r} is in no stage: a module that is an attribute should hold it")

    def given(name: str, module: nn.Module) -> Row:
        if name in values and name in shapes:
            return {"shape": shapes[name], "value": values[name]}
        if isinstance(module, CHAINS) and len(module):  # nobody called it, but its parts, one after another
            last, child = [*module.named_children()][-1]
            return given(f"{name}.{last}", child)
        raise ValueError(f"module {name!r} has no part in the answer: a network is what answers, in eval mode")

    def row(name: str, module: nn.Module, kind: str, *, whole: bool = True) -> Row:
        told = {"name": name, "kind": kind, **given(name, module)}
        counted = sum(each.numel() for each in module.parameters(recurse=whole))
        return told | {"parameters": counted, "macs": macs.get(name, 0) if whole else 0}

    def rows(name: str, module: nn.Module) -> Iterator[Row]:
        if isinstance(module, NOTHING):
            return
        if isinstance(module, CHAINS):
            for part, child in module.named_children():
                yield from rows(f"{name}.{part}", child)
        elif not any(module.children()):
            yield row(name, module, kind(module))
        else:
            for path, child, word in _paths(name, module):
                yield row(path, child, f"{word}: {'; '.join(_kinds(child))}")
            if name in joins:  # else its forward does nothing but run them one after another
                yield row(name, module, "; ".join(joins[name]), whole=False)

    stages = [(name, module) for name, module in network.named_children() if not isinstance(module, NOTHING)]
    return [{"name": name, **given(name, module), "layers": list(rows(name, module))} for name, module in stages]


def written(stages: list[Row]) -> str:
    """A table as JSON with a line for each layer, so that a change shows as one."""
    told = []
    for stage in stages:
        layers = ",\n  ".join(json.dumps(layer) for layer in stage["layers"])
        head = json.dumps({**stage, "layers": []}).removesuffix("]}")
        told.append(f"{head}\n  {layers}\n ]}}")
    return "[\n " + ",\n ".join(told) + "\n]\n"


def kind(module: nn.Module) -> str:
    """What a layer is, in the field's terms: "conv 11x11/4, 96 channels" has a kernel of 11x11 and a stride of 4."""
    match module:
        case nn.Conv2d():
            return f"conv {_window(module.kernel_size, module.stride, 1)}, {module.out_channels} channels"
        case nn.Linear():
            return f"linear {module.in_features} to {module.out_features}"
        case nn.MaxPool2d():
            return f"max pool {_window(module.kernel_size, module.stride, 0)}"
        case nn.AvgPool2d():
            return f"average pool {_window(module.kernel_size, module.stride, 0)}"
        case nn.AdaptiveAvgPool2d(output_size=1):
            return "global average pool"
        case nn.AdaptiveAvgPool2d():
            return f"average pool to {_window(module.output_size, 1, 1)}"
    return PLAIN.get(type(module)) or _words(module)


def _window(kernel: Any, stride: Any, usual: int) -> str:
    """Kernel and, where it is not the usual one, stride: 3x3/2."""
    height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    step = stride[0] if isinstance(stride, tuple) else stride
    return f"{height}x{width}" + (f"/{step}" if step != usual else "")


def _words(module: nn.Module) -> str:
    """The name of a class as words: "dense block", "batch norm"; of an activation as it is written: "ReLU6"."""
    name = re.sub(r"\dd$", "", type(module).__name__)
    activation = type(module).__module__ == "torch.nn.modules.activation"
    return name if activation else re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _paths(name: str, block: nn.Module) -> Iterator[tuple[str, nn.Module, str]]:
    """The paths of a block, by name: each with what to call it."""
    for part, child in block.named_children():
        if isinstance(child, nn.ModuleList):
            for number, each in child.named_children():
                yield f"{name}.{part}.{number}", each, f"{_words(block)} layer"
        elif not isinstance(child, NOTHING):
            yield f"{name}.{part}", child, "shortcut" if part == "shortcut" else f"{_words(block)} path"


def _kinds(module: nn.Module) -> Iterator[str]:
    leaves = (each for each in module.modules() if not any(each.children()))
    return (kind(each) for each in leaves if not isinstance(each, NOTHING))


def _values(model: ModelProto) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What each module's output is called in a graph, and what a module computes beside its children, in words."""
    values: dict[str, str] = {}
    joins: dict[str, list[str]] = {}
    plumbing = shape_values(model.graph)
    for node in model.graph.node:
        if not plumbing.isdisjoint(node.output):
            continue
        scopes = next(literal_eval(each.value) for each in node.metadata_props if each.key == SCOPES)[1:-1]
        values |= dict.fromkeys(scopes, node.output[0])  # the last one of a module is what it gives
        if scopes:
            known = joins.setdefault(scopes[-1], [])
            word = JOINS.get(node.op_type, node.op_type)
            known.extend([] if word in known else [word])
    return values, joins


def shape_values(graph: GraphProto) -> set[str]:
    """Names of what a graph computes of shapes alone: constants, and all that comes of the shape of another value."""
    found: set[str] = set()
    for node in graph.node:
        others = [name for name in node.input if name]
        of_shapes = bool(others) and found.issuperset(others)
        if node.op_type in ("Shape", "Constant") or of_shapes:
            found.update(node.output)
    return found


def _measured(network: nn.Module) -> tuple[dict[str, list[int]], dict[str, int]]:
    """Of every module by its name: the shape of its output for one picture, and its multiply-adds."""
    shapes: dict[str, list[int]] = {}
    names = {module: name for name, module in network.named_modules()}

    def note(module: nn.Module, _: object, output: Tensor) -> None:
        shapes[names[module]] = list(output.shape[1:])

    handles = [module.register_forward_hook(note) for module in network.modules()]
    size = int(network.input_size)  # type: ignore[arg-type]
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, 1, size, size))
    for handle in handles:
        handle.remove()
    flops = {name.partition(".")[2]: sum(each.values()) for name, each in counter.get_flop_counts().items()}
    return shapes, {name: count // 2 for name, count in flops.items()}
