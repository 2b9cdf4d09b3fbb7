"""WireProtocol over a real socket: bodies whole, replies in one piece, deadlines for who sends nothing."""

from __future__ import annotations

import asyncio
import hashlib
import socket
from collections.abc import Generator

import h11
import pytest
from h11._readers import ContentLengthReader
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fauxscale.transport import protocol
from fauxscale.transport.listener import listen
from fauxscale.transport.serving import Serving
from tests.asgi import application, no_close


@application
async def digest(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the number of bytes and the SHA-256 of what was sent."""
    if scope["path"] == "/late":
        await asyncio.sleep(0.1)  # several pieces arrive meanwhile
    body = await Request(scope, receive).body()
    await Response(f"{len(body)} {hashlib.sha256(body).hexdigest()}")(scope, receive, send)


@pytest.fixture
def address() -> Generator[tuple[str, int]]:
    sock = listen("127.0.0.1", 0)
    serving = Serving(digest, no_close, sock, None)
    serving.start()
    yield sock.getsockname()
    serving.stop()


def post(size: int, path: bytes = b"/") -> bytes:
    return b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (path, size)


def answer(sock: socket.socket, *bodies: bytes) -> None:
    """Read the answers to requests, up to the end of the last, and hold them to what was sent."""
    tellings = [f"{len(body)} {hashlib.sha256(body).hexdigest()}".encode() for body in bodies]
    seen = b""
    while not seen.endswith(tellings[-1]) or not all(telling in seen for telling in tellings):
        more = sock.recv(65536)
        assert more, f"the connection ended behind {seen!r}"
        seen += more
    assert seen.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("size", [0, 1, 70_000, 300_000, 3_000_000])
def test_a_body_arrives_whole_however_many_pieces_it_takes(address: tuple[str, int], size: int) -> None:
    body = bytes(number * 7 % 251 for number in range(1000)) * (size // 1000 + 1)
    with socket.create_connection(address, timeout=30) as sock:
        for cut in (
            0,
            size // 3,
            size,
        ):  # on one connection, so that what is left over of one is seen by the next
            sock.sendall(post(size) + body[:cut])
            sock.sendall(body[cut:size])
            answer(sock, body[:size])


def test_pieces_that_wait_for_the_application_are_kept_in_order(address: tuple[str, int]) -> None:
    body = b"".join(bytes([number]) * 50_000 for number in range(9))
    with socket.create_connection(address, timeout=30) as sock:
        sock.sendall(post(len(body), b"/late"))
        for at in range(0, len(body), 50_000):
            sock.sendall(body[at : at + 50_000])
        answer(sock, body)


def test_a_request_right_behind_the_body_of_another_is_answered_too(address: tuple[str, int]) -> None:
    body = b"x" * 500_000
    with socket.create_connection(address, timeout=30) as sock:
        sock.sendall(post(len(body)) + body + post(3) + b"abc")
        answer(sock, body, b"abc")


def test_head_and_body_of_a_reply_leave_in_one_write(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    transport = asyncio.selector_events._SelectorSocketTransport  # type: ignore[attr-defined]  # where writes end up
    write = transport.write

    def note(self: object, data: bytes) -> None:
        written.append(len(data))
        write(self, data)

    monkeypatch.setattr(transport, "write", note)
    with socket.create_connection(address, timeout=30) as sock:
        sock.sendall(post(3) + b"abc")
        answer(sock, b"abc")
    assert len([one for one in written if one]) == 1


def test_a_connection_that_sends_no_whole_head_is_closed(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    with socket.create_connection(address, timeout=30) as sock:
        sock.sendall(b"POST / HTTP/1.1\r\nHo")
        assert sock.recv(1) == b""


def test_a_body_that_breaks_off_is_no_request(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=30) as sock:
        sock.sendall(post(500_000) + bytes(400_000))
        sock.shutdown(socket.SHUT_WR)
        assert b"200" not in sock.recv(65536)


def test_h11_counts_the_body_as_the_protocol_expects() -> None:
    """`WireProtocol` takes the middle of a body past h11, and counts it where h11 does."""
    conn = h11.Connection(h11.SERVER)
    conn.receive_data(post(10) + b"12345")
    while conn.next_event() is not h11.NEED_DATA:
        pass
    assert isinstance(conn._reader, ContentLengthReader)
    assert conn._reader._remaining == 5
