"""Splits a multipart body at its boundaries as it arrives (RFC 2046 section 5.1.1): header lines, and data."""

from __future__ import annotations

import re
from typing import Literal, Protocol

from .form import malformed, malformed_header

HEADER_BYTES = 4096
_SHORT = 4096
_BEGINNING = b"\r\n"
# After a boundary: the end of its line, perhaps after spaces, or the two hyphens of the last one.
_BEHIND = re.compile(rb"(--)|[ \t]{0,256}\r\n")
_BEHIND_SO_FAR = re.compile(rb"(?:-|[ \t]{0,256}\r?)\Z")


class Sink(Protocol):
    """Receives the parts, in order."""

    def begin(self) -> None: ...

    def header(self, line: bytes) -> None: ...

    def head_done(self) -> None: ...

    def data(self, data: bytes | memoryview) -> None: ...

    def end(self) -> None: ...


class Splitter:
    """Takes a body in pieces of any size, and calls `sink` with its parts. `begun` counts them; `found` and `closed`
    say whether the first and the last boundary have come."""

    def __init__(self, boundary: bytes, sink: Sink) -> None:
        self.begun = 0
        self.found = self.closed = False
        self._delimiter = b"\r\n--" + boundary
        self._sink = sink
        self._place: Literal["data", "head"] = "data"
        # Bytes that cannot be decided yet. A body begins a line.
        self._rest = _BEGINNING

    def feed(self, chunk: bytes) -> None:
        at = self._first(chunk) if self._rest is _BEGINNING else 0
        data = self._rest + chunk if self._rest else chunk
        while at >= 0 and not self.closed:
            at = self._data(data, at) if self._place == "data" else self._head(data, at)

    def _first(self, chunk: bytes) -> int:
        """Pass a boundary at the body's beginning without copying its first piece; returns the place after it."""
        length = len(self._delimiter) - 2
        if chunk.startswith(self._delimiter[2:]) and (line := _BEHIND.match(chunk, length)) is not None:
            self._rest = b""
            self._pass(last=line[1] is not None)
            return line.end()
        return 0

    def _wait(self, rest: bytes) -> int:
        """Keep bytes whose meaning depends on the next piece."""
        self._rest = rest
        return -1

    def _data(self, data: bytes, start: int) -> int:
        """Pass on the data up to the next boundary; returns the place after it, -1 when all is passed on."""
        at = start
        while (found := data.find(self._delimiter, at)) >= 0:
            at = found + len(self._delimiter)
            line = _BEHIND.match(data, at)
            if line is not None:
                self._tell(data, start, found)
                self._pass(last=line[1] is not None)
                return line.end()
            if _BEHIND_SO_FAR.match(data, at):
                self._tell(data, start, found)
                return self._wait(data[found:])
            # A line that begins with more than the boundary is data, but one with only spaces after it is a boundary.
            if self.found and data[at : at + 1] in (b" ", b"\t"):
                raise malformed(
                    f"part {self.begun} is followed by a boundary with something else on its line"
                )
        # The last line may be the beginning of a boundary, whose only CR is its first byte.
        tail = data.rfind(b"\r", max(start, len(data) - len(self._delimiter) + 1))
        if tail < 0 or not self._delimiter.startswith(data[tail:]):
            tail = len(data)
        self._tell(data, start, tail)
        return self._wait(data[tail:])

    def _tell(self, data: bytes, start: int, end: int) -> None:
        """Pass on data of a part, without copying long pieces; data before the first part is a preamble."""
        if start < end and self.found:
            is_piece = _SHORT <= end - start < len(data)
            self._sink.data(memoryview(data)[start:end] if is_piece else data[start:end])

    def _pass(self, *, last: bool) -> None:
        """Pass a boundary."""
        if self.found:
            self._sink.end()
        self.found = True
        if last:
            self.closed = True
            self._rest = b""
            return
        self.begun += 1
        self._sink.begin()
        self._place = "head"

    def _head(self, data: bytes, at: int) -> int:
        """Pass on the header lines of a part; returns the place after its head, -1 if it is not complete."""
        while True:
            end = data.find(b"\r", at)
            if (len(data) if end < 0 else end) - at > HEADER_BYTES:
                raise malformed(f"part {self.begun} has more than {HEADER_BYTES:,} bytes of headers")
            if end < 0 or end + 1 == len(data):
                return self._wait(data[at:])
            if data[end + 1] != 0x0A:
                raise malformed_header(self.begun)
            if end == at:
                self._sink.head_done()
                self._place = "data"
                # The part's first line follows; if it is empty, the line end before it begins a boundary.
                return end + 2
            self._sink.header(data[at:end])
            at = end + 2
