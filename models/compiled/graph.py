"""Graphs of networks, from skeleton and checkpoint to what ONNX Runtime runs: no torch, no data.

A skeleton is the graph of a network as torch exports it, nodes and names without weights; each initializer is named as
the network's own parameter. It is filled from the checkpoint, batch norm is folded into the convolution before it, the
input step of ``models.classifier`` comes before it, and where its last layers are sparse it ends before them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from models.checkpoints.codings import Array, Nonzeros
from models.checkpoints.file_format import Wanted

SKELETONS = Path(__file__).parent / "skeletons"
INPUT = "_input"  # part of the names of all that the input step makes
EPSILON = 1e-5  # of batch norm where a node names none


@dataclass(frozen=True)
class Layer:
    """A fully connected layer that is held sparse: y = weight x + bias, then ReLU where ``relu``."""

    weight: Nonzeros
    bias: Array
    relu: bool


def skeleton(name: str) -> ModelProto:
    """The skeleton of a network of the catalog, or of ``auto`` or a gate. FileNotFoundError if none was exported."""
    return onnx.load(SKELETONS / f"{name}.onnx")


def wanted(model: ModelProto) -> Wanted:
    """Name, shape and dtype of every tensor that the checkpoint of a skeleton's network has."""
    shapes = {tensor.name: tuple(tensor.dims) for tensor in model.graph.initializer}
    counters = [name.removesuffix("running_mean") for name in shapes if name.endswith(".running_mean")]
    floats = {name: (shape, "float32") for name, shape in shapes.items()}
    return floats | {f"{name}num_batches_tracked": ((), "int64") for name in counters}


def sides(model: ModelProto) -> dict[str, int]:
    """The side S of each input float32 [n, 1, S, S] of a skeleton, by its name."""
    return {given.name: given.type.tensor_type.shape.dim[-1].dim_value for given in model.graph.input}


def fill(model: ModelProto, arrays: Mapping[str, Array]) -> None:
    """Give every initializer of a skeleton that ``arrays`` names its values, float32 of its shape."""
    for tensor in model.graph.initializer:
        if tensor.name in arrays:
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(arrays[tensor.name]), tensor.name))


def fold_batch_norm(model: ModelProto) -> None:
    """Put every batch norm that follows a convolution into it (Jacob et al., 2018, section 3.2)."""
    graph = model.graph
    makers = {node.output[0]: node for node in graph.node}
    for norm in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        before = makers.get(norm.input[0])
        if before is not None and before.op_type == "Conv" and _readers(graph, norm.input[0]) == 1:
            _fold(graph, before, norm)
    drop_unused(model)


def _fold(graph: GraphProto, convolution: NodeProto, norm: NodeProto) -> None:
    values = {tensor.name: tensor for tensor in graph.initializer}
    weight, *biases = (numpy_helper.to_array(values[name]) for name in convolution.input[1:])
    gain, shift, mean, variance = (numpy_helper.to_array(values[name]) for name in norm.input[1:])
    scale = gain / np.sqrt(variance + _attribute(norm, "epsilon", EPSILON))
    bias = (sum(biases) - mean) * scale + shift
    names = [f"{norm.output[0]}_{part}" for part in ("weight", "bias")]
    for name, array in zip(names, (weight * scale[:, None, None, None], bias), strict=True):
        graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
    convolution.input[:] = [convolution.input[0], *names]
    convolution.output[0] = norm.output[0]
    graph.node.remove(norm)


def sparse_end(model: ModelProto, sparse: Collection[str]) -> list[NodeProto]:
    """The last nodes of a graph, from its first fully connected layer with a weight named in ``sparse`` on; [] if that
    is no chain of fully connected layers and ReLUs: then ONNX Runtime runs them, zeros and all.
    """
    nodes = list(model.graph.node)
    starts = (place for place, node in enumerate(nodes) if node.op_type == "Gemm" and node.input[1] in sparse)
    end = nodes[next(starts, len(nodes)) :]
    follow = all(following.input[0] == node.output[0] for node, following in pairwise(end))
    return end if follow and all(node.op_type in ("Gemm", "Relu") for node in end) else []


