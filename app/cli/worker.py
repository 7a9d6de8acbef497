"""One of several processes that serve: `python -m app.cli.worker CONTROL LISTENING...`, numbers of inherited sockets.

`app.cli.supervisor` starts it. CONTROL is told once connections are taken; where it ends the supervisor has died, and
so this process ends too.
"""

import asyncio
import os
import signal
import socket
import sys

from app.cli.output import complain
from app.cli.serving import alone
from app.cli.supervisor import CANNOT_BE, RELOADED, STARTED
from app.settings import Settings


def main(numbers: list[int]) -> int:
    """Serve on these sockets until a signal, or until the supervisor is gone; the exit code."""
    control, *listening = (socket.socket(fileno=number) for number in numbers)
    control.setblocking(False)

    def started() -> None:
        control.send(STARTED)
        asyncio.get_running_loop().add_reader(control, orphaned)

    def orphaned() -> None:
        asyncio.get_running_loop().remove_reader(control)
        os.kill(os.getpid(), signal.SIGTERM)

    for sock in listening:
        sock.setblocking(False)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until the server handles them
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        serve = alone(
            Settings(), lambda: listening, worker=True, on_start=started, tell_others=lambda: control.send(RELOADED)
        )
    except (ValueError, RuntimeError, FileNotFoundError) as error:
        complain(str(error))
        return CANNOT_BE
    return serve()


if __name__ == "__main__":
    raise SystemExit(main([int(number) for number in sys.argv[1:]]))
