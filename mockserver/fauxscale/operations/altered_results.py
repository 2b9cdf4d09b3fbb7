"""What a link leads to: the one answer for reads, for the inspector and for tests, faults included."""

from __future__ import annotations

from dataclasses import replace

from fauxscale.images.recipe import Draw, Recipe
from fauxscale.state.account import Account
from fauxscale.state.link import Alteration, Link


def altered(recipe: Recipe, how: Alteration, width: int, height: int) -> Recipe:
    """The recipe of a result that a fault makes another one of; the picture sent is shown as `width` x `height`."""
    if how == "same-size":
        return recipe.sized(width, height)
    if how == "smaller":
        return recipe.sized(max(1, width // 2), max(1, height // 2))
    return recipe  # whose result it is swapped for depends on what comes after it


async def leads_to(link: Link, account: Account) -> tuple[Recipe, list[bytes] | None]:
    """What to make for a link, and of which uploads; None when one is gone."""
    if link.altered == "swapped":
        return await _somebody_elses(link, account)
    return link.recipe, await _sources(link.recipe, account)


async def _sources(recipe: Recipe, account: Account) -> list[bytes] | None:
    found = [await account.store.get_blob(name) for name in recipe.sources]
    sources = [data for data in found if data is not None]
    return sources if len(sources) == len(found) else None


async def _somebody_elses(link: Link, account: Account) -> tuple[Recipe, list[bytes] | None]:
    """The result of the upload after this one, else of the one before, else of a picture nobody sent."""
    links = await account.links.all()
    here = next((at for at, one in enumerate(links) if one.id == link.id), 0)
    for other in [*links[here:], *reversed(links[:here])]:
        if other.source != link.source and (sources := await _sources(other.recipe, account)):
            return replace(other.recipe, format=link.recipe.format), sources
    recipe = link.recipe
    stranger = Draw(link.id, recipe.width, recipe.height)
    return replace(recipe, sources=(), step=stranger), []
