"""Where networks run. PyTorch, which alone runs them on a GPU, is imported only where there may be one."""

from __future__ import annotations

import ctypes
import re
import sys


def choose_device(wanted: str) -> str:
    """The device that ``wanted`` names, as PyTorch calls it, "cpu" or "cuda:1". "auto" is a GPU where one can be used,
    "cuda" the first.

    RuntimeError, which says what there is or what to install, if that is a GPU and cannot be had.
    """
    if wanted == "auto":
        return "cuda:0" if gpus() and _gpus_of_torch() else "cpu"
    if wanted == "cpu":
        return wanted
    if (gpu := re.fullmatch(r"cuda(?::([0-9]{1,3}))?", wanted)) is None:
        raise RuntimeError(f"the device is {wanted[:64]!r}; wanted 'auto', 'cpu', 'cuda' or 'cuda:1'")
    index = int(gpu[1] or 0)
    _check_gpu(wanted, index)
    return f"cuda:{index}"


def gpus() -> int:
    """How many NVIDIA GPUs this process may use, by the word of their driver; 0 where there is none, or no answer."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        count = ctypes.c_int(0)
        failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    except (OSError, AttributeError):  # no driver, or a library of that name that is something else
        return 0
    return 0 if failed else count.value


def plain_float32() -> None:
    """No TF32 on GPUs, for the whole process: what is measured there are the answers of a CPU."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def _gpus_of_torch() -> int | None:
    """How many GPUs PyTorch can use here; None if it is not installed."""
    try:
        import torch
    except ImportError:
        return None
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _check_gpu(wanted: str, index: int) -> None:
    count = _gpus_of_torch()
    if count is None and gpus():
        install = "python -m pip install -e '.[torch]'"
        raise RuntimeError(f"the device is {wanted!r}, which needs PyTorch; install it: {install}; or use 'cpu'")
    if not count:
        who = "there is" if count is None else "PyTorch finds"
        raise RuntimeError(f"the device is {wanted!r}, but {who} no GPU here; use 'auto' or 'cpu'")
    if index >= count:
        there = ", ".join(f"'cuda:{number}'" for number in range(count))
        raise RuntimeError(f"the device is {wanted!r}, but the GPUs here are {there}; use one of them, 'auto' or 'cpu'")
