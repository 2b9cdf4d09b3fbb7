"""One request and its response on a socket: uvicorn's, with head and body in one write and long bodies in blocks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, HTTPResponseBodyEvent

    from .guard import Guard, Peer

# Joining copies: a longer body is written by itself. And so does a transport, of what its peer has not read yet
# (asyncio 3.11): a longer body is written in blocks of this size, as it is read.
_BLOCK = 64 * 1024


class Flow(FlowControl):
    """Reads on behind a first piece of over 64 KiB, where uvicorn would pause: most uploads end with the second, and
    to pause and resume costs two system calls. Counts how often the server, and how often the peer, kept the other
    waiting."""

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
    """A transport whose writes can be held for a moment, so that they leave together: each write is a system call."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] | None = None

    def hold(self) -> None:
        """Hold what is written until `flush`."""
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
    """uvicorn's request and response, made by uvicorn and then adopted."""

    held: HeldWrites
    receiving: bool
    """Whether the application waits for more of the request."""
    _peer: Peer
    _guard: Guard

    @classmethod
    def adopt(cls, cycle: RequestResponseCycle, peer: Peer, guard: Guard) -> None:
        """Make an exchange of what uvicorn has just made: its protocol names the class it makes (0.54)."""
        cycle.__class__ = cls
        made = cast("SocketExchange", cycle)
        made.held = HeldWrites(cycle.transport)
        made.transport = cast("asyncio.Transport", made.held)
        made.receiving = False
        made._peer, made._guard = peer, guard

    def receive_data(self, data: bytes) -> None:
        """Add to the request's body. A piece that is read before the next one comes is never copied."""
        # uvicorn adds to a bytearray and copies that whenever it is read: `bytes` of bytes is no copy.
        self.body = cast("bytearray", bytes(self.body) + data if self.body else data)
        self.message_event.set()

    async def receive(self) -> ASGIReceiveEvent:
        self.receiving = True
        try:
            return await super().receive()
        finally:
            self.receiving = False

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "http.response.start":
            self.held.hold()
            # A body that comes later does not keep the head waiting.
            asyncio.get_running_loop().call_soon(self.held.flush)
            await super().send(message)
        elif message["type"] == "http.response.body" and len(message.get("body", b"")) > _BLOCK:
            await self._send_long(message)
        else:
            await super().send(message)
            self.held.flush()

    async def _send_long(self, message: HTTPResponseBodyEvent) -> None:
        """Write a long body in blocks, each when the one before has gone: all who read it share the body itself."""
        body = memoryview(message["body"])
        with self._guard.sending(self._peer, body):
            for at in range(0, len(body), _BLOCK):
                more = at + _BLOCK < len(body) or message.get("more_body", False)
                block = cast("bytes", body[at : at + _BLOCK])
                await super().send({"type": "http.response.body", "body": block, "more_body": more})
                self.held.flush()
                self._guard.moved(self._peer)
                # The transport knows first: asyncio would log each block that follows.
                self.disconnected = self.disconnected or self.held.is_closing()
                if self.disconnected:
                    return
