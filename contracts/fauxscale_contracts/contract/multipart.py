"""Splits a multipart body into its parts, and joins parts into one."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header


@dataclass(slots=True)
class Part:
    """One part. `content_type` is the declared media type, lower case, without parameters, or None."""

    name: str = ""
    filename: str | None = None
    content_type: str | None = None
    data: bytes = b""


@dataclass(slots=True)
class _Collector:
    """The parser's callbacks, which collect the parts."""

    parts: list[Part] = field(default_factory=list[Part])
    ended: bool = False
    pieces: list[bytes] = field(default_factory=list[bytes])
    name: bytes = b""
    value: bytes = b""

    def begin(self) -> None:
        self.parts.append(Part())

    def header_name(self, data: bytes, start: int, end: int) -> None:
        self.name += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]

    def header_end(self) -> None:
        part, header = self.parts[-1], self.name.lower()
        if header == b"content-disposition":
            _, options = parse_options_header(self.value)
            part.name = options.get(b"name", b"").decode(errors="replace")
            if b"filename" in options:
                part.filename = options[b"filename"].decode(errors="replace")
        elif header == b"content-type":
            part.content_type = parse_options_header(self.value)[0].decode("latin-1") or None
        self.name = self.value = b""

    def data(self, data: bytes, start: int, end: int) -> None:
        self.pieces.append(data[start:end])

    def part_end(self) -> None:
        self.parts[-1].data = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        self.pieces.clear()

    def end(self) -> None:
        self.ended = True


def split(content_type: str, body: bytes) -> list[Part]:
    """Split a multipart/form-data body into its parts, in the order sent. Raises ValueError with the reason."""
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise ValueError("its Content-Type names no boundary")
    seen = _Collector()
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": seen.begin,
                "on_header_field": seen.header_name,
                "on_header_value": seen.header_value,
                "on_header_end": seen.header_end,
                "on_part_data": seen.data,
                "on_part_end": seen.part_end,
                "on_end": seen.end,
            },
        )
        parser.logger = logging.Logger("silent", level=logging.CRITICAL + 1)  # it would log what it raises
        parser.write(body)
    except FormParserError as error:
        raise ValueError(str(error)) from None
    if not seen.ended:
        raise ValueError(f"it stops after {len(body):,} bytes, before its closing boundary")
    return seen.parts


def join(parts: Iterable[Part], boundary: str = "fauxscale-contracts-boundary") -> tuple[str, bytes]:
    """Join parts into a form: its Content-Type and its bytes."""
    pieces: list[bytes] = []
    for part in parts:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name}"'
        if part.filename is not None:
            head += f'; filename="{part.filename}"'
        if part.content_type is not None:
            head += f"\r\nContent-Type: {part.content_type}"
        pieces += [head.encode(), b"\r\n\r\n", part.data, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    return f"multipart/form-data; boundary={boundary}", b"".join(pieces)
