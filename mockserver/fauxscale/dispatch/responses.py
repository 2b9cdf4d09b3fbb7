"""Responses that do not arrive whole and at once: cut, garbled, slowed, stalled; over a socket or in process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fauxscale.faults import Ending, Reply
from fauxscale.transport.connection import connection_of

from .request_body import gone

_GARBAGE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nno chunk size\r\n"


class Cut(Response):
    """A response without a reply: the connection ends as `ending` says."""

    arrives = whole = False

    def __init__(self, ending: Ending) -> None:
        super().__init__()
        self._ending = ending

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await _end(self._ending, scope, receive)


class PictureResponse(Response):
    """A response whose body is a picture, so that faults of a picture's bytes apply to it."""


class AlteredReply(Response):
    """A reply as changed by faults.

    `arrives` is whether the peer sees its status, `whole` whether it gets all of it if it waits. `left` is called
    if it did not wait.
    """

    def __init__(self, response: Response, reply: Reply, left: Callable[[], Awaitable[None]]) -> None:
        super().__init__(reply.body, response.status_code)
        length = len(reply.body) if reply.length is None else reply.length
        told = {b"content-type": reply.media_type.encode(), b"content-length": str(length).encode()}
        kept = [(name, value) for name, value in response.raw_headers if name not in told]
        self.raw_headers = kept + [pair for pair in told.items() if pair[1]]
        self.background = response.background
        self._ending = reply.ending
        self._left = left
        self.arrives = reply.ending is None or reply.ending.after is not None
        self.whole = reply.ending is None or reply.ending.how == "drip"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ending = self._ending
        if ending is None:
            await super().__call__(scope, receive, send)
            return
        if ending.after is not None:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            if ending.how == "drip":
                await self._drip(ending, scope, receive, send)
                await self._tell()
                return
            await send(_piece(bytes(self.body)[: ending.after], more=True))
        # The client gets no more of this; others, such as a webhook's receiver, are informed all the same.
        await self._tell()
        await _end(ending, scope, receive)

    async def _tell(self) -> None:
        if self.background is not None:
            await self.background()

    async def _drip(self, ending: Ending, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self.body)
        size = max(1, -(-len(body) // ending.pieces))
        whole = False
        try:
            for at in range(0, len(body), size):
                if await _gone_within(ending.seconds / ending.pieces, scope, receive):
                    return
                await send(_piece(body[at : at + size], more=True))
            await send(_piece(b"", more=False))
            whole = True
        finally:  # without a socket, a client that leaves cancels this
            if not whole:
                await self._left()


def _piece(body: bytes, *, more: bool) -> dict[str, object]:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _gone_within(seconds: float, scope: Scope, receive: Receive) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await gone(scope, receive)
    except TimeoutError:
        return False
    return True


async def _end(ending: Ending, scope: Scope, receive: Receive) -> None:
    """End the connection, and return when it has ended: earlier, the server would answer by itself."""
    connection = connection_of(scope)
    if ending.how != "hang":
        if connection is None:
            # Another server or transport runs the app: an exception ends the exchange there.
            raise ConnectionAbortedError(f"configured: {ending.how}")
        if ending.how == "reset":
            connection.reset()
        else:
            if ending.how == "garbage":
                connection.write(_GARBAGE)
            connection.close()
    await gone(scope, receive)
