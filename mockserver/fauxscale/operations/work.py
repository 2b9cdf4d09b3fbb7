"""The values of a client's work: the pictures sent, how each result is made of them, and the outcome."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

from fauxscale.images.recipe import Enlarge, Step
from fauxscale.state.ledger import Charge
from fauxscale.state.link import Link

if TYPE_CHECKING:
    from fauxscale.images.probe import Picture

Size: TypeAlias = tuple[int, int]
# Makes a step from the sizes (as viewers show them) of the pictures sent and a seed. Raises ApiError for pictures that
# do not go together.
StepOf: TypeAlias = Callable[[Sequence[Size], int], Step]


class Sent(Struct, frozen=True):
    """A picture as it was sent. `part` names the part or parameter it came in, `sides` are the least and the greatest
    side, `max_pixels` the most pixels."""

    data: bytes
    part: str
    sides: Size = (1, 2**31)
    max_pixels: int = 25_000_000


class Work(Struct, frozen=True, kw_only=True):
    """A client's request for work: `count` images made from the pictures sent, if any were.

    Each image is one picture, or as many as there are `steps`. `path` makes a link's provider-relative path from a
    link id; None: there is no link, the picture is in the reply. Not `given`: the reply holds the picture, and has
    a link only if a fault asks for one. Not `withholds`: no reply can leave a picture out, so one that is judged
    unsafe is refused. `signed` links live `life` seconds, None for the account's or the provider's value. A
    requested `seed` counts up from image to image, or is the `same_seed` for all. `params` are the request's
    parameters for the journal, the ledger and the fingerprint. `price` is micro-dollars for each image, or a
    function of the sizes of the pictures sent; None for the endpoint's. `product` is the name it is billed under,
    if one operation has several.
    """

    sources: tuple[Sent, ...]
    steps: tuple[StepOf, ...]
    path: Callable[[str], str] | None
    prompt: str = ""
    count: int = 1
    seed: int | None = None
    same_seed: bool = False
    format: str = "PNG"
    quality: int | None = None
    given: bool = True
    withholds: bool = True
    signed: bool = True
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    price: int | Callable[[Sequence[Size]], int] | None = None
    life: float | None = None
    product: str = ""


def enlarged(scale: float = 2.0, size: Callable[[int, int], Size] | None = None) -> StepOf:
    """The step of an upscale: the first picture sent, `scale` times as large.

    `size` computes the result's size from the one that a viewer shows, if a scale is not enough.
    """

    def step(sizes: Sequence[Size], seed: int) -> Enlarge:
        width, height = sizes[0]
        if size is not None:
            return Enlarge(*size(width, height))
        return Enlarge(int(width * scale + 0.5), int(height * scale + 0.5))

    return step


class Result(Struct, frozen=True):
    """One result: its link's address (None if withheld, or not given), its seed, whether it is safe."""

    link: Link
    url: str | None
    seed: int

    @property
    def safe(self) -> bool:
        """Whether the picture is shown: unsafe ones are withheld."""
        return self.link.safe

    @property
    def size(self) -> str:
        """Its size as replies write it, `1024x768`."""
        return f"{self.link.width}x{self.link.height}"


class Outcome(Struct, frozen=True):
    """The outcome of work: the pictures as sent, the results, the charge for all of them."""

    pictures: tuple[Picture, ...]
    results: tuple[Result, ...]
    charge: Charge
