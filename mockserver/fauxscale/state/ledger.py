"""The ledger: an account's charges, refunds and balance, in micro-dollars."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import cast

from msgspec import Struct, json

from fauxscale.errors import ApiError, Problem

from .batch import Batch, BatchOutcome, Ref
from .scope import Scope

_sorted = json.Encoder(order="sorted", enc_hook=str).encode
_SIZE = 250  # approximate bytes of a charge


class Charge(Struct, frozen=True):
    """One finished piece of work. A refund is a charge of its own, negative, naming the first in `refunds`.

    `micros` is the price in micro-dollars, `sources` the stored uploads the work was done on, `params_digest` the
    digest of what was asked, as a prompt may hold what nobody should read here: together they answer "was this
    billed once?". `product` is what the service bills it as, where that is not its operation.
    """

    id: str
    at: float
    operation: str
    micros: int
    images: int
    call: str
    sources: tuple[str, ...]
    params_digest: str
    refunds: str | None = None
    product: str = ""


class Ledger:
    """Charges exactly or refuses; a charge is never deleted, only refunded by a second entry.

    `funds` is the wallet's initial balance, None for a wallet without a limit. The wallet stores the rest.
    """

    _MOST = 1_000_000
    _MOST_BYTES = 256 * 1024 * 1024

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._left = scope.key("ledger", "left")
        self._spent = scope.key("ledger", "spent")
        self._charges = scope.key("ledger", "charges")
        self._digests = scope.key("ledger", "digests")

    def add_charge(self, batch: Batch, charge: Charge, funds: int | None) -> Ref[int | None] | None:
        """Store a charge. The returned operation, if the wallet has a limit, refuses a batch that it cannot pay."""
        # One bounded counter decides, so that no two calls can spend the same cent.
        wallet = None if funds is None else batch.add(self._left, -charge.micros, least=0, start=funds)
        batch.add(self._spent, charge.micros)
        batch.add(self._scope.lasting("images"), charge.images)
        batch.add(self._scope.lasting("micros"), charge.micros)
        batch.append(self._charges, charge, most=self._MOST, most_bytes=self._MOST_BYTES, size=_SIZE)
        return wallet

    def add_refund(self, batch: Batch, charge: Charge, funds: int | None) -> Ref[None]:
        """Store a refund (a negative charge). The returned operation refuses a batch that refunds a second time."""
        once = self._scope.key("ledger", f"refund:{charge.refunds}")
        first = batch.expect(once, None)
        batch.put(once, value=True)
        self.add_charge(batch, charge, funds)
        return first

    def add_refill(self, batch: Batch, funds: int | None) -> None:
        """Fill the wallet with `funds`; with None, the next charge fills it by the terms of then."""
        if funds is None:
            batch.delete(self._left)
        else:
            batch.put(self._left, funds)

    def add_digest(self, batch: Batch, source: str, digest: str) -> None:
        """Store the SHA-256 of an upload that is deleted: the fingerprint of its charge may still be asked for."""
        said = f"{source} {digest}"
        batch.append(self._digests, said, most=self._MOST, most_bytes=self._MOST_BYTES, size=len(said))

    def add_reset(self, batch: Batch) -> None:
        """Delete every charge, and fill the wallet again."""
        batch.drop(self._scope.group("ledger"))

    def refusal(
        self, outcome: BatchOutcome, wallet: Ref[int | None] | None, charge: Charge
    ) -> ApiError | None:
        """Return NO_FUNDS, if it was the wallet that refused the batch with this charge."""
        if wallet is None or outcome.refusal is None or not outcome.refused(wallet):
            return None
        return _no_funds(charge.micros, cast("int", outcome.refusal.found))

    async def spent(self) -> int:
        batch = Batch()
        spent = batch.count(self._spent)
        return (await self._scope.store.run(batch)).of(spent) or 0

    async def left(self, funds: int | None) -> int | None:
        """Read the remaining balance, None without a limit."""
        if funds is None:
            return None
        batch = Batch()
        left = batch.count(self._left)
        found = (await self._scope.store.run(batch)).of(left)
        return funds if found is None else found

    async def check(self, micros: int, funds: int | None) -> None:
        """Raise NO_FUNDS if a charge of `micros` could not be made now."""
        left = await self.left(funds)
        if left is not None and micros > left:
            raise _no_funds(micros, left)

    async def charge(self, charge: Charge, funds: int | None) -> None:
        """Store a charge, or raise NO_FUNDS and change nothing."""
        batch = self._scope.batch()
        wallet = self.add_charge(batch, charge, funds)
        refusal = self.refusal(await self._scope.run(batch), wallet, charge)
        if refusal is not None:
            raise refusal

    async def refund(self, charge: Charge, funds: int | None) -> bool:
        """Store a refund (a negative charge), once; False if it was refunded before."""
        batch = self._scope.batch()
        self.add_refund(batch, charge, funds)
        outcome = await self._scope.run_late(batch)
        return outcome is not None and outcome.refusal is None

    async def charges(self) -> list[Charge]:
        batch = Batch()
        charges = batch.items(self._charges, Charge)
        return (await self._scope.store.run(batch)).of(charges)

    async def digests(self) -> dict[str, str]:
        """Read the SHA-256 of every upload that was deleted, in hexadecimal, by its key."""
        batch = Batch()
        digests = batch.items(self._digests, str)
        rows = (await self._scope.store.run(batch)).of(digests)
        return {source: digest for source, _, digest in (row.rpartition(" ") for row in rows)}

    async def totals(self) -> dict[str, int]:
        """Count images made and micro-dollars charged since the account was opened, resets or not."""
        batch = Batch()
        counts = {name: batch.count(self._scope.lasting(name)) for name in ("images", "micros")}
        outcome = await self._scope.store.run(batch)
        return {name: outcome.of(count) or 0 for name, count in counts.items()}


def digest_of(params: Mapping[str, object]) -> str:
    """Hash the parameters of a request, in any order of its members."""
    return hashlib.sha256(_sorted(params)).hexdigest()[:32]


def _no_funds(micros: int, left: int) -> ApiError:
    return ApiError(
        Problem.NO_FUNDS,
        "Insufficient credits",
        reason=f"this call costs ${micros / 1e6:.2f} and the wallet has ${left / 1e6:.2f}; "
        "raise the account's balance or reset it",
        details={"price": micros, "left": left},
    )
