"""Processes large pictures in strips of rows, so that intermediate pixels take the memory of one strip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil, floor

from PIL import Image

_STRIP = 1_000_000
_LANCZOS, _LANCZOS_REACH = Image.Resampling.LANCZOS, 3
_PREMULTIPLIED = {"LA": "La", "RGBA": "RGBa"}


def resized(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resample `image` (Lanczos) as Pillow does, which makes two or three copies of the result on its way.

    Enlarged by a whole number the pixels are those of Pillow's own `resize`; by another factor they differ by 1 of
    255 at most, as a strip begins between two rows of the source.
    """
    if width * height <= _STRIP:
        return image.resize((width, height), _LANCZOS)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    mode = image.mode
    large = Image.new(mode, (width, height), None)
    source = image.convert(_PREMULTIPLIED[mode]) if mode in _PREMULTIPLIED else image
    scale = source.height / height
    reach = ceil(_LANCZOS_REACH * max(1, scale)) + 1
    for top, bottom in _strips(width, height):
        first = max(0, floor(top * scale) - reach)
        last = min(source.height, ceil(bottom * scale) + reach)
        # Across and then down, each by itself: of a strip, Pillow would choose the other order, which rounds otherwise.
        across = source.crop((0, first, source.width, last)).resize((width, last - first), _LANCZOS)  # pyright: ignore[reportUnknownMemberType]  # as above
        rows = 0, top * scale - first, width, min(bottom * scale - first, last - first)
        strip = across.resize((width, bottom - top), _LANCZOS, rows)  # pyright: ignore[reportUnknownMemberType]  # as above
        large.paste(strip if strip.mode == mode else strip.convert(mode), (0, top))
    return large


def changed(
    image: Image.Image,
    mode: str,
    change: Callable[[Image.Image], Image.Image],
    palette: Image.Image | None = None,
) -> Image.Image:
    """Return what `change` makes of `image`, pixel by pixel, in `mode`; the image itself if that is its mode.

    In mode P, `change` keeps to the colours of `palette`.
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
    """The first row of each strip, and the first behind it."""
    rows = max(2, _STRIP // width)
    for top in range(0, height, rows):
        yield top, min(top + rows, height)
