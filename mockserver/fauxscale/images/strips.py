"""Processes large pictures in strips of rows, so that intermediate pixels take the memory of one strip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil, floor

from PIL import Image

_STRIP = 1_000_000
_LANCZOS, _LANCZOS_REACH = Image.Resampling.LANCZOS, 3
_PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}


def resized(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resample `image` (Lanczos) like Pillow, but without the two or three copies of the result that Pillow makes.

    For whole factors the pixels are those of Pillow's own `resize`; for others they differ by at most 1 of 255, as
    a strip begins between two rows of the source.
    """
    if width * height <= _STRIP:
        return image.resize((width, height), _LANCZOS)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    large, top = Image.new(image.mode, (width, height), None), 0
    for strip in resized_strips(image, width, height):
        large.paste(strip, (0, top))
        top += strip.height
    return large


def resized_strips(image: Image.Image, width: int, height: int) -> Iterator[Image.Image]:
    """Make what `resized` makes, strip by strip from the top."""
    if width * height <= _STRIP:
        yield resized(image, width, height)
        return
    mode = image.mode
    source = image.convert(_PREMULTIPLIED[mode]) if mode in _PREMULTIPLIED else image
    scale = source.height / height
    reach = ceil(_LANCZOS_REACH * max(1, scale)) + 1
    for top, bottom in _strips(width, height):
        first = max(0, floor(top * scale) - reach)
        last = min(source.height, ceil(bottom * scale) + reach)
        # Across and then down, separately: for a strip, Pillow would choose the other order, which rounds differently.
        across = source.crop((0, first, source.width, last)).resize((width, last - first), _LANCZOS)  # pyright: ignore[reportUnknownMemberType]  # as above
        rows = 0, top * scale - first, width, min(bottom * scale - first, last - first)
        strip = across.resize((width, bottom - top), _LANCZOS, rows)  # pyright: ignore[reportUnknownMemberType]  # as above
        yield strip if strip.mode == mode else strip.convert(mode)


def changed(
    image: Image.Image,
    mode: str,
    change: Callable[[Image.Image], Image.Image],
    palette: Image.Image | None = None,
) -> Image.Image:
    """Apply `change` to `image`, pixel by pixel, to get `mode`; the image itself if it has that mode.

    In mode P, `change` uses the colours of `palette`.
    """
    if image.mode == mode:
        return image
    if image.width * image.height <= _STRIP:
        return change(image)
    made = Image.new(mode, image.size, None)
    if palette is not None:
        made.putpalette(palette.getpalette() or [])
    for top, bottom in _strips(*image.size):
        made.paste(change(image.crop((0, top, image.width, bottom))), (0, top))
    return made


def _strips(width: int, height: int) -> Iterator[tuple[int, int]]:
    """The first row of each strip, and the row after it."""
    rows = max(2, _STRIP // width)
    for top in range(0, height, rows):
        yield top, min(top + rows, height)
