"""Keys of clients and of the administrator: `Authorization: Bearer KEY`, or `X-API-Key: KEY`."""

import hashlib
import hmac
from collections.abc import Iterable, Iterator

from fastapi import Request
from pydantic import SecretStr

from app.errors import ApiError, show
from app.settings import split
from app.web.parameters import service_of

HOW = "send one as Authorization: Bearer KEY, or as X-API-Key: KEY"


class Keys:
    """The keys that open something, kept and compared as digests: how long that takes tells nothing of them."""

    def __init__(self, *settings: SecretStr | None) -> None:
        keys = [key for setting in settings if setting for key in split(setting.get_secret_value())]
        self._digests = [hashlib.sha256(key.encode()).digest() for key in keys]

    def find(self, headers: Iterable[tuple[bytes, bytes]]) -> int | None:
        """Which of the keys a request has, by its place; None: none of them. Raises nothing."""
        found = None
        for sent in _sent(headers):
            digest = hashlib.sha256(sent).digest()
            for place, known in enumerate(self._digests):  # all of them, always
                if hmac.compare_digest(digest, known):
                    found = place
        return found


def _sent(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    for name, value in headers:
        if name == b"x-api-key":
            yield value.strip()
        elif name == b"authorization":
            scheme, _, credentials = value.strip().partition(b" ")
            if scheme.lower() == b"bearer":
                yield credentials.strip()


async def admin(request: Request) -> None:
    """What a route of `/admin/` depends on. Raises ApiError: where there is no administrator there is no such route."""
    setting = service_of(request).settings.admin_key
    if setting is None:
        raise ApiError("not_found", f"nothing at {show(request.url.path)}; see /docs for what there is")
    if Keys(setting).find(request.scope["headers"]) is None:
        raise ApiError("unauthorized", f"this needs the administrator's key; {HOW}")
