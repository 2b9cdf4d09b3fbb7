"""The peak memory of judging and making pictures, in bytes per pixel, for their permits.

Measured on 2026-11-21 with Pillow 13.0, libwebp 1.6, libjpeg-turbo 3.2 and libavif 1.4; `make bench ARGS=memory`
measures again, and `tests/mockserver/images/test_peaks.py` measures a part. Noise is the worst case: a photo takes
a fifth less.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from .formats import sniff
from .headers import jpeg_frame, webp_size
from .structure import Rules

if TYPE_CHECKING:
    from .probe import Picture

# Per pixel of the source: while it is read (WebP's decoder holds two canvases, that of a progressive JPEG all
# coefficients), and while it is enlarged. Pillow holds four bytes per pixel in any colour mode, one for grey.
_READING: Final = 20
_READING_GREY: Final = 10
_ENLARGING: Final = 8
# Per pixel of the result: the picture, its encoder's memory, and the file. In grey, in grey with alpha, in colour, and
# in colour with alpha.
_ENCODING: Final[Mapping[str, tuple[float, float, float, float]]] = MappingProxyType(
    {
        "PNG": (2.5, 8, 8, 9),
        "JPEG": (2.5, 9.5, 6, 9.5),
        "WEBP": (14.5, 16.5, 14.5, 16.5),
        "GIF": (4.5, 9.5, 8, 10),
        "AVIF": (33, 37, 33, 37),
    }
)
# Of the result of enlarging to PNG there is no more than a strip of a million pixels, in several forms, and the file.
_PNG_IN_STRIPS: Final = (1.3, 2.5, 3.6, 4.8)
_STRIP_FORMS: Final = 40
_WEBP_ALPHA: Final = 38
WEBP_ALPHA_UP_TO: Final = 4_000_000
"""Pixels of the largest WebP whose transparency is compressed."""
_STRIPS: Final = 16 * 1024 * 1024
_GREY: Final = frozenset({"1", "L", "LA", "I;16", "I"})


def memory_to_enlarge(picture: Picture, width: int, height: int, format: str) -> int:  # noqa: A002  # its name
    """Return the most memory, in bytes, that enlarging `picture` to `width` x `height` and encoding it takes."""
    grey = picture.mode in _GREY
    source = picture.width * picture.height
    reading = (_READING_GREY if grey and not picture.has_alpha else _READING) * source
    if format == "PNG":
        file = _PNG_IN_STRIPS[(not grey) * 2 + picture.has_alpha] * width * height
        kept = _ENLARGING * source if picture.has_alpha or not grey else 2 * source
        return max(reading, int(kept + file) + _STRIP_FORMS * min(width * height, 1_000_000) + _STRIPS)
    enlarging = _ENLARGING * source + 4 * width * height
    encoding = memory_to_encode(width, height, format, grey=grey, has_alpha=picture.has_alpha)
    return max(reading, enlarging if picture.has_alpha or not grey else enlarging // 4, encoding)


def memory_to_encode(
    width: int,
    height: int,
    format: str,  # noqa: A002  # as above
    *,
    grey: bool = False,
    has_alpha: bool = True,
) -> int:
    """Return the most memory, in bytes, that encoding a picture of this size takes, the picture included."""
    pixels = width * height
    each = _ENCODING[format][(not grey) * 2 + has_alpha]
    if format == "WEBP" and has_alpha and pixels <= WEBP_ALPHA_UP_TO:
        each = _WEBP_ALPHA
    return int(each * pixels) + _STRIPS


def memory_to_judge(data: bytes, rules: Rules) -> int:
    """Estimate the memory, in bytes, that `probe` takes to judge an upload, from its header.

    A PNG larger than `Rules.decode_up_to` is never decoded, nor is anything that `Rules` do not allow.
    """
    each, size, kind = 0, (0, 0), sniff(data)
    if kind == "WEBP":
        each, size = 16, webp_size(data) or (0, 0)
    elif kind == "JPEG" and (frame := jpeg_frame(data)) is not None:
        each, size = 2 * frame.samples if frame.is_buffered else 1, (frame.width, frame.height)
    elif kind == "JPEG":  # probably broken
        return 8 * rules.max_pixels + 2 * len(data)
    return (each * size[0] * size[1] if rules.admits(*size) else 0) + 2 * len(data)
