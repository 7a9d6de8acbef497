"""Settings of the service, read from the environment: `LINEUP_PORT=9000` sets `port`."""

import os
import re
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

MIB = 1024 * 1024
MOST_THREADS = 1024  # of one kind; whoever asks for more has mistyped
DAY_S = 86_400  # what a time may be at most: the event loop's timers know no infinity
PREFIX = "LINEUP_"
ORIGIN = re.compile(r"https?://[^\s/,*]+")
FORM_BYTES = 64 * 1024  # what a form may add to its files: boundaries, headers, other fields


def _has_keys(value: SecretStr) -> SecretStr:
    keys = value.get_secret_value()
    if not split(keys) or not (keys.isascii() and keys.isprintable()):  # what is beyond, each client sends its own way
        raise ValueError("it should hold keys of printable ASCII characters, separated by commas")
    return value


Keys = Annotated[SecretStr, AfterValidator(_has_keys)]
Seconds = Annotated[float, Field(gt=0, le=DAY_S, allow_inf_nan=False)]


class Settings(BaseSettings):
    """What can be set, with its default and the reason for it; every limit is shown by `GET /limits`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    weights: Annotated[
        Path | None, Field(description="Folder of the checkpoints; unset: `weights/` beside `models/`.")
    ] = None
    data_dir: Annotated[
        Path,
        Field(description="Folder of the datasets' own files: for training, evaluation and networks' mistakes."),
    ] = Path("data")
    networks: Annotated[
        str, Field(description="Networks to load, separated by commas; empty: all but `lenet-bn`, which can be named.")
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
    workers: Annotated[
        int,
        Field(description="Processes that share the port, each with networks, queues and limits of its own.", ge=1),
    ] = 1
    tls_cert: Annotated[
        Path | None,
        Field(description="File of the certificate and its chain, PEM: the service then speaks HTTPS alone."),
    ] = None
    tls_key: Annotated[
        Path | None, Field(description="File of the certificate's key, PEM; unset: it is in the certificate's file.")
    ] = None
    trusted_proxies: Annotated[
        str,
        Field(
            description="Addresses or networks (`10.0.0.0/8`), separated by commas, whose `X-Forwarded-For` and "
            "`X-Forwarded-Proto` are believed; empty: nobody's."
        ),
    ] = ""
    drain_s: Annotated[
        float,
        Field(
            description="Seconds after SIGTERM in which `/readyz` says 503 and requests are still taken; then the port "
            "closes. Ctrl-C does not wait.",
            ge=0,
            le=3600,
        ),
    ] = 2.0
    max_connections: Annotated[
        int,
        Field(
            description="Most connections at once; more are answered 503 `too_many_connections` and closed. 0: half "
            "as many as the process may have descriptors, at most 8,192.",
            ge=0,
        ),
    ] = 0
    header_s: Annotated[
        float,
        Field(
            description="Seconds from a connection's opening, or a head's first byte, to the end of the head; then the "
            "connection is closed.",
            gt=0,
            le=3600,
        ),
    ] = 10.0
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
        int,
        Field(
            description="Most bytes of uploads in memory at once, a whole batch and a picture more at least; beyond is "
            "429 `queue_full`.",
            ge=1,
        ),
    ] = 512 * MIB
    max_decoding_bytes: Annotated[
        int,
        Field(
            description="Most bytes of memory that pictures may hold while they are decoded, all of them together; "
            "a picture waits until its part is free.",
            ge=1,
        ),
    ] = 1024 * MIB
    deadline_s: Annotated[
        Seconds, Field(description="Seconds from the whole upload to the answer; later is 504 `deadline_exceeded`.")
    ] = 10.0
    upload_s: Annotated[
        Seconds, Field(description="Seconds that an upload may take; it may also never pause longer than `deadline_s`.")
    ] = 60.0
    queue_size: Annotated[
        int,
        Field(description="Most pictures waiting for one network of one dataset; more is 429 `queue_full`.", ge=1),
    ] = 256
    max_batch_size: Annotated[int, Field(description="Most pictures in one forward pass.", ge=1)] = 64
    max_batch_gmacs: Annotated[
        float,
        Field(
            description="On a CPU, most multiply-adds (in 1e9) in one forward pass, so that none takes long.",
            gt=0,
            le=1e9,
            allow_inf_nan=False,
        ),
    ] = 5.0
    threads: Annotated[
        int,
        Field(
            description="CPU threads for all forward passes together, at most one per core; 0: one per core.",
            ge=0,
            le=MOST_THREADS,
        ),
    ] = 0
    intake_threads: Annotated[
        int,
        Field(description="Threads that decode and prepare pictures; 0: 3 or 4 by the cores.", ge=0, le=MOST_THREADS),
    ] = 0
    api_key: Annotated[
        Keys | None,
        Field(
            description="Keys of clients, separated by commas, for `Authorization: Bearer KEY` or `X-API-Key: KEY`; "
            "without one is 401 `unauthorized`. The page, health, readiness, metrics and documentation stay open; "
            "unset: all."
        ),
    ] = None
    admin_key: Annotated[
        Keys | None,
        Field(description="The same for `/admin/...`; clients' routes take it too. Unset: those routes are 404."),
    ] = None
    rate_limit: Annotated[
        float,
        Field(
            description="Requests per second for each key, or else for each address (IPv6: each /64); more is 429 "
            "`rate_limited`; 0: no limit. Every worker counts for itself.",
            ge=0,
            le=1e6,
            allow_inf_nan=False,
        ),
    ] = 0.0
    rate_burst: Annotated[
        int, Field(description="Requests that may come at once below that limit; 0: as many as in a second.", ge=0)
    ] = 0
    cors_origins: Annotated[
        str,
        Field(
            description="Origins whose pages may ask the service, like `https://example.org`, separated by commas; "
            "`*`: all; empty: none but its own."
        ),
    ] = ""
    log_requests: Annotated[
        bool, Field(description="A line of JSON on stdout for every request; never with pictures or keys.")
    ] = False

    @model_validator(mode="before")
    @classmethod
    def _empty_keys(cls, given: dict[str, Any]) -> dict[str, Any]:
        """An empty key is not left out, as other settings are, but wrong: `LINEUP_API_KEY="$(cat missing)"` would open
        the service without a word.
        """
        empty = {name.upper() for name, value in os.environ.items() if not value}
        return {name: "" for name in ("api_key", "admin_key") if f"{PREFIX}{name.upper()}" in empty} | given

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: str) -> str:
        origins = split(value)
        if value.strip() not in ("", "*") and not (origins and all(map(ORIGIN.fullmatch, origins))):
            raise ValueError("it should be * or origins, each a scheme and a host without a path, between commas")
        return value

    @field_validator("max_held_bytes")
    @classmethod
    def _holds_any_upload(cls, value: int, info: ValidationInfo) -> int:
        """What one request may send has to fit on an idle service; what is put together from pieces counts twice."""
        picture, batch = (info.data.get(name, 0) for name in ("max_upload_bytes", "max_batch_bytes"))
        if value < (least := max(picture, batch) + picture + FORM_BYTES):
            largest = f"LINEUP_MAX_BATCH_BYTES ({batch}) and LINEUP_MAX_UPLOAD_BYTES ({picture})"
            raise ValueError(f"it should be at least {least}: the larger of {largest}, and a picture once more")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _addresses(cls, value: str) -> str:
        for each in split(value):
            ip_network(each)
        return value


def split(value: str) -> list[str]:
    """What stands between the commas."""
    return [part.strip() for part in value.split(",") if part.strip()]


def cores(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """How many CPU cores this process may keep busy: those it may run on, or a container's share where that is less."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        share, period = quota.read_text(encoding="ascii").split()
        return max(1, min(allowed, round(int(share) / int(period))))
    except (OSError, ValueError):  # no such file, or "max": no limit
        return allowed
