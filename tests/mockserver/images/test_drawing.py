"""What is drawn from a text: of the size asked for, the same every time, and of another text another picture."""

from __future__ import annotations

from itertools import combinations, pairwise, product

import pytest
from PIL import Image, ImageChops, ImageColor, ImageStat

from fauxscale.images.drawing import draw, drawn, silhouette
from fauxscale.images.painting import paint
from fauxscale.images.recipe import Draw, Enlarge, Silhouette
from tests.pictures import opened

SIDES = [(1, 1), (1, 700), (700, 1), (64, 48), (513, 512), (1312, 736)]
THINGS = [
    "fox",
    "cat",
    "river",
    "mountain",
    "city",
    "dragon",
    "teapot",
    "lighthouse",
    "forest",
    "robot",
    "castle",
]
PROMPTS = [f"a {one} and a {other}" for one, other in product(THINGS, THINGS)][:101]


def difference(one: Image.Image, other: Image.Image) -> float:
    """The mean difference of two pictures, of 255, over pixels and channels."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def near(picture: Image.Image, *colours: str) -> float:
    """How much of a picture is within 48 of one of the colours in every channel, from 0 to 1."""
    any_of = Image.new("L", picture.size, 0)
    for colour in colours:
        apart = ImageChops.difference(picture, Image.new("RGB", picture.size, colour))
        red, green, blue = apart.split()
        worst = ImageChops.lighter(ImageChops.lighter(red, green), blue)
        any_of = ImageChops.lighter(any_of, worst.point([255 if value <= 48 else 0 for value in range(256)]))
    return any_of.histogram()[255] / (picture.width * picture.height)


@pytest.mark.parametrize("size", SIDES)
def test_a_picture_has_exactly_the_size_asked_for(size: tuple[int, int]) -> None:
    assert drawn("a fox", *size, seed=3).size == size
    assert silhouette("a fox", *size, seed=3).size == size


def test_prompt_seed_and_palette_decide_the_picture_and_nothing_else_does() -> None:
    asked = [
        ("a fox", 0, ()),
        ("a cat", 0, ()),
        ("a fox", 7, ()),
        ("a fox", 8, ()),
        ("a fox", 7, ("#c33", "#fff")),
    ]
    for make in (drawn, silhouette):
        made = [make(prompt, 96, 64, seed, palette).tobytes() for prompt, seed, palette in asked]
        assert made == [make(prompt, 96, 64, seed, palette).tobytes() for prompt, seed, palette in asked]
        assert len(set(made)) == len(asked)


def test_without_seed_and_palette_it_is_the_picture_of_before_there_were_any() -> None:
    picture = opened(draw("a red fox in the snow", 64, 48))
    assert paint(Draw("a red fox in the snow", 64, 48), []).tobytes() == picture.tobytes()
    was = {
        (0, 0): (160, 214, 248),
        (0, 47): (22, 90, 46),
        (32, 24): (106, 153, 223),
        (50, 14): (110, 167, 222),
    }
    for place, colour in was.items():
        found = picture.getpixel(place)
        assert isinstance(found, tuple)
        assert all(abs(one - other) <= 3 for one, other in zip(found, colour, strict=True))


def test_pictures_of_different_prompts_differ_by_twenty_of_255_over_a_hundred_pairs() -> None:
    pictures = [drawn(prompt, 128, 128) for prompt in PROMPTS]
    apart = [difference(one, other) for one, other in pairwise(pictures)]
    mean = sum(apart) / len(apart)
    print(f"{len(apart)} pairs of prompts differ by {mean:.1f} of 255 in the mean, {min(apart):.1f} at least")
    assert len(apart) == 100
    assert mean >= 20


def test_other_seeds_of_a_prompt_are_other_pictures() -> None:
    pictures = [drawn("a fox", 128, 128, seed) for seed in range(8)]
    assert min(difference(one, other) for one, other in combinations(pictures, 2)) > 5


def test_seeds_vary_the_colours_of_a_prompt_less_than_prompts_do() -> None:
    def spread(pictures: list[Image.Image]) -> float:
        """How far the mean colours of pictures lie apart, over all pairs."""
        means = [one.resize((1, 1), Image.Resampling.BOX) for one in pictures]
        return sum(difference(one, other) for one, other in combinations(means, 2))

    of_one = [spread([drawn(prompt, 32, 32, seed) for seed in range(1, 7)]) for prompt in PROMPTS[:6]]
    of_several = [spread([drawn(prompt, 32, 32, seed) for prompt in PROMPTS[:6]]) for seed in range(1, 7)]
    assert sum(of_one) < 0.7 * sum(of_several)


@pytest.mark.parametrize("palette", [("#e00000",), ("#0af", "#fa0"), ("#222222", "#eeeeee", "#cc3333")])
def test_the_colours_of_a_palette_dominate_the_first_above_all(palette: tuple[str, ...]) -> None:
    for seed in range(6):
        with_it, without = drawn("a fox", 128, 128, seed, palette), drawn("a fox", 128, 128, seed)
        assert near(with_it, *palette) > 0.6 > near(without, *palette) + 0.2
    pictures = [drawn(f"fox {seed}", 128, 128, seed, palette) for seed in range(20)]
    shares = [sum(near(one, colour) for one in pictures) / 20 for colour in palette]
    assert max(shares) == shares[0]
    assert min(shares) > 0.04


def test_a_short_colour_is_the_long_one() -> None:
    assert ImageColor.getrgb("#0af") == ImageColor.getrgb("#00aaff")
    short, long = (drawn("a fox", 64, 64, 1, (colour,)) for colour in ("#0af", "#00aaff"))
    assert short.tobytes() == long.tobytes()


@pytest.mark.parametrize("size", [(512, 512), (1536, 512), (300, 900)])
def test_a_silhouette_stands_in_the_middle_with_nothing_around_it(size: tuple[int, int]) -> None:
    for seed in range(4):
        alpha = silhouette("a fox", *size, seed).getchannel("A")
        left, top, right, bottom = alpha.getbbox() or (0, 0, 0, 0)
        margins = left, top, size[0] - right, size[1] - bottom
        assert min(margins) >= min(size) // 10
        assert abs(margins[0] - margins[2]) <= 4
        assert abs(margins[1] - margins[3]) <= 4
        assert alpha.histogram()[255] > 0.1 * min(size) ** 2
        assert alpha.histogram()[0] > alpha.histogram()[255] / 2


def test_a_silhouette_is_enlarged_with_its_alpha() -> None:
    step = Silhouette("a fish", 128, 96, seed=2)
    once, twice = paint(step, []), paint(Enlarge(256, 192, of=step), [])
    assert (twice.mode, twice.size) == ("RGBA", (256, 192))
    again = twice.getchannel("A").resize((128, 96), Image.Resampling.BOX)
    assert ImageStat.Stat(ImageChops.difference(once.getchannel("A"), again)).mean[0] < 3
    assert twice.getchannel("A").getextrema() == (0, 255)
