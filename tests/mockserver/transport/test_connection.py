"""SocketConnection: what a peer sees when its connection is reset, closed or written to."""

from __future__ import annotations

import socket
from collections.abc import Callable, Generator

import pytest
from starlette.types import Receive, Scope, Send

from fauxscale.transport.connection import Connection, connection_of
from fauxscale.transport.listener import listen
from fauxscale.transport.serving import Serving
from tests.asgi import application, no_close

REQUEST = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"
gone: list[bool] = []


def write(connection: Connection) -> None:
    connection.write(b"raw")
    connection.close()


ENDINGS: dict[str, Callable[[Connection], None]] = {
    "/reset": lambda connection: connection.reset(),
    "/close": lambda connection: connection.close(),
    "/write": write,
}


@application
async def end(scope: Scope, receive: Receive, send: Send) -> None:
    """End the connection as the path says."""
    connection = connection_of(scope)
    assert connection is not None
    before = connection.gone
    ENDINGS[scope["path"]](connection)
    gone[:] = [before, connection.gone]
    while (await receive())["type"] != "http.disconnect":
        pass


@pytest.fixture(scope="module")
def address() -> Generator[tuple[str, int]]:
    sock = listen("127.0.0.1", 0)
    where = sock.getsockname()
    serving = Serving(end, no_close, sock, None)
    serving.start()
    yield where
    serving.stop()


@pytest.mark.parametrize(("path", "seen"), [(b"close", b""), (b"write", b"raw")])
def test_a_closed_connection_ends_behind_what_was_written(
    address: tuple[str, int], path: bytes, seen: bytes
) -> None:
    with socket.create_connection(address, timeout=30) as sock:
        sock.sendall(REQUEST % path)
        assert sock.recv(100) == seen
        assert sock.recv(100) == b""
    assert gone == [False, True]


def test_a_reset_connection_is_an_error_for_its_peer(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=30) as sock:
        sock.sendall(REQUEST % b"reset")
        with pytest.raises(ConnectionResetError):
            sock.recv(100)
    assert gone == [False, True]


def test_below_another_server_there_is_no_connection() -> None:
    assert connection_of({"type": "http"}) is None
    assert connection_of({"type": "http", "state": {}}) is None
