"""One request and its response on a socket: uvicorn's, with head and body in one write and bodies not copied."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.h11_impl import RequestResponseCycle

if TYPE_CHECKING:
    from uvicorn._types import ASGISendEvent

# Joining copies: a longer body is written by itself.
_JOIN_UP_TO = 64 * 1024


class Flow(FlowControl):
    """Reads on behind a first piece of over 64 KiB, where uvicorn would pause: most uploads end with the second, and
    to pause and resume costs two system calls."""

    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._waits = False

    def pause_reading(self) -> None:
        if self._waits:
            super().pause_reading()
        self._waits = True

    def pause_at_once(self) -> None:
        super().pause_reading()

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
        if held and sum(map(len, held)) <= _JOIN_UP_TO:
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

    @classmethod
    def adopt(cls, cycle: RequestResponseCycle) -> None:
        """Make an exchange of what uvicorn has just made: its protocol names the class it makes (0.54)."""
        cycle.__class__ = cls
        held = HeldWrites(cycle.transport)
        cast("SocketExchange", cycle).held = held
        cycle.transport = cast("asyncio.Transport", held)

    def receive_data(self, data: bytes) -> None:
        """Add to the request's body. A piece that is read before the next one comes is never copied."""
        # uvicorn adds to a bytearray and copies that whenever it is read: `bytes` of bytes is no copy.
        self.body = cast("bytearray", bytes(self.body) + data if self.body else data)
        self.message_event.set()

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] != "http.response.start":
            await super().send(message)
            self.held.flush()
            return
        self.held.hold()
        # A body that comes later does not keep the head waiting.
        asyncio.get_running_loop().call_soon(self.held.flush)
        await super().send(message)
