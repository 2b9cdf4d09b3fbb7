"""What a client asks for when it wants a picture enlarged, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fauxscale.state.ledger import Charge
from fauxscale.state.link import Link

if TYPE_CHECKING:
    from fauxscale.images.probe import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Upscale:
    """What a client asks for: one picture enlarged by `scale`, `count` times.

    `source` is the picture as sent, `part` names where it came from, `sides` is the least and the most a side of it
    may have, `max_pixels` how many pixels. `size` makes the result's size of the shown one where a scale is not enough.
    `path` makes a link's provider-relative path of a link id; None: there is no link, the picture goes out in the
    reply. Not `given`: the reply is to hold the picture, and has a link only if a fault wants one. `signed` links live
    `life` seconds, as the account and the provider say when None. `params` are what the journal, the ledger and the
    fingerprint know of the request. `price` in micro-dollars for each result, the endpoint's when None.
    """

    source: bytes
    part: str
    path: Callable[[str], str] | None
    prompt: str = ""
    count: int = 1
    seed: int | None = None
    format: str = "PNG"
    quality: int | None = None
    given: bool = True
    signed: bool = True
    params: Mapping[str, object] = field(default_factory=dict[str, object])
    scale: float = 2.0
    size: Callable[[int, int], tuple[int, int]] | None = None
    sides: tuple[int, int] = (1, 2**31)
    max_pixels: int = 25_000_000
    price: int | None = None
    life: float | None = None

    def result_size(self, width: int, height: int) -> tuple[int, int]:
        """The result's size for a picture that is shown as `width` x `height`."""
        if self.size is not None:
            return self.size(width, height)
        return int(width * self.scale + 0.5), int(height * self.scale + 0.5)


@dataclass(frozen=True, slots=True)
class Result:
    """One enlarged picture: its link's address (None when withheld, or not given), its seed, whether it is safe."""

    link: Link
    url: str | None
    seed: int

    @property
    def safe(self) -> bool:
        """Whether the picture is shown: one that is judged unsafe is withheld."""
        return self.link.safe

    @property
    def size(self) -> str:
        """What the reply says of its size, `1024x768`."""
        return f"{self.link.width}x{self.link.height}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the work: the picture as sent, the results, the charge for all of them."""

    picture: Picture
    results: tuple[Result, ...]
    charge: Charge
