"""The faster precision of a device, and what comes with it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch

from models.training import small_maps


def faster_in_bfloat16(device: torch.device) -> bool:
    """Whether a matrix product is: true on GPUs since Ampere and on CPUs with AVX512_BF16 or AMX, found by trying."""

    def seconds(dtype: torch.dtype) -> float:
        a = torch.ones(768, 768, dtype=dtype, device=device)
        best = math.inf
        for _ in range(4):
            start = time.perf_counter()
            (a @ a).sum().item()
            best = min(best, time.perf_counter() - start)
        return best

    return seconds(torch.bfloat16) < seconds(torch.float32)


@contextmanager
def autocast(device: torch.device, bfloat16: bool) -> Iterator[None]:
    """Run what is inside in bfloat16 where that loses nothing, if ``bfloat16`` says so."""
    small = bfloat16 and device.type == "cpu" and small_maps.useful()
    with (
        torch.autocast(device.type, torch.bfloat16, enabled=bfloat16),
        small_maps.SmallMaps() if small else nullcontext(),
    ):
        yield
