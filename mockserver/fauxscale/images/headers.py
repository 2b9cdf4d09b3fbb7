"""Reads the size of a JPEG or WebP picture from its header, without decoding it."""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

MARKER = re.compile(rb"\xff([^\x00\xff])")  # junk, fill bytes and stuffed zeros before a marker are skipped
EOI, SOS = 0xD9, 0xDA
BARE: Final = frozenset({0x01, *range(0xD0, 0xD9)})
"""Markers that carry no length."""
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_SEQUENTIAL: Final = frozenset({0xC0, 0xC1, 0xC3, 0xC9, 0xCB})
_SEGMENTS, _JUNK = 2_000, 65_536


class JpegFrame(Struct, frozen=True):
    """The header of a JPEG: `samples` per pixel, and whether its decoder holds all of them until the last scan."""

    width: int
    height: int
    samples: int
    is_buffered: bool


def jpeg_frame(data: bytes) -> JpegFrame | None:
    """Read the header of a JPEG up to its first scan; None if there is none, or after too many other segments."""
    at, code = 2, 0
    frame = b""
    for _ in range(_SEGMENTS):
        marker = MARKER.search(data, at, at + _JUNK)
        if marker is None or marker[1][0] == EOI:
            break
        at = marker.end()
        if marker[1][0] == SOS:
            if len(frame) < 6:
                break
            samples = frame[5]
            # Each of several scans has some of the samples, or some bits of all.
            buffered = code not in _SEQUENTIAL or data[at + 2 : at + 3] != frame[5:6]
            return JpegFrame(_u16(frame, 3), _u16(frame, 1), samples, buffered)
        if marker[1][0] in _FRAMES:
            code, frame = marker[1][0], data[at + 2 : at + 8]
        if marker[1][0] not in BARE:
            at += max(2, _u16(data, at))
    return None


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "big")


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Read the canvas size from the first chunk: the decoder allocates memory for it before it reports it."""
    kind, body = data[12:16], data[20:30]
    if kind == b"VP8X" and len(body) >= 10:
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) >= 10:
        return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
    if kind == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None
