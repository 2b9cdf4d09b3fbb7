"""Assertions for tests: whether a picture is another one enlarged, and if not, how it differs."""

from __future__ import annotations

import io
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias, cast
from unittest.mock import patch

if TYPE_CHECKING:
    from PIL.Image import Image

    Picture: TypeAlias = bytes | str | PathLike[str] | Image

_SIDE = 48  # pixels of the thumbnails that are compared
_ALIKE = 10.0  # the mean difference (of 255) that encoders and other Lanczos filters stay far below
_OPENING = Lock()
_TURNS = ("mirrored", "turned by 180°", "flipped", "turned", "turned", "turned", "turned")


def assert_is_upscale_of(result: Picture, original: Picture, scale: float = 2) -> None:
    """Fail unless `result` is the whole of `original`, as a viewer shows it, `scale` times as wide and high.

    Each is the bytes of a picture, the path of a file, or an image of Pillow's. The failure tells apart: not a picture,
    unchanged, a wrong size, turned as the camera held it, another picture altogether, lost alpha, a dropped colour
    profile. An `original` that is no picture is the test's own mistake, and the failure says so; what is none of these
    raises TypeError, and a file that cannot be read OSError.
    """
    __tracebackhide__ = True
    wrong = differences(result, original, scale)
    if wrong:
        raise AssertionError("\n".join(f"the result {one}" for one in wrong))


def differences(result: Picture, original: Picture, scale: float = 2) -> list[str]:
    """List how `result` differs from `original` enlarged, each as the end of a sentence; empty if it does not."""
    from PIL import ImageOps

    result, original = _read(result), _read(original)
    source, picture = _opened(original, "original"), _opened(result, "result")
    if source is None:
        return [f"cannot be checked: the original {_no_picture(cast('bytes', original))}"]
    shown = ImageOps.exif_transpose(source)
    wanted = round(shown.width * scale), round(shown.height * scale)
    if picture is None:
        return [_no_picture(cast("bytes", result))]
    wrong: list[str] = []
    if result == original:
        return ["is the original itself, unchanged"]
    seen = ImageOps.exif_transpose(picture)
    if seen.size == shown.size != wanted:
        wrong.append(f"has the size of the original: {_say(seen.size)}, expected {_say(wanted)}")
    elif seen.size != wanted:
        turned = " (width and height are swapped)" if seen.size == wanted[::-1] else ""
        wrong.append(f"has the wrong size: {_say(seen.size)}, expected {_say(wanted)}{turned}")
    wrong += _content(seen, shown, source)
    if _has_alpha(source) and not _has_alpha(picture):
        wrong.append(f"lost its alpha: {source.mode} became {picture.mode}")
    if source.info.get("icc_profile") and not picture.info.get("icc_profile"):
        wrong.append("dropped the colour profile")
    return wrong


def _read(picture: Picture) -> bytes | Image:
    """Read a file; return anything else as it is."""
    return Path(picture).read_bytes() if isinstance(picture, str | PathLike) else picture


def _opened(data: object, what: str) -> Image | None:
    """Open the picture in `data`; None for other bytes. Raises TypeError for what can be no picture."""
    from PIL import Image

    if isinstance(data, Image.Image):
        return data
    if not isinstance(data, bytes | bytearray):
        raise TypeError(
            f"the {what} must be the bytes of a picture, a path or an image, not {type(data).__name__}: {data!r:.60}"
        )
    try:
        # Pillow warns of pictures as large as decompression bombs, also of a large one correctly doubled.
        with _OPENING, patch.object(Image, "MAX_IMAGE_PIXELS", None):
            picture = Image.open(io.BytesIO(data))
        picture.load()
    except (OSError, SyntaxError, ValueError):
        return None
    return picture


def _no_picture(data: bytes) -> str:
    if not data:
        return "is empty"
    return f"is not a complete picture: {len(data):,} bytes that start with {bytes(data[:12])!r}"


def _content(seen: Image, shown: Image, source: Image) -> list[str]:
    from PIL.Image import Transpose

    if _distance(seen, shown) <= _ALIKE:
        return []
    if _distance(seen, source) <= _ALIKE:
        return ["is rotated: the EXIF orientation of the original was ignored"]
    turns = (
        Transpose.FLIP_LEFT_RIGHT,
        Transpose.ROTATE_180,
        Transpose.FLIP_TOP_BOTTOM,
        Transpose.ROTATE_90,
        Transpose.ROTATE_270,
        Transpose.TRANSPOSE,
        Transpose.TRANSVERSE,
    )
    for turn, word in zip(turns, _TURNS, strict=True):
        if _distance(seen, shown.transpose(turn)) <= _ALIKE:
            return [f"is {word}"]
    return [
        f"shows a different picture (were two swapped?): it differs by {_distance(seen, shown):.0f} of 255 on average"
    ]


def _distance(one: Image, other: Image) -> float:
    """The mean difference of two pictures' thumbnails, 0 to 255, transparent parts on grey."""
    from PIL import ImageChops, ImageStat

    return max(ImageStat.Stat(ImageChops.difference(_thumbnail(one), _thumbnail(other))).mean)


def _thumbnail(image: Image) -> Image:
    from PIL import Image as Pillow

    ground = Pillow.new("RGBA", image.size, (128, 128, 128, 255))
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB").resize((_SIDE, _SIDE), Pillow.Resampling.BOX)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly


def _has_alpha(image: Image) -> bool:
    return image.has_transparency_data


def _say(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
