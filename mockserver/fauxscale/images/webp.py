"""Adds uncompressed transparency to a WebP file: the encoder takes twenty bytes of memory a pixel to compress it.

The container is that of RFC 9649 (2024-11): chunks in the order VP8X, ICCP, ALPH, VP8, EXIF.
"""

from __future__ import annotations

from PIL import Image

_HAS_ALPHA = 0x10
_AS_IT_IS = b"\0"  # of ALPH: no compression, no filter, no preprocessing


def with_alpha(data: bytes, alpha: Image.Image) -> bytes:
    """Return the WebP file `data`, which has metadata and no transparency, with `alpha` as its transparency."""
    behind_features = 30
    features = bytearray(data[12:behind_features])
    assert features[:4] == b"VP8X"
    features[8] |= _HAS_ALPHA
    at = behind_features
    while data[at : at + 4] != b"VP8 ":
        at += 8 + _even(int.from_bytes(data[at + 4 : at + 8], "little"))
    size = 1 + alpha.width * alpha.height
    parts: list[bytes | bytearray | memoryview] = [
        features,
        memoryview(data)[behind_features:at],
        b"ALPH" + size.to_bytes(4, "little") + _AS_IT_IS,
        alpha.tobytes(),
        b"\0" * (_even(size) - size),
        memoryview(data)[at:],
    ]
    whole = 4 + sum(map(len, parts))
    return b"".join([b"RIFF", whole.to_bytes(4, "little"), b"WEBP", *parts])


def _even(size: int) -> int:
    return size + (size & 1)
