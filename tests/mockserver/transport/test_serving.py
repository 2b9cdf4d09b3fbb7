"""Serving: ready when start returns, and whoever stops it finds everything ended."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from fauxscale.transport.listener import address, listen
from fauxscale.transport.serving import Serving
from tests.asgi import application, no_close


@application
async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


async def broken(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "the disk is full"})


def test_a_server_answers_from_the_moment_start_returns_until_it_is_stopped() -> None:
    sock = listen("127.0.0.1", 0)
    url, threads = address(sock), set(threading.enumerate())
    serving = Serving(hello, no_close, sock, None)
    serving.start()
    assert serving.ready.is_set()
    assert serving.failure is None
    assert httpx.get(url).text == "hello"
    serving.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    assert set(threading.enumerate()) <= threads


def test_an_application_that_cannot_start_leaves_no_thread_and_no_socket() -> None:
    sock, threads = listen("127.0.0.1", 0), set(threading.enumerate())
    serving = Serving(broken, no_close, sock, None)
    serving.start()
    assert sock.fileno() == -1
    assert set(threading.enumerate()) <= threads
    serving.stop()  # does nothing, and does not wait


def test_a_connection_to_a_server_whose_thread_died_is_closed() -> None:
    sock = listen("127.0.0.1", 0)
    serving = Serving(hello, no_close, sock, None)
    serving.start()
    with socket.create_connection(sock.getsockname(), timeout=60) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(65536).endswith(b"hello")
        assert serving.loop is not None
        serving.loop.call_soon_threadsafe(serving.loop.stop)
        with suppress(ConnectionResetError):
            assert client.recv(65536) == b""
    serving.stop()
    assert isinstance(serving.failure, RuntimeError)


def test_without_a_socket_the_application_is_closed_at_the_end() -> None:
    closed: list[str] = []

    async def close() -> None:
        closed.append(threading.current_thread().name)

    serving = Serving(hello, close, None, None)
    serving.start()
    assert serving.loop is not None
    assert closed == []
    serving.stop()
    assert closed == ["fauxscale"]
    assert serving.loop.is_closed()


def test_stopping_twice_is_stopping_once() -> None:
    serving = Serving(hello, no_close, None, None)
    serving.start()
    serving.stop()
    serving.stop()
