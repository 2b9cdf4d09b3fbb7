"""A head that is read in one step is read as h11 reads it, and any other by h11 itself."""

from __future__ import annotations

import random

import h11
import pytest

from fauxscale.transport.request_head import ServerConnection

PLAIN = (
    b"POST /upscale?a=1 HTTP/1.1\r\nHost: localhost:2160\r\nApi-Key:k\r\n"
    b"Content-Length: 3\r\nX-Note: a b  c\r\n\r\nabc"
)
PIECES = (
    b"GET", b"POST", b"get", b"CONNECT", b"G\x00T", b" ", b"  ", b"/", b"/a?b=%0a", b"*", b"http://a/", b"\x80",
    b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/1.1\n", b"HTTP/2.0\r\n", b"\r\n", b"\n", b"\r", b"\t", b":", b": ",
    b"Host: a\r\n", b"host:b\r\n", b"Host:\r\n", b"Host: a \r\n", b"Content-Length: 3\r\n", b"content-length: 3, 3\r\n",
    b"Content-Length: +3\r\n", b"Content-Length: 0003\r\n", b"Content-Length: 99999999999999999999999\r\n",
    b"Content-Length : 3\r\n", b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: x, chunked\r\n",
    b"Connection: close\r\n", b"Connection: keep-alive, Upgrade\r\n", b"Upgrade: websocket\r\n",
    b"Expect: 100-continue\r\n",
    b"X-A: b\r\n", b"X-A: \xe4\r\n", b"X-A:\tb\r\n", b" folded\r\n", b"X A: b\r\n", b"X-A: b\x00\r\n",
    b"X-A: b\rX-B: c\r\n",
    b": b\r\n", b"X-A\r\n", b"\r\n\r\n", b"abc", b"0\r\n\r\n",
)  # fmt: skip


def events(conn: h11.Connection, *pieces: bytes) -> list[object]:
    """What a connection makes of these pieces, and the state it is in then."""
    seen: list[object] = []
    for piece in pieces:
        conn.receive_data(piece)
        try:
            while (event := conn.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
                seen.append(event)
                if isinstance(event, h11.Request):
                    seen += [event.headers.raw_items(), conn.they_are_waiting_for_100_continue]
        except h11.RemoteProtocolError as refused:
            return [*seen, "refused", refused.error_status_hint]
    return [*seen, conn.states, bytes(conn.trailing_data[0])]


def requests() -> list[bytes]:
    """Requests put together of what parsers have fallen for, the plain one among them with a byte changed."""
    dice = random.Random(2160)  # the same ones in every run
    made = [PLAIN]
    for _ in range(3_000):
        count = dice.randrange(1, 9)
        made.append(
            b"GET / HTTP/1.1\r\n" * dice.randrange(2)
            + b"".join(dice.choices(PIECES, k=count))
            + b"\r\n\r\nabc"
        )
    for at in range(len(PLAIN)):
        made += [PLAIN[:at] + bytes([byte]) + PLAIN[at + 1 :] for byte in (0, 9, 10, 13, 32, 58, 127, 200)]
        made.append(PLAIN[:at] + PLAIN[at + 1 :])
    return made


def test_whatever_is_sent_is_read_as_h11_reads_it() -> None:
    for request in requests():
        assert events(ServerConnection(h11.SERVER), request) == events(h11.Connection(h11.SERVER), request), (
            request
        )


@pytest.mark.parametrize("at", range(1, len(PLAIN), 7))
def test_a_head_in_two_pieces_is_read_too(at: int) -> None:
    pieces = PLAIN[:at], PLAIN[at:]
    assert events(ServerConnection(h11.SERVER), *pieces) == events(h11.Connection(h11.SERVER), *pieces)


def test_a_plain_head_is_read_in_one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    conn = ServerConnection(h11.SERVER)
    monkeypatch.setattr(conn, "_reader", None)  # where h11 reads
    conn.receive_data(PLAIN)
    request = conn.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (b"POST", b"/upscale?a=1")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        PLAIN,
    ],
)
def test_what_is_answered_and_asked_next_is_the_same_as_with_h11(request_: bytes) -> None:
    def exchanges(conn: h11.Connection) -> list[object]:
        seen: list[object] = []
        for _ in range(2):
            if conn.their_state is h11.IDLE:
                seen += events(conn, request_)
            length = [(b"content-length", b"2")]
            seen.append(conn.send(h11.Response(status_code=200, headers=length, reason=b"OK")))
            if conn.their_http_version != b"1.1" or conn.they_are_waiting_for_100_continue:
                seen.append("unusual")
            body = h11.Data(data=b"" if request_.startswith(b"HEAD") else b"ok")
            seen += [conn.send(body), conn.send(h11.EndOfMessage()), conn.states]
            if conn.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
                break
            conn.start_next_cycle()
        return seen

    assert exchanges(ServerConnection(h11.SERVER)) == exchanges(h11.Connection(h11.SERVER))
