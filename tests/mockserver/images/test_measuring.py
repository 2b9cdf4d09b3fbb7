"""What is said of a picture is what was measured of it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from fauxscale.errors import ApiError, Problem
from fauxscale.images.compositing import without_text
from fauxscale.images.drawing import drawn
from fauxscale.images.measuring import colour_name, describe, text_blocks
from fauxscale.images.recipe import Block
from tests.pictures import encoded

CORPUS = Path(__file__).parents[3] / "fixtures" / "corpus"
NAMED = {
    "black": ["#000000", "#1a1a1f"],
    "white": ["#ffffff", "#f5f5f0"],
    "grey": ["#808080", "#404347", "#c8c8c8"],
    "red": ["#ff0000", "#c02020", "#8b0000"],
    "orange": ["#ff8c00", "#f0a030"],
    "brown": ["#8b4513", "#5c4033", "#a0522d"],
    "yellow": ["#ffff00", "#e8d030"],
    "green": ["#008000", "#32cd32", "#556b2f"],
    "cyan": ["#00ffff", "#20b2aa"],
    "blue": ["#0000ff", "#4169e1", "#87ceeb", "#000080"],
    "purple": ["#800080", "#6a0dad"],
    "pink": ["#ffc0cb", "#ff69b4"],
    "beige": ["#f5deb3", "#f5e6c8"],
}


@pytest.mark.parametrize(("name", "colours"), NAMED.items(), ids=NAMED)
def test_colours_have_plain_english_names(name: str, colours: list[str]) -> None:
    for colour in colours:
        red, green, blue = bytes.fromhex(colour[1:])
        assert colour_name(red, green, blue) == name, colour


def test_every_colour_has_a_name() -> None:
    steps = [*range(0, 256, 17)]
    names = {colour_name(red, green, blue) for red in steps for green in steps for blue in steps}
    assert names == set(NAMED)


def flag(size: tuple[int, int], *stripes: str) -> Image.Image:
    """Stripes of colour, each three fifths of what the ones before it left."""
    image = Image.new("RGBA", size, stripes[-1])
    left = 0
    for colour in stripes[:-1]:
        wide = (size[0] - left) * 3 // 5
        image.paste(colour, (left, 0, left + wide, size[1]))
        left += wide
    return image


@pytest.mark.parametrize(
    ("picture", "caption"),
    [
        (
            flag((640, 480), "#f5deb3", "#8b0000", "#0000ff").convert("RGB"),
            "A landscape image of 640 by 480 pixels, mostly beige with red and blue, bright, without transparency.",
        ),
        (
            flag((300, 500), "#101018", "#008000").convert("RGB"),
            "A portrait image of 300 by 500 pixels, mostly black with green, dark, without transparency.",
        ),
        (
            flag((64, 64), "#ffffff", "#00000000"),
            "A square image of 64 by 64 pixels, mostly white, bright, with transparency.",
        ),
        (flag((9, 9), "#00000000", "#ffffff00"), "A square image of 9 by 9 pixels, fully transparent."),
        (
            flag((40, 40), "#800080", "#ff69b4").convert("RGBA"),
            "A square image of 40 by 40 pixels, mostly purple with pink, dark, without transparency.",
        ),
        (
            Image.new("L", (1, 1), 200),
            "A square image of 1 by 1 pixels, mostly grey, bright, without transparency.",
        ),
        (
            Image.new("CMYK", (3000, 2), (255, 0, 0, 0)),
            "A landscape image of 3000 by 2 pixels, mostly cyan, bright, without transparency.",
        ),
    ],
)
def test_a_caption_words_the_size_colours_brightness_and_transparency(
    picture: Image.Image, caption: str
) -> None:
    data = encoded(picture, "JPEG" if picture.mode == "CMYK" else "PNG")
    assert describe(data).caption == caption


def test_what_is_measured_is_what_a_viewer_shows() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    measured = describe(encoded(flag((64, 32), "#ff0000", "#ffffff").convert("RGB"), exif=exif))
    assert (measured.width, measured.height) == (32, 64)
    assert [(shade.name, shade.colour, shade.share) for shade in measured.shades] == [
        ("red", "#ff0000", 0.5938),
        ("white", "#ffffff", 0.4062),
    ]
    assert round(measured.brightness) == 149
    assert not measured.has_transparency


def test_a_colour_of_a_few_pixels_is_not_told() -> None:
    image = Image.new("RGB", (100, 100), "white")
    image.paste("red", (0, 0, 10, 10))
    assert [shade.name for shade in describe(encoded(image)).shades] == ["white"]


def poster(
    ground: Image.Image, *rows: tuple[str, tuple[int, int], int, str]
) -> tuple[Image.Image, list[Block]]:
    """Letter a poster; the blocks are where each row's ink is."""
    image = ground.copy()
    pen = ImageDraw.Draw(image)
    blocks: list[Block] = []
    for text, place, high, ink in rows:
        font = ImageFont.load_default(high)
        pen.text(place, text, ink, font=font)
        left, top, right, bottom = (round(side) for side in pen.textbbox(place, text, font=font))
        blocks.append(Block(left, top, right - left, bottom - top, ink))
    return image, blocks


