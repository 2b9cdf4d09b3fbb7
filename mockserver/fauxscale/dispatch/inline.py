"""Large pictures inside replies: a placeholder while the reply is written, then the text in pieces.

A reply of ten results of 250 MB would be 3.4 GB of JSON, three times over while it is made. Its pieces share one
text.
"""

from __future__ import annotations

import binascii
import re
import secrets
from collections.abc import Sequence

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MARKED_FROM = 1024 * 1024
"""Bytes of the smallest picture that gets a placeholder."""
_MARK = re.compile(rb"fauxscale-inline-[0-9a-f]{32}")
_AT_ONCE = 3 * 256 * 1024  # bytes; the other threads wait for the interpreter meanwhile

Text = bytes | bytearray


class Inlined:
    """The pictures that a call's reply holds as text, by their placeholders."""

    def __init__(self) -> None:
        self._texts: dict[bytes, Text] = {}
        self._last: tuple[bytes, bytes] | None = None

    def mark_of(self, data: bytes) -> str | None:
        """Return the existing placeholder for `data`: results of equal content share their bytes."""
        return self._last[1].decode() if self._last is not None and self._last[0] is data else None

    def put(self, data: bytes, text: Text) -> str:
        """Store the text of a picture; returns the placeholder to put into the reply."""
        mark = f"fauxscale-inline-{secrets.token_hex(16)}".encode()
        self._texts[mark] = text
        self._last = data, mark
        return mark.decode()

    def resolve(self, response: Response) -> Response:
        """Return a reply with the texts in place of their placeholders."""
        if not self._texts or not hasattr(response, "body"):
            return response
        body = bytes(response.body)
        pieces: list[Text] = []
        at = 0
        for found in _MARK.finditer(body):
            if (text := self._texts.get(found[0])) is not None:
                pieces += [body[at : found.start()], text]
                at = found.end()
        return response if not pieces else PiecewiseResponse(response, [*pieces, body[at:]])


class PiecewiseResponse(Response):
    """A response whose body is in pieces, each written by itself."""

    def __init__(self, response: Response, pieces: Sequence[Text]) -> None:
        self._pieces = pieces
        self.status_code = response.status_code
        self.raw_headers = list(response.raw_headers)
        self.background = response.background
        self.headers["content-length"] = str(sum(map(len, pieces)))

    @property
    def body(self) -> bytes:  # type: ignore[override]  # Starlette's is an attribute
        """All of it, copied: for faults and observers that read whole replies."""
        return b"".join(self._pieces)

    def beginning(self, most: int) -> bytes:
        """Return the first bytes of the body."""
        begun = b""
        for piece in self._pieces:
            begun += piece[: most - len(begun)]
        return begun

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        if self.background is not None:
            await self.background()


def base64_of(data: bytes) -> bytearray:
    """Encode in base64, letting other threads run between parts. For a thread of its own."""
    packed = bytearray(-(-len(data) // 3) * 4)
    whole = memoryview(data)
    for at in range(0, len(data), _AT_ONCE):
        part = binascii.b2a_base64(whole[at : at + _AT_ONCE], newline=False)
        packed[at // 3 * 4 : at // 3 * 4 + len(part)] = part
    return packed


def beginning(response: Response, most: int) -> bytes:
    """Return the first bytes of a response's body."""
    if isinstance(response, PiecewiseResponse):
        return response.beginning(most)
    return bytes(response.body[:most])
