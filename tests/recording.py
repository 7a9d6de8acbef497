"""A stand-in for one stream of a GPU: it records what a network launches, by operator, and replays it on a CPU.

As a CUDA graph does, what is replayed knows the memory and the shapes that it was recorded with, and no Python: a value
that was read while recording is read no more. Results are nobody's before they were waited for, and whatever touches
the device from another thread than the first, or replays outside of a launch, is an error.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

FULL = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


class RecordingDevice:
    """See app.serving.recorded.Device. So many calls of `record` and `launch` as `full_when_...` say find no memory."""

    name = "cpu"

    def __init__(self, dtype: torch.dtype = torch.float32, *, full_when_recording: int = 0) -> None:
        self.dtype = dtype
        self.full_when_recording, self.full_when_launching = full_when_recording, 0
        self.released = 0
        self.replayed: list[int] = []  # the sizes of passes
        self.at_wait: Callable[[], object] = lambda: None
        self.threads: set[int] = set()
        self._staged: list[Tensor] = []
        self._buffers: list[Tensor] = []
        self._launching = False

    def buffer(self, *shape: int, dtype: torch.dtype) -> Tensor:
        self._seen()
        self._buffers.append(torch.zeros(shape, dtype=dtype))
        return self._buffers[-1]

    def staging(self, *shape: int, dtype: torch.dtype) -> Tensor:
        self._seen()
        self._staged.append(torch.zeros(shape, dtype=dtype))
        return self._staged[-1]

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        self._seen()
        if self.full_when_recording:
            self.full_when_recording -= 1
            raise FULL
        graph = make_fx(work)()
        written = next(node for node in graph.graph.nodes if node.target is torch.ops.aten.copy_.default)
        size = written.meta["val"].shape[0]
        self._forget(self._buffers)  # recording is not running

        def replay() -> None:
            assert self._launching
            self.replayed.append(size)
            graph()

        return replay

    def launch(self, work: Callable[[], None]) -> Callable[[], None]:
        self._seen()
        if self.full_when_launching:
            self.full_when_launching -= 1
            raise FULL
        self._launching = True
        work()
        self._launching = False
        done = [buffer.clone() for buffer in self._staged]
        self._forget(self._staged)

        def wait() -> None:
            self.at_wait()
            for buffer, result in zip(self._staged, done, strict=True):
                buffer.copy_(result)

        return wait

    def release(self) -> None:
        self._seen()
        self.released += 1

    def _seen(self) -> None:
        self.threads.add(threading.get_ident())
        assert len(self.threads) == 1, "a device is used on one thread"

    @staticmethod
    def _forget(buffers: list[Tensor]) -> None:
        for buffer in buffers:
            buffer.fill_(math.nan if buffer.is_floating_point() else 1)
