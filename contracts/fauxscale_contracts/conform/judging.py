"""Judges the file a client saved against what it was given: enlarged, drawn in a size, edited, or a text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from PIL import Image, ImageChops, ImageFilter, ImageOps, ImageStat

from fauxscale import assert_is_upscale_of
from fauxscale.errors import FauxscaleError
from fauxscale_contracts.contract.violations import brief
from fauxscale_contracts.profiles.pictures import decoded
from fauxscale_contracts.profiles.profile import Task

# Of 255: how much scaling and another format may change an unedited pixel, and an edit changes at least.
_LEFT_ALONE, _EDITED = 3.0, 8.0
_MARGIN = 9  # pixels around a mask's edge that are not compared


class NotJudged(FauxscaleError):
    """Raised if the file that was sent is no picture, so that there is nothing to compare with."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a client was given: files, options, and the expected scale."""

    image: bytes | None
    mask: bytes | None = None
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    scale: float = 2
    task: Task = "upscale"


def what_is_wrong(given: Given, saved: bytes) -> str:
    """Say what is wrong with the saved file, as the rest of a sentence; "" if nothing is. Raises NotJudged."""
    match given.task:
        case "upscale":
            return _not_enlarged(given, saved)
        case "generate":
            return _not_drawn(given, saved)
        case "edit":
            return _not_edited(given, saved)
        case "describe":
            return _not_described(given, saved)


def _not_enlarged(given: Given, saved: bytes) -> str:
    try:
        assert_is_upscale_of(saved, given.image or b"", given.scale)
    except AssertionError as error:
        return brief(str(error).removeprefix("the result "), 120)
    return ""


def _not_drawn(given: Given, saved: bytes) -> str:
    picture = _opened(saved)
    if picture is None:
        return f"is not a complete picture: {len(saved):,} bytes"
    size, wanted = f"{picture.width}x{picture.height}", given.options.get("resolution", "")
    return f"has the wrong size: {size}, expected {wanted}" if wanted and size != wanted else ""


def _not_edited(given: Given, saved: bytes) -> str:
    """The picture must be unchanged where the mask is white, and different where it is black."""
    source = _shown(given.image)
    keep = _shown(given.mask).convert("L")
    if keep.size != source.size:
        raise NotJudged
    picture = _opened(saved)
    if picture is None:
        return f"is not a complete picture: {len(saved):,} bytes"
    if picture.width * source.height // source.width not in range(picture.height - 1, picture.height + 2):
        return (
            f"has the wrong aspect ratio: {picture.width}x{picture.height} for {source.width}x{source.height}"
        )
    seen, sent = (one.convert("RGB").resize(source.size) for one in (picture, source))  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    difference = ImageChops.difference(seen, sent).convert("L")
    outside = keep.filter(ImageFilter.MinFilter(_MARGIN))
    inside = ImageChops.invert(keep.filter(ImageFilter.MaxFilter(_MARGIN)))
    changed = ImageStat.Stat(difference, outside).mean[0]
    if changed > _LEFT_ALONE:
        return f"is changed outside the mask, by {changed:.0f} of 255"
    if ImageStat.Stat(difference, inside).mean[0] < _EDITED:
        return "is not edited"
    return ""


def _not_described(given: Given, saved: bytes) -> str:
    """The stand-in's descriptions begin with the picture's measured size."""
    picture = _shown(given.image)
    told = rf"A \w+ image of {picture.width} by {picture.height} pixels, [^{{}}]*\."
    text = saved.decode(errors="replace").strip()
    return "" if re.fullmatch(told, text) else f"does not match the description: {brief(text, 80)}"


def _shown(data: bytes | None) -> Image.Image:
    """Open a picture that was sent, as a viewer shows it. Raises NotJudged if it is none."""
    picture = _opened(data or b"")
    if picture is None:
        raise NotJudged
    return picture


def _opened(saved: bytes) -> Image.Image | None:
    picture = decoded(saved)
    try:
        return picture and ImageOps.exif_transpose(picture)
    except (OSError, SyntaxError, ValueError):  # of its EXIF data
        return None
