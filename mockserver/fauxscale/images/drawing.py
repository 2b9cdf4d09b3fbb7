"""Draws pictures and shapes from a prompt, the same ones every time."""

from __future__ import annotations

import colorsys
import hashlib
import math
from collections.abc import Sequence

from PIL import Image, ImageColor, ImageDraw, ImageOps

from .render import encode

_SKETCH = 512  # longer side of the copy in which shapes are drawn; enlarging it also softens their edges
_SHAPES = 7
_DICE = 8 + 6 * _SHAPES
_CORNERS = 240  # of a silhouette's outline
_SEEDS_TURN_HUES_BY = 0.12

Colour = tuple[int, int, int]


def draw(prompt: str, width: int, height: int) -> bytes:
    """Draw a PNG of `width` x `height` pixels: a gradient and some shapes, decided by a hash of `prompt` alone.

    The prompt itself is not in the file.
    """
    return encode(drawn(prompt, width, height), "PNG")


def drawn(prompt: str, width: int, height: int, seed: int = 0, palette: Sequence[str] = ()) -> Image.Image:
    """Draw a picture: a gradient and some shapes, decided by a hash of `prompt` and `seed`.

    Its colours are those of `palette` (`#rgb` or `#rrggbb`), mostly the first; without one the prompt decides them,
    and seeds vary them a little.
    """
    dice = _dice(prompt, seed)
    scale = min(1.0, _SKETCH / max(width, height))
    sketch = (max(1, round(width * scale)), max(1, round(height * scale)))
    hue = _hue(prompt, seed, dice)
    inks = _inks(palette)
    ramp = Image.linear_gradient("L").rotate(90 * (dice[1] % 4)).resize(sketch)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    picture = _ground(ramp, hue, inks)
    for index in range(_SHAPES):
        x, y, reach, tint, strength, kind = dice[8 + 6 * index : 14 + 6 * index]
        centre = (x / 255 * sketch[0], y / 255 * sketch[1])
        radius = (0.05 + 0.25 * reach / 255) * max(sketch)
        veil = Image.new("L", sketch, 0)
        pen = ImageDraw.Draw(veil)
        # A test should find the requested colours in the picture, so little shines through their shapes.
        cover = 200 + strength // 5 if inks else 60 + strength // 3
        if kind % 3 == 0:
            pen.regular_polygon((*centre, radius), 3 + kind % 5, rotation=kind, fill=cover)
        else:
            box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
            pen.ellipse(box, fill=cover)
        ink = inks[(index + 1) % len(inks)] if inks else _colour(hue + tint / 512, 0.55, 0.95)
        picture.paste(ink, (0, 0), veil)
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    return picture


def silhouette(
    prompt: str, width: int, height: int, seed: int = 0, palette: Sequence[str] = ()
) -> Image.Image:
    """Draw one shape in the middle, filled as `drawn` does, with alpha 0 around it, in RGBA.

    The margin is at least an eighth of the shorter side.
    """
    scale = min(2.0, 2 * _SKETCH / max(width, height))  # twice as fine as the picture: soft edges
    shape = Image.new("L", (max(1, round(width * scale)), max(1, round(height * scale))), 0)
    radius = 0.75 * min(shape.size) / 2
    points = [
        (shape.width / 2 + x * radius, shape.height / 2 + y * radius)
        for x, y in _outline(_dice(f"outline of {prompt}", seed))
    ]
    ImageDraw.Draw(shape).polygon(points, fill=255)
    picture = drawn(prompt, width, height, seed, palette)
    picture.putalpha(shape.resize((width, height), Image.Resampling.BICUBIC))  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    return picture


def _outline(dice: bytes) -> list[tuple[float, float]]:
    """Trace a circle with random petals, points or dents, in the middle of the square from -1 to 1."""
    petals, depth, second, turn, bend, lean = dice[:6]
    waves = (
        (2 + petals % 6, 0.10 + 0.25 * depth / 255, turn / 40),
        (2 + second % 3, 0.05 + 0.15 * bend / 255, lean / 40),
    )
    angles = [math.tau * corner / _CORNERS for corner in range(_CORNERS)]
    far = [1 + sum(share * math.cos(count * one + shift) for count, share, shift in waves) for one in angles]
    across = [reach * math.cos(one) for reach, one in zip(far, angles, strict=True)]
    along = [reach * math.sin(one) for reach, one in zip(far, angles, strict=True)]
    middle = (min(across) + max(across)) / 2, (min(along) + max(along)) / 2
    half = max(max(across) - min(across), max(along) - min(along)) / 2
    return [((x - middle[0]) / half, (y - middle[1]) / half) for x, y in zip(across, along, strict=True)]


def _ground(ramp: Image.Image, hue: float, inks: Sequence[Colour]) -> Image.Image:
    if not inks:
        return ImageOps.colorize(
            ramp, _colour(hue, 0.75, 0.35), _colour(hue + 0.18, 0.35, 0.98), _colour(hue + 0.09, 0.6, 0.75)
        )
    return ImageOps.colorize(ramp, inks[0], inks[-1], blackpoint=128)  # half of it in the first colour


def _inks(palette: Sequence[str]) -> list[Colour]:
    """Read the palette's colours; to a single one a lighter and a darker shade are added."""
    inks: list[Colour] = [ImageColor.getrgb(one)[:3] for one in palette]
    if len(inks) == 1:
        ((red, green, blue),) = inks
        for towards in (255, 0):
            inks.append(((4 * red + towards) // 5, (4 * green + towards) // 5, (4 * blue + towards) // 5))
    return inks


def _dice(prompt: str, seed: int) -> bytes:
    text = prompt.encode("utf-8", "surrogatepass")
    # Without a seed: the same pictures as before seeds existed.
    return hashlib.shake_256(text if seed == 0 else b"%d\xff%s" % (seed, text)).digest(_DICE)


def _hue(prompt: str, seed: int, dice: bytes) -> float:
    if seed == 0:
        return dice[0] / 256
    return _dice(prompt, 0)[0] / 256 + _SEEDS_TURN_HUES_BY * (dice[0] / 255 - 0.5)


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
