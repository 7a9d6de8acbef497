"""Settings of the service, read from the environment: `LINEUP_PORT=9000` sets `port`."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024


class Settings(BaseSettings):
    """What can be set, with its default and the reason for it; every limit is shown by `GET /limits`."""

    model_config = SettingsConfigDict(env_prefix="LINEUP_", env_ignore_empty=True, frozen=True)

    weights: Annotated[
        Path | None, Field(description="Folder of the checkpoints; unset: `weights/` beside `models/`.")
    ] = None
    networks: Annotated[
        str, Field(description="Networks to load, separated by commas; empty: the seven. `lenet-bn` can be named too.")
    ] = ""
    device: Annotated[
        str,
        Field(
            description="Where networks run: `auto` (a GPU if there is one, and PyTorch), `cpu`, `cuda` or `cuda:1`.",
            pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        ),
    ] = "auto"
    backend: Annotated[
        Literal["auto", "onnxruntime", "torch"],
        Field(
            description="What runs the networks: `onnxruntime`, compiled and on the CPU; `torch`, which a GPU needs; "
            "`auto`: torch on a GPU, else onnxruntime."
        ),
    ] = "auto"
    host: Annotated[str, Field(description="Address to listen on.")] = "127.0.0.1"
    port: Annotated[int, Field(description="Port to listen on.", ge=0, le=65535)] = 8000
    max_upload_bytes: Annotated[int, Field(description="Largest picture, in bytes; more is 413 `too_large`.", ge=1)] = (
        20 * MIB
    )
    max_pixels: Annotated[
        int, Field(description="Largest picture, in pixels; more is 413 `too_many_pixels`.", ge=1)
    ] = 50_000_000
    max_batch_files: Annotated[
        int, Field(description="Most pictures in one `/predict/batch`; more is 413 `too_large`.", ge=1)
    ] = 64
    max_batch_bytes: Annotated[
        int, Field(description="Most bytes in one `/predict/batch`; more is 413 `too_large`.", ge=1)
    ] = 100 * MIB
    max_held_bytes: Annotated[
        int, Field(description="Most bytes of uploads in memory at once; more is 429 `queue_full`.", ge=1)
    ] = 512 * MIB
    deadline_s: Annotated[
        float,
        Field(description="Seconds from the whole upload to the answer; later is 504 `deadline_exceeded`.", gt=0),
    ] = 10.0
    upload_s: Annotated[
        float,
        Field(description="Seconds that an upload may take; it may also never pause longer than `deadline_s`.", gt=0),
    ] = 60.0
    queue_size: Annotated[
        int,
        Field(description="Most pictures waiting for one network; more is 429 `queue_full`.", ge=1),
    ] = 256
    max_batch_size: Annotated[int, Field(description="Most pictures in one forward pass.", ge=1)] = 64
    max_batch_gmacs: Annotated[
        float,
        Field(description="On a CPU, most multiply-adds (in 1e9) in one forward pass, so that none takes long.", gt=0),
    ] = 5.0
    threads: Annotated[
        int, Field(description="CPU threads for the forward passes together; 0: one for each core that is there.", ge=0)
    ] = 0
    intake_threads: Annotated[
        int, Field(description="Threads that decode and prepare pictures; 0: two to four by the cores.", ge=0)
    ] = 0


def cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """How many CPU cores this process may keep busy: those it may run on, or a container's share where that is less."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        share, period = quota.read_text(encoding="ascii").split()
        return max(1, min(allowed, round(int(share) / int(period))))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return allowed
