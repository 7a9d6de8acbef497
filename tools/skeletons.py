"""Make the skeletons and stage tables of models/compiled anew: ``python -m tools.skeletons``; needs torch and
onnxscript.

A skeleton is the graph of a network without its weights, which makes a checkpoint a graph where there is no torch; a
stage table names its parts (``tools.stages``). Both change when the network's code does; a test holds each equal to a
fresh export.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping

import onnx
import torch
from onnx import GraphProto, ModelProto, helper
from torch import nn

from models import catalog
from models.compiled import stages
from models.compiled.graph import SKELETONS, drop_unused
from models.datasets import SIDE
from models.intake import small_cnn
from models.intake.gate import KINDS
from models.intake.thumbnail import SIDE as THUMBNAIL
from tools.stages import table, written


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


def skeleton(network: nn.Module, sides: Mapping[str, int]) -> ModelProto:
    """The graph of ``network`` in eval mode: float32 [n, 1, S, S] for each of ``sides`` -> logits; no weights, no
    traces of the machine that made it.
    """
    return stripped(exported(network, sides))


def exported(network: nn.Module, sides: Mapping[str, int]) -> ModelProto:
    """The same as torch exports it: with weights, and of each node from which module it comes."""
    inputs = tuple(torch.zeros(2, 1, side, side) for side in sides.values())
    batch = torch.export.Dim("n", min=1, max=1 << 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network.eval(),
            inputs,
            dynamo=True,
            optimize=False,  # which would fold and rename the weights
            verbose=False,
            input_names=list(sides),
            output_names=["logits"],
            dynamic_shapes=tuple({0: batch} for _ in sides),
            external_data=False,
        )
    assert program is not None
    return program.model_proto


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
    """Where torch reshapes to a shape that it computes from the batch's, in five nodes: say Flatten."""
    of_shapes: set[str] = set()
    for node in graph.node:
        if node.op_type == "Reshape" and node.input[1] in of_shapes:
            node.CopyFrom(helper.make_node("Flatten", [node.input[0]], [node.output[0]], name=node.name, axis=1))
        elif node.op_type == "Shape" or not of_shapes.isdisjoint(node.input):
            of_shapes.update(node.output)


def _forget_zero_biases(graph: GraphProto) -> None:
    """Where a convolution has no bias torch writes one of zeros."""
    constants = {node.output[0] for node in graph.node if node.op_type != "Conv"}
    for node in graph.node:
        if node.op_type == "Conv" and len(node.input) == 3 and node.input[2] in constants:
            del node.input[2]


def main() -> None:
    """Write every skeleton, and the stage tables of the catalog's networks."""
    logging.disable(logging.WARNING)
    SKELETONS.mkdir(exist_ok=True)
    stages.FOLDER.mkdir(exist_ok=True)
    for name, (network, sides) in networks().items():
        model = exported(network, sides)
        if name in catalog.ARCHITECTURES or name in catalog.EXTRAS:
            stages.path_for(name).write_text(written(table(network, model)), encoding="utf-8")
        onnx.save(stripped(model), SKELETONS / f"{name}.onnx")
        print(f"{name}: {(SKELETONS / f'{name}.onnx').stat().st_size} bytes")


if __name__ == "__main__":
    main()
