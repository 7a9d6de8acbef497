"""An NVIDIA GPU, as networks that are recorded use it. Nothing of this file has ever run: there was no GPU.

The rest of the way, `app.serving.recorded` and `app.serving.gpu`, is tested on a device that stands in for this one.
"""

from collections.abc import Callable

import torch
from torch import Tensor

WARM_UPS = 3  # passes before recording: cuDNN tries its kernels, cuBLAS allocates its workspace


class Cuda:
    """See Device. bfloat16 and not float16: with float32's range, no checkpoint can overflow in it."""

    dtype = torch.bfloat16

    def __init__(self, name: str) -> None:
        self.name = name
        self._device = torch.device(name)
        self._stream = torch.cuda.Stream(self._device)
        self._pool = torch.cuda.graph_pool_handle()  # of all sizes of a network, which never run at once

    def buffer(self, *shape: int, dtype: torch.dtype) -> Tensor:
        """See Device."""
        with torch.cuda.stream(self._stream):
            return torch.zeros(shape, dtype=dtype, device=self._device)

    def staging(self, *shape: int, dtype: torch.dtype) -> Tensor:
        """See Device."""
        return torch.zeros(shape, dtype=dtype, pin_memory=True)

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """See Device."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.device(self._device):
            self._stream.wait_stream(torch.cuda.current_stream())  # the weights were copied there
            with torch.cuda.stream(self._stream):
                for _ in range(WARM_UPS):
                    work()
            # Other threads may wait for their passes, and those of an engine that is to be exchanged go on launching.
            with torch.cuda.graph(graph, self._pool, self._stream, capture_error_mode="thread_local"):
                work()
        return graph.replay

    def launch(self, work: Callable[[], None]) -> Callable[[], None]:
        """See Device. Whoever waits sleeps: seven that spin would take the cores from what decodes pictures."""
        with torch.cuda.stream(self._stream):
            work()
            done = torch.cuda.Event(blocking=True)
            done.record()
        return done.synchronize

    def release(self) -> None:
        """See Device."""
        torch.cuda.empty_cache()
