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

from fauxscale.transport.exchange import SocketExchange
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
        assert until(lambda: all(peer.flow.write_paused for peer in guard._busy))  # type: ignore[attr-defined]  # uvicorn's, of which the guard knows less
        held = [peer.transport.get_write_buffer_size() for peer in guard._busy]  # type: ignore[attr-defined]  # uvicorn's, of which the guard knows less
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


PLAIN = [(b"content-length", b"3"), (b"x-note", b"a b\tc"), (b"x-empty", b"")]


@pytest.mark.parametrize(
    ("status", "headers", "method"),
    [
        (200, PLAIN, b"GET"),
        (404, PLAIN, b"POST"),
        (200, [*PLAIN, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")], b"GET"),
        (200, [*PLAIN, (b"connection", b"close")], b"GET"),
        (200, PLAIN[1:], b"GET"),
        (200, PLAIN, b"HEAD"),
        (204, PLAIN[1:], b"GET"),
        (200, [(b"content-length", b"3"), (b"x-note", b"split\r\nx-other: 1")], b"GET"),
        (200, [(b"content-length", b"3"), (b"x note", b"a")], b"GET"),
        (200, [(b"content-length", b"3"), (b"x-note", b" a ")], b"GET"),
        (200, [(b"content-length", b"2")], b"GET"),
    ],
    ids=[
        "plain", "refusal", "twice", "close", "no length", "head", "empty", "split", "bad name", "bad value",
        "wrong length",
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_a_response_is_written_as_h11_writes_it(
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    headers: list[tuple[bytes, bytes]],
    method: bytes,
    version: bytes,
) -> None:
    """What is written past h11 differs in nothing from what h11 writes, nor does what comes of the connection."""

    @application
    async def answers(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if status == 204 else b"abc"})

    def replies() -> bytes:
        sock = listen("127.0.0.1", 0)
        serving = Serving(answers, no_close, sock, None)
        serving.start()
        seen = b""
        with socket.create_connection(sock.getsockname(), timeout=30) as client:
            request = method + b" / HTTP/" + version + b"\r\nHost: localhost\r\n"
            client.sendall(request + b"\r\n" + request + b"Connection: close\r\n\r\n")
            while more := client.recv(65536):
                seen += more
        serving.stop()
        return seen

    past = replies()
    monkeypatch.setattr(SocketExchange, "_send_whole", lambda exchange, body: False)
    assert replies().lower() == past.lower()


def test_an_answer_leaves_before_the_refusal_of_what_was_sent_behind_it(url: str) -> None:
    where = httpx.URL(url)
    with socket.create_connection((where.host, where.port or 0), timeout=30) as sock:
        sock.sendall(b"GET /bytes/5 HTTP/1.1\r\nHost: localhost\r\n\r\nno request\r\n\r\n")
        seen = b""
        while more := sock.recv(65536):
            seen += more
    first, second = b"HTTP/1.1 200 OK", b"HTTP/1.1 400 Bad Request"
    assert seen.startswith(first)
    assert seen.count(second) == 1
