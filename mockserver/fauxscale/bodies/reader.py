"""Reads request bodies under caps and deadlines, and decodes them; every failure is a neutral error."""

from __future__ import annotations

import asyncio
import binascii
import re
from collections.abc import AsyncIterator, Callable
from typing import NoReturn
from urllib.parse import unquote_to_bytes

from fauxscale.errors import ApiError, Problem, file_too_large

from .eager import EagerCoroutine
from .form import Caps, Form, Part, format_size, shown
from .multipart import FormReader, Pieces
from .strict_json import parse_json

__all__ = [
    "Caps",
    "Form",
    "Part",
    "decode_base64",
    "decode_data_uri",
    "excess",
    "outline",
    "parse_json",
    "read_body",
    "read_form",
]

_MOST_ESCAPES = 100_000  # decoding takes eighty times their size in memory
_WHITESPACE = b" \t\r\n\f"
_URLSAFE_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]{1,127}/[a-z0-9!#$&^_.+-]{1,127}")


async def read_form(stream: AsyncIterator[bytes], content_type: str | None, caps: Caps) -> Form:
    """Read the multipart/form-data form that arrives on `stream`, whose header said `content_type`.

    Raises ApiError: WRONG_CONTENT_TYPE, FILE_TOO_LARGE (at the first byte too many), MALFORMED_BODY, TIMEOUT. The
    stream is left where reading stopped; our own server goes on reading for a while after the reply (see
    transport/protocol.py). ClientDisconnect passes through.
    """
    reader = FormReader(content_type, caps)
    inflow = _Inflow(stream, caps)

    def take(chunk: bytes) -> None:
        # The parser gets the bytes first, so that the error names the file that is too large instead of the body.
        reader.feed(chunk)
        inflow.check(caps.whole)

    await inflow.read(take)
    return reader.finish(inflow.received)


async def read_body(stream: AsyncIterator[bytes], cap: int, caps: Caps) -> bytes:
    """Read all bytes on `stream`, at most `cap` bytes. ApiError: FILE_TOO_LARGE, TIMEOUT. See `read_form`."""
    inflow = _Inflow(stream, caps)
    pieces = Pieces()

    def take(chunk: bytes) -> None:
        inflow.check(cap)
        pieces.add(chunk)

    await inflow.read(take)
    return pieces.joined()


def decode_data_uri(text: str, cap: int, *, param: str | None = None) -> tuple[str, bytes]:
    """Decode a data URI: its declared media type (RFC 2397: else "text/plain") and its bytes, at most `cap`.

    ApiError: INVALID_PARAMETER, FILE_TOO_LARGE; both name `param`, the field the text came from.
    """
    head, comma, payload = text.strip().partition(",")
    if head[:5].lower() != "data:" or not comma:
        _refuse_value("not a data URI: it must have the form data:<media type>;base64,<data>", param)
    media_type, *parameters = (piece.strip().lower() for piece in head[5:].split(";"))
    if payload.count("%") > _MOST_ESCAPES:
        _refuse_value(f"over {_MOST_ESCAPES:,} bytes of it are percent-encoded; send base64", param)
    # RFC 2397 uses URL characters: a "+" or "/" of the base64 may arrive as %2B or %2F.
    data = unquote_to_bytes(payload if payload.isascii() else _ascii(payload, param))
    if parameters and parameters[-1] == "base64":
        data = decode_base64(data.decode("latin-1"), cap, param=param)
    _check_decoded(len(data), cap, param)
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else "text/plain", data


def decode_base64(text: str, cap: int, *, param: str | None = None) -> bytes:
    """Decode at most `cap` bytes of base64, standard or URL-safe; white space is ignored, padding optional."""
    packed = _ascii(text, param).translate(_URLSAFE_TO_STANDARD, _WHITESPACE).rstrip(b"=")
    _check_decoded(len(packed) * 3 // 4, cap, param)
    try:
        return binascii.a2b_base64(packed + b"=" * (-len(packed) % 4), strict_mode=True)
    except binascii.Error as error:
        _refuse_value(f"not base64: {str(error)[:1].lower()}{str(error)[1:]}", param)


class _Inflow:
    """The bytes of one request as they arrive: counted, and with a time limit."""

    def __init__(self, stream: AsyncIterator[bytes], caps: Caps) -> None:
        self.received = 0
        self._stream = stream
        self._caps = caps
        self._now = asyncio.get_running_loop().time
        self._deadline = self._now() + caps.body_seconds
        self._limit: asyncio.Timeout | None = None

    async def read(self, take: Callable[[bytes], None]) -> None:
        """Pass on every piece as it arrives. Raises TIMEOUT."""
        reading = EagerCoroutine(self._read(take))
        if reading.done:
            return  # no timer is needed for what has arrived already
        try:
            async with asyncio.timeout_at(self._next_deadline()) as self._limit:
                await reading
        except TimeoutError:
            raise self._too_slow() from None

    async def _read(self, take: Callable[[bytes], None]) -> None:
        late = self._now() + self._caps.receive_seconds / 100
        async for chunk in self._stream:
            self.received += len(chunk)
            take(chunk)
            # Setting a timer takes longer than most pieces: it may be late by a hundredth.
            if self._now() > late:
                late = self._now() + self._caps.receive_seconds / 100
                if self._limit is not None:
                    self._limit.reschedule(self._next_deadline())

    def _next_deadline(self) -> float:
        return min(self._now() + self._caps.receive_seconds, self._deadline)

    def check(self, cap: int) -> None:
        if self.received > cap:
            raise ApiError(
                Problem.FILE_TOO_LARGE,
                "Request body is too large",
                reason=f"the body is over {format_size(cap)}: at least {self.received:,} bytes arrived",
                details={"limit": cap, "received": self.received},
            )

    def _too_slow(self) -> ApiError:
        if self._now() >= self._deadline:
            limit, what = self._caps.body_seconds, "the body was not complete after"
        else:
            limit, what = self._caps.receive_seconds, "no byte of the body arrived for"
        return ApiError(
            Problem.TIMEOUT,
            "Timed out waiting for the request body",
            reason=f"{what} {limit:g} s ({self.received:,} bytes so far)",
            status=408,
            details={"limit": limit, "received": self.received},
        )


def _ascii(text: str, param: str | None) -> bytes:
    try:
        return text.encode("ascii")
    except UnicodeEncodeError as error:
        _refuse_value(f"character {error.start} is not ASCII", param)


def _check_decoded(size: int, cap: int, param: str | None) -> None:
    if size > cap:
        reason = f"{_subject(param)} holds {size:,} bytes, over {format_size(cap)}; send a smaller file"
        raise file_too_large(reason, param=param, limit=cap, received=size)


def _refuse_value(reason: str, param: str | None) -> NoReturn:
    raise ApiError(
        Problem.INVALID_PARAMETER,
        "Image data could not be decoded",
        reason=f"{_subject(param)} cannot be decoded: {reason}",
        param=param,
    )


def _subject(param: str | None) -> str:
    return "the encoded picture" if param is None else shown(param)


def excess(declared: str, limit: int) -> str:
    """Say by how much an upload is over the limit, from its Content-Length, as it was not read to its end."""
    mib = 1024 * 1024
    if not declared.isdigit() or int(declared) <= limit:
        return ""
    whole, over = int(declared), int(declared) - limit
    if over < mib / 10:
        return f"; the whole body is {whole:,} bytes, {over:,} bytes over {limit / mib:g} MB"
    return f"; the whole body is {whole / mib:.1f} MB, {over / mib:.1f} MB over {limit / mib:g} MB"


def outline(part: Part) -> dict[str, object]:
    """Describe a part for the journal: a file by its labels and size, a text by its first 2,000 characters."""
    about: dict[str, object] = {"name": part.name, "bytes": len(part.data)}
    if part.content_type is not None:
        about["content_type"] = part.content_type
    if part.is_file:
        from fauxscale.images.formats import sniff  # Pillow: loaded with the first file

        return about | {
            "filename": part.filename or "",
            "detected": sniff(part.data[:64]) or "unknown",
        }
    return about | {"text": part.data[:2000].decode(errors="replace")}
