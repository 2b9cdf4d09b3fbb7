"""One request and its response on a socket: uvicorn's, with head and body in one write and long bodies in blocks."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import h11
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, RequestResponseCycle

from fauxscale.clock import give_way

if TYPE_CHECKING:
    from uvicorn._types import (
        ASGIReceiveEvent,
        ASGISendEvent,
        HTTPResponseBodyEvent,
        HTTPResponseStartEvent,
    )

    from .guard import Guard, Peer

# Joining copies, so a longer body is written by itself. A transport copies the unread rest too (asyncio 3.11), so a
# longer body is written in blocks of this size, as it is read.
_BLOCK = 64 * 1024
# Blocks written in one turn of the loop. A fast peer would otherwise take a long body in one turn: 20 to 50 ms for 6
# MB.
_BLOCKS_A_TURN = 4
# A header line that h11 accepts as well, without special characters.
_LINE = re.compile(
    rb"[-!#$%&'*+.^_`|~0-9a-z]+: (?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?\r\n"
)
_FRAMING = frozenset({b"connection", b"transfer-encoding", b"upgrade"})


@lru_cache(256)  # replies differ in few of their header lines
def _line(name: bytes, value: bytes) -> bytes:
    """Write a plain header line; nothing for any other, or for one that defines the message's framing."""
    line = b"%b: %b\r\n" % (name, value)
    return line if name not in _FRAMING and _LINE.fullmatch(line) else b""


class Flow(FlowControl):
    """Reads on after a first piece of over 64 KiB, where uvicorn would pause: most uploads end with the second piece,
    and pausing and resuming costs two system calls. Counts how often the server and the peer kept the other waiting."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._waits = False
        self.pauses = self.resumptions = 0

    def pause_reading(self) -> None:
        if self._waits:
            self.pause_at_once()
        self._waits = True

    def pause_at_once(self) -> None:
        self.pauses += 1
        super().pause_reading()

    def resume_writing(self) -> None:
        self.resumptions += 1
        super().resume_writing()

    def resume_reading(self) -> None:
        self._waits = False
        super().resume_reading()


class HeldWrites:
    """A transport that can hold writes for a moment and then send them together: each write is a system call."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None

    def hold(self) -> None:
        """Hold writes until `flush`."""
        self._held = []

    def write(self, data: bytes) -> None:
        if self._held is None:
            self._transport.write(data)
        else:
            self._held.append(data)

    def flush(self) -> None:
        held, self._held = self._held, None
        if held and sum(map(len, held)) <= _BLOCK:
            held = [b"".join(held)]
        for data in held or ():
            self._transport.write(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class SocketExchange(RequestResponseCycle):
    """uvicorn's request and response, made by uvicorn and changed to this class."""

    held: HeldWrites
    receiving: bool
    """Whether the application waits for more of the request."""
    _peer: Peer
    _guard: Guard
    _head: HTTPResponseStartEvent | None
    """The head of a response, held until its body is there too, or the turn of the loop has ended."""
    in_first_turn: bool
    """Whether its protocol will call `end_turn` before this turn of the loop ends."""

    @classmethod
    def adopt(cls, cycle: RequestResponseCycle, peer: Peer, guard: Guard) -> None:
        """Make an exchange from uvicorn's new object: its protocol names the class it makes (0.54)."""
        cycle.__class__ = cls
        cast("SocketExchange", cycle).watch(peer, guard)

    def watch(self, peer: Peer, guard: Guard) -> None:
        """Tell the guard what becomes of the exchange with a peer."""
        self.held = HeldWrites(self.transport)
        self.transport = cast("asyncio.Transport", self.held)
        self.receiving = self.in_first_turn = False
        self._head = None
        self._peer, self._guard = peer, guard

    def end_turn(self) -> None:
        """End its first turn: a head whose body did not come in it is written."""
        self.in_first_turn = False
        self._begin()

    def receive_data(self, data: bytes) -> None:
        """Add to the request's body. A piece that is read before the next one arrives is never copied."""
        # uvicorn adds to a bytearray and copies it at every read; `bytes` of bytes is no copy.
        self.body = cast("bytearray", bytes(self.body) + data if self.body else data)
        self.message_event.set()

    async def receive(self) -> ASGIReceiveEvent:
        self.receiving = True
        try:
            return await super().receive()
        finally:
            self.receiving = False

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start" and not self.response_started:
            if self.flow.write_paused or self.disconnected:
                await super().send(message)
                return
            self._head, self.response_started = message, True
            # The head does not wait for a body that comes later.
            if not self.in_first_turn:
                asyncio.get_running_loop().call_soon(self._begin)
        elif message["type"] != "http.response.body":
            await super().send(message)
        elif len(message.get("body", b"")) > _BLOCK:
            self._begin()
            await self._send_long(message)
        elif message.get("more_body", False) or not self._send_whole(message.get("body", b"")):
            self.held.hold()
            self._begin()
            await super().send(message)
            self.held.flush()

    def _begin(self) -> None:
        """Write the head, if it is still held, together with the body."""
        head, self._head = self._head, None
        if head is not None:
            self.response_started = False
            with suppress(StopIteration):
                super().send(head).send(None)  # nothing to wait for: the peer has read everything

    def _send_whole(self, body: bytes) -> bool:
        """Write a plain response as a whole; False if it is not plain, or its head is already sent.

        For a small response, h11 takes two thirds of the time to check what is known here: that its length is
        given, that both sides are done with the request, and that they go on to the next (0.16).
        """
        head, conn = self._head, self.conn
        if head is None or self.disconnected or not self.keep_alive:
            return False
        # After the request, their state is DONE only if the connection can be kept, and by HTTP/1.1.
        if conn.their_state is not h11.DONE or conn.our_state is not h11.SEND_RESPONSE:
            return False
        headers = [*head.get("headers", ())]
        named = dict(headers)
        told = len(named) == len(headers) and named.get(b"content-length") == b"%d" % len(body)
        lines = b"".join([_line(name, value) for name, value in headers if told])
        if not told or lines.count(b"\n") != len(headers):
            return False
        status = head["status"]
        if status < 200 or status in (204, 304) or self.scope["method"] in ("HEAD", "CONNECT"):
            return False
        self._head = None
        start = b"HTTP/1.1 %d %b\r\n" % (status, STATUS_PHRASES[status])
        conn._cstate.states[h11.SERVER], conn._writer = h11.DONE, None  # pyright: ignore[reportPrivateUsage]  # h11 0.16, to which pyproject.toml holds us
        self.response_complete = True
        self.message_event.set()
        # A peer that has read this may check at once whether the connection is idle.
        self._guard.rests(self._peer)
        self.held.write(b"".join((start, lines, b"\r\n", body)))
        self.on_response()
        return True

    async def _send_long(self, message: HTTPResponseBodyEvent) -> None:
        """Write a long body in blocks, each when the one before has gone: all readers share the body itself."""
        body = memoryview(message["body"])
        with self._guard.sending(self._peer, body):
            for at in range(0, len(body), _BLOCK):
                if at and at % (_BLOCKS_A_TURN * _BLOCK) == 0:
                    await give_way()
                more = at + _BLOCK < len(body) or message.get("more_body", False)
                block = cast("bytes", body[at : at + _BLOCK])
                await super().send({"type": "http.response.body", "body": block, "more_body": more})
                self._guard.moved(self._peer)
                # The transport knows first: asyncio would log each further block.
                self.disconnected = self.disconnected or self.held.is_closing()
                if self.disconnected:
                    return
