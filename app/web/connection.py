"""What holds for every connection, whichever parser reads it."""

import asyncio
from typing import TYPE_CHECKING, Any

from app.web.parting import answer, part

if TYPE_CHECKING:

    class Base(asyncio.Protocol):
        """What uvicorn's protocols have in common, and is used here."""

        loop: asyncio.AbstractEventLoop
        transport: asyncio.Transport
        cycle: Any
        server_state: Any
        connections: Any
        timeout_keep_alive_task: asyncio.TimerHandle | None

        def on_response_complete(self) -> None: ...
        def shutdown(self) -> None: ...
        def _unset_keepalive_if_required(self) -> None: ...

else:
    Base = object

NO_HTTP = "what was sent cannot be read as an HTTP/1.1 request"
STALLED_S = 30.0  # an answer of which the client takes nothing
LAST_HEAD_S = 0.5  # when the server ends: for a head that may be on its way


class Connection(Base):
    """A mixin before one of uvicorn's protocols: a connection ends when it is silent, when its head does not come, when
    its answer is not taken and when its body was not read; what the parser refuses is answered in the one shape of
    errors.
    """

    _head_since: float | None = None  # when the client had to begin with a head, until that is complete
    _unsent = 0
    _unsent_since = 0.0
    _last = False  # nothing is read any more

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The client may speak."""
        super().connection_made(transport)
        self._head_since = self.loop.time()

    def _heard(self) -> None:
        """Something came; after an answer it begins a head."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
            self._head_since = self.loop.time()

    def look(self, now: float, header_s: float) -> None:
        """End what is overdue; asked once a second, since a timer for each request would cost more."""
        late = self._head_since is not None and now - self._head_since > header_s
        if late and not self._answering():
            self.transport.close()
        unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        elif now - self._unsent_since > STALLED_S:
            self.transport.abort()

    def on_response_complete(self) -> None:
        """Close where the request was not read to its end: the rest would be read and thrown away for ever."""
        if self.cycle.response_complete and self.cycle.more_body:
            self.transport.close()
        super().on_response_complete()

    def shutdown(self) -> None:
        """The server ends: so does this connection, once what was asked is answered."""
        if self.cycle is None and not self.transport.is_closing():
            self.loop.call_later(LAST_HEAD_S, self._end_unless_asked)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read. An earlier request is answered, and then the connection closed."""
        self._last = True
        if self._answering():
            if not self.cycle.more_body:
                self.cycle.keep_alive = False
                return
            if self.cycle.response_started:
                self.transport.close()
                return
        if self.transport.is_closing():
            return
        self._forget()
        part(self.transport, answer(400, "invalid_parameter", msg, self.server_state.default_headers))

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end_unless_asked(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def _forget(self) -> None:
        """Leave the connection to somebody else."""
        self.connections.discard(self)
        self._unset_keepalive_if_required()
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
