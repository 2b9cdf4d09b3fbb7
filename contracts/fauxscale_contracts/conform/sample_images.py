"""Draws the pictures clients are given: one of each format and mode, and files that no service accepts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from io import BytesIO
from typing import Any

from PIL import Image, ImageOps

from fauxscale.spelling import choose_from

_MIB = 1024 * 1024
_LEAST = 36  # least side, in pixels, of the one picture drawn in its exact size, the wide one
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
ABOUT: Mapping[str, str] = {
    "png-rgb": "the picture is an ordinary PNG",
    "png-rgba": "the picture is a PNG with transparency",
    "png-grey": "the picture is a greyscale PNG",
    "png-grey-alpha": "the picture is a greyscale PNG with transparency",
    "png-palette": "the picture is a PNG with a palette",
    "png-one-bit": "the picture is a PNG in black and white, one bit per pixel",
    "jpeg": "the picture is an ordinary JPEG",
    "jpeg-grey": "the picture is a greyscale JPEG",
    "jpeg-cmyk": "the picture is a JPEG in CMYK, the colours of print",
    "webp": "the picture is an ordinary WebP",
    "webp-alpha": "the picture is a WebP with transparency",
    "jpeg-turned": "the picture is a JPEG that its EXIF orientation turns by 90 degrees",
    "webp-animated": "the picture is a WebP with two frames",
    "png-one-pixel": "the picture is a PNG of one pixel",
    "png-wide": "the picture is a PNG more than twice as wide as high",
    "gif": "the file is a GIF",
    "cut": "the file is a PNG cut short",
    "empty": "the file is empty",
    "text": "the file is a text",
    "oversize": "the file is 26 MiB large",
}
"""What each of them is, in words."""
OVERSIZE = 26 * _MIB
"""Bytes of the file that is too large; it has slightly more."""


def accepted(formats: Iterable[str], least_side: int = 1) -> tuple[str, ...]:
    """Name the pictures that a service accepts, by its formats and its least side in pixels."""
    prefixes = tuple(one.lower() for one in formats)
    return tuple(
        name for name in NAMES if name.startswith(prefixes) and (least_side <= 1 or name != "png-one-pixel")
    )


@lru_cache(maxsize=64)
def picture(name: str, number: int = 0, least_side: int = 1) -> bytes:
    """Draw the file of that name; each `number` shows something else. No side is below `least_side` pixels, except for
    the picture of one pixel."""
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
            return _padded(picture("png-rgb", number, least_side), OVERSIZE)
        case _:
            raise ValueError(f"no picture {name!r}{choose_from(name, (*NAMES, *REFUSED))}")


def looks_like(name: str, image: Mapping[str, Any]) -> bool:
    """Check whether an accepted picture, as described in a journal, is of the kind that `picture` draws by this
    name."""
    turned, animated = image["orientation"] != 1, bool(image.get("animated"))
    if name in _PLAIN:
        return (image["format"], image["mode"]) == _PLAIN[name] and not turned and not animated
    match name:
        case "jpeg-turned":
            return str(image["format"]) == "JPEG" and turned
        case "webp-animated":
            return str(image["format"]) == "WEBP" and animated
        case "png-one-pixel":
            return (image["format"], image["width"], image["height"]) == ("PNG", 1, 1)
        case "png-wide":
            return str(image["format"]) == "PNG" and int(image["width"]) >= 2 * int(image["height"])
        case _:
            return False


def was_refused_like(name: str, file: Mapping[str, Any]) -> bool:
    """Check whether a refused file, as described in a journal, is of the kind that `picture` draws by this name."""
    match name:
        case "gif":
            return str(file.get("format")) == "GIF"
        case "cut":
            return str(file.get("rule")) == "broken_image"
        case "empty":
            return "bytes" in file and not file["bytes"]
        case "text":
            # For a file with an unknown beginning, the journal has no format.
            return bool(file.get("bytes")) and file.get("format") in (None, "HTML", "JSON", "SVG")
        case "oversize":
            return str(file.get("rule")) == "file_too_large"
        case _:
            return False


def mask_of(image: bytes, *, fits: bool = True) -> bytes:
    """Draw a mask for this file: black in the middle, of the size a viewer shows; smaller unless it `fits`."""
    try:
        width, height = ImageOps.exif_transpose(Image.open(BytesIO(image))).size
    except (OSError, SyntaxError, ValueError):
        width, height = 1152, 864  # the file is refused with any mask
    if not fits:
        width, height = width // 2, height // 2
    mask = Image.new("L", (width, height), 255)
    mask.paste(0, (width // 4, height // 4, width * 3 // 4, height * 3 // 4))
    return _saved(mask, "PNG")


def _drawn(mode: str, number: int, times: int) -> Image.Image:
    """Draw a gradient with a corner of another colour, so that turns, cuts and swaps are visible."""
    colours = ((200, 30, 60), (20, 60, 220), (30, 190, 40))
    size = (96 * times, 72 * times)
    image = Image.linear_gradient("L").resize(size).convert("RGB")  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    if number % 2:
        image = image.transpose(Image.Transpose.ROTATE_180)
    image.paste(colours[number % 3], (0, 0, 36 * times, 24 * times))
    if mode.endswith("A"):
        image.putalpha(Image.linear_gradient("L").resize(size).point([255 - v // 2 for v in range(256)]))  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    # Undithered: a dither's dots are not part of the picture's content.
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
