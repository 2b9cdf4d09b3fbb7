"""Which picture a link really leads to once a quiet failure was ordered for it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from fauxscale.images.renderer import Rendition, Renditions
from fauxscale.state.account import Account

SWAPPED = "swapped"


def spoil(flags: set[str], width: int, height: int) -> str:
    """What is wrong with the result of a picture shown as `width` x `height`, as `Rendition.spoil`; "" for nothing."""
    if "same-size" in flags:
        return f"{width}x{height}"
    if "smaller" in flags:
        return f"{max(1, width // 2)}x{max(1, height // 2)}"
    return SWAPPED if SWAPPED in flags else ""


async def really(
    rendition: Rendition, account: Account, renditions: Renditions, *, wrong_format: bool = False
) -> tuple[Rendition, bytes | None]:
    """What to make for a link, and of which upload; None when the upload is gone."""
    if wrong_format:
        rendition = replace(rendition, format="PNG" if rendition.format != "PNG" else "JPEG", finished=False)
    if rendition.spoil == SWAPPED:
        return await _somebody_elses(rendition, account, renditions)
    if rendition.spoil:
        width, height = rendition.spoil.split("x")
        rendition = replace(rendition, width=int(width), height=int(height))
    return rendition, await account.store.get_blob(rendition.source)


async def _somebody_elses(
    rendition: Rendition, account: Account, renditions: Renditions
) -> tuple[Rendition, bytes | None]:
    """The result of the upload after this one, else of the one before, else of a picture nobody sent."""
    from fauxscale.images.drawing import draw

    links = await account.links.all()
    here = next((at for at, one in enumerate(links) if one.id == rendition.id), 0)
    for other in [*links[here:], *reversed(links[:here])]:
        if other.source != rendition.source and (found := await account.store.get_blob(other.source)):
            return replace(other, format=rendition.format), found
    stranger = partial(draw, rendition.id, rendition.width, rendition.height)
    return replace(rendition, source=f"stranger:{rendition.id}"), await renditions.run(stranger)
