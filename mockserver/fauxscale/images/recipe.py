"""How a picture's pixels are made, as a value: what it is made of, by which step, in which format.

A recipe costs nothing until somebody looks at the picture. It is JSON-able, so that links and jobs can be kept
by any store; equal recipes over equal sources make equal pictures, so results are remembered by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias


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
    """The first source to the byte, `width` x `height` pixels: a recorded picture needs no work."""

    width: int
    height: int


Step: TypeAlias = Enlarge | Draw | AsStored
_STEPS: Mapping[str, type[Step]] = {kind.__name__: kind for kind in (Enlarge, Draw, AsStored)}


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
        """The same picture in another size."""
        return replace(self, step=replace(self.step, width=width, height=height))

    def to_json(self) -> dict[str, object]:
        step = {"kind": type(self.step).__name__, **asdict(self.step)}
        return {
            "sources": list(self.sources),
            "step": step,
            "format": self.format,
            "quality": self.quality,
            "memory": self.memory,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Recipe:
        members = dict(value["step"])
        step = _STEPS[members.pop("kind")](**members)
        return cls(tuple(value["sources"]), step, value["format"], value["quality"], value["memory"])
