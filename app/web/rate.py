"""How many requests a second each client may send: a token bucket each."""

import ipaddress
from collections import OrderedDict
from collections.abc import Hashable

MOST_CLIENTS = 65_536  # that are remembered, some ten megabytes; who was silent longest is forgotten first


class RateLimit:
    """Buckets of `burst` tokens that fill by `rate` a second; a request takes one. Used within one event loop.

    Of each bucket only the time is kept at which it will be full again (the generic cell rate algorithm, ITU-T I.371).
    """

    def __init__(self, rate: float, burst: int = 0) -> None:
        self.rate = rate
        self._fill_s = 1 / rate
        self._most_s = max(burst or int(rate), 1) / rate
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        """How many clients are remembered."""
        return len(self._full_at)

    def wait(self, client: Hashable, now: float) -> float:
        """Take a token; 0, or without one the seconds until there is one."""
        full_at = max(self._full_at.get(client, now), now) + self._fill_s
        if (wait := full_at - now - self._most_s) > 1e-9:  # what floating-point numbers add is no wait
            return wait
        self._full_at[client] = full_at
        self._full_at.move_to_end(client)
        if len(self._full_at) > MOST_CLIENTS:
            self._full_at.popitem(last=False)
        return 0.0


def network(host: str) -> Hashable:
    """Whom an address stands for: of IPv6 its /64, for everybody has 2^64 addresses."""
    if ":" not in host:
        return host
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:
        return host
    return str(address.ipv4_mapped) if address.ipv4_mapped else address.packed[:8]
