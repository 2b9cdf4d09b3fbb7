"""Pictures of a subject before a background, drawn with their masks, so that cut-outs can be measured.

As unlike each other as photos are: slopes of colour, noise, texture, vignettes, subjects off the middle, at the
border, with holes that are seen through and spots that are not.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PIL import Image, ImageChops, ImageDraw, ImageFilter

SIZE = (480, 360)
_FINE = 4  # masks are drawn so much larger, for soft edges

Colour = tuple[int, int, int]
Pen = ImageDraw.ImageDraw


@dataclass(frozen=True, slots=True)
class Subject:
    """`picture` in RGB, and its `mask`: 255 on the subject, 0 around it."""

    picture: Image.Image
    mask: Image.Image


def shape(pencil: Callable[[Pen, int], object], size: tuple[int, int] = SIZE) -> Image.Image:
    """Draw an antialiased mask; the pencil is told how many of its units a pixel has."""
    large = Image.new("L", (size[0] * _FINE, size[1] * _FINE), 0)
    pencil(ImageDraw.Draw(large), _FINE)
    return large.reduce(_FINE)


def box(left: float, top: float, right: float, bottom: float, unit: int) -> tuple[float, ...]:
    return left * unit, top * unit, right * unit, bottom * unit


def corner(*points: tuple[int, int], unit: int) -> list[tuple[float, float]]:
    return [(x * unit, y * unit) for x, y in points]


def slope(first: Colour, last: Colour, turn: int = 0, size: tuple[int, int] = SIZE) -> Image.Image:
    """An even gradient, turned by so many degrees."""
    side = 2 * max(size)
    ramp = Image.linear_gradient("L").resize((side, side)).rotate(turn)
    left, top = (side - size[0]) // 2, (side - size[1]) // 2
    ramp = ramp.crop((left, top, left + size[0], top + size[1]))
    low, high = ramp.getextrema()
    ramp = ramp.point([max(0, min(255, round(255 * (v - low) / max(1, high - low)))) for v in range(256)])  # type: ignore[operator]  # of one band
    return Image.composite(Image.new("RGB", size, last), Image.new("RGB", size, first), ramp)


def noisy(picture: Image.Image, strength: int, seed: int = 1) -> Image.Image:
    """The picture with noise of this strength, up and down, in every channel of every pixel."""
    noise = Image.frombytes(
        "RGB", picture.size, random.Random(seed).randbytes(picture.width * picture.height * 3)
    )
    return ImageChops.add(
        picture, noise.point([v * strength // 127 for v in range(256)] * 3), offset=-strength
    )


def textured(picture: Image.Image, strength: int, seed: int = 1) -> Image.Image:
    """The picture with clouds of all sizes on it, as walls, grass and sky have them in photos."""
    dice = random.Random(seed)
    for octave, share in ((6, 0.45), (15, 0.3), (40, 0.15), (120, 0.1)):
        few = Image.frombytes("L", (octave, octave), dice.randbytes(octave * octave))
        clouds = few.resize(picture.size, Image.Resampling.BICUBIC).point(
            [round(v * share * strength / 127) for v in range(256)]
        )
        picture = ImageChops.add(picture, clouds.convert("RGB"), offset=-round(strength * share))
    return picture


def put(subject: Image.Image, mask: Image.Image, ground: Image.Image) -> Subject:
    return Subject(Image.composite(subject, ground, mask), mask)


def flat(colour: Colour) -> Image.Image:
    return Image.new("RGB", SIZE, colour)


def disc() -> Subject:
    mask = shape(lambda pen, unit: pen.ellipse(box(140, 80, 340, 280, unit), fill=255))
    return put(flat((200, 40, 50)), mask, flat((235, 230, 220)))


def star_off_the_middle() -> Subject:
    tips = [
        (90, 40),
        (115, 100),
        (180, 105),
        (130, 145),
        (150, 210),
        (90, 170),
        (35, 210),
        (52, 145),
        (5, 105),
        (68, 100),
    ]
    mask = shape(
        lambda pen, unit: pen.polygon(corner(*((x + 20, y + 20) for x, y in tips), unit=unit), fill=255)
    )
    return put(slope((250, 220, 60), (200, 120, 20), 30), mask, slope((30, 60, 140), (150, 190, 240)))


def noise_on_noise() -> Subject:
    mask = shape(lambda pen, unit: pen.ellipse(box(180, 60, 330, 320, unit), fill=255))
    return put(noisy(flat((170, 60, 40)), 40, 2), mask, noisy(flat((120, 130, 125)), 24, 3))


def bust_at_the_border() -> Subject:
    def pencil(pen: Pen, unit: int) -> None:
        pen.ellipse(box(185, 60, 295, 200, unit), fill=255)
        pen.rounded_rectangle(box(110, 210, 370, 460, unit), 60 * unit, fill=255)
        pen.rectangle(box(215, 180, 265, 230, unit), fill=255)

    ground = noisy(slope((205, 210, 190), (110, 140, 150), 60), 12)
    return put(textured(slope((110, 60, 50), (40, 25, 45)), 30), shape(pencil), ground)


def ring() -> Subject:
    def pencil(pen: Pen, unit: int) -> None:
        pen.ellipse(box(110, 50, 370, 310, unit), fill=255)
        pen.ellipse(box(185, 125, 295, 235, unit), fill=0)

    return put(slope((20, 90, 70), (40, 170, 120), 45), shape(pencil), flat((255, 255, 255)))


def texture_on_texture() -> Subject:
    mask = shape(lambda pen, unit: pen.regular_polygon((290 * unit, 190 * unit, 125 * unit), 6, 15, fill=255))
    return put(textured(flat((205, 190, 80)), 60, 5), mask, textured(flat((70, 95, 60)), 40, 6))


def face_with_spots() -> Subject:
    def pencil(pen: Pen, unit: int) -> None:
        pen.ellipse(box(150, 70, 330, 290, unit), fill=255)

    face = slope((240, 170, 110), (200, 110, 70))
    pen = ImageDraw.Draw(face)
    for left in (200, 256):  # the eyes are as dark as the room
        pen.ellipse((left, 140, left + 24, 164), fill=(52, 56, 66))
    pen.ellipse((222, 205, 262, 235), fill=(50, 54, 62))
    return put(face, shape(pencil), noisy(slope((40, 44, 52), (66, 70, 84), 90), 10, 8))


def group_in_a_vignette() -> Subject:
    def pencil(pen: Pen, unit: int) -> None:
        pen.rounded_rectangle(box(70, 120, 170, 300, unit), 20 * unit, fill=255)
        pen.ellipse(box(230, 150, 400, 290, unit), fill=255)

    vignette = Image.radial_gradient("L").resize(SIZE).point([255 - v // 6 for v in range(256)])
    ground = ImageChops.multiply(textured(flat((180, 200, 225)), 16, 9), vignette.convert("RGB"))
    return put(noisy(slope((90, 40, 120), (220, 60, 90), 45), 20, 4), shape(pencil), ground)


SUBJECTS: Mapping[str, Callable[[], Subject]] = {
    one.__name__: one
    for one in (
        disc,
        star_off_the_middle,
        noise_on_noise,
        bust_at_the_border,
        ring,
        texture_on_texture,
        face_with_spots,
        group_in_a_vignette,
    )
}


def overlap(one: Image.Image, other: Image.Image) -> float:
    """How much of what either mask covers both cover, from 0 to 1 (intersection over union)."""
    first, second = (mask.point([0] * 128 + [255] * 128) for mask in (one, other))
    union = ImageChops.lighter(first, second).histogram()[255]
    return ImageChops.darker(first, second).histogram()[255] / union


def inside(mask: Image.Image) -> Image.Image:
    """The mask without its edges: 255 three pixels and more inside it."""
    return mask.point([0] * 255 + [255]).filter(ImageFilter.MinFilter(7))
