"""What a service and its decoders say to each other over a socket: a small JSON object, and bytes. No pickle: who
broke a decoder could say with it whatever they like.
"""

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

LENGTHS = struct.Struct("!II")
MOST = 1 << 16  # bytes of the object


class Message(NamedTuple):
    """An object, and the bytes that belong to it."""

    told: dict[str, Any]
    data: bytes | bytearray


def send(connection: socket.socket, told: Mapping[str, object], data: bytes = b"") -> None:
    """Send an object and bytes. OSError if nobody is there to read them."""
    head = json.dumps(told).encode()
    connection.sendall(LENGTHS.pack(len(head), len(data)) + head)
    if data:
        connection.sendall(data)


def receive(connection: socket.socket, most: int) -> Message | None:
    """The next message, with at most ``most`` bytes of data; None where the other has gone. OSError; ValueError if it
    is none.
    """
    lengths = _exactly(connection, LENGTHS.size)
    if lengths is None:
        return None
    head, data = LENGTHS.unpack(lengths)
    if head > MOST or data > most:
        raise ValueError(f"a message of {head} and {data} bytes; at most {MOST} and {most} are read")
    told, held = _exactly(connection, head), _exactly(connection, data)
    if told is None or held is None:
        return None
    return Message(dict(json.loads(told)), held)


def _exactly(connection: socket.socket, count: int) -> bytearray | None:
    received, at = bytearray(count), 0
    with memoryview(received) as view:
        while at < count:
            if not (got := connection.recv_into(view[at:])):
                return None
            at += got
    return received
