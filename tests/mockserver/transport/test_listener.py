"""listen and address: where a server can be reached, and a clear word where it cannot listen."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from fauxscale.transport.listener import CannotListen, address, listen


def test_a_port_that_is_taken_is_refused_with_its_address() -> None:
    with closing(listen("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            listen("127.0.0.1", port)


def test_a_host_that_is_not_this_machines_is_refused_with_its_address() -> None:
    with pytest.raises(CannotListen, match=r"cannot listen on 203\.0\.113\.7:0"):
        listen("203.0.113.7", 0)  # TEST-NET-3 (RFC 5737): nobody's


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "[::1]")],
)
def test_an_address_can_be_opened_as_it_is_shown(host: str, shown: str) -> None:
    with closing(listen(host, 0)) as sock:
        port = sock.getsockname()[1]
        assert address(sock) == f"http://{shown}:{port}"
        assert address(sock, "https").startswith("https://")
        with closing(socket.create_connection((shown.strip("[]"), port), timeout=30)):
            pass


def test_a_socket_that_is_shut_accepts_nobody_and_knows_whom_it_accepted() -> None:
    with closing(listen("127.0.0.1", 0)) as sock:
        sock.setblocking(True)
        with closing(socket.create_connection(sock.getsockname(), timeout=30)):
            connection, _ = sock.accept()
            assert list(sock.accepted) == [connection]
            connection.close()
            sock.is_shut = True
            with pytest.raises(BlockingIOError):
                sock.accept()
