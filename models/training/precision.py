"""The faster precision of a device."""

from __future__ import annotations

import math
import time

import torch


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
