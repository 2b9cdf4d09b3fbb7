"""Skip what may precede the first part of a form: a preamble, and blanks behind the first boundary.

Both are legal (RFC 2046 section 5.1.1), and the parser knows neither (python-multipart 0.0.34).
"""

from __future__ import annotations

import re
from functools import cached_property

_PADDING = 256  # more blanks than this behind a boundary are no padding


class Opening:
    """Finds the line that opens the first part. `found` is whether it has come."""

    def __init__(self, boundary: bytes) -> None:
        self.found = False
        self._line = b"\r\n--" + boundary
        self._held = b"\r\n"  # the body begins a line

    @cached_property
    def _whole(self) -> re.Pattern[bytes]:
        return re.compile(re.escape(self._line) + rb"(?:[ \t]{0,%d}(\r\n)|(--))" % _PADDING)

    @cached_property
    def _begun(self) -> re.Pattern[bytes]:
        return re.compile(re.escape(self._line) + rb"(?:[ \t]{0,%d}\r?|-)" % _PADDING)

    def feed(self, chunk: bytes) -> bytes:
        """Return what the parser may see of a further piece: everything from the first boundary on."""
        if self.found:
            return chunk
        if self._held == b"\r\n" and chunk.startswith(self._line[2:] + b"\r\n"):
            self.found = True  # as nearly every client writes it: nothing to let past, nothing to compile
            return chunk
        seen = self._held + chunk
        if opening := self._whole.search(seen):
            self.found, self._held = True, b""
            return self._line[2:] + (opening[1] or opening[2]) + seen[opening.end() :]
        self._held = seen[self._unsure(seen) :]
        return b""

    def _unsure(self, seen: bytes) -> int:
        """The index from which the data may be the start of the boundary line; the end where it cannot be."""
        start = seen.rfind(self._line)
        if start >= 0 and self._begun.fullmatch(seen, start):
            return start
        start = seen.rfind(b"\r", max(0, len(seen) - len(self._line)))
        return start if start >= 0 and self._line.startswith(seen[start:]) else len(seen)
