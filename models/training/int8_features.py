"""Convolutions on integers: features for a CPU in a third of the time that PyTorch's float32 takes (VGG-11, AVX2).

The int8 form that the service would run (``models.compiled``), of weights rounded as the checkpoint will have them:
layers that learn from such features meet the same convolutions when they are measured and when they are served.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor

from models import catalog, checkpoints
from models.checkpoints import file_format
from models.checkpoints.described import described
from models.classifier import Classifier
from models.compiled import calibration, forms, making
from models.compiled.cache import Compiled
from models.compiled.making import Made
from models.compiled.runner import open_runner
from models.training import sparse


def convolutions(classifier: Classifier, pictures: Tensor, folder: Path) -> Callable[[Tensor], Tensor] | None:
    """What computes the features that a classifier's sparse layers get: uint8 [N, 28, 28] -> float32 [N, D].

    Ranges of activations are taken on ``pictures``, uint8 [M, 28, 28]; ``folder`` holds a checkpoint meanwhile. None
    where there is nothing to compile from, or no fully connected layer is sparse: then these are in the graph too.
    """
    made = _made(classifier, folder / f"convolutions{checkpoints.SUFFIX}")
    if made is None or not made.layers:
        return None
    form = forms.usable(forms.instruction_set())[-1]
    arrays = making.arrays(made, form, calibration.ranges(made, pictures.numpy()))
    runner = open_runner(Compiled(*arrays, ""), threads=torch.get_num_threads())

    def compute(pictures: Tensor) -> Tensor:
        return torch.from_numpy(runner.session.run(None, {runner.inputs[0]: pictures.numpy()})[0])

    return compute


def _made(classifier: Classifier, path: Path) -> Made | None:
    """The classifier compiled, by way of a checkpoint; None if it is not of the catalog's network, or that has no
    skeleton.
    """
    with torch.device("meta"):
        network = catalog.find(classifier.architecture).build()
    state = sparse.dense_state(classifier.network)
    if _shapes(state) != _shapes(network.state_dict()):
        return None
    network.load_state_dict(state, assign=True)
    try:
        whole = Classifier(network, architecture=classifier.architecture, dataset=classifier.dataset)
        checkpoints.save(path, whole, {})
        return making.classifier(described(file_format.open_file(path)))
    except checkpoints.CheckpointError:
        return None
    finally:
        path.unlink(missing_ok=True)


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in state.items()}
