"""Parses a multipart/form-data body as it arrives: sizes counted, names and text in UTF-8, files as bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NoReturn
from urllib.parse import unquote_to_bytes

from msgspec import Struct

from fauxscale.errors import ApiError, Problem, file_too_large

from .form import Caps, Form, Part, format_size, malformed, malformed_header, shown
from .header_value import read_parameters
from .splitter import Splitter

_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BOUNDARY = re.compile(rb"[ -~]{0,255}[!-~]")
_EXTENDED_PARAMETER = re.compile(rb"\*(?:\d+\*?)?[ \t]*=")
_UTF8 = frozenset({b"utf-8", b"utf8"})
# Spellings of character sets that agree with UTF-8 as long as every byte is ASCII. Java's Apache HttpClient 4
# labels a text field ISO-8859-1 unless told otherwise (ContentType.TEXT_PLAIN).
_ASCII_TWINS = frozenset({b"us-ascii", b"ascii", b"iso-8859-1", b"latin1", b"windows-1252"})
# The bytes as they are. RFC 7578 section 4.7 (2015) retired the other encodings.
_PLAIN_TRANSFER = frozenset({b"", b"binary", b"8bit", b"7bit"})
_SINGLE_HEADERS = frozenset({b"content-disposition", b"content-type", b"content-transfer-encoding"})


class Pieces:
    """Bytes collected piece by piece. A list joined once costs a quarter of a growing bytearray (1.8 MB)."""

    def __init__(self) -> None:
        self.size = 0
        self._pieces: list[bytes | memoryview] = []
        self._blocks: list[bytes] = []

    def add(self, piece: bytes | memoryview) -> None:
        self.size += len(piece)
        self._pieces.append(piece)
        if len(self._pieces) == 1024:  # Data sent in single bytes must not cost an object per byte.
            self._blocks.append(b"".join(self._pieces))
            self._pieces.clear()

    def joined(self) -> bytes:
        return b"".join([*self._blocks, *self._pieces])


class _Head(Struct, frozen=True):
    """A part's facts from its headers."""

    name: str
    filename: str | None
    content_type: str | None
    ascii_only: bool

    @property
    def is_file(self) -> bool:
        return self.filename is not None


class _Parts:
    """Collects the parts of a form and counts them against the caps."""

    def __init__(self, caps: Caps) -> None:
        self.done: list[Part] = []
        self._begun = 0
        self._caps = caps
        self._files = 0
        self._lines = 0
        self._headers: dict[bytes, bytes] = {}
        self._head = _Head("", None, None, False)
        self._pieces = Pieces()

    def begin(self) -> None:
        self._begun += 1
        if self._begun > self._caps.parts:
            raise malformed(f"more than {self._caps.parts} parts", limit=self._caps.parts)
        self._headers = {}
        self._lines = 0
        self._pieces = Pieces()

    def header(self, line: bytes) -> None:
        self._lines += 1
        if self._lines > self._caps.headers:
            raise malformed(f"part {self._begun} has more than {self._caps.headers} headers")
        name, colon, value = line.partition(b":")
        if not colon or not _TOKEN.fullmatch(name):
            raise malformed_header(self._begun)
        if b"\n" in value:
            raise malformed(f"part {self._begun} has a header line that ends in LF without CR")
        field = name.lower()
        if field in self._headers and field in _SINGLE_HEADERS:
            raise malformed(f"part {self._begun} has two {field.decode('ascii')} headers")
        self._headers[field] = value.lstrip(b" ")

    def head_done(self) -> None:
        self._head = _read_head(tuple(self._headers.items()), self._begun)
        self._files += self._head.is_file
        if self._files > self._caps.files:
            raise malformed(f"more than {self._caps.files} files", limit=self._caps.files)

    def data(self, data: bytes | memoryview) -> None:
        size = self._pieces.size + len(data)
        if size > (self._caps.file if self._head.is_file else self._caps.text):
            self._refuse_size(size)
        self._pieces.add(data)

    def end(self) -> None:
        head, data = self._head, self._pieces.joined()
        if not head.is_file:
            if head.ascii_only and not data.isascii():
                raise malformed(f"{shown(head.name)} is not in UTF-8; send UTF-8", head.name)
            _check_text(head.name, data)
        self.done.append(Part(head.name, data, head.filename, head.content_type, head.is_file))

    def _refuse_size(self, size: int) -> NoReturn:
        name, caps = self._head.name, self._caps
        if not self._head.is_file:
            raise malformed(
                f"the text field {shown(name)} is over {format_size(caps.text)}: at least {size:,} bytes "
                "arrived; a file needs a filename in its Content-Disposition",
                name,
                limit=caps.text,
                received=size,
                part=name,
            )
        over = f"{shown(name)} is over {format_size(caps.file)}"
        reason = f"{over}: at least {size:,} bytes arrived; send a smaller file"
        raise file_too_large(reason, param=name, limit=caps.file, received=size)


