"""A request's body as it arrives: kept for a second reader, and watched for a disconnect."""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive, Scope

from fauxscale.transport.connection import connection_of


async def gone(scope: Scope, receive: Receive) -> None:
    """Return when the peer has left, after any time. Bytes it still sends are dropped."""
    connection = connection_of(scope)
    if connection is not None:
        connection.held_open = True
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    finally:
        if connection is not None:
            connection.held_open = False


async def has_left(request: Request) -> bool:
    """Whether the peer has left."""
    connection = connection_of(request.scope)
    # Under another server only the request can tell, in a tenth of a millisecond.
    return await request.is_disconnected() if connection is None else connection.gone


async def hang(request: Request) -> None:
    """Wait until the peer has left, then raise ClientDisconnect."""
    await gone(request.scope, request.receive)
    raise ClientDisconnect


class Intake:
    """The ASGI messages of a request; `complete` once its whole body has arrived. `keep` stores it for an observer."""

    def __init__(self, receive: Receive, *, keep: bool = False) -> None:
        self._receive = receive
        self._keep = keep
        self._pieces: list[bytes] = []
        self._unread: bytes | None = None
        self.complete = False

    def again(self, body: bytes) -> None:
        """Make the whole body, which was read, readable once more."""
        self._unread = body

    async def __call__(self) -> Message:
        if self._unread is not None:
            body, self._unread = self._unread, None
            return {"type": "http.request", "body": body, "more_body": False}
        message = await self._receive()
        self.complete = self.complete or not message.get("more_body", False)
        if self._keep:
            self._pieces.append(message.get("body", b""))
        return message

    @property
    def body(self) -> bytes:
        """The body so far, if it was to be kept."""
        return b"".join(self._pieces)


async def take(receive: Receive, count: float) -> None:
    """Read at least `count` bytes of a request's body, or all of it if there is less."""
    # A caller that asks for more waits until the peer leaves.
    while count > 0 and not (isinstance(receive, Intake) and receive.complete):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        count -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return
