"""Decides which picture a link returns, faults included; for downloads, the inspector and tests."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from fauxscale.images.recipe import Draw, Recipe
from fauxscale.images.renderer import Load
from fauxscale.state.account import Account
from fauxscale.state.link import Alteration, Link


def altered(recipe: Recipe, how: Alteration, width: int, height: int) -> Recipe:
    """Return the recipe of a result altered by a fault; the picture sent is shown as `width` x `height`."""
    if how == "same-size":
        return recipe.sized(width, height)
    if how == "smaller":
        return recipe.sized(max(1, width // 2), max(1, height // 2))
    return recipe  # the result it is swapped for depends on later uploads


async def leads_to(link: Link, account: Account) -> tuple[Recipe, Load]:
    """Return the recipe of a link, and how to read the uploads it needs."""
    recipe = link.recipe if link.altered != "swapped" else await _somebody_elses(link, account)
    return recipe, partial(_sources, recipe, account)


async def _sources(recipe: Recipe, account: Account) -> list[bytes] | None:
    found = [await account.store.get_blob(name) for name in recipe.sources]
    sources = [data for data in found if data is not None]
    return sources if len(sources) == len(found) else None


async def _somebody_elses(link: Link, account: Account) -> Recipe:
    """Return the result of the next upload, else of the previous one, else of a picture of our own."""
    links = await account.links.all()
    here = next((at for at, one in enumerate(links) if one.id == link.id), 0)
    for other in [*links[here:], *reversed(links[:here])]:
        if _is_of_other_work(other, link) and await _sources(other.recipe, account) is not None:
            return other.recipe.in_format(link.recipe.format)
    recipe = link.recipe
    stranger = Draw(link.id, recipe.width, recipe.height)
    return replace(recipe, sources=(), step=stranger)


def _is_of_other_work(other: Link, link: Link) -> bool:
    """Whether it shows another picture: other uploads or, if both are drawn, work that was paid for separately."""
    return other.sources != link.sources or (not link.sources and other.charge != link.charge)
