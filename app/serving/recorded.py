"""A network on a GPU: its forward is recorded for a few batch sizes, and replayed.

Launching a network's kernels one by one takes Python longer than a GPU takes to compute them. A CUDA graph launches
all of them at once, but always on the same memory and for the same number of pictures. So pictures are copied, as
bytes, into buffers that stay, and padded with black ones to the next size that was recorded; their rows are cut off.

What is done here is done on a `Device`, which the tests have too: one that records and replays the same operators on a
CPU. `app.serving.cuda` is the real one.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from app.serving import no_memory
from models.classifier import Classifier
from models.datasets import SIDE

log = logging.getLogger(__name__)


class Device(Protocol):
    """One stream of a GPU. Everything is called on one thread, but for what `launch` returns.

    `name`: as PyTorch calls it; `dtype`: in which networks compute there.
    """

    name: str
    dtype: torch.dtype

    def buffer(self, *shape: int, dtype: torch.dtype) -> Tensor:
        """Memory of the device, zero."""
        ...

    def staging(self, *shape: int, dtype: torch.dtype) -> Tensor:
        """Memory of the host, zero, from and to which the device copies without the processor."""
        ...

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        """Record what `work` launches, after a run that allocates and chooses kernels; the result launches the same
        again, on the same memory.
        """
        ...

    def launch(self, work: Callable[[], None]) -> Callable[[], None]:
        """Call `work`, which launches and does not wait; the result waits until what it launched is done."""
        ...

    def release(self) -> None:
        """Give memory that nothing uses any more back to all."""
        ...


class Recorded:
    """The `Backend` of a classifier in eval mode. Callers take turns; whatever is launched is launched on `thread`, the
    one thread of all networks, while each caller waits for its own network: those of several run at once.

    `limit`: most pictures in one pass. Where memory does not suffice it is halved, and what is more goes in parts.
    """

    def __init__(self, classifier: Classifier, device: Device, thread: Executor, limit: int) -> None:
        self._classifier, self._device, self._thread, self.limit = classifier, device, thread, limit
        self._turn = threading.Lock()
        self._graphs: dict[int, Callable[[], None]] = {}
        thread.submit(self._prepare).result()

    def probabilities(self, pictures: NDArray[np.uint8], as_sent: NDArray[np.bool_] | None = None) -> NDArray[Any]:
        """See Backend."""
        flags = np.zeros(len(pictures), np.bool_) if as_sent is None else as_sent
        told = np.empty((len(pictures), len(self._classifier.classes)), np.float32)
        first = 0
        with self._turn:
            while first < len(pictures):
                part = slice(first, first + self.limit)
                try:
                    told[part] = self._answer(pictures[part], flags[part])
                except Exception as error:
                    self._thread.submit(self._halve, error).result()
                else:
                    first = part.stop
        return told

    def _answer(self, pictures: NDArray[np.uint8], flags: NDArray[np.bool_]) -> NDArray[Any]:
        count = len(pictures)
        size = min(size for size in self._graphs if size >= count)
        for staged, given in ((self._staged_pictures.numpy(), pictures), (self._staged_flags.numpy(), flags)):
            staged[:count], staged[count:size] = given, 0
        wait = self._thread.submit(self._launch, size).result()
        wait()
        return self._staged_told.numpy()[:count]

    # ---- on the thread

    def _prepare(self) -> None:
        new, staging, limit = self._device.buffer, self._device.staging, self.limit
        self._pictures, self._staged_pictures = (make(limit, SIDE, SIDE, dtype=torch.uint8) for make in (new, staging))
        self._flags, self._staged_flags = (make(limit, dtype=torch.bool) for make in (new, staging))
        classes = len(self._classifier.classes)
        self._told, self._staged_told = (make(limit, classes, dtype=torch.float32) for make in (new, staging))
        while not self._recorded():
            pass

    def _recorded(self) -> bool:
        """Record each size that is missing; False where that was too much for the memory, and the limit is lower."""
        try:
            for size in sizes(self.limit):
                if size not in self._graphs:
                    self._graphs[size] = self._device.record(partial(self._forward, size))
        except Exception as error:
            self._halve(error)
            return False
        return True

    def _forward(self, size: int) -> None:
        self._told[:size].copy_(self._classifier.probabilities(self._pictures[:size], self._flags[:size]))

    def _launch(self, size: int) -> Callable[[], None]:
        def work() -> None:
            self._pictures[:size].copy_(self._staged_pictures[:size], non_blocking=True)
            self._flags[:size].copy_(self._staged_flags[:size], non_blocking=True)
            self._graphs[size]()
            self._staged_told[:size].copy_(self._told[:size], non_blocking=True)

        return self._device.launch(work)

    def _halve(self, error: Exception) -> None:
        """Go on with half as many pictures at once, if that can help; raises `error` if not."""
        if self.limit == 1 or not no_memory.told_by(error):
            raise error
        before, self.limit = self.limit, self.limit // 2
        self._graphs = {size: graph for size, graph in self._graphs.items() if size <= self.limit}
        self._device.release()
        name = f"{self._classifier.architecture} for {self._classifier.dataset}"
        log.warning("%s: no memory for a batch of %d: at most %d from now on", name, before, self.limit)


def sizes(limit: int) -> list[int]:
    """Batch sizes to record: `limit`, and halves down to 1, so that a pass is at most twice what was asked. The largest
    comes first: the others then fit into the memory that it has left.
    """
    found = [limit]
    while found[-1] > 1:
        found.append(found[-1] // 2)
    return found
