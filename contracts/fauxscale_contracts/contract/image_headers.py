"""Checks pictures on the wire by their first bytes: format, size in bytes, size in pixels. Nothing is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .violations import Severity, Violation

MIB = 1024 * 1024
MEDIA_TYPES: Mapping[str, str] = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
}
# Media types that say nothing: what clients send for bytes without a name.
_VAGUE = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_SPELLINGS = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
# Frame headers of JPEG: every SOF; C4, C8 and CC between them are tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class Header:
    """A picture's header. `width` and `height` in pixels, 0 if the first bytes do not have them."""

    format: str
    width: int = 0
    height: int = 0

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height


def read_header(data: bytes) -> Header | None:
    """Read the header of a picture; None for bytes that are no PNG, JPEG, WebP, GIF or AVIF."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return (
            Header("PNG", _big(data, 16, 4), _big(data, 20, 4)) if data[12:16] == b"IHDR" else Header("PNG")
        )
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return Header("GIF", _little(data, 6, 2), _little(data, 8, 2))
    if data[4:8] == b"ftyp" and data[8:12] in (b"avif", b"avis"):
        return Header("AVIF")
    return None


def check_picture(
    rule: Mapping[str, Any], data: bytes, at: str, *, label: str | None = None, size: int | None = None
) -> list[Violation]:
    """List what is wrong with a picture by an `x-picture` rule.

    The rule's members: `formats`, `maxBytes`, `maxPixels`, and `unsure`, the names of those that are not documented
    (breaking them is "undocumented"). `label` is the declared media type; contracts never record whether a wrong
    one is refused. `size` is the picture's, if `data` holds only its beginning.
    """
    unsure = rule.get("unsure", ())

    def fault(name: str, message: str, rule_text: str) -> Violation:
        severity: Severity = "undocumented" if name in unsure else "would be rejected"
        return Violation(at, message, severity, rule_text)

    found: list[Violation] = []
    size = len(data) if size is None else size
    most = rule.get("maxBytes")
    if most is not None and size > most:
        found.append(fault("maxBytes", f"{size:,} bytes are over {most / MIB:g} MiB", f"maxBytes {most}"))
    header = read_header(data)
    formats = rule["formats"]
    if header is None or header.format not in formats:
        what = (
            f"are {header.format}" if header else f"start with {data[:8].hex(' ') or 'nothing'}: no picture"
        )
        found.append(fault("formats", f"the bytes {what}", f"formats {', '.join(formats)}"))
        return found
    pixels = header.width * header.height
    if not pixels and header.format != "AVIF" and size <= len(data):
        message = f"the bytes begin as {header.format} and do not say how large the picture is"
        found.append(fault("formats", message, f"formats {', '.join(formats)}"))
    most = rule.get("maxPixels")
    if most is not None and pixels > most:
        found.append(
            fault("maxPixels", f"{header.width}x{header.height} is {pixels:,} pixels", f"maxPixels {most}")
        )
    declared = (label or "").partition(";")[0].strip().lower()
    declared = _SPELLINGS.get(declared, declared)
    if declared not in _VAGUE and declared != MEDIA_TYPES[header.format]:
        found.append(
            Violation(
                at,
                f"declared {declared}, the bytes are {header.format}",
                "undocumented",
                "the label is true",
            )
        )
    return found


def _jpeg(data: bytes) -> Header:
    at = 2
    while 0 <= (at := data.find(b"\xff", at)) < len(data) - 8:
        marker = data[at + 1]
        if marker in _FRAMES:
            return Header("JPEG", _big(data, at + 7, 2), _big(data, at + 5, 2))
        if marker == 0xFF:
            at += 1  # a fill byte
        elif marker == 0 or 0xD0 <= marker <= 0xD9 or marker == 1:
            at += 2  # no length follows
        else:
            at += 2 + max(2, _big(data, at + 2, 2))
    return Header("JPEG")


def _webp(data: bytes) -> Header:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        return Header("WEBP", _little(data, 24, 3) + 1, _little(data, 27, 3) + 1)
    if kind == b"VP8L" and len(data) >= 25:
        bits = _little(data, 21, 4)
        return Header("WEBP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 " and len(data) >= 30:
        return Header("WEBP", _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF)
    return Header("WEBP")


def _big(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "big")


def _little(data: bytes, at: int, length: int) -> int:
    return int.from_bytes(data[at : at + length], "little")
