"""The processes that train a network together: this one alone, or those that torchrun started.

Each has the whole network and all pictures, and takes its part of every batch; gradients are averaged between them
(DistributedDataParallel). The steps are those of one process with the same batch: same pictures, moved in the same
way, and batch norm over all of the batch (`shared_norm`). Only dropout draws differently.
"""

from __future__ import annotations

import gc
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from models.training import shared_norm
from models.training.recipes import Recipe

T = TypeVar("T")
PATIENCE = timedelta(hours=1)  # the others wait while the first measures a checkpoint


class WorldError(RuntimeError):
    """A recipe cannot be followed by so many processes; the message says by how many it can."""


@dataclass(frozen=True)
class World:
    """`size` processes, of which this one, on `device`, has the number `rank`. All must call the same in the same
    order.
    """

    rank: int = 0
    size: int = 1
    device: torch.device | None = None

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and tells."""
        return self.rank == 0

    def check(self, recipe: Recipe) -> None:
        """Raise WorldError where the processes cannot follow a recipe."""
        if recipe.batch_size % self.size:
            told = f"WORLD_SIZE is {self.size}, by which a batch of {recipe.batch_size} cannot be divided"
            fitting = [size for size in range(1, recipe.batch_size + 1) if recipe.batch_size % size == 0]
            raise WorldError(f"{told}; wanted one of {', '.join(map(str, fitting))}")
        if self.size > 1 and any(phase.head == "features" for phase in recipe.phases):
            told = "this recipe computes features once and keeps them, which one process does"
            raise WorldError(f"WORLD_SIZE is {self.size}, but {told}: use --recipe full, or no torchrun")

    def share(self, count: int) -> tuple[slice, float]:
        """This process's part of a batch of `count` pictures: together all, none twice. And how much its mean loss
        counts, so that the processes' average is the mean of the batch.
        """
        begin, end = self.rank * count // self.size, (self.rank + 1) * count // self.size
        if begin == end:  # of a rest of fewer pictures than processes: all must take the step, but this does not count
            return slice(0, 1), 0.0
        return slice(begin, end), self.size * (end - begin) / count

    def wrap(self, model: nn.Module) -> nn.Module:
        """`model`; of several processes with batch norm shared, and gradients averaged, between them."""
        if self.size == 1:
            return model
        shared_norm.share(model)
        with warnings.catch_warnings():
            # PyTorch 2.14 has another name for it, which 2.11 does not know.
            warnings.filterwarnings("ignore", "`broadcast_buffers` is deprecated", FutureWarning)
            return DistributedDataParallel(model, broadcast_buffers=False)

    def total(self, figures: Tensor) -> Tensor:
        """The sum of the processes' figures."""
        if self.size == 1:
            return figures
        summed = figures.to(self.device)
        distributed.all_reduce(summed)
        return summed.to(figures.device)

    def mean(self, figure: float) -> float:
        """The mean of the processes' figures."""
        return self.total(torch.tensor(figure, dtype=torch.double)).item() / self.size

    def any(self, said: bool) -> bool:
        """Whether one of them says so."""
        return self.mean(float(said)) > 0

    def told(self, value: T) -> T:
        """What the first process says; the others wait for it."""
        if self.size == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box, device=self.device)
        return box[0]

    def in_turn(self, work: Callable[[], T]) -> T:
        """What `work` gives, which the others begin once the first process has done it. Its error is everybody's."""
        done, error = [], None
        try:
            done = [work()] if self.first else []
        except Exception as raised:
            error = raised
        if error := self.told(error):
            raise error
        return done[0] if done else work()


ALONE = World()


@contextmanager
def joined(device: torch.device) -> Iterator[World]:
    """The processes of torchrun, or this one alone. On GPUs each process has the one with its number."""
    if not distributed.is_torchelastic_launched() or os.environ["WORLD_SIZE"] == "1":
        yield ALONE
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield World(distributed.get_rank(), distributed.get_world_size(), device)
    finally:
        # A DistributedDataParallel holds the group in a circle of references; where the last of them went with the
        # interpreter, threads of gloo's were still running, which now and then ended the process with SIGABRT.
        gc.collect()
        distributed.destroy_process_group()
