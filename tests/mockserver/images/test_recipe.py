"""A recipe is a value: equal where the picture is, and of another size without being another thing."""

from __future__ import annotations

import pytest

from fauxscale.images.recipe import AsStored, Draw, Enlarge, Recipe, Step

STEPS: list[Step] = [Enlarge(80, 60), Draw("a cat", 80, 60), AsStored(80, 60)]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_another_size_changes_the_size_alone(step: Step) -> None:
    recipe = Recipe(("blob",), step, "JPEG", quality=80, memory=9)
    sized = recipe.sized(8, 6)
    assert (recipe.width, recipe.height, sized.width, sized.height) == (80, 60, 8, 6)
    assert type(sized.step) is type(step)
    assert (sized.sources, sized.format, sized.quality, sized.memory) == (("blob",), "JPEG", 80, 9)
    assert sized.sized(80, 60) == recipe
    assert len({recipe, sized, sized.sized(80, 60)}) == 2
