"""listen and address: where a server can be reached, and a clear word where it cannot listen. What is accepted is
counted, and makes room."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Generator
from contextlib import ExitStack, closing, contextmanager

import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fauxscale.transport import tls
from fauxscale.transport.guard import Awaited, Guard, PeerLimits
from fauxscale.transport.listener import CannotListen, address, listen
from fauxscale.transport.serving import Serving
from tests.asgi import application, no_close
from tests.waiting import until

REQUEST = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_a_port_that_is_taken_is_refused_with_its_address() -> None:
    with closing(listen("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"cannot listen on 127\.0\.0\.1:{port}"):
            listen("127.0.0.1", port)


def test_a_host_that_is_not_this_machines_is_refused_with_its_address() -> None:
    with pytest.raises(CannotListen, match=r"cannot listen on 203\.0\.113\.7:0"):
        listen("203.0.113.7", 0)  # TEST-NET-3 (RFC 5737): unassigned


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


class FakeGuard(Guard):
    """A guard that has so many connections to spare."""

    spare = 0

    def accepted(self, sock: socket.socket) -> None:
        return None

    def make_room(self) -> bool:
        self.spare -= 1
        return self.spare >= 0


def test_out_of_descriptors_connections_make_room_and_else_asyncio_hears_of_it_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(self: socket.socket) -> tuple[socket.socket, object]:
        raise OSError(errno.EMFILE, "Too many open files")

    with closing(listen("127.0.0.1", 0)) as sock:
        sock.guard = guard = FakeGuard()
        guard.spare = 2
        monkeypatch.setattr(socket.socket, "accept", refuse)
        for expected in (
            BlockingIOError,
            BlockingIOError,
            OSError,
            BlockingIOError,
            OSError,
            BlockingIOError,
        ):
            with pytest.raises(OSError) as refused:  # noqa: PT011  # which of them, the next line says
                sock.accept()
            assert type(refused.value) is expected


@application
async def hello(scope: Scope, receive: Receive, send: Send) -> None:
    """Say hello, or nothing at all."""
    if scope["path"] == "/hang":
        await Request(scope, receive).body()
        await asyncio.Event().wait()
    await Response("hello")(scope, receive, send)


@contextmanager
def serving(
    limits: PeerLimits, certificates: tls.Certificates | None = None
) -> Generator[tuple[Guard, str, int]]:
    guard, sock = Guard(limits), listen("127.0.0.1", 0)
    host, port = sock.getsockname()
    running = Serving(hello, no_close, sock, certificates, guard)
    running.start()
    try:
        yield guard, host, port
    finally:
        running.stop()


def greeted(sock: socket.socket) -> bool:
    """Whether a call is answered on this connection."""
    sock.sendall(REQUEST % b"/")
    reply = b""
    while not reply.endswith(b"hello"):
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            return False
        if not piece:
            return False
        reply += piece
    return True


def test_at_the_limit_the_oldest_idle_connection_makes_room_for_a_new_one() -> None:
    with serving(PeerLimits(connections=3)) as (guard, host, port), ExitStack() as clients:

        def connect() -> socket.socket:
            return clients.enter_context(socket.create_connection((host, port), timeout=30))

        first, second, third = connect(), connect(), connect()
        assert greeted(second)
        assert greeted(first)
        assert greeted(third)
        assert greeted(connect())
        assert second.recv(1) == b""
        assert greeted(first)
        assert greeted(third)
        assert sum(guard.ended.values()) == 1


def test_at_the_limit_calls_that_are_being_answered_keep_their_connections() -> None:
    with serving(PeerLimits(connections=3)) as (guard, host, port), ExitStack() as clients:
        hanging = [
            clients.enter_context(socket.create_connection((host, port), timeout=30)) for _ in range(3)
        ]
        for sock in hanging:
            sock.sendall(REQUEST % b"/hang")
        assert until(lambda: len(guard._busy) == 3)
        with socket.create_connection((host, port), timeout=30) as newcomer:
            assert newcomer.recv(1) == b""
        for sock in hanging:
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.recv(1)


@pytest.fixture
def certificates() -> Generator[tls.Certificates]:
    made = tls.issue(["localhost"])
    yield made
    made.remove()


def test_a_tls_handshake_that_never_ends_is_ended_like_a_head(certificates: tls.Certificates) -> None:
    with serving(PeerLimits(head_seconds=0.05, tick=0.01), certificates) as (guard, host, port):
        with socket.create_connection((host, port), timeout=30) as sock:
            assert sock.recv(1) == b""
        assert guard.ended[Awaited.HEAD.value] >= 1


def test_tls_handshakes_that_never_end_make_room_too(certificates: tls.Certificates) -> None:
    with serving(PeerLimits(connections=3), certificates) as (_, host, port), ExitStack() as clients:
        for _ in range(9):
            clients.enter_context(socket.create_connection((host, port), timeout=30))
        context = tls.trusting(certificates.ca)
        sock = clients.enter_context(socket.create_connection((host, port), timeout=30))
        assert isinstance(context, ssl.SSLContext)
        assert greeted(clients.enter_context(context.wrap_socket(sock, server_hostname="localhost")))
