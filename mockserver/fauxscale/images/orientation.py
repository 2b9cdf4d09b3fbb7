"""Reads the orientation tag of a picture's EXIF or XMP, and turns the picture by it.

Only this tag is read, without Pillow's reader: that one walks the whole directory, raises half a dozen exception
types on pictures that decode well, and issues warnings, which a thread cannot silence for itself.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Final

from PIL.Image import Image, Transpose

_TURNS: Final[Mapping[int, Transpose]] = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
_TAG = 0x0112
_XMP_TAG = re.compile(r'tiff:Orientation(?:="|>)([0-9])')


def orientation(exif: bytes, xmp: bytes | str, profile: object = None) -> int:
    """Read the orientation, 1 to 8, from EXIF bytes, else from an XMP packet; 1 if neither is valid.

    `profile` is the hexadecimal text in which ImageMagick keeps EXIF inside a PNG, used when `exif` is empty.
    """
    if not exif and isinstance(profile, str):
        try:
            exif = bytes.fromhex("".join(profile.split("\n")[3:]))
        except ValueError:
            exif = b""
    told = _from_exif(exif)
    if told is None:
        packet = xmp if isinstance(xmp, str) else xmp.decode("latin-1")
        match = _XMP_TAG.search(packet)
        told = int(match[1]) if match else 1
    return told if told in _TURNS else 1


def sides_swap(turn: int) -> bool:
    """Whether a picture of this orientation is shown with width and height swapped."""
    return turn >= 5


def turned(image: Image, turn: int) -> Image:
    """Turn `image` the way a viewer shows it."""
    return image.transpose(_TURNS[turn]) if turn in _TURNS else image


def _from_exif(exif: bytes) -> int | None:
    while exif.startswith(b"Exif\0\0"):
        exif = exif[6:]
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or exif[2:4] not in (b"*\0", b"\0*"):  # some cameras swap the second pair
        return None
    found: int | None = None
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, start)
        for at in range(start + 2, start + 2 + entries * 12, 12):
            tag, kind, count = struct.unpack_from(order + "HHI", exif, at)
            if tag == _TAG and kind in (3, 4) and count == 1:
                (found,) = struct.unpack_from(order + ("H" if kind == 3 else "I"), exif, at + 8)
    except struct.error:
        pass  # truncated: the part before the cut still counts
    return found
