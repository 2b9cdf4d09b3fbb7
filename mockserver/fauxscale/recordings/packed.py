"""Finds text inside bytes: in gzip, and in the text chunks of PNG files, compressed or not."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Iterator

_GZIP = b"\x1f\x8b"
_PNG = b"\x89PNG\r\n\x1a\n"
_MOST = 64 * 1024 * 1024  # bytes that are unpacked: a bomb is looked into so far


def texts(data: bytes) -> Iterator[str]:
    """Yield each text in these bytes."""
    if data.startswith(_GZIP):
        plain = _unpacked(data, 31)
        yield _decoded(plain)
        yield from texts(plain)
    elif data.startswith(_PNG):
        for _, kind, body in _chunks(data):
            if text := _note(kind, body):
                yield text


def without(data: bytes, mask: Callable[[str], str]) -> bytes:
    """Return the bytes without what `mask` would change of their texts: a gzip is packed again, a chunk is left out."""
    if not any(mask(text) != text for text in texts(data)):
        return data
    if data.startswith(_GZIP):
        plain = without(_unpacked(data, 31), mask)
        return gzip.compress(mask(plain.decode("latin-1")).encode("latin-1", "replace"), mtime=0)
    kept = [chunk for chunk, kind, body in _chunks(data) if mask(text := _note(kind, body)) == text]
    return _PNG + b"".join(kept)


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Each chunk of a PNG: whole, its kind, its body. What is no chunk comes last, as one without a kind."""
    at = len(_PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        end = at + 12 + length
        if end > len(data):
            break
        yield data[at:end], data[at + 4 : at + 8], data[at + 8 : end - 4]
        at = end
    if at < len(data):
        yield data[at:], b"", data[at:]


def _note(kind: bytes, body: bytes) -> str:
    """The text of a PNG's text chunk, after its keyword; nothing where it is another."""
    text = body.partition(b"\0")[2]
    if kind == b"tEXt":
        return _decoded(text)
    if kind == b"zTXt":  # the method, and the text
        return _decoded(_unpacked(text[1:], 15))
    if kind == b"iTXt":  # compressed or not, the method, language, 0, translated keyword, 0, and the text
        plain = text[2:].split(b"\0", 2)[-1]
        return _decoded(_unpacked(plain, 15) if text[:1] == b"\1" else plain)
    return ""


def _unpacked(packed: bytes, bits: int) -> bytes:
    try:
        return zlib.decompressobj(bits).decompress(packed, _MOST)
    except zlib.error:
        return b""


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
