"""What a client saved is judged by what it was given: an edited picture by its mask, a description by its picture."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from fauxscale_contracts.conform.judging import Given, NotJudged, what_is_wrong
from fauxscale_contracts.conform.sample_images import mask_of, picture

BOMBS = Path(__file__).parents[3] / "fixtures" / "corpus" / "bad" / "bomb"
BOMB = (BOMBS / "gen_png_20000x20000_gray.png").read_bytes()
SENT = picture("png-rgb", 0, 432)
EDIT = Given(SENT, mask_of(SENT), task="edit")


def saved(image: Image.Image, kind: str = "PNG") -> bytes:
    out = BytesIO()
    image.save(out, kind)
    return out.getvalue()


def edited(mask: Image.Image) -> Image.Image:
    """The picture that was sent, painted where a mask is black."""
    sent = Image.open(BytesIO(SENT))
    return Image.composite(sent, Image.new("RGB", sent.size, (0, 200, 250)), mask.convert("L"))


MASK: Image.Image = Image.open(BytesIO(mask_of(SENT)))


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (saved(edited(MASK)), ""),
        (saved(edited(MASK), "JPEG"), ""),
        (saved(edited(ImageOps.invert(MASK))), "is changed outside the mask"),
        (SENT, "is not edited"),
        (saved(edited(MASK).resize((600, 600))), "has the wrong aspect ratio: 600x600 for 1152x864"),
        (saved(edited(MASK))[:-500], "is not a complete picture"),
        (BOMB, "is not a complete picture"),
    ],
    ids=["edited", "as a JPEG", "the mask inverted", "untouched", "another shape", "cut", "a bomb"],
)
def test_an_edited_picture_is_another_where_the_mask_is_black_and_nowhere_else(
    made: bytes, said: str
) -> None:
    wrong = what_is_wrong(EDIT, made)
    assert wrong.startswith(said)
    assert bool(wrong) == bool(said)


@pytest.mark.parametrize(
    ("told", "right"),
    [
        ("A landscape image of 96 by 72 pixels, mostly red, bright, without transparency.", True),
        ("A landscape image of 72 by 96 pixels, mostly red, bright, without transparency.", False),
        ('{"text": "A landscape image of 96 by 72 pixels, mostly red."}', False),
        ("", False),
    ],
)
def test_a_description_is_the_one_of_the_picture_that_was_sent(told: str, right: bool) -> None:
    given = Given(picture("png-rgb"), task="describe")
    assert (what_is_wrong(given, told.encode()) == "") == right


def test_a_drawn_picture_has_the_size_that_was_asked_for() -> None:
    given = Given(None, options={"resolution": "512x1536"}, task="generate")
    assert what_is_wrong(given, saved(Image.new("RGB", (512, 1536)))) == ""
    wrong = what_is_wrong(given, saved(Image.new("RGB", (256, 768))))
    assert wrong == "has the wrong size: 256x768, expected 512x1536"


def test_nothing_is_judged_of_a_file_that_is_no_picture() -> None:
    with pytest.raises(NotJudged):
        what_is_wrong(Given(b"text", mask_of(SENT), task="edit"), SENT)


def test_a_mask_of_another_size_says_nothing_of_the_picture() -> None:
    with pytest.raises(NotJudged):
        what_is_wrong(Given(SENT, mask_of(SENT, fits=False), task="edit"), saved(edited(MASK)))
