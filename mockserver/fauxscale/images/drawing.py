"""Draws a picture for a prompt, the same one every time, for services that draw from text."""

from __future__ import annotations

import colorsys
import hashlib

from PIL import Image, ImageDraw, ImageOps

from .render import encode

_SKETCH = (
    512  # pixels of the longer side; shapes are drawn small and enlarged, which also softens their edges
)
_SHAPES = 7


def draw(prompt: str, width: int, height: int) -> bytes:
    """Draw a PNG of `width` x `height` pixels: a gradient and some shapes, decided by a hash of `prompt` alone.

    The prompt itself is not in the file.
    """
    dice = hashlib.shake_256(prompt.encode("utf-8", "surrogatepass")).digest(8 + 6 * _SHAPES)
    scale = min(1.0, _SKETCH / max(width, height))
    sketch = (max(1, round(width * scale)), max(1, round(height * scale)))
    hue = dice[0] / 256
    ramp = Image.linear_gradient("L").rotate(90 * (dice[1] % 4)).resize(sketch)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    picture = ImageOps.colorize(
        ramp, _colour(hue, 0.75, 0.35), _colour(hue + 0.18, 0.35, 0.98), _colour(hue + 0.09, 0.6, 0.75)
    )
    for index in range(_SHAPES):
        x, y, reach, tint, strength, kind = dice[8 + 6 * index : 14 + 6 * index]
        centre = (x / 255 * sketch[0], y / 255 * sketch[1])
        radius = (0.05 + 0.25 * reach / 255) * max(sketch)
        veil = Image.new("L", sketch, 0)
        pen = ImageDraw.Draw(veil)
        if kind % 3 == 0:
            pen.regular_polygon((*centre, radius), 3 + kind % 5, rotation=kind, fill=60 + strength // 3)
        else:
            box = (centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius)
            pen.ellipse(box, fill=60 + strength // 3)
        picture.paste(_colour(hue + tint / 512, 0.55, 0.95), (0, 0), veil)
    if picture.size != (width, height):
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    return encode(picture, "PNG")


def _colour(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
