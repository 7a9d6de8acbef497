"""Integers of eight bits in place of float32: a quarter of the memory, two to five times as quick with VNNI.

Static quantisation in the QDQ form that ONNX Runtime fuses (Jacob et al.: Quantization and training of neural networks
for efficient integer-arithmetic-only inference, 2018; Wu et al.: Integer quantization for deep learning inference,
2020): activations unsigned with one scale and zero point a tensor, weights signed with one scale an output channel,
biases int32. Convolutions run in integers, and what lies between two of them; the last layers stay in float32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, helper, numpy_helper

from models.checkpoints.codings import Array
from models.compiled.graph import INPUT

Ranges = Mapping[str, tuple[float, float]]  # least and largest value of each activation, by its name in the graph

# What may run on integers between two convolutions; everything else reads and gives float32.
BETWEEN = ("MaxPool", "Concat", "Add", "AveragePool")
CLASSES = 10  # a convolution that gives a channel a class (NiN's last) stays in float32, as last layers do
SAME_SCALE = frozenset({"MaxPool"})  # these hand values on as they are
BIAS_MAX = 2**30  # largest size of a bias's integer


def activations(model: ModelProto) -> list[str]:
    """The tensors of a graph whose ranges ``quantise`` wants, in the graph's order."""
    return list(dict.fromkeys(_quantised(model.graph)))


def quantise(model: ModelProto, ranges: Ranges, *, weight_max: int = 127) -> None:
    """Let a graph's convolutions, and what lies between them, run on integers.

    ``weight_max``: largest size of a weight's integer; 63 where the processor adds products in 16 bits and may
    overflow (x86 without VNNI). KeyError if ``ranges`` lacks a tensor of ``activations``.
    """
    graph = model.graph
    scales = {name: _scale(*ranges[name]) for name in activations(model)}
    makers = {output: node for node in graph.node for output in node.output}
    integer = {node.output[0] for node in _integer_nodes(graph)}
    for name in scales:  # a pool has its input's scale, so that it moves bytes and computes nothing
        maker = makers.get(name)
        if maker is not None and maker.op_type in SAME_SCALE and maker.input[0] in scales:
            scales[name] = scales[maker.input[0]]
    nodes: list[NodeProto] = []
    for node in graph.node:
        if node.op_type == "Conv" and node.output[0] in integer:
            nodes += _weights(graph, node, scales[node.input[0]][0], weight_max)
        nodes.append(node)
        for output in node.output:
            if output in scales:
                nodes += _round_trip(graph, output, *scales[output])
    renamed = {name: f"{name}_u8" for name in scales}
    for node in nodes:
        if node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            for place, name in enumerate(node.input):
                node.input[place] = renamed.get(name, name)
    del graph.node[:]
    graph.node.extend(nodes)


def _quantised(graph: GraphProto) -> Iterator[str]:
    """Every activation that an integer node reads or gives; what one hands a ReLU alone is quantised after it."""
    weights = {tensor.name for tensor in graph.initializer}
    after = _after_relu(graph)
    for node in _integer_nodes(graph):
        yield from (name for name in node.input if name not in weights)
        yield after.get(node.output[0], node.output[0])


def _integer_nodes(graph: GraphProto) -> list[NodeProto]:
    """All convolutions but those that give a channel a class, and those nodes of BETWEEN whose output an integer node
    reads.

    DenseNet's joined features go to batch norm, which is of float32: rounded before it, each would be rounded again and
    again on its way, which costs more answers, and more time, than it saves.
    """
    after = _after_relu(graph)
    channels = {tensor.name: tensor.dims[0] for tensor in graph.initializer if tensor.dims}
    integer: list[NodeProto] = []
    read: set[str] = set()
    for node in reversed(graph.node):  # readers come after what they read
        told = after.get(node.output[0], node.output[0])
        if (node.op_type == "Conv" and channels[node.input[1]] != CLASSES) or (
            node.op_type in BETWEEN and told in read and INPUT not in told
        ):
            integer.insert(0, node)
            read.update(node.input)
    return integer


def _after_relu(graph: GraphProto) -> dict[str, str]:
    return {node.input[0]: node.output[0] for node in graph.node if node.op_type == "Relu"}


def _scale(least: float, most: float) -> tuple[float, int]:
    """Scale and zero point of uint8 for values from ``least`` to ``most``; 0 is exact, as padding wants."""
    least, most = min(least, 0.0), max(most, 0.0)
    scale = max(most - least, 1e-6) / 255
    return scale, round(-least / scale)


def _round_trip(graph: GraphProto, name: str, scale: float, zero: int) -> list[NodeProto]:
    names = [f"{name}_scale", f"{name}_zero"]
    for each, value in zip(names, (np.float32(scale), np.uint8(zero)), strict=True):
        graph.initializer.append(numpy_helper.from_array(np.asarray(value), each))
    return [
        helper.make_node("QuantizeLinear", [name, *names], [f"{name}_q"]),
        helper.make_node("DequantizeLinear", [f"{name}_q", *names], [f"{name}_u8"]),
    ]


def _weights(graph: GraphProto, node: NodeProto, scale: float, most: int) -> list[NodeProto]:
    """A convolution's weight as int8 and its bias as int32, each with what makes float32 of it."""
    values = {tensor.name: tensor for tensor in graph.initializer}
    weight, *biases = (numpy_helper.to_array(values[name]) for name in node.input[1:])
    bias = biases[0] if biases else np.zeros(len(weight), np.float32)
    step, rounded = _rounded(weight, most, np.abs(bias) / (scale * BIAS_MAX))
    made = [(rounded, step), (np.rint(bias / (scale * step)).astype(np.int32), scale * step)]
    nodes = []
    for name, (integers, steps) in zip(node.input[1:], made, strict=False):
        values[name].CopyFrom(numpy_helper.from_array(integers, f"{name}_q"))
        graph.initializer.append(numpy_helper.from_array(steps.astype(np.float32), f"{name}_scale"))
        graph.initializer.append(numpy_helper.from_array(np.zeros(len(steps), integers.dtype), f"{name}_zero"))
        parts = [f"{name}_{part}" for part in ("q", "scale", "zero")]
        nodes.append(helper.make_node("DequantizeLinear", parts, [name], axis=0))
    return nodes


def _rounded(weight: Array, most: int, least: Array) -> tuple[Array, Array]:
    """float32 [C, ...] -> (float32 scale [C], int8 up to ``most``), no scale below ``least`` [C]: the bias of a channel
    whose weights are next to nothing would not fit its integers.
    """
    rows = weight.reshape(len(weight), -1)
    own = _own_step(rows, most)
    step = np.maximum(np.where(own > 0, own, np.abs(rows).max(axis=1) / most), least).astype(np.float32)
    step[step == 0] = 1
    return step, np.rint(rows / step[:, None]).astype(np.int8).reshape(weight.shape)


def _own_step(rows: Array, most: int) -> Array:
    """The step of each row, float [C], that are whole multiples of one, at most ``most`` of it; 0 of others.

    A checkpoint's large weights are int8 themselves (``checkpoints.codings``), and batch norm scales a channel as a
    whole: on their own steps nothing is lost. The least weight of hundreds is one step.
    """
    sizes = np.abs(rows)
    step = np.where(sizes > 0, sizes, np.inf).min(axis=1)
    step[~np.isfinite(step)] = 0
    multiples = sizes / np.where(step > 0, step, 1)[:, None]
    whole = (np.abs(multiples - np.rint(multiples)) < 0.02).all(axis=1) & (np.rint(multiples) <= most).all(axis=1)
    return np.where(whole, step, 0)
