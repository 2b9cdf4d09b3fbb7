"""A relay carries bytes, ends and resets both ways, and leaves nothing behind."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest
import requests

from fauxscale import MockServer
from fauxscale.interception.forward import Forward
from fauxscale.interception.intercept import policy_for, routed
from fauxscale.interception.own_tls import contexts
from fauxscale.interception.relay import Relay


@pytest.fixture
def service() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(10)
        yield listening


@pytest.fixture
def relay(service: socket.socket) -> Iterator[Relay]:
    with closing(Relay("127.0.0.1", service.getsockname()[1], None, tls=False)) as made:
        yield made


def connected(relay: Relay) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), timeout=10)


def test_bytes_are_carried_both_ways_until_one_side_ends(relay: Relay, service: socket.socket) -> None:
    with connected(relay) as client:
        client.sendall(b"asked")
        server, _ = service.accept()
        with server:
            assert server.recv(5) == b"asked"
            server.sendall(b"answered")
        assert client.recv(8, socket.MSG_WAITALL) == b"answered"
        assert client.recv(1) == b""


def test_a_client_that_leaves_is_seen_to_leave(relay: Relay, service: socket.socket) -> None:
    client = connected(relay)
    server, _ = service.accept()
    with server:
        server.settimeout(10)
        client.close()
        assert server.recv(1) == b""


def test_a_reset_is_a_reset(relay: Relay, service: socket.socket) -> None:
    with connected(relay) as client:
        server, _ = service.accept()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        server.close()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_where_the_stand_in_is_gone_connections_are_reset(relay: Relay, service: socket.socket) -> None:
    service.close()
    with (
        pytest.raises(ConnectionResetError),
        connected(relay) as client,
    ):  # it may come before `connected` returns
        client.recv(1)


def test_nothing_is_left_of_one_that_is_closed_with_connections_open(service: socket.socket) -> None:
    before = set(threading.enumerate())
    relay = Relay("127.0.0.1", service.getsockname()[1], contexts(["db.test"]).server, tls=False)
    with connected(relay) as client:
        relay.close()
        with pytest.raises((ConnectionResetError, ssl.SSLError, OSError)):
            client.sendall(b"x")
            raise ConnectionResetError if client.recv(1) == b"" else AssertionError
    assert set(threading.enumerate()) <= before
    with pytest.raises(ConnectionRefusedError):
        connected(relay)
    relay.close()


def test_a_stand_in_that_serves_tls_is_reached_whatever_its_certificate() -> None:
    with MockServer(tls=True) as mock, Forward(mock.url) as there:
        policy = policy_for(mock.providers, mock.url, routed=True)
        with routed(there, mock.providers, policy, ports=there):
            assert requests.get("https://api.ideogram.ai/nothing", timeout=10).status_code == 404
