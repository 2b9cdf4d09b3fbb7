"""Walks a file's structure before anything is decoded, and keeps only the parts that make pixels.

A decoder gets only the parts that make the pixels: no animation frames, no camera metadata, no junk between
segments. So their parsers never run and issue no warnings (which cannot be silenced per thread in Python 3.11), and
a phone's multi-picture JPEG is an ordinary JPEG.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import Final

from msgspec import Struct

from fauxscale.errors import ApiError, Problem

from .formats import PNG_SIGNATURE
from .headers import BARE, EOI, MARKER, SOS, webp_size


class Rules(Struct, frozen=True):
    """Limits on the cost of decoding a picture. Every limit is inclusive.

    `max_pixels` is width x height, `max_side` the longer of them: no result could have a longer one, and a WebP of
    a hundred bytes may claim it. `max_scans`, `max_segments` (of metadata, and again of everything else) bound a
    JPEG; `max_chunks` a PNG or WebP. PNG files of more than `decode_up_to` pixels are judged by chunk order and
    checksums only; JPEG, WebP and smaller PNG files are decoded once.
    """

    max_pixels: int = 25_000_000
    max_scans: int = 100
    max_chunks: int = 10_000
    max_segments: int = 1_000
    decode_up_to: int = 500_000
    max_side: int = 65_535

    def admits(self, width: int, height: int) -> bool:
        """Whether a picture of this size is decoded at all."""
        return width * height <= self.max_pixels and max(width, height) <= self.max_side


class Anatomy(Struct, frozen=True):
    """The result of a walk: `paint` for the decoder; `size` and metadata that the decoder does not give."""

    paint: bytes
    size: tuple[int, int] | None = None
    exif: bytes = b""
    xmp: bytes = b""
    animated: bool = False
    fault: str = ""  # why a strict reader refuses it; "" if it is sound or was not judged


def broken(reason: str) -> ApiError:
    """Make the error for a file that has the right signature and cannot be processed."""
    return ApiError(Problem.BROKEN_IMAGE, "The image is corrupt or could not be read.", reason=reason)


def dissect(data: bytes, kind: str, rules: Rules) -> Anatomy:
    """Walk `data` as `kind` ("PNG", "JPEG" or "WEBP"). Raises ApiError(BROKEN_IMAGE)."""
    match kind:
        case "PNG":
            return _dissect_png(data, rules)
        case "JPEG":
            return _dissect_jpeg(data, rules)
        case _:
            return _dissect_webp(data, rules)


# --- PNG ---------------------------------------------------------------------------------------------------

_ANIMATION: Final = frozenset({b"acTL", b"fcTL", b"fdAT"})
_NOTES: Final = frozenset({b"tEXt", b"zTXt", b"iTXt", b"eXIf"})
_DEPTHS: Final = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEFLATE_AT_BEST = 1_032  # bytes that one byte of deflate can become, by zlib


class _Chunk(Struct, frozen=True):
    kind: bytes
    start: int  # of the length field
    end: int  # after the checksum

    def body(self, data: bytes) -> bytes:
        return data[self.start + 8 : self.end - 4]

    def intact(self, data: bytes) -> bool:
        view = memoryview(data)
        return zlib.crc32(view[self.start + 4 : self.end - 4]) == _u32(data, self.end - 4)


def _u32(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4], "big")


def _png_chunks(data: bytes, limit: int) -> list[_Chunk]:
    """List the chunks up to IEND, or up to the first that does not fit into the file."""
    chunks: list[_Chunk] = []
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        if len(chunks) == limit:
            raise broken(
                f"rule: a PNG has at most {limit} chunks; this one has more; save it again with larger chunks"
            )
        end = at + 12 + _u32(data, at)
        if end > len(data):
            break
        chunks.append(_Chunk(data[at + 4 : at + 8], at, end))
        at = end
        if chunks[-1].kind == b"IEND":
            break
    return chunks


def _dissect_png(data: bytes, rules: Rules) -> Anatomy:
    chunks = _png_chunks(data, rules.max_chunks)
    size: tuple[int, int] | None = None
    if chunks and chunks[0].kind == b"IHDR":
        size = (_u32(data, 16), _u32(data, 20))
    fault = ""
    if size is not None and size[0] * size[1] > rules.decode_up_to:
        fault = _png_fault(data, chunks)
    elif size is not None and chunks[0].body(data)[9:10] == b"\3":
        fault = _palette_fault([chunk.kind for chunk in chunks])
    animated = any(c.kind == b"acTL" and _u32(data, c.start + 8) > 1 for c in chunks)
    return Anatomy(_png_paint(data, chunks), size, animated=animated, fault=fault)


def _png_paint(data: bytes, chunks: list[_Chunk]) -> bytes:
    """Return the PNG without animation, with the metadata after the pixels moved before them.

    A decoder reads late metadata only after decoding everything, and one of them may turn the picture.
    """
    first = next((index for index, chunk in enumerate(chunks) if chunk.kind == b"IDAT"), len(chunks))
    late = [c for c in chunks[first:] if c.kind in _NOTES and c.intact(data)]
    if not late and not any(chunk.kind in _ANIMATION for chunk in chunks):
        return data
    places = {chunk.start for chunk in late}
    order = [*chunks[:first], *late, *(chunk for chunk in chunks[first:] if chunk.start not in places)]
    kept = [data[chunk.start : chunk.end] for chunk in order if chunk.kind not in _ANIMATION]
    return b"".join([PNG_SIGNATURE, *kept, data[chunks[-1].end :]])


def _png_fault(data: bytes, chunks: list[_Chunk]) -> str:
    """Say why a strict reader would refuse this PNG, without inflating any of it; "" if it is sound."""
    if not chunks or chunks[-1].kind != b"IEND":
        return "the PNG is cut off before its end marker; upload the whole file"
    header = chunks[0].body(data)
    if chunks[0].kind != b"IHDR" or len(header) != 13 or [c.kind for c in chunks].count(b"IHDR") != 1:
        return "the PNG does not start with exactly one header of 13 bytes; export it again"
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(">IIBBBBB", header)
    if depth not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        return f"the PNG header asks for colour type {colour} at {depth} bits, which PNG does not define"
    damaged = next((c for c in chunks if c.kind not in _ANIMATION and not c.intact(data)), None)
    if damaged is not None:
        return f"the checksum of PNG chunk {damaged.kind!r} at byte {damaged.start} is wrong; upload it again"
    pixels = [index for index, chunk in enumerate(chunks) if chunk.kind == b"IDAT"]
    if not pixels:
        return "the PNG holds no pixels (no IDAT chunk)"
    if pixels[-1] - pixels[0] + 1 != len(pixels):
        return "the PNG's pixel chunks are not in one row"
    if colour == 3 and (fault := _palette_fault([chunk.kind for chunk in chunks])):
        return fault
    stream = b"".join(chunks[index].body(data)[:2] for index in pixels)[:2]
    if len(stream) < 2 or stream[0] & 15 != 8 or stream[1] & 32 or int.from_bytes(stream, "big") % 31:
        return "the PNG's pixel data is not a deflate stream"
    held = sum(chunks[index].end - chunks[index].start - 12 for index in pixels)
    needed = width * height * depth * _SAMPLES[colour] // 8
    if held * _DEFLATE_AT_BEST < needed:
        return f"the PNG header promises {width}x{height} pixels and {held} bytes of data cannot hold them"
    return ""


def _palette_fault(kinds: list[bytes]) -> str:
    """Say what is wrong with the palette of a PNG that uses one; "" if nothing is, or if no pixels use it."""
    if b"IDAT" in kinds and b"PLTE" not in kinds[: kinds.index(b"IDAT")]:
        return "the PNG uses a palette and has none before its pixels"
    return ""


# --- JPEG --------------------------------------------------------------------------------------------------

_SCAN_END = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")
_METADATA: Final = frozenset({*range(0xE1, 0xF0), 0xFE})
_EXIF, _XMP, _ICC, _ADOBE = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"Adobe"


def _dissect_jpeg(data: bytes, rules: Rules) -> Anatomy:
    kept = [b"\xff\xd8"]
    exif: list[bytes] = []
    xmp = b""
    metadata = working = 0
    at = 2
    while (marker := MARKER.search(data, at)) is not None:
        code = marker[1][0]
        if code == SOS:
            _count_scans(data, marker.start(), rules.max_scans)
            kept.append(data[marker.start() :])
            return Anatomy(b"".join(kept), exif=b"".join(exif), xmp=xmp)
        if code == EOI:
            break
        if code in _METADATA:
            metadata += 1
        else:
            working += 1
        if max(metadata, working) > rules.max_segments:
            raise broken(
                f"rule: a JPEG has at most {rules.max_segments} segments before its pixels; "
                "this one has more; save it again without metadata"
            )
        at = marker.end()
        if code in BARE:
            kept.append(marker[0])
            continue
        # Decoders accept the invalid lengths 0 and 1: the length field itself takes two bytes.
        at += max(2, int.from_bytes(data[at : at + 2], "big"))
        if at > len(data):
            raise broken("the JPEG is cut off inside a segment before its pixels; upload the whole file")
        body = data[marker.end() + 2 : at]
        if code == 0xE1 and body.startswith(_EXIF):
            exif.append(body[len(_EXIF) :])
        elif code == 0xE1 and body.startswith(_XMP):
            xmp = body[len(_XMP) :]
        elif code not in _METADATA or body.startswith((_ICC, _ADOBE)):
            kept.append(data[marker.start() : at])
    raise broken("the JPEG has no picture data (no scan); upload the whole file")


def _count_scans(data: bytes, at: int, limit: int) -> None:
    """Refuse a JPEG of too many scans: each costs a pass over the picture, even with few bytes."""
    if data.count(b"\xff\xda", at) <= limit:  # an upper bound, computed quickly
        return
    scans = 0
    while (marker := _SCAN_END.search(data, at)) is not None and marker[1][0] != EOI:
        scans += marker[1][0] == SOS
        if scans > limit:
            raise broken(
                f"rule: a JPEG has at most {limit} scans; this one has more; save it as a baseline JPEG"
            )
        at = marker.end()
        if marker[1][0] not in BARE:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))


# --- WebP --------------------------------------------------------------------------------------------------


def _dissect_webp(data: bytes, rules: Rules) -> Anatomy:
    size = webp_size(data)
    if size is None:
        raise broken("the WebP file holds no picture header; upload the whole file")
    at, chunks = 12, 0
    while at + 8 <= len(data):
        chunks += 1
        if chunks > rules.max_chunks:
            raise broken(f"rule: a WebP file has at most {rules.max_chunks} chunks; this one has more")
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + (length & 1)
    return Anatomy(data, size)
