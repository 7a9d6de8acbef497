"""Graphs filled from checkpoints give what torch gives, however many pictures come at once."""

from functools import partial

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from models import catalog, checkpoints
from models.checkpoints.codings import Nonzeros
from models.classifier import Classifier
from models.compiled import graph, making
from models.compiled.cache import Compiled
from models.compiled.runner import open_runner, open_session
from models.datasets import DATASETS
from models.intake import small_cnn
from models.intake.gate import KINDS
from tests import untrained

NAMES = [*catalog.ARCHITECTURES, *catalog.EXTRAS]


@pytest.mark.parametrize("name", NAMES)
def test_a_filled_graph_gives_the_logits_of_torch(name, checkpoint, pictures):
    made = making.classifier(untrained.read(checkpoint(name)))
    runner = open_runner(Compiled(*making.arrays(made, "float32", {}), ""))
    with torch.inference_mode():
        wanted = checkpoints.load(checkpoint(name))(torch.from_numpy(pictures)).numpy()
    for count in (1, 2, len(pictures)):
        got = runner.logits(pictures[:count])
        assert (got.shape, got.dtype) == ((count, 10), np.float32)
        np.testing.assert_allclose(got, wanted[:count], rtol=0, atol=5e-6 * max(1, np.abs(wanted).max()))


@pytest.mark.parametrize("name", NAMES)
def test_batch_norm_is_in_the_convolution_before_it(name, checkpoint):
    model = making.classifier(untrained.read(checkpoint(name))).model
    makers = {node.output[0]: node.op_type for node in model.graph.node}
    norms = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
    assert not [node for node in norms if makers[node.input[0]] == "Conv"]
    assert bool(norms) == (name == "densenet")  # whose come before convolutions; lenet-bn has its own arithmetic
    used = {name for node in model.graph.node for name in node.input}
    assert {tensor.name for tensor in model.graph.initializer} <= used


def test_a_skeleton_wants_what_a_checkpoint_of_its_network_has():
    networks = {name: catalog.find(name).build for name in NAMES if name not in ("alexnet", "vgg11")}
    networks |= {"auto": small_cnn.AutoNetwork}
    networks |= {f"gate-{name}": partial(small_cnn.GateNetwork, len(kinds)) for name, kinds in KINDS.items()}
    for name, build in networks.items():
        tensors = build().state_dict().items()
        told = {key: (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch.")) for key, tensor in tensors}
        assert graph.wanted(graph.skeleton(name)) == told, name


def test_a_skeleton_that_is_not_there_is_an_error():
    with pytest.raises(FileNotFoundError, match=r"resnet19\.onnx"):
        graph.skeleton("resnet19")


@pytest.mark.parametrize("side", sorted({row.input_size for row in catalog.ARCHITECTURES.values()} | {64}))
@pytest.mark.parametrize("dataset", DATASETS)
def test_the_input_step_is_that_of_the_classifier(dataset, side, pictures):
    known = DATASETS[dataset]
    nodes = [helper.make_node("Identity", ["pictures"], ["logits"])]
    values = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1, side, side]) for name in ("pictures", "logits")
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "step", values[:1], values[1:]), opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 9
    graph.take_pictures(model, "pictures", 28, side, known.mean, known.std)
    onnx.checker.check_model(model)
    network = torch.nn.Identity()
    network.input_size = side
    wanted = Classifier(network, architecture="lenet", dataset=dataset).network_input(torch.from_numpy(pictures))
    got = open_session(model.SerializeToString()).run(None, {"pictures": pictures})[0]
    np.testing.assert_allclose(got, wanted.numpy(), rtol=0, atol=1e-5)  # a place in float32, times a pixel's size


def dense(rows: int, columns: int, share: float = 0.05) -> np.ndarray:
    """A matrix of which a small share is not zero."""
    random = np.random.default_rng(rows)
    return (random.normal(size=(rows, columns)) * (random.random((rows, columns)) < share)).astype(np.float32)


def small_graph(*nodes: onnx.NodeProto, **arrays: np.ndarray) -> onnx.ModelProto:
    """float32 x [n, 40] -> y, through nodes."""
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 40])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", None])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return model


