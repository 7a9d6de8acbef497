"""Make the skeletons and stage tables of models/compiled anew: ``python -m tools.skeletons``; needs torch and
onnxscript.

A skeleton is the graph of a network without its weights, which makes a checkpoint a graph where there is no torch; a
stage table names its parts (``tools.stages``). Both change when the network's code does; a test holds each equal to a
fresh export.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from onnx import GraphProto, ModelProto, helper
from torch import nn

from models import catalog
from models.checkpoints import atomic
from models.compiled import stages
from models.compiled.graph import SKELETONS, drop_unused, fill, sides
from models.compiled.runner import open_session
from models.datasets import SIDE
from models.intake import small_cnn
from models.intake.gate import KINDS
from models.intake.thumbnail import SIDE as THUMBNAIL
from tools.stages import shape_values, table, written

CLOSE = 1e-4  # of the largest logit: torch and ONNX Runtime add in another order


def networks() -> dict[str, tuple[nn.Module, dict[str, int]]]:
    """Every network that has a skeleton, by its name: and the side of each of its inputs."""
    known = {**catalog.ARCHITECTURES, **catalog.EXTRAS}
    found: dict[str, tuple[nn.Module, dict[str, int]]] = {
        name: (row.build(), {"pictures": row.input_size}) for name, row in known.items()
    }
    found["auto"] = (small_cnn.AutoNetwork(), {"thumbnails": THUMBNAIL})
    for name, network in small_cnn.gate_networks(KINDS).items():
        found[f"gate-{name}"] = (network, {"thumbnails": THUMBNAIL, "pictures": SIDE})
    return found


def skeleton(network: nn.Module, inputs: Mapping[str, int]) -> ModelProto:
    """The graph of ``network`` in eval mode: float32 [n, 1, S, S] for each of ``inputs`` -> logits; no weights, no
    traces of the machine that made it.
    """
    return stripped(exported(network, inputs))


def exported(network: nn.Module, inputs: Mapping[str, int]) -> ModelProto:
    """The same as torch exports it: with weights, and of each node from which module it comes."""
    pictures = tuple(torch.zeros(2, 1, side, side) for side in inputs.values())
    batch = torch.export.Dim("n", min=1, max=1 << 16)
    with _quiet():
        program = torch.onnx.export(
            network.eval(),
            pictures,
            dynamo=True,
            optimize=False,  # which would fold and rename the weights
            verbose=False,
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_shapes=tuple({0: batch} for _ in inputs),
            external_data=False,
        )
    assert program is not None
    return program.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch tells of how it exports."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(disabled)


def stripped(model: ModelProto) -> ModelProto:
    """Nodes, names and shapes alone; ``model`` is used up."""
    graph = model.graph
    _flatten(graph)
    _forget_zero_biases(graph)
    for part in (*graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("doc_string")
        part.ClearField("metadata_props")
    for tensor in graph.initializer:
        tensor.ClearField("raw_data")
    drop_unused(model)
    opset = next(entry.version for entry in model.opset_import if entry.domain == "")
    stripped = helper.make_model(
        helper.make_graph(graph.node, "network", graph.input, graph.output, graph.initializer),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=model.ir_version,
    )
    stripped.producer_name = "lineup"
    return stripped


def _flatten(graph: GraphProto) -> None:
    """Where torch reshapes [n, ...] to [n, k], of which it computes n from the batch's shape in five nodes: say
    Flatten. A Reshape to anything else stays one.
    """
    shapes = shape_values(graph)
    known = {value.name: value.type.tensor_type.shape.dim for value in (*graph.input, *graph.value_info, *graph.output)}
    batch = graph.input[0].type.tensor_type.shape.dim[0].dim_param

    def is_batch(name: str) -> bool:
        return bool(known.get(name)) and known[name][0].dim_param == batch

    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in shapes:
            source, made = node.input[0], node.output[0]
            if is_batch(source) and is_batch(made) and len(known[made]) == 2:
                node.CopyFrom(helper.make_node("Flatten", [source], [made], name=node.name, axis=1))


def _forget_zero_biases(graph: GraphProto) -> None:
    """Where a convolution has no bias torch writes one of zeros."""
    constants = {node.output[0] for node in graph.node if node.op_type != "Conv"}
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 3 and node.input[2] in constants:
            del node.input[2]


def check(network: nn.Module, skeleton: ModelProto) -> None:
    """ValueError if a skeleton with its network's weights does not give the network's logits, be it for one picture or
    for three.
    """
    filled = ModelProto()
    filled.CopyFrom(skeleton)
    fill(filled, {name: tensor.numpy() for name, tensor in network.state_dict().items()})
    draw = torch.Generator().manual_seed(0)
    for count in (1, 3):
        given = {name: torch.rand(count, 1, side, side, generator=draw) for name, side in sides(skeleton).items()}
        with torch.inference_mode():
            wanted = network.eval()(*given.values()).numpy()
        try:
            session = open_session(filled.SerializeToString())
            logits = session.run(None, {name: value.numpy() for name, value in given.items()})[0]
        except Exception as error:  # ONNX Runtime has many errors, and no base of them
            raise ValueError(f"the graph does not run for {count} pictures: {error}") from error
        off = float(np.abs(logits - wanted).max()) if logits.shape == wanted.shape else float("inf")
        if not off <= CLOSE * max(1, np.abs(wanted).max()):
            raise ValueError(f"the graph's logits for {count} pictures are off by {off:.2g}, {CLOSE} at most is right")


def files_of(name: str, network: nn.Module, inputs: Mapping[str, int]) -> dict[Path, bytes]:
    """A network's skeleton and, if it is one of the catalog's, its stage table, by where they belong. ValueError or
    OnnxExporterError if they cannot be made.
    """
    model = exported(network, inputs)
    files: dict[Path, bytes] = {}
    if name in catalog.ARCHITECTURES or name in catalog.EXTRAS:
        files[stages.path_for(name)] = written(table(network, model)).encode()
    made = stripped(model)
    check(network, made)
    files[SKELETONS / f"{name}.onnx"] = made.SerializeToString()
    return files


def main() -> int:
    """Write every skeleton, and the stage tables of the catalog's networks; 1 if one cannot be made. They are written
    once all are made, which takes a minute: an interrupt leaves no table beside a graph of other code.
    """
    files: dict[Path, bytes] = {}
    failed = False
    for name, (network, inputs) in networks().items():
        try:
            made = files_of(name, network, inputs)
        except (ValueError, torch.onnx.errors.OnnxExporterError) as error:
            print(f"{name}: {error}; LINEUP_BACKEND=torch runs it without a skeleton", file=sys.stderr)
            failed = True
            continue
        files |= made
        print(f"{name}: " + ", ".join(f"{path.name} {len(content):,} bytes" for path, content in made.items()))
    for path, content in files.items():
        atomic.write(path, content)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
