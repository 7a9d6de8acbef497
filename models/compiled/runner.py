"""Running a compiled network: ONNX Runtime for its graph, sparse matrices for the layers after it, and softmax.

Knows neither torch nor catalog nor how graphs are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnxruntime
from scipy.sparse import csr_array

from models.compiled.cache import Compiled

Float = npt.NDArray[np.float32]
UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SparseLayer:
    """A fully connected layer of which few weights are not zero: float32 [N, I] -> [N, O]."""

    weight: csr_array  # float32 [O, I]
    bias: Float  # [O]
    relu: bool

    def linear(self, x: Float) -> Float:
        """Before ReLU: float32 [N, I] -> [N, O]."""
        y: Float = (self.weight @ x.T).T + self.bias
        return y

    def __call__(self, x: Float) -> Float:
        return np.maximum(self.linear(x), 0) if self.relu else self.linear(x)


@dataclass(frozen=True)
class Runner:
    """A compiled network. Each call computes on the caller's thread; safe to call from several at once.

    ``inputs``: the names of the graph's, in the order in which they are given. ``temperature`` divides the logits, and
    ``temperature_sent`` those of pictures that were not of the dataset's own kind as they were sent.
    """

    session: onnxruntime.InferenceSession
    inputs: Sequence[str]
    layers: Sequence[SparseLayer]
    temperature: float
    temperature_sent: float

    def logits(self, *pictures: UInt8) -> Float:
        """uint8 [N, S, S] of each input -> float32 logits [N, K], not divided by a temperature."""
        x: Float = self.session.run(None, dict(zip(self.inputs, pictures, strict=True)))[0]
        for layer in self.layers:
            x = layer(x)
        return x

    def chances(self, *pictures: UInt8) -> Float:
        """uint8 [N, S, S] of each input -> probabilities float32 [N, K]: softmax(logits / temperature)."""
        return softmax(self.logits(*pictures) / np.float32(self.temperature))

    def probabilities(self, pictures: UInt8, as_sent: Bool | None = None) -> Float:
        """uint8 [N, 28, 28] -> probabilities float32 [N, 10], with ``temperature_sent`` for those of which ``as_sent``,
        bool [N], says that they were not of the dataset's own kind as they were sent; None: none.
        """
        if as_sent is None or not as_sent.any():
            return self.chances(pictures)
        temperatures: Float = np.where(as_sent, self.temperature_sent, self.temperature).astype(np.float32)
        return softmax(self.logits(pictures) / temperatures[:, None])


def softmax(logits: Float) -> Float:
    """float32 [N, K] -> float32 [N, K]; each row sums to 1."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    told: Float = powers / powers.sum(axis=1, keepdims=True)
    return told


def open_runner(
    made: Compiled,
    temperature: float = 1.0,
    temperature_sent: float | None = None,
    *,
    threads: int = 1,
    fused: bool = True,
) -> Runner:
    """What runs a compiled network, on ``threads`` threads a call, the caller's among them; ``fused`` as for
    ``open_session``.

    One is the quickest where several pictures are under way: no core waits for another's part.
    """
    layers = []
    for number, (outputs, inputs, relu) in enumerate(made.header["layers"]):
        values, columns, starts, bias = (made.arrays[f"{number}.{part}"] for part in PARTS)
        weight = csr_array((values, columns, starts), shape=(outputs, inputs))
        weight.check_format()  # a column beyond the last would read memory that is not its own
        layers.append(SparseLayer(weight, bias, relu))
    session = open_session(made.arrays["graph"].tobytes(), threads, fused=fused)
    sent = temperature if temperature_sent is None else temperature_sent
    return Runner(session, [given.name for given in session.get_inputs()], layers, temperature, sent)


PARTS = ("values", "columns", "starts", "bias")  # of a sparse layer: csr_array's three, and its bias


def open_session(graph: bytes, threads: int = 1, *, fused: bool = True) -> onnxruntime.InferenceSession:
    """A session whose runs compute on ``threads`` threads, the caller's among them; 0: on all cores.

    Not ``fused``, what would run on integers is rounded as they would be and computed in float32: slowly, and right
    also where this processor's integers would overflow (``forms.usable``).
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a core that spins is not another's
    options.enable_cpu_mem_arena = False  # each would keep its largest batch's memory; without, runs are as quick
    options.log_severity_level = 3
    if not fused:
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
