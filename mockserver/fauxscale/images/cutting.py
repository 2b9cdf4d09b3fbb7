"""Cuts out a picture's subject: makes what has the colours of the picture's border transparent."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec import Struct
from PIL import Image, ImageChops, ImageFilter

_FAR = 48  # a larger distance (of 255 in RGB) from the background is the subject
_WORKING = 512  # longer side of the copy in which the subject is found; its edges are then scaled up
_SAMPLES = 64  # samples along each side of the border
_ROUNDS = 8
# As a share of the subject: smaller holes belong to it (an eye, a highlight), larger ones are openings.
_HOLE = 1 / 20
_SPECK = 1 / 50  # as a share of the largest part of the subject: smaller parts are noise,
_SCRAP = 1 / 10  # and at the border they are background

# The squared distance, scaled so that _FAR becomes 128 and three channels can be added in bytes.
_SQUARES = [min(255, round(128 * difference**2 / _FAR**2)) for difference in range(256)]
_OVER = [255 if value >= 128 else 0 for value in range(256)]
# Makes the blurred and enlarged edge of a mask steeper again; inside stays 255 and outside 0.
_STEEP = [max(0, min(255, 2 * (value - 128) + 128)) for value in range(256)]
_RUNS = re.compile(rb"\x00+|\xff+")

Sample = tuple[float, float, tuple[int, ...]]
Plane = tuple[float, float, float]


def cut_out(image: Image.Image) -> Image.Image:
    """Return the picture in RGBA, its colours unchanged, transparent around its subject.

    A picture with transparent pixels keeps its own alpha. Otherwise the subject is everything far from the
    background, a colour or an even gradient that the border shows; if nothing is, it is the whole picture.
    """
    if image.mode.endswith("A") and image.getchannel("A").getextrema() != (255, 255):
        return image.convert("RGBA")
    colours = image.convert("RGB")
    cut = colours.convert("RGBA")
    cut.putalpha(_subject(colours))
    return cut


def _subject(image: Image.Image) -> Image.Image:
    """Mask the subject: 255 on it, 0 around it, and values between along its edges."""
    small = image.reduce(-(-max(image.size) // _WORKING))
    distance = ImageChops.difference(small, _background(small))
    red, green, blue = (band.point(_SQUARES) for band in distance.split())  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    far = ImageChops.add(ImageChops.add(red, green), blue).point(_OVER)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
    mask = _whole(far.filter(ImageFilter.MedianFilter(5)))
    if mask is None:
        return Image.new("L", image.size, 255)
    soft = mask.filter(ImageFilter.BoxBlur(1))
    return soft.resize(image.size, Image.Resampling.BICUBIC).point(_STEEP)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly


def _background(image: Image.Image) -> Image.Image:
    """Continue the border's colours across the picture, as a plane in each channel.

    It begins with the median and then includes the border's samples near it, so that it follows a sky's gradient
    from its middle to both ends, and excludes a subject that reaches the border.
    """
    samples = _border(image)
    medians = [sorted(one[2][band] for one in samples)[len(samples) // 2] for band in range(3)]
    planes: Sequence[Plane] = [(float(value), 0.0, 0.0) for value in medians]
    for _ in range(_ROUNDS):
        near = [one for one in samples if _squared(one, planes) < _FAR**2]
        if len(near) < _SAMPLES // 4:
            break
        planes = [_fitted([(x, y, colour[band]) for x, y, colour in near]) for band in range(3)]
    corners = bytes(
        max(0, min(255, round(_at(plane, x, y)))) for y in (0.0, 1.0) for x in (0.0, 1.0) for plane in planes
    )
    # Enlarged between the centres of its four pixels, two by two pixels give exactly the plane.
    return Image.frombytes("RGB", (2, 2), corners).resize(  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
        image.size, Image.Resampling.BILINEAR, box=(0.5, 0.5, 1.5, 1.5)
    )


def _border(image: Image.Image) -> list[Sample]:
    """Sample the border, two pixels deep: positions from 0 to 1 across and down, and colours."""
    width, height = image.size
    samples: list[Sample] = []
    for box, lies in (
        ((0, 0, width, min(2, height)), True),
        ((0, max(0, height - 2), width, height), True),
        ((0, 0, min(2, width), height), False),
        ((max(0, width - 2), 0, width, height), False),
    ):
        line = image.crop(box).resize((_SAMPLES, 1) if lies else (1, _SAMPLES), Image.Resampling.BOX)  # pyright: ignore[reportUnknownMemberType]  # Pillow types this but partly; mypy reads it strictly
        raw = line.tobytes()
        far = 1.0 if box[0] or box[1] else 0.0
        for at in range(_SAMPLES):
            along = (at + 0.5) / _SAMPLES
            place = (along, far) if lies else (far, along)
            samples.append((*place, tuple(raw[3 * at : 3 * at + 3])))
    return samples


def _at(plane: Plane, x: float, y: float) -> float:
    return plane[0] + plane[1] * x + plane[2] * y


def _squared(sample: Sample, planes: Sequence[Plane]) -> float:
    x, y, colour = sample
    return sum((value - _at(plane, x, y)) ** 2 for value, plane in zip(colour, planes, strict=True))


def _fitted(points: Sequence[tuple[float, float, int]]) -> Plane:
    """Fit a plane by least squares; if the points do not determine one, it is level."""
    count = len(points)
    mean = [sum(one[axis] for one in points) / count for axis in range(3)]
    xx = sum((x - mean[0]) ** 2 for x, _, _ in points)
    yy = sum((y - mean[1]) ** 2 for _, y, _ in points)
    xy = sum((x - mean[0]) * (y - mean[1]) for x, y, _ in points)
    xv = sum((x - mean[0]) * (value - mean[2]) for x, _, value in points)
    yv = sum((y - mean[1]) * (value - mean[2]) for _, y, value in points)
    determinant = xx * yy - xy * xy
    if determinant < 1e-3 * count:
        return mean[2], 0.0, 0.0
    across, down = (xv * yy - yv * xy) / determinant, (yv * xx - xv * xy) / determinant
    return mean[2] - across * mean[0] - down * mean[1], across, down


class _Patch(Struct):
    """Connected pixels of one kind. `of`: the patch it was merged into."""

    inside: bool
    area: int = 0
    at_border: bool = False
    of: _Patch | None = None

    def whole(self) -> _Patch:
        patch = self
        while patch.of is not None:
            patch = patch.of
        if patch is not self:
            self.of = patch
        return patch


def _whole(mask: Image.Image) -> Image.Image | None:
    """Drop the specks of a mask of 0 and 255, and then fill its small holes; None for an empty mask."""
    areas = [one.whole().area for _, _, _, one in _patches(mask) if one.inside]
    if not areas:
        return None
    largest = max(areas)

    def is_speck(patch: _Patch) -> bool:
        return patch.inside and patch.area < (_SCRAP if patch.at_border else _SPECK) * largest

    def is_hole(patch: _Patch) -> bool:
        return not patch.inside and not patch.at_border and patch.area < _HOLE * largest

    return _flipped(_flipped(mask, is_speck), is_hole)


def _flipped(mask: Image.Image, chosen: Callable[[_Patch], bool]) -> Image.Image:
    raw = bytearray(mask.tobytes())
    for row, start, end, patch in _patches(mask):
        if chosen(patch.whole()):
            at = row * mask.width
            raw[at + start : at + end] = (b"\0" if patch.inside else b"\xff") * (end - start)
    return Image.frombytes("L", mask.size, bytes(raw))


def _patches(mask: Image.Image) -> list[tuple[int, int, int, _Patch]]:
    """List the runs of equal pixels in each row, (row, start, end, patch), with the patches they belong to."""
    width, height = mask.size
    raw = mask.tobytes()
    runs: list[tuple[int, int, int, _Patch]] = []
    above: list[tuple[int, int, int, _Patch]] = []
    for row in range(height):
        here: list[tuple[int, int, int, _Patch]] = []
        at = 0
        for found in _RUNS.finditer(raw, row * width, (row + 1) * width):
            start, end = found.start() - row * width, found.end() - row * width
            patch = _Patch(raw[found.start()] == 255)
            while at < len(above) and above[at][2] <= start:
                at += 1
            for _, begun, _, over in above[at:]:
                if begun >= end:
                    break
                one = over.whole()
                if one.inside == patch.inside and one is not patch:
                    one.area, one.at_border = one.area + patch.area, one.at_border or patch.at_border
                    patch.of, patch = one, one
            patch.area += end - start
            patch.at_border |= row in (0, height - 1) or start == 0 or end == width
            here.append((row, start, end, patch))
        runs += here
        above = here
    return runs
