"""Link: a signed address of a result, with its owner and its expiry."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from fauxscale.images.recipe import Recipe

Alteration = Literal["", "same-size", "smaller", "swapped"]


class Link(Struct, frozen=True, kw_only=True):
    """One result that can be read. `recipe` makes its pixels.

    `path` is the provider-relative address, `exp` the account's time in Unix seconds at which the link expires
    (None: its job has not finished, so its life has not begun), `life` its lifetime in seconds, `width` x `height`
    the size in the reply, even if the recipe makes another. `charge` is what was paid. `altered`: how a fault
    changed the result; `fault`: one, in JSON, that applies to every read. `made`: when it was made, real time. Not
    `given`: no reply has named it, so nobody can read it; the inspector shows its picture. Not `safe`: it is
    withheld.
    """

    id: str
    account: str
    provider: str
    operation: str
    path: str
    recipe: Recipe
    width: int
    height: int
    charge: str = ""
    exp: int | None = None
    life: float = 0.0
    signed: bool = True
    revoked: bool = False
    altered: Alteration = ""
    fault: str = ""
    made: float = 0.0
    given: bool = True
    safe: bool = True

    @property
    def sources(self) -> tuple[str, ...]:
        """The stored uploads it is made from, none for drawn pictures."""
        return self.recipe.sources

    def lives(self, now: float) -> bool:
        """Whether a read at `now`, by the account's clock, is answered."""
        return self.given and not self.revoked and self.exp is not None and now < self.exp

    def died(self, now: float) -> bool:
        """Whether it has expired at `now`."""
        return self.exp is not None and now >= self.exp
