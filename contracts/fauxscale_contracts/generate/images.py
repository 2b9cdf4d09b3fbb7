"""Hypothesis strategies for small pictures: good ones in every mode, and broken ones that no service accepts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from io import BytesIO

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from PIL import Image

# Pillow's modes that each format stores as they are.
_MODES = {
    "PNG": ("RGB", "RGBA", "L", "LA", "P", "1", "I;16"),
    "JPEG": ("RGB", "L", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "GIF": ("P", "L"),
    "AVIF": ("RGB", "RGBA"),
}
_NOT_PICTURES = (
    b"",
    b"\x00",
    b"not a picture",
    b"<!doctype html><title>502 Bad Gateway</title>",
    b"%PDF-1.7\n",
    b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;",
    b"BM" + bytes(60),
    b"\x89PNG\r\n\x1a\n",
    b"\xff\xd8\xff\xd9",
    b"RIFF\x04\x00\x00\x00WEBP",
)


def images(formats: Sequence[str] = ("PNG", "JPEG", "WEBP"), *, largest: int = 24) -> SearchStrategy[bytes]:
    """Encoded pictures with sides of 1 to `largest` pixels, in every colour mode that their format has."""
    return _image(tuple(formats), largest, None)


def images_of_size(formats: Sequence[str], width: int, height: int) -> SearchStrategy[bytes]:
    """Encoded pictures of this size, in every colour mode that their format has."""
    return _image(tuple(formats), 0, (width, height))


def broken_images() -> SearchStrategy[bytes]:
    """Bytes that a decoder of PNG, JPEG and WebP refuses: no pictures, other formats, cut or damaged ones."""
    return st.one_of(st.sampled_from(_NOT_PICTURES), _cut(), _damaged_png())


@st.composite
def _image(draw: DrawFn, formats: tuple[str, ...], largest: int, size: tuple[int, int] | None) -> bytes:
    kind = draw(st.sampled_from(formats))
    mode = draw(st.sampled_from(_MODES[kind]))
    width, height = size or (draw(st.integers(1, largest)), draw(st.integers(1, largest)))
    pixels = Image.new(mode, (width, height))
    paint = draw(st.binary(min_size=1, max_size=8))
    stored = len(pixels.tobytes())
    pixels.frombytes((paint * (stored // len(paint) + 1))[:stored])
    out = BytesIO()
    pixels.save(out, kind)
    return out.getvalue()


@st.composite
def _cut(draw: DrawFn) -> bytes:
    """A picture truncated in its first half: a tiny one may have all its data before the second third."""
    data = draw(images())
    return data[: draw(st.integers(12, len(data) // 2))]


@st.composite
def _damaged_png(draw: DrawFn) -> bytes:
    """A PNG with an invalid header: no width, no height, an impossible depth, or a wrong checksum."""
    width, height, depth, crc_error = draw(
        st.sampled_from(
            [(0, 8, 8, 0), (8, 0, 8, 0), (8, 8, 3, 0), (8, 8, 8, 1), (2**31 - 1, 2**31 - 1, 8, 0)]
        )
    )
    head = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(9) * 8)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head, crc_error)
        + _chunk(b"IDAT", pixels)
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, data: bytes, crc_error: int = 0) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) ^ crc_error)
