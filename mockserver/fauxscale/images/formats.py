"""The names, signatures and size limits of picture formats."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from fauxscale.errors import ApiError, Problem

Format = Literal["PNG", "JPEG", "WEBP"]

MEDIA_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "PNG": "image/png",
        "JPEG": "image/jpeg",
        "WEBP": "image/webp",
        "GIF": "image/gif",
        "AVIF": "image/avif",
    }
)
"""Output format to media type."""

EXTENSIONS: Mapping[str, str] = MappingProxyType(
    {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "GIF": "gif", "AVIF": "avif"}
)
"""Output format to file name extension, without the dot."""

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

# The longest side each encoder writes: libjpeg's JPEG_MAX_DIMENSION, WebP's 14 bits, GIF's 16 bits, and the side beyond
# which libavif's decoder refuses by default. PNG allows 2**31 - 1, but viewers do not: it gets the same limit as JPEG,
# so that another format never changes a verdict. (2026-10)
_LONGEST_SIDE: Mapping[str, int] = MappingProxyType(
    {"PNG": 65_500, "JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535, "AVIF": 32_768}
)

_SIGNATURES: tuple[tuple[str, str], ...] = (
    ("PNG", r"\x89PNG\r\n\x1a\n"),
    ("JPEG", r"\xff\xd8\xff"),
    ("WEBP", r"RIFF.{4}WEBP"),
    ("GIF", r"GIF8[79]a"),
    ("BMP", r"BM.{4}\0\0\0\0"),
    ("TIFF", r"II[*+]\0|MM\0[*+]"),
    ("AVIF", r".{4}ftypavi[fs]"),
    ("HEIC", r".{4}ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)"),
    ("MP4", r".{4}ftyp"),
    ("JPEG 2000", r"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
    ("JPEG XL", r"\xff\x0a|\0\0\0\x0cJXL "),
    ("ICO", r"\x00\x00\x01\x00"),
    ("PSD", r"8BPS"),
    ("QOI", r"qoif"),
    ("DDS", r"DDS "),
    ("MNG", r"\x8aMNG"),
    ("PDF", r"%PDF-"),
    ("PostScript", r"%!PS|\xc5\xd0\xd3\xc6"),
    ("ZIP", r"PK(?:\x03\x04|\x05\x06)"),
    ("GZIP", r"\x1f\x8b"),
    ("data URI", r"data:[\w.+/-]*[;,]"),
    ("base64 text", r"(?:iVBORw0KGgo|/9j/|UklGR)[A-Za-z0-9+/\s]*"),
    # The rest is text, which may start with a byte order mark and blanks.
    ("SVG", r"(?:\xef\xbb\xbf)?\s*(?:<(?:\?xml|!DOCTYPE svg).{0,1200}?)?<svg\b"),
    ("HTML", r"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body|script)\b"),
    ("XML", r"(?:\xef\xbb\xbf)?\s*<\?xml\b"),
    ("JSON", r'(?:\xef\xbb\xbf)?\s*(?:\{\s*["}]|\[\s*["\[\]{\d])'),
)
_SNIFFERS: tuple[tuple[str, re.Pattern[bytes]], ...] = tuple(
    (name, re.compile(pattern.encode("ascii"), re.DOTALL | (re.IGNORECASE if name in ("SVG", "HTML") else 0)))
    for name, pattern in _SIGNATURES
)


def sniff(data: bytes) -> str | None:
    """Name the format that `data` starts with ("PNG", "GIF", "HTML", "data URI" …), or None.

    Only the first bytes count: a picture after leading junk is not recognized.
    """
    head = data[:2048]
    return next((name for name, pattern in _SNIFFERS if pattern.match(head)), None)


def check_fits(format: str, width: int, height: int) -> None:  # noqa: A002 (the word callers use)
    """Refuse a result of `width` x `height` pixels that `format` cannot hold.

    Raises ApiError(RESULT_TOO_LARGE) with details `format`, `width`, `height`, `limit` (pixels a side), and
    ValueError for a format that is not in MEDIA_TYPES.
    """
    if format not in _LONGEST_SIDE:
        raise ValueError(f"no such output format: {format!r} (one of {', '.join(_LONGEST_SIDE)})")
    limit = _LONGEST_SIDE[format]
    if max(width, height) <= limit:
        return
    raise ApiError(
        Problem.RESULT_TOO_LARGE,
        f"The result would be {width}x{height} pixels, over the limit of {limit} a side.",
        reason=(
            f"rule: {_whose(format)} at most {limit} pixels a side; "
            f"this one would be {width}x{height}; send a smaller picture or ask for another format"
        ),
        details={"format": format, "width": width, "height": height, "limit": limit},
    )


def _whose(format: str) -> str:  # noqa: A002  # as above
    if format == "PNG":
        return "the stand-in makes PNG pictures of"
    return f"{format} holds"
