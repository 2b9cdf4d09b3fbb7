"""Paints the steps of recipes: the one function that makes pixels from them."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageColor

from .compositing import (
    blended,
    covering,
    enlarged,
    framed,
    in_strip,
    laid_over,
    masked,
    standing,
    tinted,
    with_mask,
    without_text,
)
from .cutting import cut_out
from .drawing import drawn, silhouette
from .recipe import (
    AsStored,
    Blend,
    Crop,
    CutOut,
    Draw,
    Enlarge,
    Frame,
    Masked,
    Over,
    Paste,
    Silhouette,
    Source,
    Step,
    Tint,
    WithoutText,
)
from .render import enlarge, read


def paint(step: Step, sources: Sequence[bytes]) -> Image.Image:
    """Paint `step` of the pictures sent, in mode L, LA, RGB or RGBA, with the ICC profile of the main one.

    Each source is decoded at most once, and only if the step needs it, without further caps (`probe` has checked).
    Raises ApiError(BROKEN_IMAGE) when the pixels of a source turn out to be damaged after all.
    """
    match step:
        case Enlarge(width, height, of=Source(index)):  # nothing else needs the source
            return enlarge(sources[index], width, height)
        case _:
            return _Painter(sources).paint(step)


class _Painter:
    """Paints one recipe. Its steps share the decoded pictures, so no step changes its inputs."""

    def __init__(self, sources: Sequence[bytes]) -> None:
        self._sources = sources
        self._decoded: dict[int, Image.Image] = {}

    def paint(self, step: Step) -> Image.Image:
        paint = self.paint
        match step:
            case Source(index):
                return self._source(index)
            case AsStored():
                return self._source(0)
            case Draw(prompt, width, height, seed, palette):
                return drawn(prompt, width, height, seed, palette)
            case Silhouette(prompt, width, height, seed, palette):
                return silhouette(prompt, width, height, seed, palette)
            case Enlarge(width, height, of):
                return enlarged(paint(of), (width, height))
            case Crop(of, width, height):
                return covering(paint(of), (width, height))
            case Frame(of, width, height):
                return framed(paint(of), (width, height))
            case Blend(under, over, weight):
                return paint(under) if weight >= 100 else blended(paint(under), paint(over), weight)
            case Masked(base, edit, mask):
                return masked(paint(base), paint(edit), paint(mask))
            case CutOut(of):
                return cut_out(paint(of))
            case Over(top, bottom):
                return laid_over(paint(top), paint(bottom))
            case Tint(of, by):
                return tinted(paint(of), ImageColor.getrgb(by)[:3] if isinstance(by, str) else paint(by))
            case Paste(of, onto, at, mask, slot, slots):
                ground, piece = paint(onto), paint(of)
                if mask is not None:
                    piece = with_mask(piece, paint(mask))
                if at == "lower-centre":
                    return standing(piece, ground)
                return in_strip(piece, ground, slot, slots)
            case WithoutText(of, blocks):
                return without_text(paint(of), blocks)

    def _source(self, index: int) -> Image.Image:
        if index not in self._decoded:
            self._decoded[index] = read(self._sources[index])
        return self._decoded[index]
