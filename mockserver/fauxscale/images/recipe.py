"""Recipes: how a picture's pixels are made, as a value naming its sources, its step and its format.

A recipe costs nothing until the picture is read. It is JSON-able, so that links and jobs can be kept
by any store; equal recipes over equal sources make equal pictures, so results are remembered by it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from .peaks import memory_to_encode


@dataclass(frozen=True, slots=True)
class Enlarge:
    """The first source at `width` x `height` pixels (Lanczos), turned as its EXIF says."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Draw:
    """A picture of `width` x `height` pixels drawn from a text; it has no sources."""

    prompt: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class AsStored:
    """The first source unchanged, `width` x `height` pixels: a recorded picture needs no work."""

    width: int
    height: int


Step: TypeAlias = Enlarge | Draw | AsStored


@dataclass(frozen=True, slots=True)
class Recipe:
    """`sources` are names of stored uploads, `format` is Pillow's name of the output format, `quality` the
    encoder's (1 to 100, None for its usual). `memory` is how many bytes making it may take at its worst."""

    sources: tuple[str, ...]
    step: Step
    format: str
    quality: int | None = None
    memory: int = 0

    @property
    def width(self) -> int:
        return self.step.width

    @property
    def height(self) -> int:
        return self.step.height

    def sized(self, width: int, height: int) -> Recipe:
        """Return the recipe of the same picture in another size."""
        return replace(self, step=replace(self.step, width=width, height=height))

    def in_format(self, format: str) -> Recipe:  # noqa: A002  # its name
        """Return the recipe of the same picture in another format, whose encoder may take more memory."""
        memory = max(self.memory, memory_to_encode(self.width, self.height, format))
        return replace(self, format=format, memory=memory)
