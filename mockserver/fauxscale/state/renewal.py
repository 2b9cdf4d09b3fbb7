"""Renews what running calls of this process hold in the store; what a dead process held expires."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from fauxscale.clock import repeat

from .batch import Batch
from .scope import Scope
from .store import StoreUnavailable

# What a call holds is freed this long after its process' last renewal; it renews three times in that period.
LEASE_LIFE = 9.0


class Renewal:
    """Renews what `add` adds to a batch, until it adds nothing. Call `begin` when something is held."""

    def __init__(self, scope: Scope, add: Callable[[Batch], None]) -> None:
        self._scope = scope
        self._add = add
        # The loop that renews, and what stops it.
        self._renewing: tuple[asyncio.AbstractEventLoop, Callable[[], None]] | None = None

    def begin(self) -> None:
        if self._renewing is None or self._renewing[0].is_closed():
            self._renewing = asyncio.get_running_loop(), repeat(LEASE_LIFE / 3, self._renew)

    async def _renew(self) -> None:
        """Renew everything; stop when nothing is held any more."""
        batch = self._scope.batch()
        guards = len(batch.operations)
        self._add(batch)
        if len(batch.operations) > guards:
            with suppress(StoreUnavailable):  # tried again before anything is freed
                await self._scope.run_late(batch)
        elif self._renewing is not None:
            self._renewing[1]()
            self._renewing = None
