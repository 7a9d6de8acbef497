"""Where the service listens: all addresses of a name that this machine has."""

import errno
import socket

import pytest

from app.web import listening

ABSENT = "192.0.2.1"  # of the addresses for documentation (RFC 5737), which no machine has


def name(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> str:
    """A host of these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    return "a-name"


@pytest.mark.parametrize("addresses", [(ABSENT, "127.0.0.1"), ("127.0.0.1", ABSENT), ("127.0.0.1", "127.0.0.2")])
def test_addresses_that_are_not_of_this_machine_are_passed_over(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    bound = listening.bind(name(monkeypatch, *addresses), 0)
    names = [sock.getsockname() for sock in bound]
    for sock in bound:
        sock.close()
    assert [address for address, _ in names] == [address for address in addresses if address != ABSENT]
    assert len({port for _, port in names}) == 1


def test_a_name_without_an_address_here_is_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match=r"^cannot listen on a-name, port 0: Cannot assign requested address$"):
        listening.bind(name(monkeypatch, ABSENT, ABSENT), 0)


def test_a_port_that_is_taken_on_one_address_is_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"^cannot listen on a-name, port {port}: Address already in use$") as refused:
            listening.bind(name(monkeypatch, "127.0.0.1", "127.0.0.2"), port)
        with socket.create_server(("127.0.0.1", port)):  # what was bound before is free again
            pass
    assert isinstance(refused.value.__cause__, OSError)
    assert refused.value.__cause__.errno == errno.EADDRINUSE
