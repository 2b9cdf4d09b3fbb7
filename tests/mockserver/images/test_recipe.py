"""A recipe is a value: equal where the picture is, and of another size without being another thing."""

from __future__ import annotations

from typing import get_args

import pytest

from fauxscale.images.recipe import (
    AsStored,
    Blend,
    Block,
    Crop,
    CutOut,
    Draw,
    Enlarge,
    Frame,
    Masked,
    Over,
    Paste,
    Recipe,
    Silhouette,
    Source,
    Step,
    Tint,
    WithoutText,
    inputs,
    size,
)
from fauxscale.state.serialization import decode, encode

PHOTO = Source(0, 80, 60)
DRAWN = Draw("a cat", 80, 60, seed=7, palette=("#f00", "#00ff00"))
STEPS: list[Step] = [
    PHOTO,
    Enlarge(80, 60),
    Draw("a cat", 80, 60),
    Silhouette("a cat", 80, 60, seed=7, palette=("#f00",)),
    AsStored(80, 60),
    Crop(Source(0, 500, 400), 80, 60),
    Frame(Source(0, 500, 400), 80, 60),
    Blend(PHOTO, DRAWN, 40),
    Masked(PHOTO, Blend(PHOTO, DRAWN, 40), Source(1, 80, 60)),
    CutOut(PHOTO),
    Over(CutOut(PHOTO), DRAWN),
    Tint(PHOTO, DRAWN),
    Tint(PHOTO, "#336699"),
    Paste(Source(1, 9, 9), PHOTO),
    Paste(Source(1, 9, 9), PHOTO, "right-edge", mask=Source(2, 9, 9), slot=1, slots=2),
    WithoutText(PHOTO, (Block(1, 2, 30, 4, "#ffffff"), Block(1, 9, 30, 4))),
]
NAMES = [f"{type(step).__name__}-{at}" for at, step in enumerate(STEPS)]


def test_every_kind_of_step_is_tried_here() -> None:
    assert {type(step) for step in STEPS} == set(get_args(Step))


@pytest.mark.parametrize("step", STEPS, ids=NAMES)
def test_a_recipe_has_the_size_of_its_step_and_another_where_it_is_wanted(step: Step) -> None:
    recipe = Recipe(("blob",), step, "JPEG", quality=80, memory=9)
    sized = recipe.sized(8, 6)
    assert (recipe.width, recipe.height, sized.width, sized.height) == (80, 60, 8, 6)
    assert (sized.sources, sized.format, sized.quality, sized.memory) == (("blob",), "JPEG", 80, 9)
    assert len({recipe, sized, sized.sized(8, 6)}) == 2


@pytest.mark.parametrize("step", [Enlarge(80, 60), DRAWN, AsStored(80, 60)])
def test_what_can_be_made_in_any_size_is_made_in_that_size(step: Step) -> None:
    recipe = Recipe((), step, "PNG")
    assert type(recipe.sized(8, 6).step) is type(step)
    assert recipe.sized(8, 6).sized(80, 60) == recipe


@pytest.mark.parametrize("step", STEPS, ids=NAMES)
def test_a_recipe_is_the_same_once_it_has_been_json(step: Step) -> None:
    for recipe in (Recipe(("blob",), step, "PNG"), Recipe((), Enlarge(8, 6, of=step), "PNG")):
        assert decode(encode(recipe), Recipe) == recipe


def test_a_recipe_kept_before_steps_were_made_of_steps_is_read_as_it_was_meant() -> None:
    kept = b'{"sources": ["b"], "step": {"kind": "Enlarge", "width": 4, "height": 2}, "format": "PNG"}'
    assert decode(kept, Recipe) == Recipe(("b",), Enlarge(4, 2), "PNG")


def test_the_steps_inside_a_step_are_listed_in_the_order_they_are_painted() -> None:
    mask = Source(2, 9, 9)
    assert inputs(Paste(DRAWN, PHOTO, mask=mask)) == (PHOTO, DRAWN, mask)
    assert [inputs(Tint(PHOTO, by)) for by in ("#fff", DRAWN)] == [(PHOTO,), (PHOTO, DRAWN)]
    assert inputs(DRAWN) == inputs(PHOTO) == ()


@pytest.mark.parametrize(
    "step",
    [
        Blend(Source(0, 40, 30), Source(1, 9, 9), 50),
        Masked(Source(0, 40, 30), Source(1, 9, 9), Source(2, 8, 8)),
        Over(Source(0, 40, 30), Source(1, 9, 9)),
        Paste(Source(1, 9, 9), Source(0, 40, 30)),
        Tint(CutOut(Source(0, 40, 30)), Source(1, 9, 9)),
        WithoutText(Crop(Source(1, 9, 9), 40, 30), ()),
    ],
    ids=lambda step: type(step).__name__,
)
def test_a_step_of_several_pictures_has_the_size_of_the_one_it_works_on(step: Step) -> None:
    assert size(step) == (40, 30)
