"""What a link leads to, by what a fault made of its result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from msgspec.structs import replace

from fauxscale.images.recipe import Draw, Enlarge, Recipe
from fauxscale.operations.altered_results import altered, leads_to
from fauxscale.state.link import Link
from tests.local_app import LocalApp, open_local_app

RECIPE = Recipe(("first",), Enlarge(81, 60), "PNG")


@pytest.fixture
def local() -> Iterator[LocalApp]:
    yield from open_local_app()


def link(local: LocalApp, name: str, source: str, format: str = "PNG") -> Link:
    """A link of the account to the double of a stored upload."""
    recipe = replace(RECIPE, sources=(source,), format=format)
    made = Link(
        id=name,
        account=local.account.id,
        provider="fal",
        operation="fal.run",
        path=f"/{name}",
        recipe=recipe,
        width=81,
        height=60,
        exp=2**40,
    )
    local.run(local.account.store.put_blob(source, source.encode()))
    local.run(local.account.links.keep(made))
    return made


def found(local: LocalApp, one: Link) -> tuple[Recipe, Sequence[bytes] | None]:
    """What a link leads to: its recipe, and the uploads as they are then read."""

    async def find() -> tuple[Recipe, Sequence[bytes] | None]:
        recipe, load = await leads_to(one, local.account)
        return recipe, await load()

    return local.run(find())


def test_a_result_of_the_size_that_was_sent_or_half_of_it() -> None:
    assert altered(RECIPE, "same-size", 41, 30).step == Enlarge(41, 30)
    assert altered(RECIPE, "smaller", 41, 30).step == Enlarge(20, 15)
    assert altered(RECIPE, "smaller", 1, 1).step == Enlarge(1, 1)
    assert altered(RECIPE, "swapped", 41, 30) == altered(RECIPE, "", 41, 30) == RECIPE


def test_a_link_leads_to_its_own_upload_or_nowhere_once_that_is_gone(local: LocalApp) -> None:
    one = link(local, "a", "first")
    gone = replace(one, recipe=replace(one.recipe, sources=("never-stored",)))
    assert found(local, one) == (one.recipe, [b"first"])
    assert found(local, gone) == (gone.recipe, None)


def test_a_swapped_result_is_another_uploads_in_the_format_asked_for(local: LocalApp) -> None:
    first, second = link(local, "a", "first", "WEBP"), link(local, "b", "second")
    recipe, sources = found(local, replace(first, altered="swapped"))
    assert (recipe.format, recipe.sources, sources) == ("WEBP", ("second",), [b"second"])
    recipe, sources = found(local, replace(second, altered="swapped"))
    assert (recipe.format, recipe.sources, sources) == ("PNG", ("first",), [b"first"])


def test_a_swapped_result_with_no_other_upload_is_a_picture_of_nothing_sent(local: LocalApp) -> None:
    one = link(local, "a", "first")
    recipe, sources = found(local, replace(one, altered="swapped"))
    assert (recipe.step, recipe.sources, sources) == (Draw("a", 81, 60), (), [])


def test_a_swapped_drawing_is_what_another_call_drew_and_not_one_of_its_own(local: LocalApp) -> None:
    def drawn(name: str, charge: str) -> Link:
        step = Draw(f"prompt of {charge}", 81, 60, seed=ord(name))
        made = replace(link(local, name, "unused"), recipe=Recipe((), step, "PNG"), charge=charge)
        local.run(local.account.links.keep(made))
        return made

    first, _, other = drawn("a", "charge_1"), drawn("b", "charge_1"), drawn("c", "charge_2")
    recipe, sources = found(local, replace(first, altered="swapped"))
    assert (recipe.step, sources) == (other.recipe.step, [])
