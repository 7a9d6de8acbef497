"""Keeps the worker processes of `lineup serve --workers N` going, and ends them together.

They share one listening socket: whoever has time takes the next connection, and what waits in its queue is not lost
when one dies, as it would be with a socket for each (SO_REUSEPORT). A worker is a new interpreter, never a fork.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import app

log = logging.getLogger(__name__)

MOST_FAILURES = 3  # deaths of one worker before it took connections, in a row, while no other serves
BACK_OFF_S, MOST_BACK_OFF_S = 0.5, 30.0
CANNOT_BE = 2  # exit code of a worker whose settings cannot be, as at the start those of the next would not
STEADY_S = 5.0  # who lived so long is replaced soon, however often: while nobody serves, requests wait
STARTED, RELOADED = b"1", b"r"  # what a worker says: it takes connections; it has new checkpoints, as others should
FINE = {0, -signal.SIGTERM, -signal.SIGINT}  # exit codes after a signal, which may come before a worker handles it


@dataclass
class Worker:
    """One process, and our end of the pair of sockets by which it says what it has done, and sees us die."""

    process: Process
    control: socket.socket
    has_started: bool = False  # it ever took connections
    owed: bool = False  # a SIGHUP, of which it would die before it has started

    def said(self) -> bytes:
        """What it has said since it was last asked, of STARTED and RELOADED."""
        with suppress(OSError):
            said = self.control.recv(64)
            self.has_started |= STARTED in said
            if self.owed and self.has_started:
                self.owed = False
                self.send(signal.SIGHUP)
            return said
        return b""

    def send(self, sig: int) -> None:
        """Send it a signal, if it is there; SIGHUP once it has started."""
        if sig == signal.SIGHUP and not self.has_started:
            self.owed = True
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(sig)


class Supervisor:
    """Runs `count` workers on `sockets`, which it closes at the end; `environment` is theirs, `grace_s` what they may
    take to end.
    """

    def __init__(
        self, count: int, sockets: Sequence[socket.socket], environment: Mapping[str, str], grace_s: float
    ) -> None:
        self._count = count
        self._sockets = sockets
        self._environment = {**environment, "PYTHONPATH": _path(environment)}
        self._grace_s = grace_s
        self._workers: dict[int, Worker] = {}
        self._ending = asyncio.Event()
        self._has_served = False  # any worker, ever
        self._code = 0

    async def run(self) -> int:
        """Serve until a signal; the exit code: 0, unless a worker does not start or has to be killed."""
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sig, self._end, sig)
        loop.add_signal_handler(signal.SIGHUP, self._forward, signal.SIGHUP)
        await asyncio.gather(*(self._keep(number) for number in range(self._count)))
        return self._code

    async def _keep(self, number: int) -> None:
        """One worker after the other."""
        failures, wait_s = 0, BACK_OFF_S
        while not self._ending.is_set():
            began = time.monotonic()
            try:
                worker = self._workers[number] = await self._start()
            except OSError as error:  # no process, memory or descriptor to be had now: the others serve on meanwhile
                told = f"worker {number + 1} of {self._count} cannot be started: {error.strerror}"
                log.warning("%s; another try in %.1f s", told, wait_s)
                await self._pause(wait_s)
                wait_s = min(2 * wait_s, MOST_BACK_OFF_S)
                continue
            started, code = await self._dead(number, worker)
            if self._ending.is_set():
                self._code = self._code or int(code not in FINE)
                return
            serving = any(other.has_started for other in self._workers.values())
            failures = 0 if started or serving else failures + 1
            lived_s = time.monotonic() - began
            told = f"worker {number + 1} of {self._count} (process {worker.process.pid}) {_death(code)}"
            if failures == MOST_FAILURES or (code == CANNOT_BE and not self._has_served):
                self._give_up(f"{told} before it took a connection, {failures} times in a row", code)
                return
            wait_s = BACK_OFF_S if lived_s > STEADY_S else wait_s
            log.warning("%s after %.0f s; another starts in %.1f s", told, lived_s, wait_s)
            await self._pause(wait_s)
            wait_s = min(2 * wait_s, MOST_BACK_OFF_S)

    def _give_up(self, told: str, code: int) -> None:
        log.error("%s: the service ends", told)
        self._code = code if code == CANNOT_BE else 1
        self._end(signal.SIGTERM)

    async def _start(self) -> Worker:
        """Start a worker. Raises OSError where the system gives none."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        numbers = [str(sock.fileno()) for sock in (theirs, *self._sockets)]
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", "app.cli.worker", *numbers),
                    env=self._environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    pass_fds=[int(number) for number in numbers],
                )
        except OSError:
            ours.close()
            raise
        worker = Worker(process, ours)
        asyncio.get_running_loop().add_reader(ours, self._hear, worker)
        if self._ending.is_set():  # meanwhile
            worker.send(signal.SIGTERM)
        return worker

    async def _dead(self, number: int, worker: Worker) -> tuple[bool, int]:
        """Wait for a worker's death: whether it ever started, and its exit code."""
        code = await worker.process.wait()
        del self._workers[number]
        asyncio.get_running_loop().remove_reader(worker.control)
        with worker.control:
            self._said(worker)
        self._forget_metrics(worker.process.pid)
        return worker.has_started, code

    def _hear(self, worker: Worker) -> None:
        """Let all others reload when one has been told to, and has."""
        said = self._said(worker)
        if not said:
            asyncio.get_running_loop().remove_reader(worker.control)
        for _ in range(said.count(RELOADED)):
            self._forward(signal.SIGHUP, but=worker)

    def _said(self, worker: Worker) -> bytes:
        said = worker.said()
        self._has_served |= worker.has_started
        return said

    def _forget_metrics(self, pid: int) -> None:
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(pid, self._environment["PROMETHEUS_MULTIPROC_DIR"])  # type: ignore[no-untyped-call]

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()

    def _end(self, sig: int) -> None:
        """The first signal goes to all; a second kills all."""
        if self._ending.is_set():
            self._kill(128 + sig)
            return
        self._ending.set()
        for sock in self._sockets:
            sock.close()  # ours: else the port would stay open when the last worker has closed it
        self._forward(sig)
        asyncio.get_running_loop().call_later(self._grace_s, self._kill, 1)

    def _forward(self, sig: int, but: Worker | None = None) -> None:
        for worker in self._workers.values():
            if worker is not but:
                worker.send(sig)

    def _kill(self, code: int) -> None:
        self._code = code
        self._forward(signal.SIGKILL)


def _path(environment: Mapping[str, str]) -> str:
    """Where a worker finds the code that runs here, and before any other of that name."""
    ours = str(Path(app.__file__).resolve().parents[1])
    return os.pathsep.join(filter(None, (ours, environment.get("PYTHONPATH"))))


def _death(code: int) -> str:
    return f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
