"""Where networks run, and what holds for PyTorch wherever they do."""

from __future__ import annotations

import torch


def choose_device(wanted: str) -> torch.device:
    """The device that ``wanted`` names: "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:1". RuntimeError, which
    says what there is, if that is a GPU and there is none of that number.
    """
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(wanted)
    if device.type == "cuda":
        _check_gpu(wanted, device.index or 0)
    return device


def _check_gpu(wanted: str, index: int) -> None:
    if not torch.cuda.is_available():
        raise RuntimeError(f"the device is {wanted!r}, but PyTorch finds no GPU here; use 'auto' or 'cpu'")
    if index >= (count := torch.cuda.device_count()):
        there = ", ".join(f"'cuda:{number}'" for number in range(count))
        raise RuntimeError(f"the device is {wanted!r}, but the GPUs here are {there}; use one of them, 'auto' or 'cpu'")


def plain_float32() -> None:
    """No TF32 on GPUs, for the whole process: what is measured and served there are the answers of a CPU."""
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
