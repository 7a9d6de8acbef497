"""`lineup serve`: one process, or a supervisor and its workers."""

import asyncio
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence

from app.settings import Settings, cores


def prepare(settings: Settings) -> Callable[[], int]:
    """What serves until a signal and gives the exit code. Raises ValueError or RuntimeError for settings that cannot
    be, FileNotFoundError without a folder of checkpoints, OSError where the port is taken: each in one line.
    """
    if settings.workers > 1:
        return _with_workers(settings)

    def listen() -> Sequence[socket.socket]:
        sockets = listening.bind(settings.host, settings.port)
        _tell(settings, sockets)
        return sockets

    from app.web import listening

    return alone(settings, listen)


def alone(
    settings: Settings,
    listen: Callable[[], Sequence[socket.socket]],
    *,
    worker: bool = False,
    on_start: Callable[[], None] = lambda: None,
    tell_others: Callable[[], object] = lambda: None,
) -> Callable[[], int]:
    """What serves in this process, on what `listen` gives; raises as `prepare` does."""
    from app.main import create_app
    from app.web import listening, tls
    from app.web.server import Server

    listening.raise_descriptors()
    most = settings.max_connections or listening.connections_within_descriptors()
    app = create_app(settings.model_copy(update={"max_connections": most}))
    app.state.service.tell_others = tell_others
    app.state.service.engine.root()  # no folder of checkpoints: said here, and not by a traceback at the start
    tls.of(settings)
    server = Server(app, app.state.service, listen(), worker=worker, on_start=on_start)
    _log(f"{os.getpid()}: " if worker else "")

    def run() -> int:
        server.run()
        return 0 if server.started else 1

    return run


def _with_workers(settings: Settings) -> Callable[[], int]:
    from app.cli.supervisor import Supervisor
    from app.web import listening, tls
    from models import checkpoints

    if sys.platform == "win32":
        raise ValueError(f"--workers is {settings.workers}, but Windows does not share a port so; wanted 1")
    tls.of(settings)
    checkpoints.root(settings.weights)  # said here once, and not by every worker
    try:
        metrics = tempfile.mkdtemp(prefix="lineup-metrics-")
    except OSError as error:
        raise OSError(f"there is no folder to write the workers' metrics to: {error.strerror}") from error

    def run() -> int:
        try:
            supervisor = Supervisor(settings.workers, sockets, _environment(settings, metrics), _end_s(settings))
            return asyncio.run(supervisor.run())
        finally:
            shutil.rmtree(metrics, ignore_errors=True)

    try:
        sockets = listening.bind(settings.host, settings.port)
    except OSError:
        shutil.rmtree(metrics)
        raise
    _log("")
    _tell(settings, sockets)
    return run


def _end_s(settings: Settings) -> float:
    """Seconds after a signal in which a worker has ended, if it ever does."""
    from app.web.server import grace_s

    return settings.drain_s + grace_s(settings) + 10


def _environment(settings: Settings, metrics: str) -> dict[str, str]:
    """What a worker is told beside what we were: its share of the cores for networks, where it writes its metrics, and
    what the command line has decided, as what the environment says of that may be none: LINEUP_PORT=tcp://... of
    Kubernetes. Threads that decode are no share: with one alone, a large photograph would stop all other pictures.
    """
    return {
        **os.environ,
        "LINEUP_HOST": settings.host,
        "LINEUP_PORT": str(settings.port),
        "LINEUP_WORKERS": str(settings.workers),
        "LINEUP_THREADS": str(settings.threads or max(1, cores() // settings.workers)),
        "LINEUP_INTAKE_THREADS": str(settings.intake_threads),  # 0: by each worker's own rule
        "PROMETHEUS_MULTIPROC_DIR": metrics,
    }


def _log(who: str) -> None:
    logging.basicConfig(level=logging.INFO, format=f"%(levelname)s: {who}%(name)s: %(message)s")


def _tell(settings: Settings, sockets: Sequence[socket.socket]) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    where = f"{'https' if settings.tls_cert else 'http'}://{host}:{sockets[0].getsockname()[1]}"
    print(f"Lineup: {where}/docs once the networks are loaded (/readyz tells)", flush=True)
