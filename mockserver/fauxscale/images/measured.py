"""The measurements of a picture, as a value from which a description is written."""

from __future__ import annotations

from msgspec import Struct


class Shade(Struct, frozen=True):
    """A colour of a picture: its plain English name, `#rrggbb`, and its share of the visible pixels (0 to 1)."""

    name: str
    colour: str
    share: float


class Measured(Struct, frozen=True):
    """The measurements of a picture as a viewer shows it. `brightness` is the mean luminance, 0 to 255."""

    width: int
    height: int
    shades: tuple[Shade, ...]
    brightness: float
    has_transparency: bool

    @property
    def caption(self) -> str:
        """Describe the picture in one sentence."""
        shape = (
            "square" if self.width == self.height else "landscape" if self.width > self.height else "portrait"
        )
        size = f"A {shape} image of {self.width} by {self.height} pixels"
        if not self.shades:
            return f"{size}, fully transparent."
        first, *others = [shade.name for shade in self.shades][:3]
        colours = f"mostly {first}" + (f" with {' and '.join(others)}" if others else "")
        return (
            f"{size}, {colours}, {self.light}, {'with' if self.has_transparency else 'without'} transparency."
        )

    @property
    def light(self) -> str:
        """Whether the picture is bright or dark, in one word."""
        return "bright" if self.brightness >= 128 else "dark"
