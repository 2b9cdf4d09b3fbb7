"""WireProtocol over a real socket: bodies whole, replies in one piece, and what it waits for."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import logging
import socket
import struct
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from functools import partial

import h11
import pytest
from h11._readers import ContentLengthReader
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from fauxscale import clock, create_app
from fauxscale.transport import exchange
from fauxscale.transport.connection import connection_of
from fauxscale.transport.guard import Awaited, Guard, PeerLimits
from fauxscale.transport.listener import listen
from fauxscale.transport.protocol import WireProtocol
from fauxscale.transport.request_head import ServerConnection, plain_head
from fauxscale.transport.server_loop import ServerLoop
from fauxscale.transport.serving import Serving
from tests.asgi import application, no_close
from tests.waiting import until

from .test_request_head import requests


@application
async def digest(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the number of bytes and the SHA-256 of what was sent."""
    if scope["path"] == "/late":
        await asyncio.sleep(0.1)  # several pieces arrive meanwhile
    if scope["path"] == "/refuse":
        await Response("no", 401)(scope, receive, send)
        return
    if scope["path"] == "/as soon as refused":
        while (connection := connection_of(scope)) is not None and not connection.gone:
            await asyncio.sleep(0)
        await Response("too late")(scope, receive, send)
        return
    if scope["path"] == "/head":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"3")]})
        await asyncio.Event().wait()
    if scope["path"] == "/wait":
        await asyncio.Event().wait()
    if scope["path"] == "/large":
        await Response(bytes(20_000_000))(scope, receive, send)
        return
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


class Watching(Guard):
    """A guard that tells its connections to a test. It looks a hundred times a second."""

    def __init__(self, **limits: float) -> None:
        super().__init__(PeerLimits(tick=0.01, **limits))  # type: ignore[arg-type]  # none of these counts anything

    def sees(self, awaited: Awaited | None) -> bool:
        """Whether this is what the only connection is waited for to do, within a time that is long enough."""
        return until(lambda: [one.awaited for one in (*self._idle, *self._busy)] == [awaited])


@contextmanager
def watched(app: ASGIApp = digest, **limits: float) -> Generator[tuple[Watching, socket.socket]]:
    """A server with a guard, and a connection to it."""
    sock, guard = listen("127.0.0.1", 0), Watching(**limits)
    where = sock.getsockname()
    serving = Serving(app, no_close, sock, None, guard)
    serving.start()
    try:
        with socket.create_connection(where, timeout=30) as client:
            yield guard, client
    finally:
        serving.stop()


def test_a_connection_waits_for_what_its_peer_has_to_do_next() -> None:
    with watched() as (guard, client):
        assert guard.sees(Awaited.HEAD)
        client.sendall(post(100_000)[:30])
        assert guard.sees(Awaited.HEAD)
        client.sendall(post(100_000)[30:] + bytes(50_000))
        assert guard.sees(Awaited.BODY)
        client.sendall(bytes(50_000))
        answer(client, bytes(100_000))
        assert guard.sees(Awaited.REQUEST)
        client.sendall(b"GE")
        assert guard.sees(Awaited.HEAD)


