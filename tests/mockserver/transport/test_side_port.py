"""A server that runs is reached by further ports, each for as long as it is open."""

from __future__ import annotations

import socket
import threading
from contextlib import closing

import httpx
import pytest

from fauxscale import MockServer


def test_the_same_accounts_are_behind_it_as_often_as_it_is_opened() -> None:
    with MockServer(listen=False) as mock:
        before = set(threading.enumerate())
        for _ in range(2):
            with closing(mock.transport().open_port()) as port:
                got = httpx.get(f"http://127.0.0.1:{port.port}/__fauxscale/api/health", timeout=10)
                assert got.json()["status"] == "ok"
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port.port), timeout=10)
        assert set(threading.enumerate()) <= before
        assert mock.client.call("GET", "/health")["status"] == "ok"


def test_it_may_be_closed_before_it_served_anybody_and_twice() -> None:
    with MockServer(listen=False) as mock:
        for _ in range(20):
            port = mock.transport().open_port()
            port.close()
            port.close()


def test_connections_that_are_open_end_with_it() -> None:
    with MockServer(listen=False) as mock:
        port = mock.transport().open_port()
        with socket.create_connection(("127.0.0.1", port.port), timeout=10) as client:
            client.sendall(b"GET /__fauxscale/api/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert client.recv(8) == b"HTTP/1.1"
            port.close()
            while client.recv(4096):
                pass


def test_it_ends_with_the_server() -> None:
    with MockServer(listen=False) as mock:
        transport = mock.transport()
        port = transport.open_port()
        httpx.get(f"http://127.0.0.1:{port.port}/__fauxscale/api/health", timeout=10)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port.port), timeout=10)
    port.close()
    with pytest.raises(RuntimeError):
        transport.open_port()
