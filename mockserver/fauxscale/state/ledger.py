"""An account's money, in micro-dollars: what was charged, for what, and what is left."""

from __future__ import annotations

import json
from dataclasses import dataclass

from fauxscale.errors import ApiError, Problem

from .serialization import to_row
from .store import Store


@dataclass(frozen=True, slots=True)
class Charge:
    """One finished piece of work. A refund is a charge of its own, negative, naming the first in `refunds`.

    `micros` is the price in micro-dollars, `source` the stored upload the work was done on, `params` the
    sorted JSON of what was asked: together they answer "was this billed once?".
    """

    id: str
    at: float
    operation: str
    micros: int
    images: int
    call: str
    source: str
    params: str
    refunds: str | None = None


class Ledger:
    """Charges exactly, or refuses; a charge is never undone but by a refund that stands beside it."""

    _MOST = 100_000
    _MOST_BYTES = 64 * 1024 * 1024

    def __init__(self, store: Store, prefix: str) -> None:
        self._store = store
        self._spent = f"{prefix}spent"
        self._charges = f"{prefix}charges"
        self._totals = f"{prefix}total:"

    async def spent(self) -> int:
        return await self._store.count(self._spent) or 0

    async def check(self, micros: int, funds: int | None) -> None:
        """Raise NO_FUNDS if a charge of `micros` could not be made now. `funds` None means no limit."""
        if funds is not None and await self.spent() + micros > funds:
            raise self._refusal(micros, funds - await self.spent())

    async def charge(self, charge: Charge, funds: int | None) -> None:
        """Write a charge down, or raise NO_FUNDS and change nothing."""
        # One bounded counter decides, so that no two calls can spend the same cent.
        if await self._store.add(self._spent, charge.micros, most=funds) is None:
            raise self._refusal(charge.micros, (funds or 0) - await self.spent())
        await self._append(charge)

    async def refund(self, charge: Charge) -> None:
        """Give a negative charge's money back."""
        await self._store.add(self._spent, charge.micros)
        await self._append(charge)

    async def charges(self) -> list[Charge]:
        return [Charge(**json.loads(row)) for row in await self._store.items(self._charges)]

    async def totals(self) -> dict[str, int]:
        """Images made and micro-dollars charged since the account was opened, resets or not."""
        return {name: await self._store.count(f"{self._totals}{name}") or 0 for name in ("images", "micros")}

    async def _append(self, charge: Charge) -> None:
        await self._store.add(f"{self._totals}images", charge.images)
        await self._store.add(f"{self._totals}micros", charge.micros)
        row = to_row(charge)
        await self._store.append(self._charges, row, most=self._MOST, most_bytes=self._MOST_BYTES)

    def _refusal(self, micros: int, left: int) -> ApiError:
        return ApiError(
            Problem.NO_FUNDS,
            "Insufficient credits",
            reason=f"this call costs ${micros / 1e6:.2f} and the wallet holds ${left / 1e6:.2f}; "
            "raise the account's balance or reset it",
            details={"price": micros, "left": left},
        )