def test_a_head_does_not_wait_for_its_body() -> None:
    with watched() as (_, client):
        client.sendall(b"GET /head HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(1000) == b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"


def test_a_body_is_not_waited_for_while_the_application_does_not_read_it() -> None:
    with watched() as (guard, client):
        client.sendall(post(100_000, b"/wait") + bytes(50_000))
        assert guard.sees(None)


def test_who_sends_on_after_an_answer_is_waited_for_to_end() -> None:
    with watched(drain_seconds=0.05) as (guard, client):
        client.sendall(post(100_000, b"/refuse") + bytes(50_000))
        assert client.recv(12) == b"HTTP/1.1 401"
        while client.recv(65536):
            pass
        assert guard.ended[Awaited.END.value] == 1


def test_the_rest_of_a_body_that_is_refused_at_once_is_read_and_another_request_answered() -> None:
    with watched() as (_, client):
        client.sendall(post(1_000_000, b"/refuse") + bytes(200_000))
        refusal = b""
        while not refusal.endswith(b"\r\n\r\nno"):
            refusal += client.recv(1)
        client.sendall(bytes(800_000) + post(3) + b"abc")
        answer(client, b"abc")


@pytest.mark.parametrize(
    ("sent", "awaited"),
    [(b"", Awaited.HEAD), (post(9)[:30], Awaited.HEAD), (post(9) + b"abc", Awaited.BODY)],
    ids=["silent", "half a head", "half a body"],
)
def test_a_connection_whose_peer_stops_is_closed(sent: bytes, awaited: Awaited) -> None:
    with watched(head_seconds=0.05, body_seconds=0.05) as (guard, client):
        client.sendall(sent)
        assert client.recv(1) == b""
        assert guard.ended == {awaited.value: 1}


def test_a_connection_whose_peer_reads_nothing_is_cut_off() -> None:
    with watched(read_seconds=0.05) as (guard, client):
        client.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert until(lambda: guard.ended == {Awaited.READ.value: 1})


def test_a_peer_that_leaves_without_a_request_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    with watched() as (guard, client):
        assert guard.sees(Awaited.HEAD)
        client.close()
        assert until(lambda: not guard._idle)
    assert not caplog.records


PATHS = pytest.mark.parametrize("path", [b"/__fauxscale/api/accounts", b"/upscale"])
CHUNKED = (
    b"POST %s HTTP/1.1\r\nHost: localhost\r\nApi-Key: k\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n5\r\n--b\r\n"
)


@PATHS
def test_a_bad_chunk_is_one_line_of_log_however_often_it_comes(
    path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with watched(create_app()) as (guard, client):
        for _ in range(5):
            with closing(socket.create_connection(client.getpeername(), timeout=30)) as peer:
                peer.sendall(CHUNKED % path + b"zz")
                assert peer.recv(12) == b"HTTP/1.1 400"
            assert until(lambda: not guard._busy)
    assert [record.getMessage() for record in caplog.records] == ["Invalid HTTP request received."]


@pytest.mark.parametrize("method", [b"POST", b"HEAD"])
def test_an_answer_after_a_bad_chunk_comes_too_late_and_is_no_error(
    method: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with watched() as (guard, client):
        client.sendall((CHUNKED % b"/as%20soon%20as%20refused").replace(b"POST", method))
        assert until(lambda: bool(guard._busy))
        client.sendall(b"zz")
        assert client.recv(12) == b"HTTP/1.1 400"
        assert until(lambda: not guard._busy)
    assert [record.getMessage() for record in caplog.records] == ["Invalid HTTP request received."]


@PATHS
def test_a_client_that_leaves_amid_a_body_is_no_error(path: bytes, caplog: pytest.LogCaptureFixture) -> None:
    with watched(create_app()) as (guard, client):
        client.sendall(CHUNKED % path)
        assert guard.sees(Awaited.BODY)
        client.close()
        assert until(lambda: not guard._busy)
    assert not caplog.records


def test_a_connection_without_another_request_is_closed() -> None:
    with watched(idle_seconds=0.05) as (guard, client):
        client.sendall(post(0))
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        assert client.recv(1000) == b""
        assert guard.ended[Awaited.REQUEST.value] == 1


def connections() -> int:
    """How many connections are in memory, open or not freed yet."""
    kinds = ("WireProtocol", "SocketExchange", "_SelectorSocketTransport")
    return sum(type(one).__name__ in kinds for one in gc.get_objects())


@pytest.mark.parametrize("kind", ["answered", "left amid a body", "reset"])
def test_a_connection_is_freed_without_a_collection_of_garbage(
    address: tuple[str, int], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        logging.getLogger("fauxscale"), "disabled", True
    )  # pytest keeps what an error refers to
    gc.collect()
    gc.disable()
    try:
        before = connections()
        for _ in range(5):
            with socket.create_connection(address, timeout=30) as sock:
                if kind == "answered":
                    sock.sendall(post(3) + b"abc")
                    answer(sock, b"abc")
                else:
                    sock.sendall(post(500_000) + bytes(400_000))
                if kind == "reset":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert until(lambda: connections() <= before)
    finally:
        gc.enable()


def test_a_long_body_leaves_others_their_turns_however_fast_its_peer_reads(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[None] = []

    async def give_way() -> None:
        turns.append(None)
        await clock.give_way()

    monkeypatch.setattr(exchange, "give_way", give_way)
    with socket.create_connection(address, timeout=30) as sock:
        sock.sendall(post(0, b"/large"))
        seen = 0
        while seen < 20_000_000:
            seen += len(sock.recv(1_000_000))
    assert len(turns) >= 20_000_000 // (256 * 1024)


class Wire(asyncio.Transport):
    """A connection that nobody is at the other end of."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__({"socket": sock, "peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 6)})
        self.written = b""
        self.closing = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def close(self) -> None:
        self.closing = True

    abort = close

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    resume_reading = pause_reading


def test_an_application_is_asked_what_uvicorn_would_ask_it() -> None:
    """A plain request does not pass through uvicorn: its scope, its body and its reply are the same for all that."""
    asked: list[object] = []

    @application
    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        asked.append({name: value for name, value in scope.items() if name != "state"})
        message = await receive()
        asked.append(message)
        await Response("yes")(scope, receive, send)

    async def exchange(kind: Callable[..., H11Protocol], pieces: Sequence[bytes]) -> object:
        asked.clear()
        config = Config(note, http="h11", ws="none", lifespan="off", log_config=None)
        config.load()
        state = ServerState()
        with socket.socket() as sock:
            protocol, wire = kind(config, state, {}), Wire(sock)
            protocol.connection_made(wire)
            for piece in pieces:
                if not wire.closing:
                    protocol.data_received(piece)
                for _ in range(4):
                    await asyncio.sleep(0)
            protocol.connection_lost(None)
            for _ in range(4):
                await asyncio.sleep(0)
        return list(asked), wire.written, wire.closing, state.total_requests, len(state.tasks)

    async def compare() -> int:
        spelt = b"GET /A%20b%2Fc%C3%A4?X=%41+b&x HTTP/1.1\r\nHOST: a\r\nX-Note: A  b\r\n\r\n"
        plain = [
            one
            for one in (spelt, *requests())
            if ServerConnection(h11.SERVER).receive_request(one) is not None
        ]
        for request in plain:
            head = plain_head(request)
            assert head is not None
            begun = [one for one in (request[: head.size + 1], request[head.size + 1 :]) if one]
            for pieces in ([request, request], [*begun, request], [request, *begun]):
                ours = await exchange(partial(WireProtocol, Guard()), pieces)
                assert ours == await exchange(H11Protocol, pieces), pieces
        return len(plain)

    with asyncio.Runner(loop_factory=ServerLoop) as runner:
        assert runner.run(compare()) > 100
