"""Measures pictures, for services that describe them or find text in them."""

from __future__ import annotations

import colorsys
from array import array
from collections.abc import Iterator

from PIL import Image, ImageChops

from .measured import Measured, Shade
from .recipe import Block
from .render import on_white, read

_FEW = 128  # longer side of the copy in which colours are counted
_COLOURS = 5
_SEEN = 0.03  # a colour with a smaller share of the picture is not reported
_SHARP = 512  # longer side of the copy in which text is searched
_EDGE = 40  # the least difference (of 255, in any channel) between neighbours at the edge of a stroke
_STROKES = 4  # the fewest edges in a row through text
_LEAST = 5  # the least height of a row of text, in pixels
_BLOCKS = 20

Colour = tuple[int, int, int]


def describe(data: bytes) -> Measured:
    """Measure size, colours, brightness and transparency of a picture that `probe` accepted.

    Raises ApiError(BROKEN_IMAGE) when its pixels turn out to be damaged after all.
    """
    image = read(data)
    seen, has_transparency = _seen(image)
    if seen is None:
        return Measured(*image.size, (), 0.0, has_transparency)
    shares: dict[str, float] = {}
    colours: dict[str, str] = {}
    for count, colour in _main_colours(seen, _COLOURS):
        name = colour_name(*colour)
        shares[name] = shares.get(name, 0.0) + count / seen.width
        colours.setdefault(name, _hexadecimal(colour))
    shades = [Shade(name, colours[name], round(share, 4)) for name, share in shares.items()]
    shades.sort(key=lambda shade: -shade.share)
    brightness = seen.convert("L").resize((1, 1), Image.Resampling.BOX).tobytes()[0]  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    told = tuple(shade for shade in shades if shade.share >= _SEEN)
    return Measured(*image.size, told, float(brightness), has_transparency)


def _seen(image: Image.Image) -> tuple[Image.Image | None, bool]:
    """Return the visible pixels of a smaller copy, as one row; and whether any are invisible."""
    small = image.reduce(-(-max(image.size) // _FEW))
    plain = small.convert("RGB").tobytes()
    has_transparency = image.mode.endswith("A") and image.getchannel("A").getextrema() != (255, 255)
    if has_transparency:
        alpha = small.getchannel("A").tobytes()
        plain = b"".join(plain[3 * at : 3 * at + 3] for at, value in enumerate(alpha) if value >= 128)
    if not plain:
        return None, has_transparency
    return Image.frombytes("RGB", (len(plain) // 3, 1), plain), has_transparency


def colour_name(red: int, green: int, blue: int) -> str:
    """Name a colour in plain English."""
    hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
    degrees = round(hue * 360)
    if value < 0.17:
        return "black"
    if saturation < 0.12 or max(red, green, blue) - min(red, green, blue) < 20:
        return "white" if value > 0.87 else "grey"
    if 12 <= degrees < 60 and saturation < 0.4 and value > 0.75:
        return "beige"
    if degrees < 45 and (value < 0.45 if degrees < 12 else value < 0.72):
        return "brown"
    if (degrees < 12 or degrees >= 345) and saturation < 0.55 and value > 0.75:
        return "pink"
    if 290 <= degrees < 345:
        return "pink" if value > 0.75 else "purple"
    return next(name for limit, name in _HUES if degrees < limit)


_HUES = (
    (12, "red"),
    (45, "orange"),
    (68, "yellow"),
    (165, "green"),
    (195, "cyan"),
    (255, "blue"),
    (290, "purple"),
    (361, "red"),
)


def text_blocks(data: bytes) -> tuple[Block, ...]:
    """Find the rows of text in a picture that `probe` accepted, from top to bottom, by the edges of their strokes.

    Areas as dense with edges but higher than a third of the picture are texture. Raises ApiError(BROKEN_IMAGE) when
    the pixels turn out to be damaged after all.
    """
    image = read(data)
    image = (on_white(image) if image.mode.endswith("A") else image).convert("RGB")
    factor = -(-max(image.size) // _SHARP)
    small = image.reduce(factor)
    if min(small.size) < 2 * _LEAST:
        return ()
    edges = _edges(small)
    blocks: list[Block] = []
    for top, bottom in _spans(_profile(edges, down=True), _STROKES / edges.width, gap=1, least=_LEAST):
        if bottom - top <= edges.height / 3:
            blocks += _in_band(image, edges, factor, top, bottom)
    return tuple(blocks[:_BLOCKS])


def _in_band(image: Image.Image, edges: Image.Image, factor: int, top: int, bottom: int) -> Iterator[Block]:
    """Find the groups of words in a band of rows; gaps inside a group are at most twice its height."""
    high = bottom - top
    band = edges.crop((0, top, edges.width, bottom))
    for left, right in _spans(_profile(band, down=False), 0.5 / high, gap=2 * high, least=high):
        words = band.crop((left, 0, right, high))
        rows = list(_spans(_profile(words, down=True), _STROKES / words.width, gap=high, least=1))
        if not rows:
            continue
        first, last = top + rows[0][0], top + rows[-1][1]
        spare = 1 + (last - first) // 5  # for parts that few letters have: a g's tail, a hat
        box = (
            max(0, (left - spare) * factor),
            max(0, (first - spare) * factor),
            min(image.width, (right + 1 + spare) * factor),
            min(image.height, (last + spare) * factor),
        )
        yield Block(box[0], box[1], box[2] - box[0], box[3] - box[1], _ink(image.crop(box)))


def _edges(image: Image.Image) -> Image.Image:
    """Mark with 255 each pixel that differs from its right neighbour: upright strokes, common in all scripts."""
    width, height = image.size
    change = ImageChops.difference(image.crop((1, 0, width, height)), image.crop((0, 0, width - 1, height)))
    red, green, blue = change.split()
    strongest = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return strongest.point([255 if value >= _EDGE else 0 for value in range(256)])  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly


def _profile(edges: Image.Image, *, down: bool) -> list[float]:
    """Compute the share of edges in each row (`down`), or in each column."""
    size = (1, edges.height) if down else (edges.width, 1)
    line = edges.convert("F").resize(size, Image.Resampling.BOX)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    return [value / 255 for value in array("f", line.tobytes())]


def _spans(profile: list[float], least_value: float, *, gap: int, least: int) -> Iterator[tuple[int, int]]:
    """Find the start and the end of each run that reaches a value, joining runs across short gaps."""
    start = end = -1
    for at, value in enumerate(profile):
        if value < least_value:
            continue
        if start >= 0 and at - end > gap:
            if end - start >= least:
                yield start, end
            start = at
        elif start < 0:
            start = at
        end = at + 1
    if start >= 0 and end - start >= least:
        yield start, end


def _ink(image: Image.Image) -> str:
    """Return the rarer of the two main colours of a row of text."""
    few = min(256, image.width), min(32, image.height)
    sample = image.resize(few, Image.Resampling.NEAREST)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    return _hexadecimal(_main_colours(sample, 2)[-1][1])


def _main_colours(image: Image.Image, most: int) -> list[tuple[int, Colour]]:
    """Reduce a picture to so many colours: the pixels of each, the most frequent first."""
    reduced = image.quantize(most, Image.Quantize.MEDIANCUT, kmeans=1)
    counts = reduced.histogram()
    palette = iter(reduced.getpalette() or ())
    found = list(zip(counts, zip(palette, palette, palette, strict=True), strict=False))
    return sorted(((count, colour) for count, colour in found if count), key=lambda one: -one[0])


def _hexadecimal(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
