"""Estimates the peak memory of a recipe, for the renderer's permits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .peaks import memory_to_encode, memory_to_enlarge
from .recipe import AsStored, Enlarge, Source, Step, inputs, size

if TYPE_CHECKING:
    from .probe import Picture

# Bytes per pixel, measured with Pillow 13 (2026-11): of a picture kept for the next step; of the largest picture a step
# works on, with its result, besides its inputs.
_KEPT = 4
_WORKING = 14


def memory_of(step: Step, pictures: Sequence[Picture], format: str) -> int:  # noqa: A002  # its name
    """Estimate the most memory, in bytes, that painting `step` of these sources and encoding it needs."""
    match step:
        case Enlarge(width, height, of=Source(index)):
            return memory_to_enlarge(pictures[index], width, height, format)
        case _:
            decoded = sum(_KEPT * pictures[index].width * pictures[index].height for index in _sources(step))
            encoding = memory_to_encode(*size(step), format)
            return max(decoded + _painting(step, pictures), encoding)


def memory_to_read(picture: Picture) -> int:
    """Estimate the most memory, in bytes, that decoding and measuring `picture` needs."""
    return memory_to_enlarge(picture, 0, 0, "PNG")


def _painting(step: Step, pictures: Sequence[Picture]) -> int:
    """Estimate the most memory that painting `step` needs besides the decoded sources, which are kept throughout."""
    match step:
        case Source(index):
            return memory_to_read(pictures[index])
        case _:
            peak = kept = 0
            for one in inputs(step):
                peak = max(peak, kept + _painting(one, pictures))
                kept += 0 if isinstance(one, Source) else _KEPT * _pixels(one, pictures)
            largest = max(_pixels(one, pictures) for one in (step, *inputs(step)))
            return max(peak, kept + _WORKING * largest)


def _pixels(step: Step, pictures: Sequence[Picture]) -> int:
    match step:
        case Source(index):
            return pictures[index].width * pictures[index].height
        case _:
            width, height = size(step)
            return width * height


def _sources(step: Step) -> set[int]:
    match step:
        case Source(index):
            return {index}
        case AsStored():
            return {0}
        case _:
            return {index for one in inputs(step) for index in _sources(one)}
