"""Combines pictures: scales, crops, frames, blends, masks, tints and pastes them.

Pictures are in mode L, LA, RGB or RGBA. Inputs are never changed; the result has the profile of the main one.
"""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops, ImageFilter

from .recipe import Block
from .strips import resized

_TINT = 0.4  # how much a tint mixes in of its colour
_STRIP = 5  # the strip at the right edge is this part of the width


def enlarged(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resample a picture (Lanczos) to any size, as an upscale does."""
    large = resized(image, *size)
    large.info = image.info
    return large


def _scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resample a picture with the same result as Pillow's Lanczos; one that has the size is returned unchanged."""
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly


def covering(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scale the middle of a picture, in the ratio of `size`, to that size."""
    width, height = image.size
    wide, high = size
    if width * high > wide * height:
        width = max(1, round(height * wide / high))
    else:
        height = max(1, round(width * high / wide))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    middle = image if (width, height) == image.size else image.crop((left, top, left + width, top + height))
    return _scaled(middle, size)


def _fitting(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Scale a whole picture to fit inside `size`."""
    scale = min(size[0] / image.width, size[1] / image.height)
    wide, high = (min(most, max(1, round(side * scale))) for side, most in zip(image.size, size, strict=True))
    return _scaled(image, (wide, high))


def framed(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    centre = _fitting(image, size)
    left, top = (size[0] - centre.width) // 2, (size[1] - centre.height) // 2
    right, bottom = left + centre.width, top + centre.height
    canvas = Image.new(centre.mode, size)
    canvas.info = centre.info
    canvas.paste(centre, (left, top))
    rim = 1 + max(size) // 64  # this many pixels are averaged: single ones would draw streaks
    near = max(left, right - rim), max(top, bottom - rim)
    # First to the sides, then up and down; one of them is nothing, except for rounding.
    for edge, rest, sideways in (
        ((left, top, min(right, left + rim), bottom), (0, top, left, bottom), True),
        ((near[0], top, right, bottom), (right, top, size[0], bottom), True),
        ((0, top, size[0], min(bottom, top + rim)), (0, 0, size[0], top), False),
        ((0, near[1], size[0], bottom), (0, bottom, size[0], size[1]), False),
    ):
        wide, high = rest[2] - rest[0], rest[3] - rest[1]
        if wide and high:
            line = canvas.crop(edge).resize((1, high) if sideways else (wide, 1), Image.Resampling.BOX)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
            canvas.paste(line.resize((wide, high)), rest)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    # Blurred at a small size, which is as smooth and faster.
    small = canvas.reduce(4).filter(ImageFilter.GaussianBlur(max(size) / 128))
    canvas.paste(small.resize(size, Image.Resampling.BICUBIC))  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    canvas.paste(centre, (left, top))
    return canvas


def blended(under: Image.Image, over: Image.Image, weight: int) -> Image.Image:
    under, over = _alike(under, covering(over, under.size))
    mixed = Image.blend(over, under, weight / 100)
    mixed.info = under.info
    return mixed


def masked(base: Image.Image, edit: Image.Image, mask: Image.Image) -> Image.Image:
    base, edit = _alike(base, covering(edit, base.size))
    edited = base.copy()
    edited.paste(edit, mask=_scaled_mask(mask, base.size).point(_BLACK))  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    return edited


_BLACK = [255 if luminance < 128 else 0 for luminance in range(256)]


def _scaled_mask(mask: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Read a mask's luminance; a mask of another size is resampled without new shades."""
    grey = mask.convert("L")
    return grey if grey.size == size else grey.resize(size, Image.Resampling.NEAREST)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly


def laid_over(top: Image.Image, bottom: Image.Image) -> Image.Image:
    laid = _pasted(top, covering(bottom, top.size), (0, 0))
    laid.info = top.info or bottom.info
    return laid


def tinted(image: Image.Image, by: Image.Image | tuple[int, ...]) -> Image.Image:
    """Mix a colour, or a picture's mean colour, into every pixel; alpha stays."""
    colour = _mean(by) if isinstance(by, Image.Image) else by
    plain = image.convert("RGB")
    tinted = Image.blend(plain, Image.new("RGB", image.size, colour), _TINT)
    if image.mode.endswith("A"):
        tinted.putalpha(image.getchannel("A"))
    return tinted


def _mean(image: Image.Image) -> tuple[int, ...]:
    """Compute a picture's mean colour; transparent pixels do not count."""
    one = image.resize((1, 1), Image.Resampling.BOX)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    return tuple(one.convert("RGB").tobytes())


def with_mask(image: Image.Image, mask: Image.Image) -> Image.Image:
    """Multiply a picture's alpha by its mask."""
    seen = _scaled_mask(mask, image.size)
    alpha = image.convert("RGBA")
    alpha.putalpha(ImageChops.multiply(alpha.getchannel("A"), seen))
    return alpha


def standing(piece: Image.Image, ground: Image.Image) -> Image.Image:
    fitted = _fitting(piece, (ground.width, max(1, ground.height // 2)))
    return _pasted(fitted, ground, ((ground.width - fitted.width) // 2, ground.height - fitted.height))


def in_strip(piece: Image.Image, ground: Image.Image, slot: int, slots: int) -> Image.Image:
    wide = max(1, ground.width // _STRIP)
    top, bottom = (ground.height * one // slots for one in (slot, slot + 1))
    fitted = covering(piece, (wide, max(1, bottom - top)))
    return _pasted(fitted, ground, (ground.width - wide, top))


def _pasted(piece: Image.Image, ground: Image.Image, at: tuple[int, int]) -> Image.Image:
    """Lay a piece on a ground by its alpha: opaque pixels are copied byte for byte."""
    laid = ground.convert("RGBA" if ground.mode.endswith("A") else "RGB")
    alpha = piece.getchannel("A") if piece.mode.endswith("A") else None
    if alpha is not None and laid.mode == "RGBA":
        laid.alpha_composite(piece.convert("RGBA"), at)
    else:
        laid.paste(piece.convert(laid.mode), at, alpha)
    return laid


def _alike(one: Image.Image, other: Image.Image) -> tuple[Image.Image, Image.Image]:
    """Return both in the same mode, one that represents both without loss."""
    if one.mode == other.mode:
        return one, other
    mode = "RGBA" if one.mode.endswith("A") or other.mode.endswith("A") else "RGB"
    return one.convert(mode), other.convert(mode)


def without_text(image: Image.Image, blocks: Sequence[Block]) -> Image.Image:
    """Take the median of a wide area around each block: letters have fewer pixels than the ground."""
    cleaned = image.copy()
    for block in blocks:
        box = (
            max(0, block.x),
            max(0, block.y),
            min(image.width, block.x + block.width),
            min(image.height, block.y + block.height),
        )
        size = (box[2] - box[0], box[3] - box[1])
        if min(size) < 1:
            continue
        # Only every n-th pixel, unmixed, so that a window of nine of them is as high as the letters.
        few = (max(1, size[0] * 9 // size[1]), 9) if size[1] > 9 else size
        sample = image.crop(box).resize(few, Image.Resampling.NEAREST)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
        ground = sample.filter(ImageFilter.MedianFilter(9))
        cleaned.paste(ground.resize(size, Image.Resampling.BICUBIC), box)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    return cleaned
