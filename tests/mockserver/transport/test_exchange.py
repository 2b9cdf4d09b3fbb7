"""SocketExchange: long bodies arrive whole, and who does not read them costs next to nothing."""

from __future__ import annotations

import hashlib
import socket
import struct
import threading
from collections.abc import Generator
from contextlib import ExitStack

import httpx
import pytest
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from fauxscale.transport.guard import Guard
from fauxscale.transport.listener import address, listen
from fauxscale.transport.serving import Serving
from tests.asgi import application, no_close
from tests.waiting import until

BODY = bytes(number * 7 % 251 for number in range(1000)) * 20_000
BLOCK = 64 * 1024
was_reset = threading.Event()


@application
async def picture(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with as much of BODY as the path says: as bytes, as a part of them, or in pieces of no known number."""
    _, how, size = scope["path"].split("/")
    if how == "reset":
        assert was_reset.wait(30)  # the loop as well: it is not to hear of the reset before the body is sent
    body = memoryview(BODY)[: int(size)]
    if how == "pieces":
        response: Response = StreamingResponse(iter([body, memoryview(b"end"), body]))
    else:
        response = Response({"bytes": bytes(body), "part": body, "all": BODY, "reset": BODY}[how])
    await response(scope, receive, send)


@pytest.fixture
def guard() -> Guard:
    return Guard()


@pytest.fixture
def url(guard: Guard) -> Generator[str]:
    sock = listen("127.0.0.1", 0)
    where = address(sock)
    serving = Serving(picture, no_close, sock, None, guard)
    serving.start()
    yield where
    serving.stop()


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 1, 5_000_000])
@pytest.mark.parametrize("how", ["bytes", "part", "pieces"])
def test_a_body_of_any_length_arrives_whole(url: str, how: str, size: int) -> None:
    whole = BODY[:size] if how != "pieces" else BODY[:size] + b"end" + BODY[:size]
    with httpx.Client() as http:
        for _ in range(2):  # on one connection: what is left over of one reply would be seen before the next
            got = http.get(f"{url}/{how}/{size}").content
            assert (len(got), hashlib.sha256(got).digest()) == (len(whole), hashlib.sha256(whole).digest())


def test_the_head_alone_of_a_long_reply_tells_its_length_and_sends_none_of_it(url: str) -> None:
    with httpx.Client() as http:
        for _ in range(2):
            reply = http.head(f"{url}/bytes/5000000")
            assert (reply.headers["content-length"], reply.content) == ("5000000", b"")


def test_those_who_read_nothing_share_what_they_do_not_read(url: str, guard: Guard) -> None:
    where = httpx.URL(url)
    with ExitStack() as clients:
        sockets = [socket.create_connection((where.host, where.port or 0), timeout=30) for _ in range(20)]
        for sock in sockets:
            clients.enter_context(sock)
            sock.sendall(b"GET /all/0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert until(lambda: len(guard._sending) == 20)
        assert until(lambda: all(peer.flow.write_paused for peer in guard._busy))  # type: ignore[attr-defined]
        held = [peer.transport.get_write_buffer_size() for peer in guard._busy]  # type: ignore[attr-defined]
        assert max(held) <= 3 * BLOCK, held
        assert dict(guard._sending.values()) == {id(BODY): len(BODY)}
        # One of them reads after all.
        reader = sockets[7]
        reply = reader.recv(65536)
        begin = reply.index(b"\r\n\r\n") + 4
        got = bytearray(reply[begin:])
        while len(got) < len(BODY):
            got += reader.recv(1 << 20)
        assert bytes(got) == BODY
    assert until(lambda: not guard._sending)


def test_a_reader_that_leaves_is_no_line_of_log(
    url: str, guard: Guard, caplog: pytest.LogCaptureFixture
) -> None:
    was_reset.clear()
    where = httpx.URL(url)
    with socket.create_connection((where.host, where.port or 0), timeout=30) as sock:
        sock.sendall(b"GET /reset/0 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert until(lambda: bool(guard._busy))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closing is a reset
    was_reset.set()
    assert until(lambda: not guard._busy)
    assert httpx.get(f"{url}/bytes/5").content == BODY[:5]
    assert not caplog.records
