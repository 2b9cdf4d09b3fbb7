"""An account that a server opens when it starts."""

from __future__ import annotations

from msgspec import Struct

from fauxscale.clock import Clock
from fauxscale.credentials import shorten
from fauxscale.faults.rules import Rule
from fauxscale.settings import Terms

from .head import Head


class StartingAccount(Struct, frozen=True, kw_only=True):
    """An account to open at the start. `keys` are pairs of a provider ("*" is any) and a key, at least one.

    Its clock is set to `at` (Unix seconds; None: real time) when it is opened, and stands still if `frozen`.
    """

    label: str
    keys: tuple[tuple[str, str], ...]
    terms: Terms
    at: float | None = None
    frozen: bool = False
    rules: tuple[Rule, ...] = ()

    def head(self) -> Head:
        """The head to open the account with, from now on."""
        clock = Clock() if self.at is None else Clock().set(self.at)
        clock = clock.freeze(self.at) if self.frozen else clock
        return Head(terms=self.terms, clock=clock, rules=self.rules, rules_made=len(self.rules))

    def shortened(self) -> dict[str, str]:
        """The keys as shown to people, by provider."""
        return {provider: shorten(key) for provider, key in self.keys}