POSTERS = {
    "on a drawing": poster(
        drawn("poster", 800, 1000),
        ("GRAND OPENING", (60, 90), 80, "#ffffff"),
        ("A festival of small things", (120, 260), 40, "#222222"),
        ("12 to 14 June, Harbour Square", (120, 820), 30, "#ffffff"),
        ("Tickets at the door", (120, 900), 24, "#000000"),
    ),
    "in two columns": poster(
        Image.new("RGB", (640, 480), "#f4e8c8"),
        ("Menu", (240, 30), 60, "#802020"),
        ("Soup of the day", (60, 150), 26, "#000000"),
        ("4.50", (520, 150), 26, "#000000"),
        ("Grilled trout with almonds", (60, 210), 26, "#000000"),
    ),
    "large": poster(Image.new("RGB", (2000, 1500), "#204060"), ("HELLO WORLD", (200, 600), 200, "#ffe080")),
}


@pytest.mark.parametrize(("image", "rows"), POSTERS.values(), ids=POSTERS)
def test_each_block_of_text_lies_on_its_row(image: Image.Image, rows: list[Block]) -> None:
    blocks = text_blocks(encoded(image))
    assert len(blocks) == len(rows)
    for found, row in zip(blocks, rows, strict=True):  # from the top down, and from the left to the right
        assert covered(found, row) > 0.8
        assert covered(row, found) > 0.5
        difference = zip(bytes.fromhex(found.colour[1:]), bytes.fromhex(row.colour[1:]), strict=True)
        assert all(abs(one - other) < 64 for one, other in difference)


def covered(one: Block, other: Block) -> float:
    """How much of the other block lies on the first, from 0 to 1."""
    wide = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    high = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    return max(0, wide) * max(0, high) / (other.width * other.height)


@pytest.mark.parametrize(("image", "rows"), POSTERS.values(), ids=POSTERS)
def test_no_text_is_found_where_it_was_painted_over(image: Image.Image, rows: list[Block]) -> None:
    assert rows
    assert text_blocks(encoded(without_text(image, text_blocks(encoded(image))))) == ()


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (300, 200), "navy"),
        drawn("a fox", 512, 512, 3),
        Image.linear_gradient("L"),
        Image.frombytes("RGB", (300, 200), random.Random(1).randbytes(300 * 200 * 3)),
        Image.new("RGB", (1, 1)),
        Image.new("RGBA", (3000, 3), (0, 0, 0, 0)),
    ],
    ids=["flat", "drawing", "slope", "noise", "1x1", "very wide"],
)
def test_no_text_is_found_where_there_is_none(image: Image.Image) -> None:
    assert text_blocks(encoded(image)) == ()


def test_damage_that_only_decoding_finds_is_a_refusal() -> None:
    data = (CORPUS / "bad" / "gen_png_zlib_short.png").read_bytes()
    for measure in (describe, text_blocks):
        with pytest.raises(ApiError) as caught:
            measure(data)
        assert caught.value.problem is Problem.BROKEN_IMAGE
