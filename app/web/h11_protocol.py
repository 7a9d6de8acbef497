"""uvicorn's careful parser, for who offers another protocol and where httptools is not installed."""

from uvicorn.protocols.http.h11_impl import H11Protocol

from app.web.connection import NO_HTTP, Connection


class CarefulProtocol(Connection, H11Protocol):
    """HTTP/1.1 on one connection."""

    def data_received(self, data: bytes) -> None:
        """Take what came. What is no HTTP, or has no end, is answered 400, and the connection closed."""
        if self._last:
            return
        self._heard()
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._head_since = None

    def send_400_response(self, msg: str) -> None:
        """Refuse what cannot be read, with the words of the quick parser."""
        super().send_400_response(NO_HTTP)

    def _should_upgrade(self) -> bool:
        return False  # RFC 9110, section 7.8, allows to go on with HTTP/1.1
