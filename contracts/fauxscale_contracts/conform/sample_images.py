"""Draws the pictures clients are given: one of each format and mode, and files that no service accepts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO

from PIL import Image

_MIB = 1024 * 1024
_LEAST = 36  # pixels of the least side of a picture drawn as it is, the wide one
# name: Pillow's format, mode.
_PLAIN = {
    "png-rgb": ("PNG", "RGB"),
    "png-rgba": ("PNG", "RGBA"),
    "png-grey": ("PNG", "L"),
    "png-grey-alpha": ("PNG", "LA"),
    "png-palette": ("PNG", "P"),
    "png-one-bit": ("PNG", "1"),
    "jpeg": ("JPEG", "RGB"),
    "jpeg-grey": ("JPEG", "L"),
    "jpeg-cmyk": ("JPEG", "CMYK"),
    "webp": ("WEBP", "RGB"),
    "webp-alpha": ("WEBP", "RGBA"),
}
NAMES = (*_PLAIN, "jpeg-turned", "webp-animated", "png-one-pixel", "png-wide")
"""Pictures that every service accepts."""
REFUSED = ("gif", "cut", "empty", "text", "oversize")
"""Files that no service accepts."""


def accepted(formats: Iterable[str], least_side: int = 1) -> tuple[str, ...]:
    """Name the pictures that a service accepts, by its formats and its least side in pixels."""
    prefixes = tuple(one.lower() for one in formats)
    return tuple(
        name for name in NAMES if name.startswith(prefixes) and (least_side <= 1 or name != "png-one-pixel")
    )


@lru_cache(maxsize=64)
def picture(name: str, number: int = 0, least_side: int = 1) -> bytes:
    """Draw the file of that name; each `number` shows something else. No side is below `least_side` pixels,
    but for the picture of one pixel."""
    times = -(-least_side // _LEAST)
    if name in _PLAIN:
        return _saved(_drawn(_PLAIN[name][1], number, times), _PLAIN[name][0])
    match name:
        case "jpeg-turned":
            exif = Image.Exif()
            exif[0x0112] = 6  # Orientation: the camera was held upright
            return _saved(_drawn("RGB", number, times), "JPEG", exif=exif)
        case "webp-animated":
            return _saved(
                _drawn("RGB", number, times),
                "WEBP",
                save_all=True,
                append_images=[_drawn("RGB", number + 1, times)],
            )
        case "png-one-pixel":
            return _saved(Image.new("RGB", (1, 1), (200, 30, 60)), "PNG")
        case "png-wide":
            return _saved(_drawn("RGB", number, times).reduce((1, 2)), "PNG")
        case "gif":
            return _saved(_drawn("P", number, times), "GIF")
        case "cut":
            return picture("png-rgb", number, least_side)[:-40]
        case "empty":
            return b""
        case "text":
            return b"this is no picture\n"
        case "oversize":
            return _padded(picture("png-rgb", number, least_side), 26 * _MIB)
        case _:
            raise ValueError(f"no picture {name!r}: choose from {', '.join((*NAMES, *REFUSED))}")


def _drawn(mode: str, number: int, times: int) -> Image.Image:
    """Draw a gradient with a corner of another colour, so that turns, cuts and swaps show."""
    colours = ((200, 30, 60), (20, 60, 220), (30, 190, 40))
    size = (96 * times, 72 * times)
    image = Image.linear_gradient("L").resize(size).convert("RGB")  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    if number % 2:
        image = image.transpose(Image.Transpose.ROTATE_180)
    image.paste(colours[number % 3], (0, 0, 36 * times, 24 * times))
    if mode.endswith("A"):
        image.putalpha(Image.linear_gradient("L").resize(size).point([255 - v // 2 for v in range(256)]))  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    # Undithered: the dots of a dither are no part of what a picture shows.
    return image.convert(mode, dither=Image.Dither.NONE)


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _padded(png: bytes, size: int) -> bytes:
    """Make a good PNG with a private chunk of `size` bytes that decoders skip."""
    name, data = b"zzZz", bytes(size)
    chunk = struct.pack(">I", size) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return png[:33] + chunk + png[33:]
