"""Faults of downloads: the call succeeded, but the picture does not arrive, or is damaged."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from .effects import ExpireLink, PurgePicture, RedirectRead, SwapFormat
from .fault import Ending, FaultContext, RequestKind, Stage
from .validation import MOST_BYTES, header, within

_HTML = (
    b"<!doctype html>\n<title>Just a moment</title>\n"
    b"<h1>Checking your connection</h1>\n<p>This page is not the picture you asked for.</p>\n"
)


class Expire(Struct, frozen=True):
    """Expire the link early, at this download; it stays expired."""

    stage: ClassVar[Stage] = "download"
    kind: ClassVar[RequestKind] = "download"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        context.ask(ExpireLink())


class Purge(Struct, frozen=True):
    """Purge the picture at this download; it stays deleted."""

    stage: ClassVar[Stage] = "download"
    kind: ClassVar[RequestKind] = "download"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        context.ask(PurgePicture())


class Redirect(Struct, frozen=True):
    """Redirect the download (302) `to` an address, or to the link itself if it is empty: a loop, if `times` is None."""

    to: str = ""

    stage: ClassVar[Stage] = "download"
    kind: ClassVar[RequestKind] = "download"
    combines: ClassVar[bool] = False

    def __post_init__(self) -> None:
        header(self, "to")

    async def apply(self, context: FaultContext) -> None:
        context.ask(RedirectRead(self.to))


class WrongFormat(Struct, frozen=True):
    """Send a complete picture in a format that differs from the Content-Type and the link's file name."""

    stage: ClassVar[Stage] = "picture"
    kind: ClassVar[RequestKind] = "download"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        context.ask(SwapFormat())


class Truncate(Struct, frozen=True):
    """Cut the connection after `at` bytes of the picture: close it, or with `reset` reset it."""

    at: int = 1024
    reset: bool = False

    stage: ClassVar[Stage] = "bytes"
    kind: ClassVar[RequestKind] = "download"
    combines: ClassVar[bool] = False

    def __post_init__(self) -> None:
        within(self, 0, MOST_BYTES, "at")

    async def apply(self, context: FaultContext) -> None:
        # At least one byte is missing, or nothing would be cut.
        at = max(0, min(self.at, len(context.reply.body) - 1))
        context.reply.ending = Ending("reset" if self.reset else "close", at)


class CorruptChunk(Struct, frozen=True):
    """Send the right number of bytes, but some of them wrong: a PNG whose pixel data fails its checksum."""

    stage: ClassVar[Stage] = "bytes"
    kind: ClassVar[RequestKind] = "download"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        body = bytearray(context.reply.body)
        # In a PNG the pixels follow the first IDAT; other formats hold them in the middle of the file.
        start = body.find(b"IDAT")
        start = start + 4 if start >= 0 else len(body) // 2
        for at in range(start, min(start + 64, len(body))):
            body[at] ^= 0xA5
        context.reply.body = bytes(body)


class HtmlWith200(Struct, frozen=True):
    """Send an HTML page instead of the picture, with status 200."""

    stage: ClassVar[Stage] = "bytes"
    kind: ClassVar[RequestKind] = "download"
    combines: ClassVar[bool] = False

    async def apply(self, context: FaultContext) -> None:
        context.reply.body = _HTML
        context.reply.media_type = "text/html; charset=utf-8"


class WrongContentLength(Struct, frozen=True):
    """Send a Content-Length that is wrong `by` so many bytes: too many, a short read; too few, a picture cut short."""

    by: int = 1

    stage: ClassVar[Stage] = "reply"
    kind: ClassVar[RequestKind] = "download"
    combines: ClassVar[bool] = False

    def __post_init__(self) -> None:
        within(self, -MOST_BYTES, MOST_BYTES, "by")
        if self.by == 0:
            raise ValueError("WrongContentLength wants a number of bytes other than 0")

    async def apply(self, context: FaultContext) -> None:
        whole = len(context.reply.body)
        context.reply.length = max(0, whole + self.by)
        if self.by > 0:
            context.reply.ending = Ending("close", whole)
        else:
            # A client reads no further than Content-Length.
            context.reply.body = context.reply.body[: context.reply.length]


class Stall(Struct, frozen=True):
    """Send `at` bytes of the picture, then nothing more until the client gives up."""

    at: int = 1024

    stage: ClassVar[Stage] = "reply"
    kind: ClassVar[RequestKind] = "download"
    combines: ClassVar[bool] = False

    def __post_init__(self) -> None:
        within(self, 0, MOST_BYTES, "at")

    async def apply(self, context: FaultContext) -> None:
        context.reply.ending = Ending("hang", max(0, min(self.at, len(context.reply.body) - 1)))