def gemm(given: str, number: int, gives: str) -> onnx.NodeProto:
    return helper.make_node("Gemm", [given, f"{number}.weight", f"{number}.bias"], [gives], transB=1)


def relu(given: str, gives: str) -> onnx.NodeProto:
    return helper.make_node("Relu", [given], [gives])


ARRAYS = {
    "1.weight": dense(30, 40, 1.0),
    "1.bias": dense(1, 30, 1.0)[0],
    "2.weight": dense(20, 30),
    "2.bias": dense(1, 20, 1.0)[0],
    "3.weight": dense(10, 20, 1.0),
    "3.bias": dense(1, 10, 1.0)[0],
}


def test_a_graph_ends_before_its_first_sparse_layer():
    nodes = [gemm("x", 1, "a"), relu("a", "b"), gemm("b", 2, "c"), relu("c", "d"), gemm("d", 3, "y")]
    model = small_graph(*nodes, **ARRAYS)
    x = np.random.default_rng(1).normal(size=(3, 40)).astype(np.float32)
    wanted = open_session(model.SerializeToString()).run(None, {"x": x})[0]
    layers = graph.cut_sparse(model, {"2.weight": Nonzeros.of(ARRAYS["2.weight"])})
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Gemm", "Relu"]
    assert {tensor.name for tensor in model.graph.initializer} == {"1.weight", "1.bias"}
    assert [(layer.weight.shape, layer.relu) for layer in layers] == [((20, 30), True), ((10, 20), False)]
    runner = open_runner(Compiled(*making.arrays(making.Made(model, layers), "float32", {}), ""))
    np.testing.assert_allclose(runner.logits(x), wanted, atol=1e-5)


def test_a_graph_without_a_sparse_layer_stays_whole():
    model = small_graph(gemm("x", 1, "a"), relu("a", "y"), **ARRAYS)
    before = model.SerializeToString()
    assert graph.cut_sparse(model, {}) == []
    assert graph.cut_sparse(model, {"9.weight": Nonzeros.of(ARRAYS["2.weight"])}) == []
    assert model.SerializeToString() == before


@pytest.mark.parametrize(
    "after",
    [
        [helper.make_node("Sigmoid", ["c"], ["d"]), gemm("d", 3, "y")],
        [relu("c", "d"), gemm("d", 3, "e"), helper.make_node("Softmax", ["e"], ["y"])],
        [relu("c", "d"), relu("c", "e"), gemm("e", 3, "y")],
    ],
)
def test_a_sparse_layer_that_something_else_follows_is_the_graphs_own(after):
    model = small_graph(gemm("x", 1, "b"), gemm("b", 2, "c"), *after, **ARRAYS)
    before = model.SerializeToString()
    assert graph.cut_sparse(model, {"2.weight": Nonzeros.of(ARRAYS["2.weight"])}) == []
    assert model.SerializeToString() == before


@pytest.mark.parametrize("name", ["alexnet", "vgg11"])
def test_the_large_layers_of_what_ships_are_held_sparse(name, checkpoint):
    made = making.classifier(untrained.read(checkpoint(name)))
    assert [(layer.weight.shape[0], layer.relu) for layer in made.layers] == [(4096, True), (4096, True), (10, False)]
    assert made.model.ByteSize() < 40_000_000
    assert sum(len(layer.weight.values) for layer in made.layers) < 2_500_000


def test_a_sparse_weight_of_a_convolution_gets_its_zeros_back(tmp_path, pictures):
    pruned = untrained.classifier("densenet")
    with torch.no_grad():
        convolution = max(
            (m for m in pruned.network.modules() if isinstance(m, torch.nn.Conv2d)), key=lambda m: m.weight.numel()
        )
        convolution.weight[:, ::2] = 0
        convolution.weight[:, 1::4] = 0
        convolution.weight[:, 3::8] = 0
    path = tmp_path / "densenet.lineup"
    checkpoints.save(path, pruned, {})
    assert "sparse-int8" in {entry["coding"] for entry in untrained.read(path).content.listing}
    made = making.classifier(untrained.read(path))
    assert not made.layers
    runner = open_runner(Compiled(*making.arrays(made, "float32", {}), ""))
    with torch.inference_mode():
        wanted = checkpoints.load(path)(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(runner.logits(pictures), wanted, atol=1e-5)
