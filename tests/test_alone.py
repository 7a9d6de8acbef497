"""The suite keeps to itself: see conftest.py."""

import socket

import pytest


def test_no_test_reaches_another_machine():
    with pytest.raises(PermissionError, match=r"192\.0\.2\.1"):  # an address that belongs to nobody (RFC 5737)
        socket.create_connection(("192.0.2.1", 80), timeout=1)
