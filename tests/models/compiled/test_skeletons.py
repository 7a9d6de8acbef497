"""The committed skeletons are those of the networks as they are, and nothing but nodes and names."""

import re
import socket
from dataclasses import asdict
from itertools import count
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, helper, numpy_helper

from models.catalog import ARCHITECTURES, EXTRAS
from models.compiled import graph, stages
from models.intake.gate import KINDS
from models.intake.thumbnail import SIDE as THUMBNAIL_SIDE
from tools import skeletons
from tools.stages import table

NAMES = [*ARCHITECTURES, *EXTRAS, "auto", *(f"gate-{name}" for name in KINDS)]
# An export takes seconds. What changes in the others' networks shows in test_graph too, where their graphs no longer
# give torch's logits.
QUICK = ("lenet", "lenet-bn", "auto")


def canonical(model: ModelProto) -> list[object]:
    """Operators, attributes, weights and wiring; values are told by their order, whatever a version of torch calls
    them.
    """
    inputs = [value.name for value in model.graph.input]
    numbers = {tensor.name: tensor.name for tensor in model.graph.initializer} | {name: name for name in [*inputs, ""]}
    number = map(str, count())
    nodes = []
    for node in model.graph.node:
        wires = [numbers[name] for name in node.input]
        numbers |= {name: next(number) for name in node.output}
        told = sorted((each.name, _value(each)) for each in node.attribute)
        nodes.append((node.op_type, told, wires, [numbers[name] for name in node.output]))
    tensors = sorted((tensor.name, tensor.data_type, list(tensor.dims)) for tensor in model.graph.initializer)
    values = [(value.name, _shape(value)) for value in [*model.graph.input, *model.graph.output]]
    outputs = [numbers[value.name] for value in model.graph.output]
    return [nodes, tensors, values, outputs]


def told(table: stages.Table | list[dict[str, Any]]) -> list[object]:
    """All of a stage table but what a version of torch calls values; that these are right ones, test_features shows."""
    rows = [asdict(stage) for stage in table.stages] if isinstance(table, stages.Table) else table
    return [[[str(key), list(each) if key == "shape" else each] for row in (stage, *stage["layers"])
        for key, each in sorted(row.items()) if key not in ("value", "layers")] for stage in rows]  # fmt: skip


def _value(attribute: onnx.AttributeProto) -> str:
    value = _array(attribute)
    return str(value.tolist() if isinstance(value, np.ndarray) else value)


def _array(attribute: onnx.AttributeProto) -> object:
    value = helper.get_attribute_value(attribute)
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def _shape(value: onnx.ValueInfoProto) -> list[object]:
    return [side.dim_param or side.dim_value for side in value.type.tensor_type.shape.dim]


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_a_skeleton_is_that_of_its_network(name):
    network, sides = skeletons.networks()[name]
    exported = skeletons.exported(network, sides)
    if name in ARCHITECTURES or name in EXTRAS:
        assert told(table(network, exported)) == told(stages.load(name)), "make skeletons"
    fresh = skeletons.stripped(exported)
    assert canonical(fresh) == canonical(graph.skeleton(name)), "make skeletons"


def test_a_skeleton_of_other_names_is_the_same_and_of_other_wires_another():
    model = graph.skeleton("resnet18")
    renamed = ModelProto()
    renamed.CopyFrom(model)
    inner = {output: f"v{k}" for k, node in enumerate(model.graph.node[:-1]) for output in node.output}
    for node in renamed.graph.node:
        node.input[:] = [inner.get(name, name) for name in node.input]
        node.output[:] = [inner.get(name, name) for name in node.output]
    assert canonical(renamed) == canonical(model)
    add = next(node for node in renamed.graph.node if node.op_type == "Add")
    add.input[:] = [add.input[1], add.input[0]]
    assert canonical(renamed) != canonical(model)


def test_there_is_a_skeleton_of_every_network_and_of_nothing_else():
    assert sorted(path.name for path in graph.SKELETONS.iterdir()) == sorted(f"{name}.onnx" for name in NAMES)
    assert [*skeletons.networks()] == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_skeleton_tells_neither_weights_nor_who_made_it(name):
    model = graph.skeleton(name)
    for tensor in model.graph.initializer:
        filled = {field.name for field, _ in tensor.ListFields()}
        assert filled <= {"name", "dims", "data_type"}, tensor.name
    told = re.sub(r"raw_data: .*", "", str(model))
    assert not re.search(r"[/\\]|\.py\b|doc_string|metadata_props|producer_version", told)
    assert not re.search(rf"\b{re.escape(socket.gethostname())}\b", told) or socket.gethostname() == "localhost"
    constants = [np.size(_array(node.attribute[0])) for node in model.graph.node if node.op_type == "Constant"]
    assert max(constants, default=0) <= 4  # a shape at most


def test_all_of_them_are_small():
    assert sum(path.stat().st_size for path in graph.SKELETONS.iterdir()) < 200_000


@pytest.mark.parametrize("name", ["auto", *(f"gate-{dataset}" for dataset in KINDS)])
def test_thumbnails_are_as_the_intake_makes_them(name):
    assert graph.sides(graph.skeleton(name))["thumbnails"] == THUMBNAIL_SIDE
