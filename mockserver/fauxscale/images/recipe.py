"""Recipes: how a picture's pixels are made, as a value with its sources, its step and its format.

A recipe costs nothing until the picture is read. It is JSON-able, so that any store can keep links and jobs; equal
recipes over equal sources make equal pictures, so results are cached by it.

A step may contain other steps: `Over(CutOut(photo), Draw("a beach", 640, 480))` is a photo's subject at a beach.
`size` returns the pixels of any step, `painting.paint` makes them.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from .peaks import memory_to_encode


class Source(Struct, frozen=True):
    """The picture sent as number `index`, as a viewer shows it (EXIF turned): `width` x `height` pixels.

    0 means the picture's own size; a step that takes its size from this one needs the numbers.
    """

    index: int = 0
    width: int = 0
    height: int = 0


_FIRST = Source()


class Enlarge(Struct, frozen=True):
    """A picture at exactly `width` x `height` pixels (Lanczos), its alpha too; the first source if none is named."""

    width: int
    height: int
    of: Step = _FIRST


class Draw(Struct, frozen=True):
    """A picture of `width` x `height` pixels drawn from a text and a seed, mostly in the colours of `palette`.

    Colours are written `#rgb` or `#rrggbb`, the most important first; without any the text decides.
    """

    prompt: str
    width: int
    height: int
    seed: int = 0
    palette: tuple[str, ...] = ()


class Silhouette(Struct, frozen=True):
    """One shape in the middle of `width` x `height` pixels, drawn as `Draw` does, with alpha 0 around it."""

    prompt: str
    width: int
    height: int
    seed: int = 0
    palette: tuple[str, ...] = ()


class AsStored(Struct, frozen=True):
    """The first source's bytes unchanged, `width` x `height` pixels: a recorded picture needs no work.

    It cannot be part of another step.
    """

    width: int
    height: int


class Crop(Struct, frozen=True):
    """The middle of a picture in the ratio `width`:`height`, scaled (Lanczos) to that size."""

    of: Step
    width: int
    height: int


class Frame(Struct, frozen=True):
    """A whole picture, scaled (Lanczos) to fit inside `width` x `height` and centred.

    The rest of the frame continues the picture's edges, blurred.
    """

    of: Step
    width: int
    height: int


class Blend(Struct, frozen=True):
    """`weight` percent of `under` and the rest of `over`: at 100, `under` byte for byte. In the size of `under`."""

    under: Step
    over: Step
    weight: int


class Masked(Struct, frozen=True):
    """`edit` where the luminance of `mask` is below 128, otherwise `base` byte for byte. In the size of `base`."""

    base: Step
    edit: Step
    mask: Step


class CutOut(Struct, frozen=True):
    """A picture's subject with alpha around it: by its own alpha if it has any, else by its border's colour."""

    of: Step


class Over(Struct, frozen=True):
    """`top` laid on `bottom` by its alpha. In the size of `top`."""

    top: Step
    bottom: Step


class Tint(Struct, frozen=True):
    """A picture tinted towards a colour (`#rrggbb`) or towards the mean colour of another picture."""

    of: Step
    by: Step | str


class Paste(Struct, frozen=True):
    """A picture put onto another, in the size of `onto`.

    At `lower-centre`: whole, half as high as `onto`, at its lower edge. At `right-edge`: in place `slot` (from the
    top, from 0) of `slots` that share a strip at its right. `mask`, a picture of the size of `of`, is its alpha:
    visible where the mask is white.
    """

    of: Step
    onto: Step
    at: Literal["lower-centre", "right-edge"] = "lower-centre"
    mask: Step | None = None
    slot: int = 0
    slots: int = 1


class Block(Struct, frozen=True):
    """A row of text in a picture: the pixels it covers, from the top left, and the colour of its letters."""

    x: int
    y: int
    width: int
    height: int
    colour: str = "#000000"


class WithoutText(Struct, frozen=True):
    """A picture whose `blocks` are painted over with the colours around their letters, the rest byte for byte."""

    of: Step
    blocks: tuple[Block, ...]


Step: TypeAlias = (
    Source
    | Enlarge
    | Draw
    | Silhouette
    | AsStored
    | Crop
    | Frame
    | Blend
    | Masked
    | CutOut
    | Over
    | Tint
    | Paste
    | WithoutText
)


def inputs(step: Step) -> tuple[Step, ...]:
    """List the steps that `step` contains, in the order they are painted."""
    match step:
        case Source() | Draw() | Silhouette() | AsStored():
            return ()
        case Enlarge(of=of) | Crop(of=of) | Frame(of=of) | CutOut(of=of) | WithoutText(of=of):
            return (of,)
        case Blend(under=under, over=over):
            return under, over
        case Masked(base=base, edit=edit, mask=mask):
            return base, edit, mask
        case Over(top=top, bottom=bottom):
            return top, bottom
        case Tint(of=of, by=by):
            return (of,) if isinstance(by, str) else (of, by)
        case Paste(of=of, onto=onto, mask=mask):
            return (onto, of) if mask is None else (onto, of, mask)


def size(step: Step) -> tuple[int, int]:
    """Return the width and height, in pixels, of a step's result: for most steps, those of one of its pictures."""
    match step:
        case Blend(under=same) | Masked(base=same) | Over(top=same) | Paste(onto=same):
            return size(same)
        case CutOut(of=same) | Tint(of=same) | WithoutText(of=same):
            return size(same)
        case _:
            return step.width, step.height


class Recipe(Struct, frozen=True):
    """`sources` are names of stored uploads, `format` is Pillow's name of the output format, `quality` the encoder's (1
    to 100, None for its default). `memory` is the peak memory of making it, in bytes."""

    sources: tuple[str, ...]
    step: Step
    format: str
    quality: int | None = None
    memory: int = 0

    @property
    def width(self) -> int:
        return size(self.step)[0]

    @property
    def height(self) -> int:
        return size(self.step)[1]

    def sized(self, width: int, height: int) -> Recipe:
        """Return the recipe of the same picture in another size."""
        match self.step:
            case Enlarge() | Draw() | Silhouette() | AsStored():
                return replace(self, step=replace(self.step, width=width, height=height))
            case _:
                return replace(self, step=Enlarge(width, height, of=self.step))

    def in_format(self, format: str) -> Recipe:  # noqa: A002  # its name
        """Return the recipe of the same picture in another format, whose encoder may take more memory."""
        memory = max(self.memory, memory_to_encode(self.width, self.height, format))
        return replace(self, format=format, memory=memory)
