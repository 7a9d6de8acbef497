"""Quantised networks: what runs in integers, that they answer as in float32, and what their weights become."""

from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto, helper, numpy_helper

from models import catalog
from models.compiled import calibration, forms, int8, making
from models.compiled.cache import Compiled
from models.compiled.runner import open_runner, open_session, softmax
from tests import untrained

NAMES = [*catalog.ARCHITECTURES, *catalog.EXTRAS]


def runner_of(made, form, ranges):
    return open_runner(Compiled(*making.arrays(made, form, ranges), ""))


RIGHT = forms.usable(forms.instruction_set())[1]  # the other overflows here, or need not be narrow
# Of the narrow ones, which are right everywhere, two tell enough.
FORMS = {*((name, RIGHT) for name in NAMES), ("lenet", "int8-narrow"), ("densenet", "int8-narrow")}


@pytest.mark.parametrize(("name", "form"), sorted(FORMS))
def test_answers_are_close_to_those_of_float32(name, form, checkpoint, pictures):
    made = making.classifier(untrained.read(checkpoint(name)))
    ranges = calibration.ranges(made, pictures)
    exact = runner_of(made, "float32", {}).logits(pictures)
    quantised = runner_of(made, form, ranges).logits(pictures)
    assert np.abs(softmax(quantised) - softmax(exact)).max() < 0.05
    assert np.abs(quantised - exact).max() < 0.12 * np.abs(exact).max()
    assert (quantised != exact).any()


def fused(model: ModelProto, tmp_path) -> Counter[str]:
    """The operators that ONNX Runtime runs for a graph, by their number."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        # Its joined features go to batch norm, in float32.
        ("densenet", {"QLinearConv": 20, "QLinearConcat": 0, "Concat": 16, "Conv": 0}),
        # A mean reads what the last of eight blocks adds, in float32; the other Add is of the input step.
        ("resnet18", {"QLinearConv": 20, "QLinearAdd": 7, "Add": 2, "Conv": 0}),
        ("googlenet", {"QLinearConv": 57, "QLinearConcat": 8, "Concat": 1, "Conv": 0}),
        ("lenet", {"QLinearConv": 2, "Conv": 0}),
    ],
)
def test_what_runs_in_integers(name, wanted, checkpoint, pictures, tmp_path):
    made = making.classifier(untrained.read(checkpoint(name)))
    ranges = calibration.ranges(made, pictures[:2])
    assert [*ranges] == int8.activations(made.model)
    int8.quantise(made.model, ranges)
    found = fused(made.model, tmp_path)
    assert {kind: found[kind] for kind in wanted} == wanted, found


def convolution(weight: np.ndarray, bias: np.ndarray | None) -> ModelProto:
    """float32 x [n, C, 6, 6] -> y, through one convolution of 3x3."""
    arrays = {"weight": weight} | ({} if bias is None else {"bias": bias})
    made = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["given"]), helper.make_node("Conv", ["given", *arrays], ["y"])],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", weight.shape[1], 6, 6])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", len(weight), 4, 4])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return model


RANGES = {"given": (-1.0, 3.0), "y": (-8.0, 8.0)}


def weights(channels: int = 4) -> np.ndarray:
    return np.random.default_rng(3).normal(size=(channels, 2, 3, 3)).astype(np.float32)


@pytest.mark.parametrize("most", [127, 63])
def test_weights_are_rounded_by_channel_and_reach_the_largest_integer(most):
    weight, bias = weights(), np.array([0.5, -2.0, 0.0, 1e-3], np.float32)
    model = convolution(weight, bias)
    int8.quantise(model, RANGES, weight_max=most)
    kept = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    integers, steps = kept["weight_q"], kept["weight_scale"]
    assert (integers.dtype, steps.dtype) == (np.int8, np.float32)
    wanted = np.abs(weight).reshape(4, -1).max(axis=1) / most
    np.testing.assert_array_equal(steps, wanted.astype(np.float32))
    np.testing.assert_array_equal(integers, np.rint(weight / steps[:, None, None, None]))
    assert set(np.abs(integers).reshape(4, -1).max(axis=1)) == {most}
    assert kept["bias_q"].dtype == np.int32
    np.testing.assert_allclose(kept["bias_q"] * kept["bias_scale"], bias, atol=kept["bias_scale"].max() / 2)
    np.testing.assert_allclose(kept["bias_scale"], kept["given_scale"] * steps, rtol=1e-6)
    assert (kept["given_scale"], kept["given_zero"]) == (np.float32(4 / 255), 64)
    assert not {"weight", "bias"} & kept.keys()


def test_a_convolution_without_a_bias_stays_without():
    model = convolution(weights(), None)
    exact, x = open_session(model.SerializeToString()), np.random.default_rng(0).uniform(-1, 3, (2, 2, 6, 6))
    int8.quantise(model, {**RANGES, "y": (-25.0, 25.0)})
    given = {"x": x.astype(np.float32)}
    got = open_session(model.SerializeToString()).run(None, given)[0]
    np.testing.assert_allclose(got, exact.run(None, given)[0], atol=0.3)


@pytest.mark.parametrize("size", [0.0, 1e-9, 1e-30])
def test_the_bias_of_a_channel_without_weights_is_kept(size):
    """Beside weights of next to nothing it would not fit 32 bits; without any it would be rounded to the input's."""
    weight, bias = weights(), np.array([0.5, -2.0, 3.0, 1.0], np.float32)
    weight[1:3] *= size
    model = convolution(weight, bias)
    int8.quantise(model, RANGES)
    got = open_session(model.SerializeToString()).run(None, {"x": np.ones((1, 2, 6, 6), np.float32)})[0]
    np.testing.assert_allclose(got[0, 1:3], np.full((2, 4, 4), [[[-2.0]], [[3.0]]]), atol=16 / 255)


def test_ranges_that_are_missing_are_an_error(checkpoint, pictures):
    made = making.classifier(untrained.read(checkpoint("lenet")))
    ranges = calibration.ranges(made, pictures)
    last = [*ranges][-1]
    del ranges[last]
    with pytest.raises(KeyError, match=last):
        making.arrays(made, "int8", ranges)
    with pytest.raises(KeyError):
        making.arrays(made, "int8", {})
    making.arrays(made, "float32", {})


def test_making_one_form_leaves_the_network_for_the_next(checkpoint, pictures):
    made = making.classifier(untrained.read(checkpoint("lenet")))
    before = made.model.SerializeToString()
    making.arrays(made, "int8", calibration.ranges(made, pictures))
    assert made.model.SerializeToString() == before
