"""The recipe steps of Ideogram's operations, from the pictures sent and a seed."""

from __future__ import annotations

from collections.abc import Sequence

from fauxscale.provider_api import (
    ApiError,
    Blend,
    Crop,
    CutOut,
    Draw,
    Enlarge,
    Frame,
    Masked,
    Over,
    Paste,
    Problem,
    Silhouette,
    Size,
    Source,
    Step,
    StepOf,
    Tint,
)

from .asked import Asked
from .sizes import nearest
from .styles import colours_of, prompt_used

_EDITED = 40  # percent of the original that an edited area still shows
_SWATCH = 16  # side of a drawing of which only the colour is needed


def sent(sizes: Sequence[Size], index: int) -> Step:
    """A picture as it was sent."""
    return Source(index, *sizes[index])


def fitted(sizes: Sequence[Size], index: int, size: Size) -> Step:
    """A picture sent, in this size: unchanged if it has it, else its middle."""
    step = sent(sizes, index)
    return step if sizes[index] == size else Crop(step, *size)


def drawn(asked: Asked, sizes: Sequence[Size], size: Size, seed: int) -> Step:
    """A picture of the prompt, in the colours of the palette, tinted by style references, with the character in it."""
    step: Step = Draw(prompt_used(asked), *size, seed, colours_of(asked))
    for place in asked.places("style_reference_images"):
        step = Tint(step, by=sent(sizes, place))
    masks = [*asked.places("character_reference_images_mask")]
    for place in asked.places("character_reference_images"):
        mask = masks.pop(0) if masks else None
        if mask is not None:
            same_size(sizes, mask, place, "character_reference_images_mask")
        step = Paste(sent(sizes, place), onto=step, mask=None if mask is None else sent(sizes, mask))
    return step


def generated(asked: Asked, size: Size) -> StepOf:
    return lambda sizes, seed: drawn(asked, sizes, size, seed)


def transparent(asked: Asked, size: Size, factor: int) -> StepOf:
    """A subject with nothing around it, enlarged with its alpha."""

    def step_of(sizes: Sequence[Size], seed: int) -> Step:
        step = Silhouette(prompt_used(asked), *size, seed, colours_of(asked))
        return step if factor == 1 else Enlarge(size[0] * factor, size[1] * factor, of=step)

    return step_of


def inpainted(asked: Asked, *, any_size: bool = False) -> StepOf:
    """The picture, edited where the mask is black; in its own size if `any_size`, else in the nearest size of v3."""

    def step_of(sizes: Sequence[Size], seed: int) -> Step:
        same_size(sizes, 1, 0, "mask")
        size = sizes[0] if any_size else nearest(*sizes[0])
        base, mask = (fitted(sizes, index, size) for index in (0, 1))
        edit = Blend(under=base, over=drawn(asked, sizes, size, seed), weight=_EDITED)
        return Masked(base=base, edit=edit, mask=mask)

    return step_of


def remixed(asked: Asked, size: Size) -> StepOf:
    """The picture, cropped to the size, blended with a drawing."""

    def step_of(sizes: Sequence[Size], seed: int) -> Step:
        under = Crop(sent(sizes, 0), *size)
        return Blend(under, drawn(asked, sizes, size, seed), weight=asked.number("image_weight", 50))

    return step_of


def reframed(size: Size) -> StepOf:
    return lambda sizes, seed: Frame(sent(sizes, 0), *size)


def with_background(asked: Asked) -> StepOf:
    """The picture's subject in front of a drawing."""

    def step_of(sizes: Sequence[Size], seed: int) -> Step:
        size = nearest(*sizes[0])
        return Over(CutOut(fitted(sizes, 0, size)), drawn(asked, sizes, size, seed))

    return step_of


def whole(sizes: Sequence[Size], seed: int) -> Step:
    """The picture that was sent."""
    return sent(sizes, 0)


def without_background(sizes: Sequence[Size], seed: int) -> Step:
    return CutOut(sent(sizes, 0))


def edited(asked: Asked, size: Size | None) -> StepOf:
    """The first picture, tinted towards the prompt's colour, and the further ones at its right edge."""

    def step_of(sizes: Sequence[Size], seed: int) -> Step:
        own = sizes[0]
        wanted = size or (own if min(own) > 9 else nearest(*own))
        swatch = Draw(prompt_used(asked), _SWATCH, _SWATCH, seed)
        step: Step = Tint(fitted(sizes, 0, wanted), by=swatch)
        slots = len(sizes) - 1
        for slot in range(slots):
            step = Paste(sent(sizes, slot + 1), step, "right-edge", slot=slot, slots=slots)
        return CutOut(step) if asked.values.get("transparent_background") else step

    return step_of


def same_size(sizes: Sequence[Size], mask: int, of: int, part: str) -> None:
    """Refuse a mask whose size differs from its picture's."""
    if sizes[mask] == sizes[of]:
        return
    (wide, high), (width, height) = sizes[mask], sizes[of]
    raise ApiError(
        Problem.WRONG_SIZE,
        "The mask must have the same dimensions as the image.",
        reason=f"{part} is shown as {wide}x{high}, its picture as {width}x{height}",
        param=part,
    )
