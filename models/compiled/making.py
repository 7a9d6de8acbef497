"""From a checkpoint's tensors to the arrays of a compiled network: no torch, no data."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto
from scipy.sparse import csr_array

from models.checkpoints import codings, file_format
from models.checkpoints.codings import Array, Nonzeros
from models.checkpoints.described import Described
from models.checkpoints.file_format import CheckpointError, Content
from models.compiled import graph, int8
from models.compiled.forms import FORMS
from models.compiled.graph import Layer
from models.compiled.int8 import Ranges
from models.compiled.runner import PARTS
from models.datasets import SIDE


@dataclass(frozen=True)
class Made:
    """A network in float32: its graph from uint8 pictures on, and the sparse layers after that."""

    model: ModelProto
    layers: Sequence[Layer]


def classifier(source: Described) -> Made:
    """The network of a checkpoint, from uint8 pictures [N, 28, 28] to logits. CheckpointError if its tensors do not
    fit, or its network has no skeleton.
    """
    model, sparse = _filled(source)
    layers = graph.cut_sparse(model, sparse)
    graph.fold_batch_norm(model)
    _take_pictures(model, source)
    return Made(model, layers)


def features(source: Described, values: Collection[str]) -> tuple[Made, list[list[str | None]]]:
    """The same network with these values of its skeleton as outputs, as its own code computes them: no batch norm is
    folded. And for each of its sparse layers what the skeleton calls its output before ReLU, and after it where it has
    one. CheckpointError as ``classifier``.
    """
    model, sparse = _filled(source)
    chain = graph.sparse_end(model, sparse)
    layers = graph.cut_sparse(model, sparse)
    graph.show(model, values)
    _take_pictures(model, source)
    outputs = [node.output[0] for node in chain if node.op_type == "Gemm"]
    rectified = {node.input[0]: node.output[0] for node in chain if node.op_type == "Relu"}
    return Made(model, layers), [[name, rectified.get(name)] for name in outputs]


def _filled(source: Described) -> tuple[ModelProto, dict[str, Nonzeros]]:
    """The skeleton with a checkpoint's tensors, but for those at its end that are held sparse; and all sparse ones."""
    model = _skeleton(source)
    tensors = file_format.unpack(source.content, graph.wanted(model), codings.keep_sparse)
    sparse = {name: tensor for name, tensor in tensors.items() if isinstance(tensor, Nonzeros)}
    held = {name for node in graph.sparse_end(model, sparse) for name in node.input}
    graph.fill(model, {name: tensor for name, tensor in tensors.items() if name not in sparse})
    graph.fill(model, {name: tensor.dense() for name, tensor in sparse.items() if name not in held})
    return model, sparse


def _take_pictures(model: ModelProto, source: Described) -> None:
    known = source.dataset
    graph.take_pictures(model, "pictures", SIDE, source.architecture.input_size, known.mean, known.std)


def _skeleton(source: Described) -> ModelProto:
    name = source.architecture.name
    try:
        return graph.skeleton(name)
    except FileNotFoundError as error:
        right = "`make skeletons` makes it, and with LINEUP_BACKEND=torch PyTorch runs the network without one"
        raise CheckpointError(f"there is no models/compiled/skeletons/{name}.onnx to compile from; {right}") from error


def small(content: Content, skeletons: Mapping[str, str]) -> dict[str, Made]:
    """The networks of a file, by the names of their ``skeletons``, each with the prefix of its tensors in the file,
    from uint8 pictures [N, S, S] of each input on. CheckpointError if the tensors do not fit.
    """
    models = {name: graph.skeleton(name) for name in skeletons}
    wanted = {
        skeletons[name] + tensor: told for name, model in models.items() for tensor, told in graph.wanted(model).items()
    }
    tensors = file_format.unpack(content, wanted)
    for name, model in models.items():
        prefix = skeletons[name]
        own = {tensor.removeprefix(prefix): array for tensor, array in tensors.items() if tensor.startswith(prefix)}
        graph.fill(model, own)
        graph.fold_batch_norm(model)
        graph.widen(model)
        for given, side in graph.sides(model).items():
            graph.take_pictures(model, given, side, side)
    return {name: Made(model, ()) for name, model in models.items()}


def arrays(made: Made, form: str, ranges: Ranges) -> tuple[dict[str, Any], dict[str, Array]]:
    """What the cache keeps of a network in a form of FORMS: the header's part, and the arrays. KeyError if ``ranges``
    lack an activation that the form wants.
    """
    model, most = ModelProto(), FORMS[form]
    model.CopyFrom(made.model)
    if most is not None:
        int8.quantise(model, ranges, weight_max=most)
    kept: dict[str, Array] = {"graph": np.frombuffer(model.SerializeToString(), np.uint8)}
    for number, layer in enumerate(made.layers):
        kept |= {f"{number}.{part}": array for part, array in zip(PARTS, _sparse(layer), strict=True)}
    return {"form": form, "layers": [[*layer.weight.shape, layer.relu] for layer in made.layers]}, kept


def _sparse(layer: Layer) -> Sequence[Array]:
    """A layer's weight in rows (values, columns, starts of rows), and its bias."""
    rows, columns = np.divmod(layer.weight.places, layer.weight.shape[1])
    weight = csr_array((layer.weight.values, (rows.astype(np.int32), columns.astype(np.int32))), layer.weight.shape)
    weight.sort_indices()
    return weight.data.astype(np.float32), weight.indices.astype(np.int32), weight.indptr.astype(np.int32), layer.bias
