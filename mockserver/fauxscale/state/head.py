"""The head of an account: one versioned value with what every call needs: generation, clock, terms, fault rules."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct, field
from msgspec.structs import replace

from fauxscale.clock import Clock
from fauxscale.faults.rules import Rule
from fauxscale.settings import Terms

from .batch import Batch, Ref
from .scope import Scope, forgotten


class Head(Struct, frozen=True, kw_only=True):
    """The head of an account. `version` grows with every change, `rules_made` with every rule: ids are never reused, so
    that a fault given back late cannot reach a new rule. `keys` are the digests of its API keys."""

    generation: int = 0
    version: int = 0
    label: str = ""
    keys: tuple[str, ...] = field(default_factory=tuple[str, ...])
    clock: Clock = field(default_factory=Clock)
    terms: Terms = field(default_factory=Terms)
    rules: tuple[Rule, ...] = field(default_factory=tuple[Rule, ...])
    rules_made: int = 0


class HeadRoom:
    """Reads and changes the head of one account."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._key = scope.lasting("head")

    def get(self, batch: Batch) -> Ref[Head | None]:
        return batch.get(self._key, Head)

    def expect(self, batch: Batch, head: Head) -> Ref[None]:
        """Refuse a batch that was made for another head, and return the new head."""
        known = head.version if head.version else None
        return batch.expect(self._key, known, member="version" if head.version else "", kind=Head)

    def put(self, batch: Batch, head: Head) -> None:
        batch.put(self._key, head)

    def or_first(self, head: Head | None) -> Head:
        """Return `head`, or the initial one if none was ever written."""
        return Head(generation=self._scope.generation, label=self._scope.account) if head is None else head

    async def read(self) -> Head:
        batch = Batch()
        head = self.get(batch)
        return self.or_first((await self._scope.store.run(batch)).of(head))

    async def change(
        self, change: Callable[[Head], Head], also: Callable[[Batch], object] = lambda batch: None
    ) -> Head:
        """Replace the head, and do what goes with that in the same batch. INVALID_KEY if the account is gone."""
        head = await self.read()
        while True:
            if self._scope.guarded and head.generation != self._scope.generation:
                raise forgotten()
            other = replace(change(head), version=head.version + 1)
            batch = Batch()
            current = self.expect(batch, head)
            self.put(batch, other)
            also(batch)
            outcome = await self._scope.store.run(batch)
            if outcome.refusal is None:
                return other
            if not outcome.refused(current):
                raise forgotten()
            head = await self.read()
