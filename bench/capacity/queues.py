"""What queueing theory says of a stage of equal servers behind one queue, with Poisson arrivals.

`load` is the offered load in erlangs: arrivals a second times seconds of service. Sources: Erlang's B and C (A. K.
Erlang, 1917; the recursion as in Cooper, Introduction to Queueing Theory, 1981); the square root of the load as what
is to be added to it (Halfin and Whitt, Operations Research 29, 1981); the wait in M/G/c as that in M/M/c times
(1 + cv²)/2, cv the coefficient of variation of the service (Lee and Longton, 1957; Whitt, Production and Operations
Management 2, 1993).
"""

from __future__ import annotations

import math


def erlang_b(servers: int, load: float) -> float:
    """The share of arrivals that find every server busy, where nobody waits."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """The share of arrivals that wait, in M/M/c; 1 where the servers are too few for the load."""
    if load >= servers:
        return 1.0
    blocked = erlang_b(servers, load)
    return servers * blocked / (servers - load * (1 - blocked))


def mean_wait_s(servers: int, load: float, service_s: float, cv2: float) -> float:
    """The mean wait of M/G/c in seconds; infinite where the servers are too few."""
    if load >= servers:
        return math.inf
    return (1 + cv2) / 2 * erlang_c(servers, load) * service_s / (servers - load)


def wait_s(share: float, servers: int, load: float, service_s: float, cv2: float) -> float:
    """The wait that `share` of the arrivals do not exceed: exponential for those who wait at all, as in M/M/c."""
    waits = erlang_c(servers, load)
    if load >= servers:
        return math.inf
    if waits <= 1 - share:
        return 0.0
    return mean_wait_s(servers, load, service_s, cv2) / waits * math.log(waits / (1 - share))


def staffed(load: float, utilisation: float, waiting: float) -> int:
    """The fewest servers that are busy at most `utilisation` of the time while at most the share `waiting` of the
    arrivals wait. A small stage is ruled by the second, a large one by the first: what has to be spare beside the load
    grows as its square root alone. ValueError names a share that no number of servers would be enough for.
    """
    if not 0 < utilisation < 1:
        raise ValueError(f"a utilisation of {utilisation:g} cannot be aimed at; wanted more than 0 and less than 1")
    if not 0 < waiting <= 1:
        raise ValueError(f"a share of {waiting:g} cannot be what waits; wanted more than 0 and at most 1")
    servers = max(1, math.ceil(load / utilisation - 1e-9))
    while erlang_c(servers, load) > waiting:
        servers += 1
    return servers
