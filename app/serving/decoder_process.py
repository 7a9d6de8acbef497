"""The processes that decode: one that has imported the decoders and forks, and the workers that it forks.

The service starts the first (``main``), which has one thread, so that it may fork. Each byte that it is sent comes with
a socket, and a worker with that socket is forked, in milliseconds and sharing its memory. A worker decodes one picture
after the other, with limits, until its socket is closed. When the service goes, however it goes, the first process
kills its workers and ends.
"""

import faulthandler
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pillow_heif
from PIL import (  # all that `decode` may enter, so that no worker has to import it
    AvifImagePlugin,
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    ImageCms,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    WebPImagePlugin,  # noqa: F401
)

from app.serving.messages import receive, send
from models.intake import decode

MIB = 1 << 20
CANVAS = 16383 * 16383 * 8  # bytes that WebP's decoder reserves, not fills, when it is opened
OPENING = 512 * MIB + CANVAS  # address space for reading a picture's head
ROOM = 192 * MIB  # address space for one thread that a decoder may start, its stack and its heap
MOST = 1 << 31


def main() -> None:
    """Fork a worker for every socket that comes over the one whose number is the last argument."""
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, signal.SIG_IGN)  # the service decides when its requests are answered
    control = socket.socket(fileno=int(sys.argv[-1]))
    _prepare()
    workers: set[int] = set()
    signal.signal(signal.SIGCHLD, lambda *_: _reap(workers))
    while True:
        byte, sockets, _, _ = socket.recv_fds(control, 1, 1)
        if not byte:
            break
        with socket.socket(fileno=sockets[0]) as theirs:
            workers.add(_fork(control, theirs))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _kill(workers)


def _prepare() -> None:
    """Do what no worker then has to do. Each will decode on one thread."""
    decode.register_heif()
    pillow_heif.options.DECODE_THREADS = AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    gc.freeze()  # what a worker does not look at, it shares


def _reap(workers: set[int]) -> None:
    with suppress(ChildProcessError):
        while pid := os.waitpid(-1, os.WNOHANG)[0]:
            workers.discard(pid)


def _kill(workers: set[int]) -> None:
    for pid in workers:
        with suppress(ChildProcessError):  # it has gone, and its number may be another's
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                os.kill(pid, signal.SIGKILL)


def _fork(control: socket.socket, theirs: socket.socket) -> int:
    """The number of a worker with the socket `theirs`; 0 if there cannot be one, which it is told."""
    try:
        pid = os.fork()
    except OSError as error:
        with suppress(OSError):
            send(theirs, {"failed": str(error)})
        return 0
    if pid:
        return pid
    try:
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _work(theirs)
    finally:
        os._exit(0)


def _work(connection: socket.socket) -> None:
    faulthandler.enable()  # where a decoder broke off is worth a line in the log
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it would hold a picture, and those are not stored
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with suppress(OSError):
        send(connection, {"pid": os.getpid()})
        while asked := receive(connection, MOST):
            _answer(connection, bytes(asked.data), asked.told["max_pixels"], asked.told["seconds"])


def _answer(connection: socket.socket, data: bytes, max_pixels: int, seconds: float) -> None:
    """Decode a picture, and send what has become of it."""

    @contextmanager
    def holding(amount: int) -> Iterator[None]:
        send(connection, {"holds": amount})
        if (go := receive(connection, 0)) is None:
            os._exit(0)
        limit(amount + ROOM, go.told["seconds"])
        yield

    limit(OPENING, seconds)
    try:
        image = decode.decode(data, max_pixels=max_pixels, holding=holding)
    except decode.DecodeError as error:
        limit(None, 0)
        send(connection, {"code": error.code, "message": error.message})
    else:
        limit(None, 0)
        told = {"mode": image.mode, "size": image.size, "original": decode.original_size(image)}
        send(connection, told, image.tobytes())


def limit(more: int | None, seconds: float) -> None:
    """Let this process have `more` bytes of address space than it has, and end it after `seconds`; None and 0: never.

    The signal's default action ends it in the midst of a decoder's code, too, and where the service has gone.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds)
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    allowed, statm = most, Path("/proc/self/statm")
    if more is not None and statm.exists():
        allowed = more + int(statm.read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (allowed if most == resource.RLIM_INFINITY else min(allowed, most), most))