def cut_sparse(model: ModelProto, sparse: Mapping[str, Nonzeros]) -> list[Layer]:
    """End the graph before ``sparse_end``, and return the layers of that."""
    graph = model.graph
    values = {tensor.name: tensor for tensor in graph.initializer}
    chain = sparse_end(model, sparse)
    if not chain:
        return []
    layers = []
    for place, node in enumerate(chain):
        if node.op_type == "Gemm":
            name, bias = node.input[1], numpy_helper.to_array(values[node.input[2]])
            weight = sparse[name] if name in sparse else Nonzeros.of(numpy_helper.to_array(values[name]))
            layers.append(Layer(weight, bias, place + 1 < len(chain) and chain[place + 1].op_type == "Relu"))
    end = chain[0].input[0]
    for node in chain:
        graph.node.remove(node)
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(end, TensorProto.FLOAT, ["n", layers[0].weight.shape[1]]))
    drop_unused(model)
    return layers


def show(model: ModelProto, values: Collection[str]) -> None:
    """Make outputs, beside what is one already, of those float32 ``values`` that the graph computes."""
    shown = {output.name for output in model.graph.output}
    for name in (name for node in model.graph.node for name in node.output if name in values and name not in shown):
        model.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))


def take_pictures(model: ModelProto, name: str, own: int, side: int, mean: float = 0.0, std: float = 1.0) -> None:
    """Let a graph take pictures uint8 [N, own, own] as its input ``name``: scaled to [0, 1], normalised, resized to
    ``side``; the same as ``models.classifier.Classifier.network_input``.
    """
    graph = model.graph
    step = f"{name}{INPUT}"
    constants: dict[str, Array] = {
        f"{step}_axis": np.array([1], np.int64),
        f"{step}_scale": np.array(1 / (255 * std), np.float32),
        f"{step}_shift": np.array(-mean / std, np.float32),
    }
    last = f"{step}_{name}"
    nodes = [
        helper.make_node("Cast", [name], [f"{step}_float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", [f"{step}_float", f"{step}_axis"], [f"{step}_planes"]),
        helper.make_node("Mul", [f"{step}_planes", f"{step}_scale"], [f"{step}_scaled"]),
        helper.make_node("Add", [f"{step}_scaled", f"{step}_shift"], [last if side == own else f"{step}_normal"]),
    ]
    if side != own:
        constants[f"{step}_sides"] = np.array([1, 1, side / own, side / own], np.float32)
        half_pixel = {"mode": "linear", "coordinate_transformation_mode": "half_pixel"}
        nodes.append(helper.make_node("Resize", [f"{step}_normal", "", f"{step}_sides"], [last], **half_pixel))
    for node in graph.node:
        node.input[:] = [last if each == name else each for each in node.input]
    nodes += graph.node
    del graph.node[:]
    graph.node.extend(nodes)
    graph.initializer.extend(numpy_helper.from_array(value, key) for key, value in constants.items())
    place = next(place for place, given in enumerate(graph.input) if given.name == name)
    graph.input[place].CopyFrom(helper.make_tensor_value_info(name, TensorProto.UINT8, ["n", own, own]))


def widen(model: ModelProto, multiple: int = 16) -> None:
    """Give every convolution between two others a multiple of so many channels, the added ones zero: with less
    ONNX Runtime takes a slower kernel, by a fifth for the gate.
    """
    graph = model.graph
    values = {tensor.name: tensor for tensor in graph.initializer}
    for before in [node for node in graph.node if node.op_type == "Conv"]:
        after = _next_convolution(graph, before)
        if after is not None:
            added = -values[before.input[1]].dims[0] % multiple
            for name, axis in ((before.input[1], 0), (before.input[2], 0), (after.input[1], 1)):
                array = numpy_helper.to_array(values[name])
                wider = np.pad(array, [(0, added * (axis == side)) for side in range(array.ndim)])
                values[name].CopyFrom(numpy_helper.from_array(wider, name))


def _next_convolution(graph: GraphProto, node: NodeProto) -> NodeProto | None:
    """The convolution that alone reads what a node gives, after ReLU and pooling or not; None if there is none."""
    readers = [other for other in graph.node if node.output[0] in other.input]
    if len(readers) != 1 or readers[0].op_type not in ("Conv", "Relu", "MaxPool"):
        return None
    return readers[0] if readers[0].op_type == "Conv" else _next_convolution(graph, readers[0])


def drop_unused(model: ModelProto) -> None:
    """Forget initializers and nodes that nothing reads any more, and shapes that may be wrong by now."""
    graph = model.graph
    read = {output.name for output in graph.output}
    for node in reversed(list(graph.node)):
        if read.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            read.update(node.input)
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in read]:
        graph.initializer.remove(tensor)
    del graph.value_info[:]


def _readers(graph: GraphProto, name: str) -> int:
    return sum(list(node.input).count(name) for node in graph.node)


def _attribute(node: NodeProto, name: str, default: float) -> float:
    return next((float(each.f) for each in node.attribute if each.name == name), default)
