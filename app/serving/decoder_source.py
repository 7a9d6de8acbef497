"""Where decoders come from: the first process of `decoder_process`, started when it is first needed."""

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from app.serving.messages import Message, receive

ROOT = Path(__file__).resolve().parents[2]
BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from app.serving import decoder_process
decoder_process.main()
"""
START_S = 30.0  # within which the first process should have done its imports
END_S = 5.0
ENDING_S = 1.0
SAID = 1 << 16  # bytes that a pipe holds


class NoDecoder(Exception):
    """There can be no process now; says why."""


class DecoderSource:
    """Starts a process, lets it fork, starts another where it has died. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._said: int | None = None  # the end to read of what they write to their standard error

    def start(self) -> None:
        """Start the process, if there is none. OSError if that cannot be."""
        with self._lock:
            self._start()

    def worker(self) -> tuple[socket.socket, int]:
        """The socket and the number of a new worker. NoDecoder; OSError."""
        for _ in range(2):  # it may have died since it was last seen
            with self._lock:
                self._start()
                process = self._process
                assert process is not None
                assert self._control is not None
                ours, theirs = socket.socketpair()
                with theirs, suppress(BrokenPipeError):
                    socket.send_fds(self._control, [b"\1"], [theirs.fileno()])
            if hello := _hello(ours):
                if "failed" in hello.told:
                    ours.close()
                    raise NoDecoder(hello.told["failed"])
                return ours, int(hello.told["pid"])
            ours.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(ENDING_S)  # its sockets are closed before it can be seen to have ended
        raise NoDecoder(f"it ends at once: {self.said()}")

    def said(self) -> str:
        """What the processes have written to their standard error since this was last asked, on one line."""
        with suppress(BlockingIOError, OSError):
            if self._said is None:
                return ""
            text = os.read(self._said, SAID).decode("ascii", "replace")
            return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:500]
        return ""

    def close(self) -> None:
        """End all processes and wait for that."""
        with self._lock:
            self._closed = True
            self._stop()

    def _start(self) -> None:
        if self._closed:
            raise NoDecoder("the service is shutting down")
        if self._process is not None and self._process.poll() is None:
            return
        self._stop()
        self._control, theirs = socket.socketpair()
        self._said, says = os.pipe()
        try:
            for end in (self._said, says):
                os.set_blocking(end, False)  # nobody waits for what is said, nor does who says it
            self._process = self._popen(theirs.fileno(), says)
        finally:
            theirs.close()
            os.close(says)

    def _popen(self, control: int, says: int) -> "subprocess.Popen[bytes]":
        # Keys of the service are not for who breaks a decoder; and no library there should start threads.
        told = {name: value for name, value in os.environ.items() if not name.startswith("LINEUP_")}
        return subprocess.Popen(
            [sys.executable, "-P", "-c", BOOT, json.dumps([str(ROOT), *sys.path]), str(control)],
            env=told | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=says,
            pass_fds=(control,),
            start_new_session=True,  # what ends the service from its terminal is not for them
        )

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._said is not None:
            os.close(self._said)
        self._control = self._process = self._said = None


def _hello(connection: socket.socket) -> Message | None:
    connection.settimeout(START_S)
    try:
        return receive(connection, 0)
    except (OSError, ValueError):
        return None
