"""Renews what running calls of this process hold in the store; what a dead process held expires."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from fauxscale.clock import repeat

from .batch import Batch
from .scope import Scope
from .store import StoreUnavailable

# What a call holds is free so long after its process' last sign of life, which it gives three times in that while.
LEASE_LIFE = 9.0


class Renewal:
    """Renews what `add` adds to a batch, as long as it adds anything. `begin` when something is held."""

    def __init__(self, scope: Scope, add: Callable[[Batch], None]) -> None:
        self._scope = scope
        self._add = add
        # The loop on which it is renewed, and what ends that.
        self._renewing: tuple[asyncio.AbstractEventLoop, Callable[[], None]] | None = None

    def begin(self) -> None:
        if self._renewing is None or self._renewing[0].is_closed():
            self._renewing = asyncio.get_running_loop(), repeat(LEASE_LIFE / 3, self._renew)

    async def _renew(self) -> None:
        """Renew everything; where nothing is held any more, end."""
        batch = self._scope.batch()
        guards = len(batch.operations)
        self._add(batch)
        if len(batch.operations) > guards:
            with suppress(StoreUnavailable):  # it is tried again before anything is free
                await self._scope.run_late(batch)
        elif self._renewing is not None:
            self._renewing[1]()
            self._renewing = None
