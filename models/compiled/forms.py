"""In which forms a network may run, and what decides between them on a processor."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from models import processor

# Form -> largest size of a weight's integer; None: float32.
FORMS: Mapping[str, int | None] = MappingProxyType({"float32": None, "int8": 127, "int8-narrow": 63})
X86 = frozenset({"x86_64", "amd64", "i386", "i686"})
# Flags of x86 that decide which kernels ONNX Runtime takes.
DECISIVE = ("avx2", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "amx_int8")


def instruction_set(cpuinfo: Path = processor.CPUINFO) -> str:
    """The machine's kind and what decides the speed of its integers: "x86_64 avx2 avx512f avx512_vnni".

    Where nothing tells the flags, as on Windows, the narrow weights are right for x86 (``usable``).
    """
    flags = processor.read(cpuinfo).flags
    return " ".join([platform.machine().lower() or "unknown", *(flag for flag in DECISIVE if flag in flags)])


def usable(instructions: str) -> tuple[str, ...]:
    """The forms that give right answers with an instruction set.

    x86 without VNNI adds pairs of products in 16 bits, which overflow at full weights (ONNX Runtime's docs on
    ``reduce_range``): int8 is narrow there.
    """
    machine, *flags = instructions.split()
    narrow = machine in X86 and not any("vnni" in flag for flag in flags)
    return ("float32", "int8-narrow") if narrow else ("float32", "int8")
