"""PyTorch on a GPU as the service's runtime: every network recorded, in half precision, on a stream of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import nn

from app.serving import threads
from app.serving.backends import Loaded
from app.serving.cuda import Cuda
from app.serving.recorded import Device, Recorded
from app.settings import Settings
from models import checkpoints
from models.classifier import Classifier
from models.devices import plain_float32


class Gpu:
    """One GPU. `stream` makes a stream of the device named, for each network. A pass of a network uses as much of the
    GPU as it can, and those of different networks share it: the engine gives each a lane.
    """

    streams = 1

    def __init__(self, settings: Settings, device: str, stream: Callable[[str], Device] = Cuda) -> None:
        self.device = device
        self._stream = stream
        self._limit = settings.max_batch_size
        self._threads = threads.computing(settings)  # of PyTorch on the CPU, which loads checkpoints
        self._launching = ThreadPoolExecutor(1, "gpu")

    def configure(self) -> None:
        """Set PyTorch's threads and arithmetic; shapes are few, so that it pays to try which kernel is the quickest."""
        torch.set_num_threads(self._threads)
        plain_float32()
        torch.backends.cudnn.benchmark = True

    def load(self, path: Path) -> Loaded:
        """See Runtime."""
        device = self._launching.submit(self._stream, self.device).result()
        found = checkpoints.load(path, device.name)
        compute_in(found, device.dtype)
        return Loaded(
            Recorded(found, device, self._launching, self._limit),
            found.architecture,
            found.dataset,
            found.temperature,
            found.temperature_sent,
            found.metadata,
            f"torch {str(device.dtype).removeprefix('torch.')}, recorded",
        )


def compute_in(classifier: Classifier, dtype: torch.dtype) -> None:
    """Let the network of a classifier compute in `dtype`, channels last; what goes in and comes out stays float32, and
    so does the last layer: of logits of 5 bfloat16 tells no hundredths, and answers would differ by batches.
    """
    network = classifier.network
    network.to(dtype=dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.register_forward_pre_hook(lambda _, inputs: (inputs[0].to(dtype),))
    last = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)][-1]
    last.float().register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))
