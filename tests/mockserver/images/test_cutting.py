"""What a cut-out leaves: the subject untouched, whatever stands behind it, and nothing around it."""

from __future__ import annotations

import random

import pytest
from PIL import Image, ImageChops, ImageDraw

from fauxscale.images.cutting import cut_out
from fauxscale.images.painting import paint
from fauxscale.images.recipe import CutOut, Draw, Enlarge, Over, Source
from tests.pictures import encoded
from tests.subjects import SUBJECTS, Subject, inside, overlap


@pytest.fixture(scope="module", params=SUBJECTS)
def subject(request: pytest.FixtureRequest) -> Subject:
    return SUBJECTS[request.param]()


def hidden(picture: Image.Image, mask: Image.Image) -> Image.Image:
    """The picture, black wherever the mask is."""
    return Image.composite(Image.new("RGB", picture.size), picture.convert("RGB"), ImageChops.invert(mask))


def test_eight_subjects_are_drawn_of_which_each_covers_a_part_of_its_picture() -> None:
    assert len(SUBJECTS) == 8
    for make in SUBJECTS.values():
        share = make().mask.histogram()[255] / (480 * 360)
        assert 0.05 < share < 0.6


def test_a_removed_background_leaves_the_subject_and_its_pixels(subject: Subject) -> None:
    cut = paint(CutOut(Source(0, 480, 360)), [encoded(subject.picture)])
    assert (cut.mode, cut.size) == ("RGBA", subject.picture.size)
    covered = overlap(cut.getchannel("A"), subject.mask)
    print(f"overlap {covered:.3f}")
    assert covered >= 0.9
    kept = inside(subject.mask)
    assert ImageChops.lighter(cut.getchannel("A"), ImageChops.invert(kept)).getextrema() == (255, 255)
    assert hidden(cut, kept).tobytes() == hidden(subject.picture, kept).tobytes()


def test_a_replaced_background_is_drawn_around_the_untouched_subject(subject: Subject) -> None:
    ground = Draw("a beach", 480, 360, seed=5)
    replaced = paint(Over(CutOut(Source(0, 480, 360)), ground), [encoded(subject.picture)])
    assert (replaced.mode, replaced.size) == ("RGB", subject.picture.size)
    kept, away = inside(subject.mask), inside(ImageChops.invert(subject.mask))
    assert hidden(replaced, kept).tobytes() == hidden(subject.picture, kept).tobytes()
    drawn = hidden(paint(ground, []), away).convert("L")
    same = ImageChops.difference(hidden(replaced, away).convert("L"), drawn).point([255] + [0] * 255)
    assert same.histogram()[255] / (480 * 360) >= 0.98
    apart = ImageChops.difference(replaced, subject.picture).convert("L").point([0] + [255] * 255)
    assert overlap(ImageChops.invert(apart), subject.mask) >= 0.9


def test_a_picture_with_alpha_is_taken_at_its_word() -> None:
    alpha = Image.linear_gradient("L").resize((64, 48))
    picture = Image.new("RGB", (64, 48), "red")
    picture.putalpha(alpha)
    cut = paint(CutOut(Source(0, 64, 48)), [encoded(picture)])
    assert cut.tobytes() == picture.tobytes()


def test_alpha_that_hides_nothing_is_not_taken_for_a_mask() -> None:
    picture = SUBJECTS["disc"]().picture
    assert cut_out(picture.convert("RGBA")).tobytes() == cut_out(picture).tobytes()


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK"])
def test_a_subject_is_found_in_a_picture_of_any_mode(mode: str) -> None:
    picture = Image.new("L", (120, 90), 250)
    ImageDraw.Draw(picture).ellipse((30, 20, 80, 70), fill=20)
    mask = picture.point([255] * 128 + [0] * 128)
    data = encoded(picture.convert(mode), "JPEG" if mode == "CMYK" else "PNG")
    assert overlap(paint(CutOut(Source(0, 120, 90)), [data]).getchannel("A"), mask) >= 0.9


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 2), (640, 3), (7, 7)])
def test_where_nothing_stands_out_everything_is_the_subject(size: tuple[int, int]) -> None:
    cut = cut_out(Image.new("RGB", size, "teal"))
    assert (cut.size, cut.getchannel("A").getextrema()) == (size, (255, 255))


def test_noise_keeps_its_colours_whatever_is_cut() -> None:
    noise = Image.frombytes("RGB", (700, 300), random.Random(1).randbytes(700 * 300 * 3))
    cut = cut_out(noise)
    assert cut.convert("RGB").tobytes() == noise.tobytes()


def test_a_hole_that_is_seen_through_is_cut_and_a_spot_is_not() -> None:
    picture = Image.new("RGB", (400, 300), "white")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((100, 50, 300, 250), fill="navy")
    pen.rectangle((120, 70, 130, 80), fill="white")
    pen.rectangle((180, 120, 260, 200), fill="white")
    alpha = cut_out(picture).getchannel("A")
    assert [alpha.getpixel(at) for at in ((125, 75), (220, 160), (110, 60), (50, 50))] == [255, 0, 255, 0]


def test_specks_and_scraps_at_the_border_are_not_part_of_the_subject_and_a_second_thing_is() -> None:
    picture = Image.new("RGB", (400, 300), "white")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((100, 50, 300, 250), fill="navy")
    pen.rectangle((30, 30, 38, 38), fill="black")
    pen.rectangle((330, 100, 380, 200), fill="maroon")
    pen.rectangle((0, 120, 40, 160), fill="black")
    alpha = cut_out(picture).getchannel("A")
    assert [alpha.getpixel(at) for at in ((34, 34), (355, 150), (200, 150), (20, 140))] == [0, 255, 255, 0]


def test_a_cut_out_is_enlarged_with_its_alpha() -> None:
    subject = SUBJECTS["disc"]()
    large = paint(Enlarge(960, 720, of=CutOut(Source(0, 480, 360))), [encoded(subject.picture)])
    assert large.size == (960, 720)
    assert overlap(large.getchannel("A").reduce(2), subject.mask) >= 0.9