class FormReader:
    """Takes a body in pieces of any size, and returns its form, or raises an ApiError with the reason."""

    def __init__(self, content_type: str | None, caps: Caps) -> None:
        self._parts = _Parts(caps)
        self._boundary = _boundary(content_type)
        self._splitter = Splitter(self._boundary, self._parts)

    def feed(self, chunk: bytes) -> None:
        self._splitter.feed(chunk)

    def finish(self, received: int) -> Form:
        """The form, after all `received` bytes of the body."""
        if not received:
            raise malformed("the body is empty")
        if not self._splitter.found:
            line = shown(f"--{self._boundary.decode()}")
            raise malformed(
                f"no line {line} opens it, that is the boundary its Content-Type names, and lines end in CR LF"
            )
        if not self._splitter.closed:
            raise malformed(f"the body stops after {received:,} bytes, before its closing boundary")
        return Form(tuple(self._parts.done))


def _boundary(content_type: str | None) -> bytes:
    sent = (content_type or "").encode("latin-1", "replace")
    # Real ones are under 150 characters; splitting a hostile 64 KB header takes milliseconds.
    kind, options = read_parameters(sent if len(sent) <= 1000 else b"")
    if kind != b"multipart/form-data":
        got = shown(content_type) if content_type else "nothing"
        raise _wrong_content_type(f"got {got}, expected multipart/form-data")
    boundary = options.get(b"boundary", b"")
    if not _BOUNDARY.fullmatch(boundary):
        raise _wrong_content_type(
            "multipart/form-data was sent without a usable boundary; let the HTTP client write this header"
        )
    charset = options.get(b"charset", b"utf-8").lower()
    if charset not in _UTF8 and charset not in _ASCII_TWINS:
        raise malformed(f"the form is declared to be in {shown(_label(charset))}; send UTF-8")
    return boundary


@lru_cache(128)  # a client's forms have the same headers in every call
def _read_head(lines: tuple[tuple[bytes, bytes], ...], number: int) -> _Head:
    headers = dict(lines)
    disposition = headers.get(b"content-disposition", b"")
    kind, options = read_parameters(disposition)
    if kind != b"form-data" or b"name" not in options:
        raise malformed(f'part {number} lacks a header Content-Disposition: form-data; name="..."')
    try:
        name = options[b"name"].decode("utf-8")
    except UnicodeDecodeError:
        raise malformed(f"the name of part {number} is not UTF-8") from None
    filename = _filename(disposition, options)
    declared, parameters = read_parameters(headers.get(b"content-type"))
    charset = parameters.get(b"charset", b"utf-8").strip().lower()
    # A file is bytes: its declared character set is never used.
    if filename is None and charset not in _UTF8 and charset not in _ASCII_TWINS:
        raise malformed(f"{shown(name)} is declared to be in {shown(_label(charset))}; send UTF-8", name)
    transfer = headers.get(b"content-transfer-encoding", b"").strip().lower()
    if transfer not in _PLAIN_TRANSFER:
        raise malformed(
            f"{shown(name)} has the transfer encoding {shown(_label(transfer))}; send the bytes as they are",
            name,
        )
    return _Head(name, filename, _label(declared) or None, charset in _ASCII_TWINS)


def _filename(disposition: bytes, options: Mapping[bytes, bytes]) -> str | None:
    """The file name of a part: `filename` as sent, else `filename*` decoded; None: not a file.

    RFC 7578 forbids `filename*` in forms and the header parser skips it, but some clients send nothing else.
    """
    if b"filename" in options:
        return _label(options[b"filename"])
    if b"*" not in disposition:
        return None
    plain_spelling = _EXTENDED_PARAMETER.sub(b"=", disposition)
    extended = read_parameters(plain_spelling)[1].get(b"filename")
    if extended is None:
        return None
    return _label(unquote_to_bytes(extended.split(b"'", 2)[-1]))


def _check_text(name: str, data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise malformed(
            f"the text field {shown(name)} is not UTF-8 at byte {error.start}; "
            "a file needs a filename in its Content-Disposition",
            name,
        ) from None
    # The field a browser fills with the encoding of a form (HTML, "Encoding-declaration: _charset_").
    if name == "_charset_" and data.strip().lower() not in _UTF8:
        raise malformed("the form says in _charset_ that it is not in UTF-8; send UTF-8", name)


def _label(raw: bytes) -> str:
    """Decode a label as UTF-8 or else byte for byte, so that it can always be stored and echoed."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _wrong_content_type(reason: str) -> ApiError:
    return ApiError(
        Problem.WRONG_CONTENT_TYPE,
        "Content-Type must be multipart/form-data",
        reason=f"the content type is wrong: {reason}",
        details={"wanted": "multipart/form-data"},
    )
